//! PingOne's expression language (PEL), a restricted SpEL, as attribute
//! mappings use it.
//!
//! [`lexer`] → [`parser`] → [`evaluator`] over a JSON model; functions live in
//! [`functions`], a file for each library. To add a function: a line in its
//! library's `call`. Nothing here panics, loops for ever, or sees more than the
//! model it is given: depth, steps and sizes are bounded.

mod evaluator;
mod functions;
mod lexer;
mod parser;
mod value;

use jiff::Timestamp;
use serde_json::Value as Json;

use evaluator::Run;
use value::Value;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub(crate) struct ExpressionError {
    /// Counted in characters from 1, within the whole mapping value.
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

/// The longest mapping value that is read.
const LONGEST: usize = 16 * 1024;
/// The longest text that the parts of a mapping value make together.
const LARGEST_RESULT: usize = 128 * 1024;

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Expression(parser::Node),
}

/// A mapping's value: text with `${…}` in it.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    /// Reads a mapping's value.
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
                let end = closing(&chars, at + 2)
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

    /// Reads an expression that has no `${…}` around it.
    pub(crate) fn of_expression(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return wrong(1, format!("expected at most {LONGEST} bytes"));
        }
        let chars: Vec<char> = text.chars().collect();
        let tokens = lexer::tokens(&chars, 0)?;
        let node = parser::parse(&tokens, chars.len() + 1)?;
        Ok(Self(vec![Part::Expression(node)]))
    }

    /// The value for a model such as `{"user": {…}}`, at that instant.
    pub(crate) fn evaluate(&self, model: &Json, now: Timestamp) -> Result<Json> {
        let root = Value::from_json(model);
        let run = Run::new(&root, now);
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

/// Where the `}` is that closes what opened before `from`.
fn closing(chars: &[char], from: usize) -> Option<usize> {
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

/// The texts of a value as a SAML attribute has them: a list gives one each.
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
