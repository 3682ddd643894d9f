//! Filters of lists, dynamic groups and rules: SCIM filters (RFC 7644 §3.4.2.2) over PingOne's
//! user attributes. Operators can be written in capital letters.

use serde_json::Value;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Present(String),
    Compare(String, Operator, Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A filter is not valid: the column, counted from 1, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid filter at column {column}: expected {expected}")]
pub(crate) struct FilterError {
    pub column: usize,
    pub expected: &'static str,
}

const DEEPEST: usize = 32;

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Filter {
    /// Parses a filter.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        let mut reader = Reader {
            text,
            at: 0,
            depth: 0,
        };
        let filter = reader.parse_or()?;
        reader.skip_space();
        if reader.at < text.len() {
            return Err(reader.wrong("and, or, or the end of the filter"));
        }
        Ok(filter)
    }

    /// True if `subject` matches the filter.
    pub(crate) fn holds(&self, subject: &Value) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.holds(subject)),
            Self::Or(any) => any.iter().any(|filter| filter.holds(subject)),
            Self::Not(filter) => !filter.holds(subject),
            Self::Present(path) => values(subject, path).iter().any(|value| match value {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                _ => true,
            }),
            Self::Compare(path, operator, wanted) => {
                let found = values(subject, path);
                match operator {
                    Operator::Ne => !found.iter().any(|value| same(value, wanted)),
                    _ => found.iter().any(|value| compare(value, *operator, wanted)),
                }
            }
        }
    }
}

fn values<'v>(subject: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut at = vec![subject];
    for step in path.split('.') {
        at = at
            .into_iter()
            .filter_map(|value| {
                let object = value.as_object()?;
                object.get(step).or_else(|| {
                    let found = object
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case(step));
                    found.map(|(_, value)| value)
                })
            })
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                other => vec![other],
            })
            .collect();
    }
    at
}

fn same(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => {
            value.to_lowercase() == wanted.to_lowercase()
        }
        (Value::Number(value), Value::Number(wanted)) => value.as_f64() == wanted.as_f64(),
        _ => value == wanted,
    }
}

fn compare(value: &Value, operator: Operator, wanted: &Value) -> bool {
    let ordering = match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => {
            let (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
            match operator {
                Operator::Co => return value.contains(&wanted),
                Operator::Sw => return value.starts_with(&wanted),
                Operator::Ew => return value.ends_with(&wanted),
                _ => value.cmp(&wanted),
            }
        }
        (Value::Number(value), Value::Number(wanted)) => {
            match value.as_f64().partial_cmp(&wanted.as_f64()) {
                Some(ordering) => ordering,
                None => return false,
            }
        }
        _ => return operator == Operator::Eq && same(value, wanted),
    };
    match operator {
        Operator::Eq => ordering.is_eq(),
        Operator::Ne => ordering.is_ne(),
        Operator::Gt => ordering.is_gt(),
        Operator::Ge => ordering.is_ge(),
        Operator::Lt => ordering.is_lt(),
        Operator::Le => ordering.is_le(),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

impl Reader<'_> {
    fn wrong(&self, expected: &'static str) -> FilterError {
        FilterError {
            column: self.text[..self.at].chars().count() + 1,
            expected,
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let trimmed = self.rest().trim_start();
        self.at = self.text.len() - trimmed.len();
    }

    fn read_word(&mut self) -> String {
        self.skip_space();
        let length = self
            .rest()
            .find(|c: char| !(c.is_alphanumeric() || "._-$:".contains(c)))
            .unwrap_or(self.rest().len());
        let word = self.rest()[..length].to_owned();
        self.at += length;
        word
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let before = self.at;
        if self.read_word().eq_ignore_ascii_case(keyword) {
            return true;
        }
        self.at = before;
        false
    }

    fn take_symbol(&mut self, symbol: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    fn parse_or(&mut self) -> Result<Filter, FilterError> {
        let mut all = vec![self.parse_and()?];
        while self.take_keyword("or") {
            all.push(self.parse_and()?);
        }
        Ok(match all.len() {
            1 => all.remove(0),
            _ => Filter::Or(all),
        })
    }

    fn parse_and(&mut self) -> Result<Filter, FilterError> {
        let mut all = vec![self.parse_term()?];
        while self.take_keyword("and") {
            all.push(self.parse_term()?);
        }
        Ok(match all.len() {
            1 => all.remove(0),
            _ => Filter::And(all),
        })
    }

    fn parse_term(&mut self) -> Result<Filter, FilterError> {
        let negated = self.take_keyword("not");
        if self.take_symbol('(') {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(self.wrong("at most 32 nested parentheses"));
            }
            let inner = self.parse_or()?;
            self.depth -= 1;
            if !self.take_symbol(')') {
                return Err(self.wrong("a closing parenthesis"));
            }
            return Ok(if negated {
                Filter::Not(Box::new(inner))
            } else {
                inner
            });
        }
        if negated {
            return Err(self.wrong("a parenthesis after not"));
        }
        let path = self.read_word();
        if path.is_empty() {
            return Err(self.wrong("an attribute"));
        }
        let before = self.at;
        let operator = match self.read_word().to_ascii_lowercase().as_str() {
            "pr" => return Ok(Filter::Present(path)),
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "co" => Operator::Co,
            "sw" => Operator::Sw,
            "ew" => Operator::Ew,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            _ => {
                self.at = before;
                return Err(self.wrong("eq, ne, co, sw, ew, gt, ge, lt, le or pr"));
            }
        };
        self.skip_space();
        let value = if self.rest().starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<Value>();
            let value = stream.next().and_then(std::result::Result::ok);
            let length = stream.byte_offset();
            self.at += if value.is_some() { length } else { 0 };
            value
        } else {
            let before = self.at;
            let value = serde_json::from_str(&self.read_word()).ok();
            self.at = if value.is_some() { self.at } else { before };
            value
        };
        value
            .map(|value| Filter::Compare(path, operator, value))
            .ok_or_else(|| {
                self.wrong("a value: text in double quotes, a number, true, false or null")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(filter: &str) -> bool {
        Filter::parse(filter).unwrap().holds(&json!({
            "username": "alice", "email": "Alice@example.com", "enabled": true,
            "population": {"id": "p1"}, "memberOfGroupNames": ["Admins", "Users"],
        }))
    }

    #[test]
    fn a_filter_holds_by_its_attributes() {
        assert!(holds(r#"username eq "ALICE""#));
        assert!(holds(r#"email Co "@example""#));
        assert!(holds(
            r#"(population.id eq "p1" or population.id eq "p2") and (enabled eq true)"#
        ));
        assert!(holds(r#"memberOfGroupNames eq "Users""#));
        assert!(holds(r#"not (username sw "b")"#));
        assert!(!holds("nickname pr"));
        assert!(!holds(r#"username eq "alice" and nickname pr or title pr"#));
    }

    #[test]
    fn a_filter_that_cannot_be_read_says_where() {
        let error = Filter::parse(r#"username is "alice""#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid filter at column 9: expected eq, ne, co, sw, ew, gt, ge, lt, le or pr"
        );
        assert!(Filter::parse(&"(".repeat(5000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(not|and|or|eq|pr|a|ä|\\(|\\)|\"| |1)*") {
            let _ = Filter::parse(&text);
        }
    }
}
