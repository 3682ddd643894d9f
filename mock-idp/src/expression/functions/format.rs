//! `#string.format`: the conversions of `java.util.Formatter` for the types of this language. A
//! format that Java refuses, or a missing argument, gives null.

use super::Value;

/// Maximum width of a field. Without it, a short format could create a very long text.
const WIDEST: usize = 1000;

/// A format specifier, `%…`.
#[derive(Default)]
struct Specifier {
    index: Option<usize>,
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    grouped: bool,
    parentheses: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<usize> {
    let mut digits = String::new();
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    digits.parse().ok()
}

fn specifier(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<(Specifier, char)> {
    let mut read = Specifier::default();
    // A number at the start is an argument index if a $ follows, otherwise a width.
    if chars.peek().is_some_and(|c| ('1'..='9').contains(c)) {
        let first = number(chars)?;
        if chars.next_if_eq(&'$').is_some() {
            read.index = Some(first);
        } else {
            read.width = first;
        }
    }
    if read.width == 0 {
        while let Some(flag) = chars.next_if(|c| "-#+ 0,(".contains(*c)) {
            match flag {
                '-' => read.left = true,
                '+' => read.plus = true,
                ' ' => read.space = true,
                '0' => read.zero = true,
                ',' => read.grouped = true,
                '(' => read.parentheses = true,
                _ => read.alternate = true,
            }
        }
        if chars.peek().is_some_and(char::is_ascii_digit) {
            read.width = number(chars)?;
        }
    }
    if chars.next_if_eq(&'.').is_some() {
        read.precision = Some(number(chars)?);
    }
    if read.width > WIDEST || read.precision.is_some_and(|precision| precision > WIDEST) {
        return None;
    }
    if (read.left || read.zero) && read.width == 0 || read.left && read.zero {
        return None;
    }
    Some((read, chars.next()?))
}

impl Specifier {
    fn pad(&self, text: String) -> String {
        let lacking = self.width.saturating_sub(text.chars().count());
        if self.left {
            text + &" ".repeat(lacking)
        } else {
            " ".repeat(lacking) + &text
        }
    }

    /// Formats a number from its digits, with sign, grouping and leading zeros.
    fn format_signed(&self, negative: bool, digits: &str) -> String {
        let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
        let whole = if self.grouped {
            let mut grouped = String::new();
            for (at, digit) in whole.chars().enumerate() {
                if at > 0 && (whole.len() - at).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        } else {
            whole.to_owned()
        };
        let (before, after) = match (negative, self.parentheses) {
            (true, true) => ("(", ")"),
            (true, false) => ("-", ""),
            (false, _) if self.plus => ("+", ""),
            (false, _) if self.space => (" ", ""),
            (false, _) => ("", ""),
        };
        let length = before.len() + whole.len() + rest.len() + after.len();
        let zeros = if self.zero {
            "0".repeat(self.width.saturating_sub(length))
        } else {
            String::new()
        };
        self.pad(format!("{before}{zeros}{whole}{rest}{after}"))
    }

    fn written(&self, conversion: char, value: &Value) -> Option<String> {
        let shown = |value: &Value| match value {
            Value::Null => "null".to_owned(),
            other => other.text(),
        };
        let cut = |text: String| match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        };
        Some(match (conversion, value) {
            ('s', value) => self.pad(cut(shown(value))),
            ('S', value) => self.pad(cut(shown(value)).to_uppercase()),
            ('b', value) => self.pad(cut(truth(value).to_string())),
            ('B', value) => self.pad(cut(truth(value).to_string()).to_uppercase()),
            (_, Value::Null) => self.pad("null".to_owned()),
            ('d', Value::Int(whole)) if self.precision.is_none() => {
                self.format_signed(*whole < 0, &whole.unsigned_abs().to_string())
            }
            ('d', Value::Big(digits)) if self.precision.is_none() => {
                let plain = digits.trim_start_matches(['-', '+']);
                self.format_signed(digits.starts_with('-'), plain)
            }
            ('x' | 'X' | 'o', Value::Int(whole)) if self.precision.is_none() => {
                let (digits, prefix) = match conversion {
                    'o' => (format!("{whole:o}"), "0"),
                    _ => (format!("{whole:x}"), "0x"),
                };
                let prefix = if self.alternate { prefix } else { "" };
                let zeros = if self.zero {
                    "0".repeat(self.width.saturating_sub(prefix.len() + digits.len()))
                } else {
                    String::new()
                };
                let text = self.pad(format!("{prefix}{zeros}{digits}"));
                if conversion == 'X' {
                    text.to_uppercase()
                } else {
                    text
                }
            }
            ('c' | 'C', Value::Text(text)) if text.chars().count() == 1 => {
                self.pad(if conversion == 'C' {
                    text.to_uppercase()
                } else {
                    text.clone()
                })
            }
            ('c', Value::Int(code)) => {
                let c = char::from_u32(u32::try_from(*code).ok()?)?;
                self.pad(c.to_string())
            }
            ('f', Value::Float(_) | Value::Double(_) | Value::Big(_)) => {
                let double = value.number()?;
                let digits = format!("{:.*}", self.precision.unwrap_or(6), double.abs());
                self.format_signed(double.is_sign_negative(), &digits)
            }
            ('e' | 'E', Value::Float(_) | Value::Double(_)) => {
                let double = value.number()?;
                let text = format!("{:.*e}", self.precision.unwrap_or(6), double.abs());
                let (digits, exponent) = text.split_once('e')?;
                let exponent: i32 = exponent.parse().ok()?;
                let sign = if exponent < 0 { '-' } else { '+' };
                let text = format!("{digits}e{sign}{:02}", exponent.abs());
                let text = self.format_signed(double.is_sign_negative(), &text);
                if conversion == 'E' {
                    text.to_uppercase()
                } else {
                    text
                }
            }
            _ => return None,
        })
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        _ => true,
    }
}

/// Formats the values by a pattern; `None` if the pattern is invalid.
pub(super) fn format(pattern: &str, values: &[Value]) -> Option<String> {
    let mut next = 0;
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (read, conversion) = specifier(&mut chars)?;
        match conversion {
            '%' => out.push_str(&read.pad("%".to_owned())),
            'n' => out.push('\n'),
            _ => {
                let at = match read.index {
                    Some(index) => index.checked_sub(1)?,
                    None => {
                        next += 1;
                        next - 1
                    }
                };
                out.push_str(&read.written(conversion, values.get(at)?)?);
            }
        }
        if out.len() > 1 << 20 {
            return None;
        }
    }
    Some(out)
}
