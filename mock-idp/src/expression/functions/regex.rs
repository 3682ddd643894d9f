//! `#regex`: regular expressions, in Java's syntax as far as possible. Look-around and
//! back-references work, with a limit on backtracking.

use fancy_regex::{Regex, RegexBuilder};

use super::{Answer, Value, text};

/// Maximum number of backtracking steps.
const BACKTRACKS: usize = 100_000;
const LONGEST_PATTERN: usize = 2_000;
/// Maximum size of a compiled pattern, in bytes.
const LARGEST: usize = 64 * 1024;
const MOST_MATCHES: usize = 10_000;

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(format!(
            "expected a regular expression of at most {LONGEST_PATTERN} bytes"
        ));
    }
    RegexBuilder::new(pattern)
        .backtrack_limit(BACKTRACKS)
        .delegate_size_limit(LARGEST)
        .delegate_dfa_size_limit(16 * LARGEST)
        .build()
        .map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            format!("invalid regular expression: {last}")
        })
}

fn backtracking_error(_: fancy_regex::Error) -> String {
    "the regular expression needs too many backtracking steps".to_owned()
}

/// True if a pattern matches the whole text.
pub(in super::super) fn whole(pattern: &str, text: &str) -> Result<bool, String> {
    compile(&format!("\\A(?:{pattern})\\z"))?
        .is_match(text)
        .map_err(backtracking_error)
}

/// Expands a replacement as in Java: `$1` is a group, with further digits as long as such a
/// group exists; `\` quotes the next character.
fn expand(
    by: &str,
    found: &fancy_regex::Captures<'_, str>,
    groups: usize,
    out: &mut String,
) -> Result<(), String> {
    let mut chars = by.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(next) => out.push(next),
                None => return Err("expected a character after the \\ in the replacement".into()),
            },
            '$' => {
                let digit = |c: char| c.to_digit(10).map(|digit| digit as usize);
                let Some(mut group) = chars.next().and_then(digit) else {
                    return Err(
                        "expected the number of a group after the $ in the replacement".into(),
                    );
                };
                if group >= groups {
                    return Err(format!(
                        "expected a group below {groups} in the replacement, got {group}"
                    ));
                }
                while let Some(more) = chars.peek().copied().and_then(digit)
                    && group * 10 + more < groups
                {
                    group = group * 10 + more;
                    chars.next();
                }
                out.push_str(found.get(group).map_or("", |group| group.as_str()));
            }
            other => out.push(other),
        }
    }
    Ok(())
}

fn replace_matches(pattern: &str, text: &str, by: &str, most: usize) -> Result<String, String> {
    let pattern = compile(pattern)?;
    let groups = pattern.captures_len();
    let mut out = String::new();
    let mut copied = 0;
    for (count, found) in pattern.captures_iter(text).enumerate() {
        if count >= most {
            break;
        }
        let found = found.map_err(backtracking_error)?;
        let Some(all) = found.get(0) else { break };
        out.push_str(&text[copied..all.start()]);
        expand(by, &found, groups, &mut out)?;
        copied = all.end();
        if out.len() > 1 << 20 {
            return Err("expected a result of at most 64 KiB".into());
        }
    }
    out.push_str(&text[copied..]);
    Ok(out)
}

pub(super) fn call(function: &str, arguments: &[Value]) -> Option<Answer> {
    Some(match function {
        "matches" => matches(arguments),
        "findAllMatches" => find_all(arguments),
        "replaceFirst" => replace(arguments, 1),
        "replaceAll" => replace(arguments, usize::MAX),
        _ => return None,
    })
}

fn matches(arguments: &[Value]) -> Answer {
    Ok(Value::Bool(
        match (text(arguments, 0)?, text(arguments, 1)?) {
            (Some(text), Some(pattern)) => whole(&pattern, &text)?,
            _ => false,
        },
    ))
}

fn find_all(arguments: &[Value]) -> Answer {
    let (Some(text), Some(pattern)) = (text(arguments, 0)?, text(arguments, 1)?) else {
        return Ok(Value::Null);
    };
    let pattern = compile(&pattern)?;
    let mut all = Vec::new();
    for found in pattern.find_iter(&text).take(MOST_MATCHES) {
        let found = found.map_err(backtracking_error)?;
        all.push(Value::Text(found.as_str().to_owned()));
    }
    Ok(Value::List(all))
}

/// Replaces by pairs of pattern and replacement. A last pattern without a replacement is
/// ignored; any null gives null.
fn replace(arguments: &[Value], most: usize) -> Answer {
    let Some(mut result) = text(arguments, 0)? else {
        return Ok(Value::Null);
    };
    let pairs = arguments.len().saturating_sub(1) / 2;
    for pair in 0..pairs {
        let (Some(pattern), Some(by)) = (
            text(arguments, 1 + 2 * pair)?,
            text(arguments, 2 + 2 * pair)?,
        ) else {
            return Ok(Value::Null);
        };
        result = replace_matches(&pattern, &result, &by, most)?;
    }
    Ok(Value::Text(result))
}
