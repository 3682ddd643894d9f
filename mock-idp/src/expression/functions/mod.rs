//! The function libraries, one file each: `#string`, `#data`, `#datetime`, `#regex`, `#crypto`,
//! `#core`. [`pattern`] has Java's date patterns, [`format`] Java's format specifiers.

mod core;
mod crypto;
mod data;
mod datetime;
mod format;
mod pattern;
pub(super) mod regex;
mod string;

use jiff::Timestamp;

use super::value::Value;

/// Result of a function, or an error text.
type Answer = Result<Value, String>;

/// Calls `#library.function(arguments)`.
pub(super) fn call(library: &str, function: &str, arguments: &[Value], now: Timestamp) -> Answer {
    let answer = match library {
        "string" => string::call(function, arguments),
        "data" => data::call(function, arguments),
        "regex" => regex::call(function, arguments),
        "core" => core::call(function, arguments),
        "datetime" => datetime::call(function, arguments, now),
        "crypto" => crypto::call(function, arguments),
        _ => return Err(format!("library #{library} not found")),
    };
    answer
        .unwrap_or_else(|| Err(format!("function {function} not found in #{library}")))
        .map_err(|message| format!("#{library}.{function}: {message}"))
}

/// Returns an argument as text; `None` if it is null.
fn text(arguments: &[Value], at: usize) -> Result<Option<String>, String> {
    match arguments.get(at) {
        None => Err(format!(
            "expected an argument {}, got {}",
            at + 1,
            arguments.len()
        )),
        Some(Value::Null) => Ok(None),
        Some(value @ (Value::List(_) | Value::Map(_))) => Err(format!(
            "expected text as argument {}, got {}",
            at + 1,
            value.kind()
        )),
        Some(value) => Ok(Some(value.text())),
    }
}

fn whole(arguments: &[Value], at: usize) -> Result<i64, String> {
    match arguments.get(at) {
        Some(Value::Int(whole)) => Ok(*whole),
        other => Err(format!(
            "expected a whole number as argument {}, got {}",
            at + 1,
            other.map_or("nothing", Value::kind)
        )),
    }
}

/// Returns the items of a list argument; `None` if it is null.
fn list(arguments: &[Value], at: usize) -> Result<Option<&[Value]>, String> {
    match arguments.get(at) {
        Some(Value::List(items)) => Ok(Some(items)),
        Some(Value::Null) => Ok(None),
        other => Err(format!(
            "expected a list as argument {}, got {}",
            at + 1,
            other.map_or("nothing", Value::kind)
        )),
    }
}
