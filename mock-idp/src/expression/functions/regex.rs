//! `#regex`. Patterns are linear in time: look-around and back-references,
//! which Java has, are refused.

use regex::{Regex, RegexBuilder};

use super::{Answer, Value, text};

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            format!(
                "expected a regular expression, without look-around and back-references: {last}"
            )
        })
}

/// A pattern that must match the whole text.
pub(in super::super) fn whole(pattern: &str) -> Result<Regex, String> {
    compile(&format!("^(?:{pattern})$"))
}

/// Java writes `$1` where this crate wants `${1}`.
fn replacement(java: &str) -> String {
    let mut out = String::new();
    let mut chars = java.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '$' => match chars.next_if(char::is_ascii_digit) {
                Some(digit) => out.push_str(&format!("${{{digit}}}")),
                None => out.push_str("$$"),
            },
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Answer> {
    Some(match function {
        "matches" => matches(arguments),
        "findAllMatches" => find_all(arguments),
        "replaceFirst" => replace(arguments, 1),
        "replaceAll" => replace(arguments, 0),
        _ => return None,
    })
}

fn matches(arguments: &[Value]) -> Answer {
    Ok(Value::Bool(
        match (text(arguments, 0)?, text(arguments, 1)?) {
            (Some(text), Some(pattern)) => whole(&pattern)?.is_match(&text),
            _ => false,
        },
    ))
}

fn find_all(arguments: &[Value]) -> Answer {
    let (Some(text), Some(pattern)) = (text(arguments, 0)?, text(arguments, 1)?) else {
        return Ok(Value::Null);
    };
    let pattern = compile(&pattern)?;
    let found = pattern.find_iter(&text).take(10_000);
    Ok(Value::List(
        found
            .map(|found| Value::Text(found.as_str().to_owned()))
            .collect(),
    ))
}

fn replace(arguments: &[Value], most: usize) -> Answer {
    let Some(mut result) = text(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let pairs = arguments.len().saturating_sub(1) / 2;
    for pair in 0..pairs {
        let (Some(pattern), Some(by)) = (
            text(arguments, 1 + 2 * pair)?,
            text(arguments, 2 + 2 * pair)?,
        ) else {
            continue;
        };
        result = compile(&pattern)?
            .replacen(&result, most, replacement(&by).as_str())
            .into_owned();
        if result.len() > 1 << 20 {
            return Err("expected a result of at most 64 KiB".into());
        }
    }
    Ok(Value::Text(result))
}
