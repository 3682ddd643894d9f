//! Reads one parameter in a text: its value in a query, a form, JSON, a header, a command or a line,
//! and the `RelayState` and signature beside it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::field::{Decoded, Quality, Syntax, decode, is_invisible, is_quote};
use super::scan::Piece;
use crate::inspection::message::{Delivery, query_signature, value_of};

/// The names of the parameters that carry a message.
pub(super) const NAME: &str = "(?:SAML(?:Request|Response)|wresult)";

/// Longest query before a parameter, in characters, so that many parameters take linear time.
const LONGEST_BEFORE: usize = 4096;

/// What stands between a name and its value: `=`, `:`, the other half of a JSON object
/// (`"name": …, "value": …`), the empty line of a multipart form, or a line break or tab after a name
/// that stands alone.
static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"^["'`’”]?(?:"#,
        r#"(?<query>=)|[ \t]*(?:=>|=|:)[ \t]*(?:\r?\n[ \t]*)?"#,
        r#"|,\s*["']?value["']?\s*[:=]\s*"#,
        r#"|(?<part>\r?\n(?:[A-Za-z-]+:[^\n]*\n)*\r?\n)"#,
        r#"|(?<alone>\t[ \t]*|[ \t]*\r?\n[ \t]*(?::[ \t]*(?:\r?\n[ \t]*)?)?)"#,
        r#")(?<quote>\$?["'`“„‘«])?"#
    ))
    .expect("a pattern written here compiles")
});

/// A line with only the name of another parameter.
static OTHER_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[ \t]*(?:SAML(?:Request|Response)|wresult|RelayState|SigAlg|Signature)[ \t\r=]*$")
        .expect("a pattern written here compiles")
});

static NEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(NAME).expect("a pattern written here compiles"));

/// A RelayState on a line of its own, in a command, or as a member of JSON.
static RELAY_STATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?:(?:^|[^"'])\bRelayState=(?<query>[^"'\s&]*)"#,
        r#"|(?<begin>["'])?\bRelayState(?<end>["'`’”])?(?:[ \t]*(?:=>|=|:|,\s*["']?value["']?\s*[:=])[ \t]*(?:\r?\n)?|\t|\r?\n\r?\n|[ \t]*\r?\n)"#,
        r#"(?:"(?<double>[^"\n]*)"|'(?<single>[^'\n]*)'|(?<plain>[^\n]*)))"#
    ))
    .expect("a pattern written here compiles")
});

/// A parameter with a value.
pub(super) struct Value {
    /// The message, if it can be decoded.
    pub(super) piece: Option<Piece>,
    /// True if the value, or what follows it, cannot be read as it is.
    pub(super) is_unread: bool,
}

impl Value {
    const UNREAD: Self = Self {
        piece: None,
        is_unread: true,
    };
}

/// Reads the parameter whose name is at `name`; `None` if the name has no value.
pub(super) fn read(text: &str, name: Range<usize>) -> Option<Value> {
    let after = &text[name.end..];
    let Some(separator) = SEPARATOR.captures(after) else {
        // The separator has an escape, which a view removes.
        let is_escaped = after.starts_with(['\\', '^', '&']);
        return is_escaped.then_some(Value::UNREAD);
    };
    let whole = separator.get(0)?;
    if separator.name("alone").is_some() && !begins_line(text, name.start) {
        return None;
    }
    let begin = name.end + whole.end();
    let quote = separator.name("quote").map(|it| it.as_str());
    let is_query = separator.name("query").is_some() && quote.is_none();
    let syntax = match is_query && !is_encoded_later(&text[..name.start]) {
        true => Syntax::Query,
        false => Syntax::Plain,
    };
    let mut best: Option<(usize, Decoded)> = None;
    let ends = match quote {
        // WS-Federation sends XML without base64.
        None if &text[name.clone()] == "wresult" => vec![end_of_query_value(text, begin)],
        _ => ends(text, begin, quote),
    };
    for end in ends {
        if let Some(decoded) = decode(&text[begin..end], syntax)
            && best
                .as_ref()
                .is_none_or(|(_, best)| decoded.quality > best.quality)
        {
            let is_done = decoded.quality == Quality::WellFormed;
            best = Some((end, decoded));
            if is_done {
                break;
            }
        }
    }
    let Some((
        end,
        Decoded {
            mut message,
            quality,
        },
    )) = best
    else {
        // A short word after the name is a sentence, not a value.
        let is_value = text[begin..]
            .chars()
            .take(24)
            .filter(|it| is_of_value(*it))
            .count()
            == 24;
        return is_value.then_some(Value::UNREAD);
    };
    message.parameter = Some(text[name.clone()].to_owned());
    message
        .wrapping
        .insert(0, if is_query { "parameter" } else { "line" });
    let mut range = name.start..end;
    if is_query {
        range = query_around(text, name.start, end);
        let query = &text[range.clone()];
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        message.relay_state = value_of(&pairs, "RelayState");
        message.query_signature = query_signature(query, &text[name], &pairs);
        message.delivery = text[..range.start].ends_with('?').then_some(Delivery::Url);
    }
    // In the source of a page, what follows has an HTML escape.
    let is_unread = text[end..].starts_with("&amp;");
    Some(Value {
        piece: Some(Piece {
            range,
            message,
            quality,
        }),
        is_unread,
    })
}

/// True if only white space, or the mark of a list, stands before the position in its line.
fn begins_line(text: &str, at: usize) -> bool {
    let line = text[..at].rsplit('\n').next().unwrap_or_default();
    line.chars()
        .all(|it| it.is_whitespace() || is_quote(it) || matches!(it, '-' | '*' | '•'))
}

/// True if a program will encode the value that follows, as curl does with `--data-urlencode`.
fn is_encoded_later(before: &str) -> bool {
    before
        .trim_end_matches(|it: char| is_quote(it) || it == '$')
        .trim_end()
        .ends_with("--data-urlencode")
}

fn is_of_value(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, '+' | '/' | '=' | '_' | '-' | '%')
}

/// True for characters at which a value ends.
fn is_end(sign: char) -> bool {
    is_quote(sign)
        || matches!(
            sign,
            '&' | '<' | '>' | '#' | '{' | '}' | '(' | ')' | '[' | ']' | ',' | ';' | '\\'
        )
}

fn end_of_query_value(text: &str, begin: usize) -> usize {
    let rest = &text[begin..];
    let is_outside = |it: char| it.is_whitespace() || is_quote(it) || matches!(it, '&' | '#' | '<');
    begin + rest.find(is_outside).unwrap_or(rest.len())
}

/// Returns the positions at which the value may end, the last first.
fn ends(text: &str, begin: usize, quote: Option<&str>) -> Vec<usize> {
    let rest = &text[begin..];
    if let Some(quote) = quote.and_then(|it| it.chars().last()) {
        let closing: &[char] = match quote {
            '“' | '„' => &['”', '“'],
            '‘' => &['’'],
            '«' => &['»'],
            '"' => &['"'],
            '\'' => &['\''],
            _ => &['`'],
        };
        let next = NEXT.find(rest).map_or(rest.len(), |it| it.start());
        if let Some(end) = rest[..next].find(closing) {
            return vec![begin + end];
        }
    }
    // Each step looks at the value only, so that many values in a text take linear time.
    let is_value =
        |it: char| is_of_value(it) || is_invisible(it) || matches!(it, ' ' | '\t' | '\r');
    let next = NEXT.find(rest).map_or(rest.len(), |it| it.start());
    let rest = &rest[..next];
    let line = rest.find(|it| !is_value(it)).unwrap_or(rest.len());
    let token = rest.find(|it| !is_of_value(it)).unwrap_or(rest.len());
    let mut longest = line;
    // A value may be wrapped over several lines.
    while let Some(after) = rest[longest..].strip_prefix('\n') {
        let length = after.find(|it| !is_value(it)).unwrap_or(after.len());
        let next = &after[..length];
        let is_whole = after[length..].is_empty() || after[length..].starts_with('\n');
        if next.trim().is_empty()
            || OTHER_LINE.is_match(next)
            || !(is_whole || after[length..].starts_with(is_end))
        {
            break;
        }
        longest += 1 + length;
    }
    let mut ends = vec![begin + longest, begin + line, begin + token];
    ends.dedup();
    ends
}

/// Extends a parameter to the query or form in which it stands.
fn query_around(text: &str, name: usize, end: usize) -> Range<usize> {
    let is_outside = |it: char| {
        it.is_whitespace()
            || is_quote(it)
            || matches!(
                it,
                '?' | '#' | '<' | '>' | '(' | ')' | '{' | '}' | '\\' | '^'
            )
    };
    let begin = text[..name]
        .char_indices()
        .rev()
        .take(LONGEST_BEFORE)
        .take_while(|(_, it)| !is_outside(*it))
        .last()
        .map_or(name, |(at, _)| at);
    // What stands before "&" is a parameter; anything else is text, such as "form:".
    let begin = if text[begin..name].ends_with('&') || begin == name {
        begin
    } else {
        name
    };
    let after = text[end..].trim_start();
    if !after.starts_with('&') {
        return begin..end;
    }
    let after_at = text.len() - after.len();
    let length = after.find(is_outside).unwrap_or(after.len());
    begin..after_at + length
}

/// Adds the RelayState that stands on a line after a message, or before it if the first one is before
/// the first message.
pub(super) fn add_relay_states(text: &str, pieces: &mut [Piece]) {
    let first = pieces.first().map_or(0, |it| it.range.start);
    let is_before = relay_state(&text[..first]).is_some();
    let mut end = 0;
    for at in 0..pieces.len() {
        let range = pieces[at].range.clone();
        let beside = match is_before {
            true => end..range.start,
            false => range.end..pieces.get(at + 1).map_or(text.len(), |it| it.range.start),
        };
        end = range.end;
        let message = &mut pieces[at].message;
        if message.parameter.is_some() && message.relay_state.is_none() {
            message.relay_state = relay_state(&text[beside]);
        }
    }
}

fn relay_state(text: &str) -> Option<String> {
    let found = RELAY_STATE.captures(text)?;
    let group = |name| found.name(name).map(|it| it.as_str());
    if let Some(value) = group("query") {
        let pair = format!("x={value}");
        let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
        return decoded.map(|(_, value)| value.into_owned());
    }
    let value = ["double", "single", "plain"].into_iter().find_map(group)?;
    // The quotation marks may be around the name and the value: 'RelayState=a'.
    let quote = group("begin").filter(|_| group("end").is_none());
    let value = quote
        .and_then(|quote| value.split_once(quote))
        .map_or(value, |(value, _)| value);
    Some(value.trim().to_owned())
}
