//! Undoes what mails, editors, command lines and web pages do to a whole text. Each change is tried
//! alone and together with those before it, so the time is linear in their number.

use std::sync::LazyLock;

use regex::Regex;

use super::repair::Repair;
use crate::inspection::message::percent_decoded;

/// A change to a whole text.
pub(super) struct View {
    /// Its name.
    pub(super) repair: Repair,
    /// True if each line of the result is a line of the text.
    pub(super) keeps_lines: bool,
    /// Returns the changed text; `None` if there is nothing to change.
    pub(super) apply: fn(&str) -> Option<String>,
}

/// The changes in the order in which they are undone: the outermost first.
pub(super) const VIEWS: &[View] = &[
    View {
        repair: Repair::MailQuotes,
        keeps_lines: true,
        apply: without_mail_quotes,
    },
    View {
        repair: Repair::LinePrefixes,
        keeps_lines: true,
        apply: without_line_prefixes,
    },
    View {
        repair: Repair::QuotedPrintable,
        keeps_lines: false,
        apply: from_quoted_printable,
    },
    View {
        repair: Repair::Carets,
        keeps_lines: true,
        apply: without_carets,
    },
    View {
        repair: Repair::NestedAddress,
        keeps_lines: false,
        apply: decode_nested_address,
    },
    View {
        repair: Repair::BackslashEscapes,
        keeps_lines: false,
        apply: without_backslashes,
    },
    View {
        repair: Repair::HtmlEscapes,
        // A line break can be escaped too.
        keeps_lines: false,
        apply: from_html,
    },
];

/// Returns the text if it differs from the one before.
fn changed(before: &str, after: String) -> Option<String> {
    (after != before).then_some(after)
}

fn without_mail_quotes(text: &str) -> Option<String> {
    let unquoted = text.lines().map(|line| {
        let mut rest = line;
        // Mails quote again what was quoted: "> > ".
        while let Some(inner) = rest.strip_prefix('>') {
            rest = inner.strip_prefix(' ').unwrap_or(inner);
        }
        rest
    });
    changed(text, lines(unquoted))
}

fn lines<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in all {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern written here compiles")
}

/// What programs write before each line: numbers (editors, `cat -n`, `grep -n`), a name (docker
/// compose), or a time (kubectl and docker logs).
static LINE_PREFIXES: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        pattern(r"^[ \t]*\d{1,7}(?:[:.|)\]]+[ \t]?|[ \t]|$)"),
        pattern(r"^[\w.-]{1,60}[ \t]*\|(?: |$)"),
        pattern(r"^\[?\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-][\d:]+)?\]?(?:[ \t]|$)"),
    ]
});

fn without_line_prefixes(text: &str) -> Option<String> {
    let filled = || text.lines().filter(|line| !line.trim().is_empty());
    let prefix = LINE_PREFIXES.iter().find(|prefix| {
        // One number before a value is not a numbered text.
        filled().nth(1).is_some() && filled().all(|line| prefix.is_match(line))
    })?;
    let stripped = text.lines().map(|line| match prefix.find(line) {
        Some(found) => &line[found.end()..],
        None => line,
    });
    changed(text, lines(stripped))
}

fn from_quoted_printable(text: &str) -> Option<String> {
    let is_soft = text.contains("=\n") || text.contains("=\r\n");
    if !(is_soft || text.contains("=3D") || text.contains("=3d")) {
        return None;
    }
    let hex = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        let is_hex = pair.bytes().all(|it| it.is_ascii_hexdigit());
        u8::from_str_radix(pair, 16).ok().filter(|_| is_hex)
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        match after {
            [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => rest = after,
            [a, b, after @ ..] if let Some(byte) = hex(&[*a, *b]) => {
                bytes.push(byte);
                rest = after;
            }
            _ => bytes.push(byte),
        }
    }
    changed(text, String::from_utf8_lossy(&bytes).into_owned())
}

fn without_carets(text: &str) -> Option<String> {
    if !["^%", "^&", "^\"", "^="].iter().any(|it| text.contains(it)) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut signs = text.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '^' => out.extend(signs.next()),
            _ => out.push(sign),
        }
    }
    changed(text, out)
}

fn decode_nested_address(text: &str) -> Option<String> {
    let names = ["SAMLRequest%3D", "SAMLResponse%3D"];
    let is_nested = names.iter().any(|name| text.contains(name));
    is_nested.then(|| percent_decoded(text))
}

fn without_backslashes(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut signs = after.chars();
        rest = match signs.next() {
            Some('n') => append(&mut out, "\n", signs.as_str()),
            Some('r') => append(&mut out, "\r", signs.as_str()),
            Some('t') => append(&mut out, "\t", signs.as_str()),
            Some('u') => code_point(&mut out, signs.as_str(), 4),
            Some('x') => code_point(&mut out, signs.as_str(), 2),
            // The end of a line of a command that continues on the next one.
            Some('\n') => append(&mut out, " ", signs.as_str()),
            Some(sign) => {
                out.push(sign);
                signs.as_str()
            }
            None => "",
        };
    }
    out.push_str(rest);
    changed(text, out)
}

fn append<'a>(out: &mut String, text: &str, rest: &'a str) -> &'a str {
    out.push_str(text);
    rest
}

fn code_point<'a>(out: &mut String, rest: &'a str, digits: usize) -> &'a str {
    let hex = rest.get(..digits);
    let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match code.and_then(char::from_u32) {
        Some(sign) => {
            out.push(sign);
            &rest[digits..]
        }
        None => rest,
    }
}

fn from_html(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        match reference(after) {
            Some((sign, after)) => {
                out.push(sign);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    changed(text, out)
}

/// Reads a character reference after its `&`. Only those that escaped XML contains.
fn reference(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(10).position(|it| it == b';')?;
    let (name, rest) = (&text[..end], &text[end + 1..]);
    let sign = match name {
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "amp" => '&',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((sign, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_undone_and_other_text_is_left() {
        type Row = (fn(&str) -> Option<String>, &'static str, &'static str);
        let rows: &[Row] = &[
            (without_mail_quotes, "> a\n>b\n> > c", "a\nb\nc\n"),
            // The indentation of the text stays.
            (without_line_prefixes, "  1 <a>\n 2\t </a>", "<a>\n </a>\n"),
            (
                without_line_prefixes,
                "idp_1 | <a>\nidp_1 | </a>",
                "<a>\n</a>\n",
            ),
            (from_quoted_printable, "a=3Db=\r\nc=C3=A4=zz", "a=bcä=zz"),
            (without_carets, "^\"a^%^2Bb^&c^\"", "\"a%2Bb&c\""),
            (
                without_backslashes,
                r#"\u003ca b=\"1\"\/\x3e\n\?"#,
                "<a b=\"1\"/>\n?",
            ),
            (
                from_html,
                "&lt;a&#x3E;&#62;&quot;&amp;lt;&x;",
                "<a>>\"&lt;&x;",
            ),
        ];
        for (apply, before, after) in rows {
            assert_eq!(apply(before).as_deref(), Some(*after), "{before}");
        }
        let plain = "<a>1 + 1 = 2</a>\n";
        for view in VIEWS {
            assert_eq!((view.apply)(plain), None, "{:?}", view.repair);
        }
        assert_eq!(without_line_prefixes("1 <a/>"), None);
        assert_eq!(without_backslashes("\\u12"), Some("12".to_owned()));
    }
}
