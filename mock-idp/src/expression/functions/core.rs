//! `#core`: functions that choose a value.

use super::{Answer, Value};

fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Text(text) => {
            ["true", "on", "y", "t", "yes"].contains(&text.to_lowercase().as_str())
        }
        other => other.number().is_some_and(|number| number > 0.0),
    }
}

pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Answer> {
    Some(match function {
        "ifelse" => {
            if arguments.len() < 2 {
                return Some(Err("expected a condition and a value".into()));
            }
            let chosen = arguments.chunks(2).find_map(|pair| match pair {
                [condition, value] => truth(condition).then_some(value),
                [otherwise] => Some(otherwise),
                _ => None,
            });
            Ok(chosen.cloned().unwrap_or(Value::Null))
        }
        "switchExpr" => {
            let Some((value, choices)) = arguments.split_first() else {
                return Some(Err("expected a value and its choices".into()));
            };
            let chosen = choices.chunks(2).find_map(|pair| match pair {
                [choice, result] => value.same(choice).then_some(result),
                [otherwise] => Some(otherwise),
                _ => None,
            });
            Ok(chosen.cloned().unwrap_or(Value::Null))
        }
        _ => return None,
    })
}
