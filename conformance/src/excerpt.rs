//! Shortens long texts, for sentences and for evidence.

use std::borrow::Cow;

/// How many times longer than `most` an excerpt may become so that a value without a space, such as
/// a URL, is shown complete.
const STRETCH: usize = 4;

/// Returns about the first `most` characters of a text for use in a sentence, followed by the full
/// length if the text is longer.
///
/// No word, URL or JSON value is cut in the middle, unless it alone is several times longer than
/// `most`: a reader would take half of a value for the whole value.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let end = end_of_values(text, most);
    let shown = text[..end].trim_end();
    if shown.len() == text.trim_end().len() {
        return shown.to_owned();
    }
    format!("{shown} … ({length} characters)")
}

/// Returns the last position up to `most` characters, or else the first position after them, at
/// which no value is cut; in bytes.
fn end_of_values(text: &str, most: usize) -> usize {
    let is_json = text.trim_start().starts_with(['{', '[']);
    let (mut last, mut in_string, mut is_escaped) = (0, false, false);
    for (count, (at, sign)) in text.char_indices().enumerate() {
        if count >= most * STRETCH {
            return if last > 0 { last } else { at };
        }
        let is_end = if is_json {
            // Keep the comma: it shows that more follows.
            !in_string && sign == ','
        } else {
            sign.is_whitespace()
        };
        if is_end {
            let end = if is_json { at + sign.len_utf8() } else { at };
            if count >= most {
                return if last > 0 { last } else { end };
            }
            last = end;
        }
        if sign == '"' && !is_escaped {
            in_string = !in_string;
        }
        is_escaped = sign == '\\' && !is_escaped;
    }
    if last > 0 { last } else { text.len() }
}

/// Returns the first `most` characters of a document, followed by the full length if the document
/// is longer. For evidence, where the limit only keeps reports readable.
pub(crate) fn truncate(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} … ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Replaces the character references of HTML in a text that a server answered, as a browser shows
/// them: many servers escape their messages for pages also in JSON, or twice.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest[1..].split(';').next().unwrap_or_default();
        match character(name).filter(|_| rest[1..].len() > name.len()) {
            Some(sign) => {
                out.push(sign);
                rest = &rest[name.len() + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out.into()
}

/// Returns the character of a reference, without `&` and `;`.
fn character(name: &str) -> Option<char> {
    let number = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        },
        None => {
            return match name {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                "nbsp" => Some(' '),
                _ => None,
            };
        }
    };
    char::from_u32(number).filter(|sign| !sign.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_references_are_read_as_a_browser_shows_them() {
        assert_eq!(
            unescape("Can&#039;t find &quot;Jo&#x22; &amp; Co&apos;s &lt;jo@x&gt;"),
            "Can't find \"Jo\" & Co's <jo@x>"
        );
        for same in ["a & b", "?a=1&b=2", "R&D;", "&#0;&#9999999999;&", "&lt"] {
            assert_eq!(unescape(same), same);
        }
    }

    #[test]
    fn a_url_is_never_cut() {
        let url = "https://idp.example/sso?SAMLRequest=fZJNT8MwDIbv&RelayState=1";
        let text = format!("redirected to {url} in the end");
        assert_eq!(
            excerpt(&text, 20),
            format!("redirected to … ({} characters)", text.len())
        );
        // A single value is shown complete, although it is longer than `most`.
        assert_eq!(excerpt(url, 20), url);
        assert_eq!(
            excerpt(&format!("{url} in the end"), 20),
            format!("{url} … ({} characters)", url.len() + 11)
        );
        let endless = "a".repeat(1000);
        assert_eq!(
            excerpt(&endless, 20),
            format!("{} … (1000 characters)", "a".repeat(80))
        );
    }

    #[test]
    fn a_json_value_is_never_cut() {
        let json = r#"{"userName":"grace","displayName":"Grace, \"the\" Hopper","active":true}"#;
        assert_eq!(
            excerpt(json, 40),
            format!(r#"{{"userName":"grace", … ({} characters)"#, json.len())
        );
        assert_eq!(excerpt(json, 100), json);
    }

    #[test]
    fn words_and_signs_stay_whole() {
        assert_eq!(excerpt("one two three", 7), "one … (13 characters)");
        assert_eq!(excerpt("one two three", 8), "one two … (13 characters)");
        assert_eq!(excerpt("山田 太郎", 3), "山田 … (5 characters)");
        assert_eq!(truncate("山田太郎", 2), "山田 … (12 bytes)");
        assert_eq!(truncate("山田", 2), "山田");
    }
}
