//! Reads the tags of a document before the parser does, in one pass: counts elements and
//! attributes, and normalizes white space in attribute values.
//!
//! The parser compares each attribute of an element with all others, which takes seconds for some
//! thousands of them. And it does not normalize values (XML 1.0 §3.3.3), so that the digest would
//! differ from the signer's.

use std::ops::Range;

use memchr::{memchr, memchr3, memmem};

use super::XmlError;

/// Refuses a document with more than `max_elements` elements, or with an element of more than
/// `max_attributes` attributes (including namespace declarations). Takes linear time, and does not
/// check whether the document is well-formed.
///
/// # Errors
/// [`XmlError::TooMany`].
pub fn check_size(text: &str, max_elements: usize, max_attributes: usize) -> Result<(), XmlError> {
    read(text.as_bytes(), max_elements, max_attributes, |_| {}).map(drop)
}

/// Checks the document like [`check_size`], and returns it with all attribute values normalized: a
/// literal tab or line break becomes a space. `None` if nothing changes.
///
/// The length stays the same, so that positions remain valid: if a line break of two characters
/// becomes one space, another space is added after the closing quote.
pub(super) fn check_and_normalize(
    text: &str,
    max_elements: usize,
    max_attributes: usize,
) -> Result<Option<String>, XmlError> {
    let bytes = text.as_bytes();
    let mut changed: Option<Vec<u8>> = None;
    let is_complete = read(bytes, max_elements, max_attributes, |value| {
        if memchr3(b'\t', b'\n', b'\r', &bytes[value.clone()]).is_some() {
            let changed = changed.get_or_insert_with(|| bytes.to_vec());
            normalize(bytes, value, changed);
        }
    })?;
    // The parser refuses an incomplete document; it names what was sent.
    let changed = changed.filter(|_| is_complete);
    Ok(changed.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Calls `value` with the position of each attribute value, without its quotes. Returns false if
/// a tag is cut off, or if there is a document type declaration, which is refused elsewhere.
fn read(
    text: &[u8],
    max_elements: usize,
    max_attributes: usize,
    mut value: impl FnMut(Range<usize>),
) -> Result<bool, XmlError> {
    let mut elements = 0;
    let mut has_declaration = false;
    let mut at = 0;
    while let Some(found) = memchr(b'<', &text[at..]) {
        let start = at + found;
        let end = match &text[start..] {
            // A comment begins with all four characters: `<!-->` does not end one. With another
            // end than the parser's, attributes could be hidden from the limit.
            [_, b'!', b'-', b'-', ..] => after(text, start + 4, b"-->"),
            rest if rest.starts_with(b"<![CDATA[") => after(text, start, b"]]>"),
            [_, b'!', ..] => {
                has_declaration = true;
                after(text, start, b">")
            }
            [_, b'?', ..] => after(text, start, b"?>"),
            [_, b'/', ..] => after(text, start, b">"),
            _ => {
                elements += 1;
                if elements > max_elements {
                    return Err(XmlError::TooMany {
                        limit: max_elements,
                        what: "elements",
                    });
                }
                after_tag(text, start + 1, max_attributes, &mut value)?
            }
        };
        match end {
            Some(end) => at = end,
            None => return Ok(false),
        }
    }
    Ok(!has_declaration)
}

/// Returns the position after the next `end`.
fn after(text: &[u8], from: usize, end: &[u8]) -> Option<usize> {
    let found = memmem::find(&text[from..], end)?;
    Some(from + found + end.len())
}

/// Counts the attributes of the start tag whose name is at `at`, and returns the position after
/// the tag; `None` if it is cut off.
fn after_tag(
    text: &[u8],
    mut at: usize,
    max_attributes: usize,
    value: &mut impl FnMut(Range<usize>),
) -> Result<Option<usize>, XmlError> {
    let mut attributes = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'>' => return Ok(Some(at)),
            b'=' => {
                attributes += 1;
                if attributes > max_attributes {
                    return Err(XmlError::TooMany {
                        limit: max_attributes,
                        what: "attributes of one element",
                    });
                }
            }
            b'"' | b'\'' => {
                let Some(length) = memchr(byte, &text[at..]) else {
                    return Ok(None);
                };
                value(at..at + length);
                at += length + 1;
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Normalizes the value that ends before its closing quote.
fn normalize(text: &[u8], value: Range<usize>, changed: &mut [u8]) {
    let raw = &text[value.clone()];
    let mut normal = Vec::with_capacity(raw.len() + 1);
    for (index, byte) in raw.iter().enumerate() {
        match byte {
            b'\n' if index > 0 && raw[index - 1] == b'\r' => {}
            b'\t' | b'\n' | b'\r' => normal.push(b' '),
            other => normal.push(*other),
        }
    }
    normal.push(text[value.end]);
    normal.resize(raw.len() + 1, b' ');
    changed[value.start..=value.end].copy_from_slice(&normal);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_refused(text: &str) -> bool {
        check_size(text, 3, 2).is_err()
    }

    fn normalized(text: &str) -> Option<String> {
        check_and_normalize(text, 100, 100).unwrap()
    }

    #[test]
    fn elements_and_attributes_are_counted() {
        assert!(!is_refused("<a b='1' c='2'><b/><c></c></a>"));
        assert!(is_refused("<a b='1' c='2' d='3'/>"));
        assert!(is_refused("<a xmlns:b='1' xmlns:c='2' d='3'/>"));
        assert!(is_refused("<a><b/><c/><d/></a>"));
    }

    #[test]
    fn markup_in_a_value_or_comment_is_not_counted() {
        assert!(!is_refused("<a b='> = = =' c='<'>= = = =</a>"));
        assert!(is_refused("<a b='>' c='>' d='>'/>"));
        assert!(!is_refused(
            "<a><!-- <b/><c/><d/> --><![CDATA[<b/><c/><d/>]]></a>"
        ));
        assert!(!is_refused("<?xml a='1' b='2' c='3'?><a/>"));
        assert!(!is_refused("<a"));
    }

    /// Here a quote in the comment would begin a value, and the value would hide the attributes.
    #[test]
    fn a_comment_does_not_end_within_its_own_beginning() {
        for beginning in ["<!-->", "<!--->"] {
            let text = format!("<a>{beginning}<b c='--><d e=\"\" f=\"\" g=\"\"/><!--'>--></a>");
            assert!(is_refused(&text), "{text}");
            assert!(crate::xml::parse(&text, &crate::Limits::default()).is_ok());
        }
    }

    #[test]
    fn an_attribute_bomb_is_refused_before_it_is_parsed() {
        use std::fmt::Write as _;
        let mut bomb = String::from("<a");
        for n in 0..20_000 {
            let _ = write!(bomb, " a{n}=''");
        }
        bomb.push_str("/>");
        let refused = crate::xml::parse(&bomb, &crate::Limits::default());
        assert!(matches!(refused, Err(XmlError::TooMany { .. })));
    }

    #[test]
    fn white_space_in_attribute_values_becomes_spaces() {
        let text = "<a x='1\r\n2\t3' y=\"&#10;\"><!-- '\n -->\n<![CDATA[<b c='\n']]></a>";
        let wanted = "<a x='1 2 3'  y=\"&#10;\"><!-- '\n -->\n<![CDATA[<b c='\n']]></a>";
        assert_eq!(normalized(text).as_deref(), Some(wanted));
        assert_eq!(wanted.len(), text.len());
        assert_eq!(normalized("<a x='1 2'\n y='3'>\n</a>"), None);
        assert_eq!(normalized("<a x='1\n"), None);
    }

    /// What the tags of a document contain, read byte by byte.
    #[derive(Default)]
    struct Slow {
        /// Number of attributes of each element.
        elements: Vec<usize>,
        /// The normalized text, if the document is complete.
        normalized: Option<String>,
    }

    impl Slow {
        fn read(text: &str) -> Self {
            let mut out = Self::default();
            let (mut rest, mut normal) = (text, String::new());
            let mut has_declaration = false;
            while let Some(at) = rest.find('<') {
                normal.push_str(&rest[..at]);
                rest = &rest[at..];
                let mut others = [
                    ("<!--", "-->"),
                    ("<![CDATA[", "]]>"),
                    ("<?", "?>"),
                    ("</", ">"),
                    ("<!", ">"),
                ]
                .into_iter();
                let length = match others.find(|(start, _)| rest.starts_with(start)) {
                    Some((start, end)) => {
                        has_declaration |= start == "<!";
                        // `<?>` is complete, `<!-->` is not.
                        let skipped = if start == "<?" { 1 } else { start.len() };
                        let end = rest[skipped..].find(end).map(|at| skipped + at + end.len());
                        normal.push_str(&rest[..end.unwrap_or_default()]);
                        end
                    }
                    None => out.tag(rest, &mut normal),
                };
                let Some(length) = length else { return out };
                rest = &rest[length..];
            }
            normal.push_str(rest);
            out.normalized = Some(normal).filter(|it| !has_declaration && it != text);
            out
        }

        /// Writes the normalized start tag and returns its length, unless it is cut off.
        fn tag(&mut self, text: &str, normal: &mut String) -> Option<usize> {
            let mut attributes = 0;
            let mut quote = None;
            let (mut before, mut padding) = (' ', String::new());
            let mut end = None;
            for (at, sign) in text.char_indices() {
                match (quote, sign) {
                    (Some(_), '\n') if before == '\r' => padding.push(' '),
                    (Some(_), '\t' | '\n' | '\r') => normal.push(' '),
                    _ => normal.push(sign),
                }
                match (quote, sign) {
                    (Some(open), _) if open == sign => {
                        quote = None;
                        normal.push_str(&std::mem::take(&mut padding));
                    }
                    (None, '"' | '\'') => quote = Some(sign),
                    (None, '=') => attributes += 1,
                    (None, '>') => {
                        end = Some(at + 1);
                        break;
                    }
                    _ => {}
                }
                before = sign;
            }
            self.elements.push(attributes);
            end
        }

        fn is_refused(&self, elements: usize, attributes: usize) -> bool {
            self.elements.len() > elements || self.elements.iter().any(|it| *it > attributes)
        }
    }

    /// Generates documents of which most are not well-formed.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<",
            ">",
            "<a",
            "<b ",
            "/>",
            "</a>",
            "</",
            "<!",
            "<!--",
            "-->",
            "-",
            "<![CDATA[",
            "]]>",
            "]",
            "<?",
            "?>",
            "?",
            "!",
            "=",
            "'",
            "\"",
            " c='",
            " d=\"",
            "\t",
            "\n",
            "\r",
            "\r\n",
            "x",
            "\u{e4}",
            "&#10;",
            " ",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn a_slow_reader_finds_the_same(text in pieces(), elements in 0_usize..6, attributes in 0_usize..4) {
            let slow = Slow::read(&text);
            let refused = slow.is_refused(elements, attributes);
            prop_assert_eq!(check_size(&text, elements, attributes).is_err(), refused);
            match check_and_normalize(&text, elements, attributes) {
                Ok(normalized) => prop_assert_eq!((normalized, refused), (slow.normalized, false)),
                Err(_) => prop_assert!(refused),
            }
        }
    }
}
