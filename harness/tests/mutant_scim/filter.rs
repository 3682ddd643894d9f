//! Filters (RFC 7644 §3.4.2.2): this server's own parser and evaluator.

use jiff::Timestamp;
use serde_json::Value;

use super::schemas::{Attr, ENTERPRISE, Kind, find, member};
use super::server::Refusal;

/// A parsed filter.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare(String, String, Value),
    Present(String),
    Values(String, Box<Filter>),
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal(400, Some("invalidFilter"), why.into())
}

/// Splits a filter into words, strings, parentheses and brackets.
fn tokens(text: &str) -> Result<Vec<String>, Refusal> {
    let mut all = Vec::new();
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            ' ' => {}
            '(' | ')' | '[' | ']' => all.push(sign.to_string()),
            '"' => {
                let mut one = String::from('"');
                loop {
                    match signs.next() {
                        Some('\\') => {
                            one.push('\\');
                            one.extend(signs.next());
                        }
                        Some('"') => break,
                        Some(sign) => one.push(sign),
                        None => return Err(bad("a text without its end")),
                    }
                }
                one.push('"');
                all.push(one);
            }
            sign => {
                let mut one = String::from(sign);
                while let Some(next) = signs.next_if(|next| !" ()[]\"".contains(*next)) {
                    one.push(next);
                }
                all.push(one);
            }
        }
    }
    Ok(all)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self) -> String {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned().unwrap_or_default()
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().eq_ignore_ascii_case(word);
        self.at += usize::from(found);
        found
    }

    fn want(&mut self, word: &str) -> Result<(), Refusal> {
        if self.take_word(word) {
            return Ok(());
        }
        Err(bad(format!("expected {word}, got {:?}", self.peek())))
    }

    fn parse_or(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.parse_and()?;
        while self.take_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.parse_and()?));
        }
        Ok(left)
    }

    fn parse_and(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.parse_one()?;
        while self.take_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.parse_one()?));
        }
        Ok(left)
    }

    fn parse_one(&mut self) -> Result<Filter, Refusal> {
        self.depth += 1;
        if self.depth > 50 {
            return Err(bad("too deep"));
        }
        let found = if self.take_word("not") {
            self.want("(")?;
            let inner = self.parse_or()?;
            self.want(")")?;
            Filter::Not(Box::new(inner))
        } else if self.take_word("(") {
            let inner = self.parse_or()?;
            self.want(")")?;
            inner
        } else {
            self.parse_condition()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn parse_condition(&mut self) -> Result<Filter, Refusal> {
        let path = self.take();
        if !path.starts_with(|sign: char| sign.is_ascii_alphabetic()) {
            return Err(bad(format!("expected an attribute, got {path:?}")));
        }
        if self.take_word("[") {
            let inner = self.parse_or()?;
            self.want("]")?;
            return Ok(Filter::Values(path, Box::new(inner)));
        }
        let operator = self.take().to_ascii_lowercase();
        if operator == "pr" {
            return Ok(Filter::Present(path));
        }
        if !["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"].contains(&operator.as_str()) {
            return Err(bad(format!("expected an operator, got {operator:?}")));
        }
        let value = self.take();
        let value = serde_json::from_str(&value)
            .map_err(|_| bad(format!("expected a value, got {value:?}")))?;
        Ok(Filter::Compare(path, operator, value))
    }
}

/// Parses a filter.
pub(crate) fn parse(text: &str) -> Result<Filter, Refusal> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let filter = parser.parse_or()?;
    if parser.at == parser.tokens.len() {
        return Ok(filter);
    }
    Err(bad(format!("expected the end, got {:?}", parser.peek())))
}

/// Returns the attributes to look a path up in, and the path without its URN.
pub(crate) fn scope<'k>(kind: &'k Kind, path: &str) -> (Option<&'static str>, &'k [Attr], String) {
    let behind = |urn: &str| {
        let front = path.get(..urn.len())?;
        let rest = path.get(urn.len()..)?.strip_prefix(':')?;
        front.eq_ignore_ascii_case(urn).then(|| rest.to_owned())
    };
    if let Some(rest) = behind(ENTERPRISE) {
        return (Some(ENTERPRISE), &kind.extension, rest);
    }
    (
        None,
        &kind.attrs,
        behind(kind.urn).unwrap_or_else(|| path.to_owned()),
    )
}

/// Returns all values at a path, and their attribute.
fn values<'v, 'k>(
    kind: &'k Kind,
    resource: &'v Value,
    path: &str,
) -> Result<(Vec<&'v Value>, &'k Attr), Refusal> {
    let (extension, among, rest) = scope(kind, path);
    let holder = match extension {
        Some(urn) => member(resource, urn),
        None => Some(resource),
    };
    among_values(among, holder, &rest)
}

fn among_values<'v, 'k>(
    among: &'k [Attr],
    holder: Option<&'v Value>,
    path: &str,
) -> Result<(Vec<&'v Value>, &'k Attr), Refusal> {
    let (name, rest) = path
        .split_once('.')
        .map_or((path, None), |(a, b)| (a, Some(b)));
    let attr = find(among, name).ok_or_else(|| bad(format!("there is no {name}")))?;
    if attr.never() {
        return Err(bad(format!("{name} can't be filtered by")));
    }
    let found: Vec<&Value> = match holder.and_then(|holder| member(holder, attr.name)) {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let Some(rest) = rest else {
        return Ok((found, attr));
    };
    let inner = find(&attr.inner, rest).ok_or_else(|| bad(format!("there is no {path}")))?;
    let found = found.into_iter().filter_map(|one| member(one, inner.name));
    Ok((found.collect(), inner))
}

/// True if a resource matches a filter.
pub(crate) fn matches(filter: &Filter, kind: &Kind, resource: &Value) -> Result<bool, Refusal> {
    Ok(match filter {
        Filter::And(a, b) => matches(a, kind, resource)? & matches(b, kind, resource)?,
        Filter::Or(a, b) => matches(a, kind, resource)? | matches(b, kind, resource)?,
        Filter::Not(a) => !matches(a, kind, resource)?,
        Filter::Present(path) => {
            let (found, _) = values(kind, resource, path)?;
            found.iter().any(|one| !one.is_null() && *one != "")
        }
        Filter::Compare(path, operator, wanted) => {
            let (found, attr) = values(kind, resource, path)?;
            compare_values(&found, attr, operator, wanted)?
        }
        Filter::Values(path, inner) => {
            let (found, attr) = values(kind, resource, path)?;
            let mut any = false;
            for one in found {
                any |= value_matches(inner, &attr.inner, one)?;
            }
            any
        }
    })
}

/// True if one value of a multi-valued attribute matches a filter.
pub(crate) fn value_matches(
    filter: &Filter,
    among: &[Attr],
    value: &Value,
) -> Result<bool, Refusal> {
    Ok(match filter {
        Filter::And(a, b) => value_matches(a, among, value)? & value_matches(b, among, value)?,
        Filter::Or(a, b) => value_matches(a, among, value)? | value_matches(b, among, value)?,
        Filter::Not(a) => !value_matches(a, among, value)?,
        Filter::Present(path) => !among_values(among, Some(value), path)?.0.is_empty(),
        Filter::Compare(path, operator, wanted) => {
            let (found, attr) = among_values(among, Some(value), path)?;
            compare_values(&found, attr, operator, wanted)?
        }
        Filter::Values(..) => return Err(bad("brackets in brackets")),
    })
}

fn compare_values(
    found: &[&Value],
    attr: &Attr,
    operator: &str,
    wanted: &Value,
) -> Result<bool, Refusal> {
    if attr.kind == "boolean" && !["eq", "ne"].contains(&operator) {
        return Err(bad("booleans have no order"));
    }
    if wanted.is_null() {
        return Ok(found.is_empty() == (operator == "eq"));
    }
    if operator == "ne" {
        return Ok(!compare_values(found, attr, "eq", wanted)?);
    }
    let value = |one: &Value| match one {
        Value::Object(_) => member(one, "value").cloned().unwrap_or_default(),
        other => other.clone(),
    };
    let exact = attr.exact();
    Ok(found
        .iter()
        .any(|one| compares(&value(one), attr.kind, exact, operator, wanted)))
}

fn compares(one: &Value, kind: &str, exact: bool, operator: &str, wanted: &Value) -> bool {
    let (Some(left), Some(right)) = (one.as_str(), wanted.as_str()) else {
        return operator == "eq" && one == wanted;
    };
    if kind == "dateTime" {
        let (Ok(left), Ok(right)) = (left.parse::<Timestamp>(), right.parse::<Timestamp>()) else {
            return false;
        };
        return is_ordered(operator, left.cmp(&right));
    }
    let fold = |text: &str| {
        if exact {
            text.to_owned()
        } else {
            text.to_lowercase()
        }
    };
    let (left, right) = (fold(left), fold(right));
    match operator {
        "co" => left.contains(&right),
        "sw" => left.starts_with(&right),
        "ew" => left.ends_with(&right),
        _ => is_ordered(operator, left.cmp(&right)),
    }
}

fn is_ordered(operator: &str, order: std::cmp::Ordering) -> bool {
    match operator {
        "eq" => order.is_eq(),
        "gt" => order.is_gt(),
        "ge" => order.is_ge(),
        "lt" => order.is_lt(),
        _ => order.is_le(),
    }
}
