//! Reads the compose file: its services, with variables replaced.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// A service of the compose file.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Writable folders of the container: the targets of its volumes.
    pub(crate) folders: Vec<String>,
}

/// Returns all services by name. `${VAR}` is replaced by its value in `variables`,
/// otherwise by the default in the file.
pub(crate) fn read(file: &Path, variables: &BTreeMap<String, String>) -> BTreeMap<String, Service> {
    let text = std::fs::read_to_string(file).unwrap();
    let document: Value = serde_saphyr::from_str(&text).unwrap();
    let services = document["services"].as_object().unwrap();
    services
        .iter()
        .map(|(name, service)| (name.clone(), read_service(service, variables)))
        .collect()
}

fn read_service(service: &Value, variables: &BTreeMap<String, String>) -> Service {
    let fill = |value: &Value| interpolate(&scalar(value), variables);
    let list = |name: &str| match &service[name] {
        Value::Array(items) => items.iter().map(fill).collect(),
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let mut command: Vec<String> = list("entrypoint");
    command.extend(list("command"));
    let environment = match &service["environment"] {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), fill(value)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let text = fill(item);
                let (name, value) = text.split_once('=').unwrap_or((&text, ""));
                (name.to_owned(), value.to_owned())
            })
            .collect(),
        _ => BTreeMap::new(),
    };
    let volumes = service["volumes"].as_array().into_iter().flatten();
    let mut folders: Vec<String> = volumes
        .filter_map(|volume| match volume {
            Value::Object(long) => Some(scalar(&long["target"])),
            short => scalar(short).split(':').nth(1).map(str::to_owned),
        })
        .collect();
    folders.extend(match &service["tmpfs"] {
        Value::Array(items) => items.iter().map(scalar).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    });
    Service {
        command,
        environment,
        folders,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Replaces `$VAR`, `${VAR}`, `${VAR-default}`, `${VAR:-default}`, `${VAR:?message}` and
/// `$$`, as the compose specification defines them.
fn interpolate(text: &str, variables: &BTreeMap<String, String>) -> String {
    let Some((before, rest)) = text.split_once('$') else {
        return text.to_owned();
    };
    let (value, rest) = if let Some(rest) = rest.strip_prefix('$') {
        ("$".to_owned(), rest)
    } else if let Some(rest) = rest.strip_prefix('{') {
        let mut depth = 1;
        let end = rest.find(|letter| {
            depth += match letter {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0
        });
        let end = end.unwrap_or_else(|| panic!("${{ without }} in {text:?}"));
        (expand(&rest[..end], variables), &rest[end + 1..])
    } else {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        (variables.get(name).cloned().unwrap_or_default(), rest)
    };
    format!("{before}{value}{}", interpolate(rest, variables))
}

/// Evaluates the text between the braces.
fn expand(inner: &str, variables: &BTreeMap<String, String>) -> String {
    let end = inner.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let (name, operator) = inner.split_at(end.unwrap_or(inner.len()));
    let value = variables.get(name).cloned();
    let (value, operator) = match operator.strip_prefix(':') {
        Some(operator) => (value.filter(|value| !value.is_empty()), operator),
        None => (value, operator),
    };
    match (value, operator.get(..1), operator.get(1..)) {
        (Some(_), Some("+"), Some(other)) => interpolate(other, variables),
        (Some(value), ..) => value,
        (None, Some("-"), Some(default)) => interpolate(default, variables),
        (None, Some("?"), Some(message)) => panic!("{name} is not set: {message}"),
        (None, ..) => String::new(),
    }
}

#[test]
fn variables_are_filled_in_as_compose_does() {
    let variables = BTreeMap::from([
        ("SET".to_owned(), "value".to_owned()),
        ("EMPTY".to_owned(), String::new()),
    ]);
    for (text, filled) in [
        ("plain", "plain"),
        ("a $SET b", "a value b"),
        ("${SET}:${NONE}", "value:"),
        ("${SET:-x}", "value"),
        ("${EMPTY:-x} ${EMPTY-x}", "x "),
        ("${NONE:-${SET}}!", "value!"),
        ("${SET:+there}", "there"),
        ("$$HOME", "$HOME"),
    ] {
        assert_eq!(interpolate(text, &variables), filled, "{text}");
    }
}
