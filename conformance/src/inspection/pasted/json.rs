//! Finds the messages in the texts of a JSON document, such as a log entry or an answer of an API.

use serde_json::Value;

use super::{is_parameter, messages};
use crate::inspection::message::Message;

/// Deepest JSON in a text of JSON.
const DEEPEST: usize = 3;

/// Returns every message of a JSON document, in order, each with the path of its member.
pub fn messages_of_json(value: &Value) -> Vec<(String, Message)> {
    let mut found = Vec::new();
    visit(value, "", 0, &mut found);
    found
}

fn visit(value: &Value, path: &str, depth: usize, found: &mut Vec<(String, Message)>) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                visit(item, &format!("{path}[{at}]"), depth, found);
            }
        }
        Value::Object(members) => {
            let relay_state = members.get("RelayState").and_then(Value::as_str);
            // Lists of parameters, as in HAR: {"name": …, "value": …}.
            let name = members.get("name").and_then(Value::as_str);
            for (key, member) in members {
                let path = match path {
                    "" => key.clone(),
                    _ => format!("{path}.{key}"),
                };
                let before = found.len();
                visit(member, &path, depth, found);
                let named = if key == "value" { name } else { Some(&**key) };
                if !member.is_string() {
                    continue;
                }
                for (_, message) in &mut found[before..] {
                    if let Some(named) = named.filter(|it| is_parameter(it)) {
                        message.parameter.get_or_insert_with(|| named.to_owned());
                    }
                    if message.parameter.is_some() && message.relay_state.is_none() {
                        message.relay_state = relay_state.map(str::to_owned);
                    }
                }
            }
        }
        Value::String(text) => texts(text, path, depth, found),
        _ => {}
    }
}

fn texts(text: &str, path: &str, depth: usize, found: &mut Vec<(String, Message)>) {
    let inner = text.trim_start();
    // APIs and logs put JSON into texts of JSON.
    if depth < DEEPEST
        && inner.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str::<Value>(inner)
    {
        return visit(&value, path, depth + 1, found);
    }
    for pasted in messages(text) {
        let mut message = pasted.message;
        message.wrapping.insert(0, "JSON");
        found.push((path.to_owned(), message));
    }
}
