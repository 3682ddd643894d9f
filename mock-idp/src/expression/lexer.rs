//! Splits an expression into tokens, each with its column and whether there is space around it.

use super::{Result, wrong};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Name(String),
    /// A variable or library, `#name`.
    Variable(String),
    Text(String),
    Int(i64),
    Double(f64),
    Symbol(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    /// Column in the mapping value, counted from 1.
    pub column: usize,
    pub space_before: bool,
    pub space_after: bool,
}

/// All symbols. A longer symbol comes before its own prefixes.
const SYMBOLS: [&str; 34] = [
    "&&", "||", "++", "--", "?:", "?.", ".?[", ".^[", ".$[", ".![", "==", "!=", "<=", ">=", "<",
    ">", "=", "!", "+", "-", "*", "/", "%", "^", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}",
];

pub(super) fn tokens(chars: &[char], offset: usize) -> Result<Vec<Token>> {
    let mut all: Vec<Token> = Vec::new();
    let mut at = 0;
    let mut space = true;
    while at < chars.len() {
        let c = chars[at];
        if c.is_whitespace() {
            if let Some(last) = all.last_mut() {
                last.space_after = true;
            }
            space = true;
            at += 1;
            continue;
        }
        let column = offset + at + 1;
        let (kind, length) = match c {
            '\'' | '"' => text(&chars[at..], column)?,
            '0'..='9' => number(&chars[at..], column)?,
            '#' => {
                let name = name(&chars[at + 1..]);
                if name.is_empty() {
                    return wrong(column, "expected a name after #");
                }
                let length = name.chars().count() + 1;
                (Kind::Variable(name), length)
            }
            c if c.is_alphabetic() || c == '_' || c == '$' => {
                let name = name(&chars[at..]);
                let length = name.chars().count().max(1);
                (Kind::Name(name), length)
            }
            _ => match symbol(&chars[at..]) {
                Some(symbol) => (Kind::Symbol(symbol), symbol.chars().count()),
                None => return wrong(column, format!("expected an expression, got {c:?}")),
            },
        };
        at += length;
        all.push(Token {
            kind,
            column,
            space_before: space,
            space_after: at >= chars.len(),
        });
        space = false;
    }
    Ok(all)
}

fn symbol(chars: &[char]) -> Option<&'static str> {
    SYMBOLS.into_iter().find(|symbol| {
        symbol
            .chars()
            .enumerate()
            .all(|(at, c)| chars.get(at) == Some(&c))
    })
}

fn name(chars: &[char]) -> String {
    chars
        .iter()
        .take_while(|c| c.is_alphanumeric() || **c == '_' || **c == '$')
        .collect()
}

/// Reads a text in quotes. A quote inside it is written twice.
fn text(chars: &[char], column: usize) -> Result<(Kind, usize)> {
    let quote = chars[0];
    let mut content = String::new();
    let mut at = 1;
    loop {
        match chars.get(at) {
            None => return wrong(column, format!("expected a closing {quote}")),
            Some(c) if *c == quote && chars.get(at + 1) == Some(&quote) => {
                content.push(quote);
                at += 2;
            }
            Some(c) if *c == quote => return Ok((Kind::Text(content), at + 1)),
            Some(c) => {
                content.push(*c);
                at += 1;
            }
        }
    }
}

fn number(chars: &[char], column: usize) -> Result<(Kind, usize)> {
    let digits = |from: usize| {
        chars[from..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count()
    };
    let mut length = digits(0);
    let mut whole = true;
    if chars.get(length) == Some(&'.') && chars.get(length + 1).is_some_and(char::is_ascii_digit) {
        length += 1 + digits(length + 1);
        whole = false;
    }
    if matches!(chars.get(length), Some('e' | 'E')) {
        let sign = usize::from(matches!(chars.get(length + 1), Some('+' | '-')));
        if chars
            .get(length + 1 + sign)
            .is_some_and(char::is_ascii_digit)
        {
            length += 1 + sign + digits(length + 1 + sign);
            whole = false;
        }
    }
    let written: String = chars[..length].iter().collect();
    let suffix = chars.get(length).copied();
    let kind = match suffix {
        Some('l' | 'L') if whole => Kind::Int(integer(&written, column)?),
        Some('f' | 'F' | 'd' | 'D') => Kind::Double(double(&written, column)?),
        Some(c) if c.is_alphanumeric() || c == '_' => {
            return wrong(column, format!("expected a number, got {written}{c}"));
        }
        _ if whole => return Ok((Kind::Int(integer(&written, column)?), length)),
        _ => return Ok((Kind::Double(double(&written, column)?), length)),
    };
    Ok((kind, length + 1))
}

fn integer(digits: &str, column: usize) -> Result<i64> {
    digits.parse().or_else(|_| {
        wrong(
            column,
            format!("expected an integer of at most 64 bits, got {digits}"),
        )
    })
}

fn double(digits: &str, column: usize) -> Result<f64> {
    digits
        .parse()
        .or_else(|_| wrong(column, format!("expected a number, got {digits}")))
}
