//! Parses text to a [`Filter`]; errors contain the position.

use serde_json::Value;

use super::{Filter, Operator};
use crate::{AttributePath, Error, ScimType};

/// Deepest nesting of a filter: deeper ones could overflow the stack.
const MAX_DEPTH: usize = 32;
/// Largest number of comparisons, negations, brackets and parentheses: each adds a level to the parsed
/// tree.
const MAX_TERMS: usize = 500;

/// Longest quotation of a filter in an error, in characters.
const QUOTED: usize = 100;

/// Parses a filter. Operators are accepted in any letter case, because PingOne and others send them
/// so.
///
/// # Errors
/// `invalidFilter`, with the position.
pub fn parse(text: &str) -> Result<Filter, Error> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        terms: 0,
    };
    let outcome = parser.parse_or(true).and_then(|filter| {
        parser.skip();
        if parser.rest().is_empty() {
            return Ok(filter);
        }
        Err(parser.syntax_error("and, or, or the end"))
    });
    outcome.map_err(|detail| {
        Error::of(
            ScimType::InvalidFilter,
            format!("the filter {:?}: {detail}", beginning(text)),
        )
    })
}

/// Parses `[filter]` and returns the filter and the text after it.
pub(crate) fn parse_value_path(text: &str) -> Result<(Filter, &str), String> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        terms: 0,
    };
    parser.expect_punctuation('[')?;
    let filter = parser.parse_or(false)?;
    parser.expect_punctuation(']')?;
    Ok((filter, parser.rest()))
}

/// Returns the beginning of a filter for an error, which also has the position of the error.
fn beginning(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{} …", &text[..end]).into(),
        None => text.into(),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn syntax_error(&self, what: &str) -> String {
        let rest = self.rest();
        let got = if rest.is_empty() {
            "the end".to_owned()
        } else {
            let shown: String = rest.chars().take(20).collect();
            format!("{shown:?}")
        };
        format!("expected {what} at character {}, got {got}", self.at + 1)
    }

    fn expect_punctuation(&mut self, sign: char) -> Result<(), String> {
        self.skip();
        if !self.rest().starts_with(sign) {
            return Err(self.syntax_error(&format!("{sign:?}")));
        }
        self.at += 1;
        Ok(())
    }

    /// Returns the word up to the next white space or punctuation of the grammar.
    fn peek_word(&self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"'))
            .unwrap_or(rest.len());
        &rest[..end]
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.skip();
        let found = self.peek_word().eq_ignore_ascii_case(keyword);
        if found {
            self.at += keyword.len();
        }
        found
    }

    fn parse_or(&mut self, value_paths: bool) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!(
                "expected at most {MAX_DEPTH} levels of parentheses"
            ));
        }
        let mut left = self.parse_and(value_paths)?;
        while self.take_keyword("or") {
            left = Filter::Or(Box::new(left), Box::new(self.parse_and(value_paths)?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn parse_and(&mut self, value_paths: bool) -> Result<Filter, String> {
        let mut left = self.parse_term(value_paths)?;
        while self.take_keyword("and") {
            left = Filter::And(Box::new(left), Box::new(self.parse_term(value_paths)?));
        }
        Ok(left)
    }

    fn parse_term(&mut self, value_paths: bool) -> Result<Filter, String> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(format!(
                "the filter has more than {MAX_TERMS} terms; each comparison, `not`, bracket and parenthesis counts"
            ));
        }
        self.skip();
        if self.rest().starts_with('(') {
            self.at += 1;
            let inner = self.parse_or(value_paths)?;
            self.expect_punctuation(')')?;
            return Ok(inner);
        }
        let word = self.peek_word();
        let after = self.rest()[word.len()..].trim_start();
        if word.eq_ignore_ascii_case("not") && after.starts_with('(') {
            self.at += word.len();
            self.expect_punctuation('(')?;
            let inner = self.parse_or(value_paths)?;
            self.expect_punctuation(')')?;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if word.is_empty() {
            return Err(self.syntax_error("an attribute"));
        }
        let path = AttributePath::parse(word)
            .map_err(|error| format!("{error} at character {}", self.at + 1))?;
        self.at += word.len();
        if self.rest().starts_with('[') {
            if !value_paths {
                return Err(self.syntax_error("no brackets within brackets"));
            }
            self.at += 1;
            let inner = self.parse_or(false)?;
            self.expect_punctuation(']')?;
            // An extension of the RFC's grammar: Entra ID searches users by emails[type eq
            // "work"].value eq "…".
            if self.rest().starts_with('.') {
                self.at += 1;
                let sub = self.parse_sub_attribute(&path)?;
                let one = Filter::And(Box::new(inner), Box::new(sub));
                return Ok(Filter::ValuePath(path, Box::new(one)));
            }
            return Ok(Filter::ValuePath(path, Box::new(inner)));
        }
        self.parse_comparison(path)
    }

    /// Parses the comparison of a sub-attribute after brackets and a dot.
    fn parse_sub_attribute(&mut self, of: &AttributePath) -> Result<Filter, String> {
        let word = self.peek_word();
        if word.is_empty() || word.contains('.') {
            return Err(self.syntax_error(&format!("a sub-attribute of {of}")));
        }
        let path = AttributePath::parse(word)
            .map_err(|error| format!("{error} at character {}", self.at + 1))?;
        self.at += word.len();
        self.parse_comparison(path)
    }

    /// Parses an operator, and its value if it takes one.
    fn parse_comparison(&mut self, path: AttributePath) -> Result<Filter, String> {
        if self.take_keyword("pr") {
            return Ok(Filter::Present(path));
        }
        for (keyword, operator) in Operator::ALL {
            if self.take_keyword(keyword) {
                return Ok(Filter::Compare(path, operator, self.parse_literal()?));
            }
        }
        Err(self.syntax_error("an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)"))
    }

    fn parse_literal(&mut self) -> Result<Value, String> {
        self.skip();
        let rest = self.rest();
        let end = if let Some(inner) = rest.strip_prefix('"') {
            let mut escaped = false;
            let close = inner.find(|c| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            match close {
                Some(at) => at + 2,
                None => return Err(self.syntax_error("a closing quote")),
            }
        } else {
            self.peek_word().len()
        };
        match serde_json::from_str(&rest[..end]) {
            Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))) => {
                let word = &rest[..end];
                self.at += end;
                Ok(exact(value, word))
            }
            _ => Err(self.syntax_error("a JSON string, number, true, false or null")),
        }
    }
}

/// Keeps a number with a fraction or an exponent as text: the JSON parser may change its last bit,
/// and the filter would then be written with another value.
fn exact(value: Value, word: &str) -> Value {
    let exact = match &value {
        Value::Number(number) if number.is_f64() => word.parse::<f64>().ok(),
        _ => None,
    };
    exact
        .and_then(serde_json::Number::from_f64)
        .map_or(value, Value::Number)
}
