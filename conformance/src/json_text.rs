//! Reads JSON of a target, and says where and why a text is not JSON.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::excerpt::excerpt;

/// Longest path of a member in a sentence, in characters.
const PATH: usize = 120;

/// Why a text cannot be read as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    /// There is no text.
    #[error("the body is empty, expected JSON")]
    Empty,
    /// The text is not JSON from this position on.
    #[error("invalid JSON at line {line}, column {column} (byte {byte}){member}: {reason}")]
    Invalid {
        /// Line of the position, from 1.
        line: usize,
        /// Column of the position, from 1.
        column: usize,
        /// Number of bytes before the position.
        byte: usize,
        /// ` in the member NAME`, or nothing at the top of the document.
        member: String,
        /// What is wrong there.
        reason: String,
    },
    /// The text is JSON of another type.
    #[error("the body is {0}, expected a JSON object")]
    NoObject(&'static str),
}

/// Parses a text as JSON.
pub(crate) fn parse(text: &str) -> Result<Value, JsonError> {
    parse_as(text)
}

/// Parses a text as a JSON object.
pub(crate) fn parse_object(text: &str) -> Result<Value, JsonError> {
    let value = parse(text)?;
    let kind = match &value {
        Value::Object(_) => return Ok(value),
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    Err(JsonError::NoObject(kind))
}

fn parse_as<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    if text.trim().is_empty() {
        return Err(JsonError::Empty);
    }
    let mut source = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut source)
        .map_err(|error| (Some(error.path().to_string()), error.into_inner()));
    let read = read.and_then(|value| match source.end() {
        Ok(()) => Ok(value),
        Err(error) => Err((None, error)),
    });
    read.map_err(|(path, error)| invalid(text, path, &error))
}

fn invalid(text: &str, path: Option<String>, error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let reason = said
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&said);
    let reason = match reason {
        "recursion limit exceeded" => "more than 127 levels of objects and arrays",
        // The second half does not follow, or the first half is missing.
        "unexpected end of hex escape" | "lone leading surrogate in hex escape" => {
            "half a character as a \\u escape (a lone surrogate)"
        }
        "number out of range" => "a number that is too large for a double",
        reason => reason,
    };
    let path = path.filter(|it| it != ".");
    JsonError::Invalid {
        line,
        column,
        byte: bytes_before(text, line, column),
        member: path.map_or_else(String::new, |path| {
            format!(" in the member {}", excerpt(&path, PATH))
        }),
        reason: reason.to_owned(),
    }
}

/// Returns the number of bytes before a position of serde_json, whose columns count bytes from 1.
fn bytes_before(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        parse_object(text).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_position_and_member() {
        let surrogate = "{\n  \"Resources\": [\n    {\"displayName\": \"\\ud800\"}]}";
        assert_eq!(
            error_of(surrogate),
            "invalid JSON at line 3, column 28 (byte 46) in the member Resources[0].displayName: half a character as a \\u escape (a lone surrogate)"
        );
        assert_eq!(error_of(" \n"), "the body is empty, expected JSON");
        assert_eq!(
            error_of("{\"a\": 1} x"),
            "invalid JSON at line 1, column 10 (byte 9): trailing characters"
        );
        assert_eq!(
            error_of("[]"),
            "the body is an array, expected a JSON object"
        );
        let large = error_of("{\"totalResults\": 1e999}");
        assert!(
            large.ends_with("in the member totalResults: a number that is too large for a double"),
            "{large}"
        );
        let deep = error_of(&format!("{{\"a\": {}", "[".repeat(200)));
        assert!(
            deep.ends_with("more than 127 levels of objects and arrays"),
            "{deep}"
        );
        assert!(deep.len() < 900, "{deep}");
    }

    #[test]
    fn json_is_read() {
        assert_eq!(parse(" [1]\n").unwrap(), serde_json::json!([1]));
        assert!(parse_object("{}").is_ok());
    }
}
