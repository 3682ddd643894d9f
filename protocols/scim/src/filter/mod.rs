//! Filters (RFC 7644 §3.4.2.2): the parsed tree, the parser and the evaluation.

mod evaluate;
mod parser;

use std::fmt;

use serde_json::Value;

pub use evaluate::matches;
pub(crate) use evaluate::matches_value;
pub use parser::parse;
pub(crate) use parser::parse_value_path;

use crate::AttributePath;

/// Comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `ne`
    NotEqual,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Operator {
    /// Every operator with its keyword.
    pub const ALL: [(&str, Self); 9] = [
        ("eq", Self::Equal),
        ("ne", Self::NotEqual),
        ("co", Self::Contains),
        ("sw", Self::StartsWith),
        ("ew", Self::EndsWith),
        ("gt", Self::Greater),
        ("ge", Self::GreaterOrEqual),
        ("lt", Self::Less),
        ("le", Self::LessOrEqual),
    ];

    /// Returns the keyword.
    pub fn keyword(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, operator)| *operator == self);
        found.map_or("eq", |(keyword, _)| keyword)
    }
}

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// At least one of the two matches.
    Or(Box<Filter>, Box<Filter>),
    /// Both match.
    And(Box<Filter>, Box<Filter>),
    /// The filter does not match.
    Not(Box<Filter>),
    /// The attribute has a value (`pr`).
    Present(AttributePath),
    /// A value of the attribute compares with this value.
    Compare(AttributePath, Operator, Value),
    /// One value of a complex attribute matches the whole filter.
    ValuePath(AttributePath, Box<Filter>),
}

/// Returns the precedence of the filter. A part with lower precedence is written in parentheses.
fn rank(filter: &Filter) -> u8 {
    match filter {
        Filter::Or(..) => 0,
        Filter::And(..) => 1,
        _ => 2,
    }
}

/// Writes a filter, in parentheses if its precedence is less than `least`.
fn write(filter: &Filter, least: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if rank(filter) < least {
        f.write_str("(")?;
        write(filter, 0, f)?;
        return f.write_str(")");
    }
    match filter {
        Filter::Or(a, b) => {
            write(a, 0, f)?;
            f.write_str(" or ")?;
            write(b, 1, f)
        }
        Filter::And(a, b) => {
            write(a, 1, f)?;
            f.write_str(" and ")?;
            write(b, 2, f)
        }
        Filter::Not(inner) => {
            f.write_str("not (")?;
            write(inner, 0, f)?;
            f.write_str(")")
        }
        Filter::Present(path) => write!(f, "{path} pr"),
        Filter::Compare(path, operator, value) => {
            write!(f, "{path} {} {value}", operator.keyword())
        }
        Filter::ValuePath(path, inner) => {
            write!(f, "{path}[")?;
            write(inner, 0, f)?;
            f.write_str("]")
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, 0, f)
    }
}
