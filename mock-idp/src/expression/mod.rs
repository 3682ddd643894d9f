//! PingOne's expression language (PEL), a restricted form of the Spring Expression Language
//! (SpEL), as attribute mappings use it.
//!
//! [`lexer`] → [`parser`] → [`tree`] → [`evaluator`], which reads the data of a user as JSON. The
//! functions are in [`functions`], one file for each library; to add a function, add a line to
//! `call` of its library. An expression cannot panic, loop for ever, or read anything but the
//! given data: depth, steps and sizes are limited.

mod evaluator;
mod functions;
mod lexer;
mod parser;
mod tree;
mod value;

use jiff::Timestamp;
use serde_json::Value as Json;

use evaluator::Run;
use value::Value;

/// An error in an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid expression at column {column}: {message}")]
pub(crate) struct ExpressionError {
    /// Column in the whole mapping value, counted in characters from 1.
    pub column: usize,
    pub message: String,
}

type Result<T> = std::result::Result<T, ExpressionError>;

fn wrong<T>(column: usize, message: impl Into<String>) -> Result<T> {
    Err(ExpressionError {
        column,
        message: message.into(),
    })
}

/// Maximum length of a mapping value, in bytes.
const LONGEST: usize = 16 * 1024;
/// Maximum length of the text that the parts of a mapping value give together, in bytes.
const LARGEST_RESULT: usize = 128 * 1024;

/// The data that expressions read, such as `{"user": {…}}`.
#[derive(Debug, Clone)]
pub(crate) struct Model(Value);

impl Model {
    /// Converts the data from JSON.
    pub(crate) fn of(data: &Json) -> Self {
        Self(Value::from_json(data))
    }
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Expression(tree::Node),
}

/// A parsed mapping value: text with `${…}` in it.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    /// Parses a mapping value.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return wrong(1, format!("expected at most {LONGEST} bytes"));
        }
        let chars: Vec<char> = text.chars().collect();
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while at < chars.len() {
            if chars[at] == '$' && chars.get(at + 1) == Some(&'{') {
                let end = find_closing_brace(&chars, at + 2)
                    .ok_or(())
                    .or_else(|()| wrong(at + 1, "expected a } that closes this ${"))?;
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                let tokens = lexer::tokens(&chars[at + 2..end], at + 2)?;
                parts.push(Part::Expression(parser::parse(&tokens, end + 1)?));
                at = end + 1;
            } else {
                plain.push(chars[at]);
                at += 1;
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    /// Parses an expression without `${…}` around it.
    pub(crate) fn of_expression(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return wrong(1, format!("expected at most {LONGEST} bytes"));
        }
        let chars: Vec<char> = text.chars().collect();
        let tokens = lexer::tokens(&chars, 0)?;
        let node = parser::parse(&tokens, chars.len() + 1)?;
        Ok(Self(vec![Part::Expression(node)]))
    }

    /// Evaluates the mapping with this data, at the time `now`.
    pub(crate) fn evaluate(&self, model: &Model, now: Timestamp) -> Result<Json> {
        let run = Run::new(&model.0, now);
        if let [Part::Expression(only)] = self.0.as_slice() {
            return Ok(run.evaluate(only)?.into_json());
        }
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Expression(node) => text.push_str(&run.evaluate(node)?.text()),
            }
            if text.len() > LARGEST_RESULT {
                return wrong(
                    1,
                    format!("expected at most {LARGEST_RESULT} bytes of text"),
                );
            }
        }
        Ok(Json::String(text))
    }
}

/// Returns the position of the `}` that closes the brace before `from`.
fn find_closing_brace(chars: &[char], from: usize) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, &c) in chars.iter().enumerate().skip(from) {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the values of a SAML attribute: one for each item of a list.
pub(crate) fn texts(value: &Json) -> Vec<String> {
    match value {
        Json::Null => Vec::new(),
        Json::String(text) => vec![text.clone()],
        Json::Array(items) => items.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests;
