//! Reads the tags of a document before the parser does, in one pass: counts elements, levels,
//! attributes and namespace declarations, and normalizes white space in attribute values.
//!
//! Parsers compare each attribute of an element with all others, and copy the namespaces of an
//! element to each child that declares one: some thousands of them take seconds or minutes. And the
//! parser of this crate does not normalize values (XML 1.0 §3.3.3), so that the digest would differ
//! from the signer's.

use std::ops::Range;

use memchr::{memchr, memchr3, memmem};

use super::{Limits, XmlError};

/// Refuses a document with more elements, levels, attributes of an element or namespace
/// declarations than `limits` allow. Takes linear time, does not compare the number of bytes, and
/// does not check whether the document is well-formed.
///
/// Call it before every parser: a parser that has a limit of its own may reach it too late.
///
/// # Errors
/// [`XmlError::TooMany`].
pub fn check_size(text: &str, limits: &Limits) -> Result<(), XmlError> {
    read(text.as_bytes(), limits, |_| {}).map(drop)
}

/// Checks the document like [`check_size`], and returns it with all attribute values normalized: a
/// literal tab or line break becomes a space. `None` if nothing changes.
///
/// The length stays the same, so that positions remain valid: if a line break of two characters
/// becomes one space, another space is added after the closing quote.
pub(super) fn check_and_normalize(text: &str, limits: &Limits) -> Result<Option<String>, XmlError> {
    let bytes = text.as_bytes();
    let mut changed: Option<Vec<u8>> = None;
    let is_complete = read(bytes, limits, |value| {
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
    limits: &Limits,
    mut value: impl FnMut(Range<usize>),
) -> Result<bool, XmlError> {
    let mut elements = 0;
    // For each open element: the namespace declarations of it and of its ancestors.
    let mut open: Vec<usize> = Vec::new();
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
            [_, b'/', ..] => {
                open.pop();
                after(text, start, b">")
            }
            _ => {
                elements += 1;
                let depth = u32::try_from(open.len() + 1).unwrap_or(u32::MAX);
                let is_within = |got: usize, limit: usize, what| match got > limit {
                    true => Err(XmlError::TooMany { limit, what }),
                    false => Ok(()),
                };
                is_within(elements, limits.max_elements, "elements")?;
                if depth > limits.max_depth {
                    return Err(XmlError::TooMany {
                        limit: limits.max_depth as usize,
                        what: "levels of nested elements",
                    });
                }
                let Some(tag) = read_tag(text, start + 1, limits.max_attributes, &mut value)?
                else {
                    return Ok(false);
                };
                let namespaces = open.last().unwrap_or(&0) + tag.namespaces;
                is_within(
                    namespaces,
                    limits.max_namespaces,
                    "namespace declarations of an element and its ancestors",
                )?;
                if !tag.is_empty {
                    open.push(namespaces);
                }
                Some(tag.end)
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

/// A start tag.
struct Tag {
    /// Position after the tag.
    end: usize,
    /// Number of namespace declarations.
    namespaces: usize,
    /// The element has no content: `<a/>`.
    is_empty: bool,
}

/// Counts the attributes of the start tag whose name is at `at`; `None` if the tag is cut off.
fn read_tag(
    text: &[u8],
    mut at: usize,
    max_attributes: usize,
    value: &mut impl FnMut(Range<usize>),
) -> Result<Option<Tag>, XmlError> {
    let mut attributes = 0;
    let mut namespaces = 0;
    // After the name of the element or the previous value.
    let mut before = at;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'>' => {
                return Ok(Some(Tag {
                    end: at,
                    namespaces,
                    is_empty: text[at - 2] == b'/',
                }));
            }
            b'=' => {
                attributes += 1;
                if attributes > max_attributes {
                    return Err(XmlError::TooMany {
                        limit: max_attributes,
                        what: "attributes of one element",
                    });
                }
                namespaces += usize::from(is_namespace(&text[before..at - 1]));
                before = at;
            }
            b'"' | b'\'' => {
                let Some(length) = memchr(byte, &text[at..]) else {
                    return Ok(None);
                };
                value(at..at + length);
                at += length + 1;
                before = at;
            }
            _ => {}
        }
    }
    Ok(None)
}

/// True if the text before an equals sign ends with `xmlns` or `xmlns:…`.
fn is_namespace(before: &[u8]) -> bool {
    let name = before.trim_ascii_end();
    let start = name.iter().rposition(u8::is_ascii_whitespace);
    let name = start.map_or(name, |start| &name[start + 1..]);
    matches!(name.strip_prefix(b"xmlns"), Some([] | [b':', ..]))
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

    fn limits(elements: usize, attributes: usize, depth: u32, namespaces: usize) -> Limits {
        Limits {
            max_elements: elements,
            max_attributes: attributes,
            max_depth: depth,
            max_namespaces: namespaces,
            ..Limits::default()
        }
    }

    fn is_refused(text: &str) -> bool {
        check_size(text, &limits(3, 2, 9, 9)).is_err()
    }

    fn normalize_text(text: &str) -> Option<String> {
        check_and_normalize(text, &Limits::default()).unwrap()
    }

    #[test]
    fn elements_and_attributes_are_counted() {
        assert!(!is_refused("<a b='1' c='2'><b/><c></c></a>"));
        assert!(is_refused("<a b='1' c='2' d='3'/>"));
        assert!(is_refused("<a xmlns:b='1' xmlns:c='2' d='3'/>"));
        assert!(is_refused("<a><b/><c/><d/></a>"));
    }

    #[test]
    fn levels_and_namespaces_are_counted() {
        let is_refused = |text| check_size(text, &limits(9, 9, 2, 2)).is_err();
        assert!(!is_refused("<a><b/><b></b><b/></a>"));
        assert!(is_refused("<a><b><c/></b></a>"));
        assert!(!is_refused(
            "<a xmlns='1'><b xmlns:c='2'/><b\nxmlns:c = '2'></b></a>"
        ));
        assert!(is_refused("<a xmlns='1'><b xmlns:c='2' xmlns:d='3'/></a>"));
        assert!(is_refused(
            "<a xmlns='1' xmlns:b='2'><b\nxmlns:c = '2'></b></a>"
        ));
        assert!(!is_refused(
            "<a b='xmlns=' xmlnsb='' c:xmlns='' d='xmlns:'/>"
        ));
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
        assert_eq!(normalize_text(text).as_deref(), Some(wanted));
        assert_eq!(wanted.len(), text.len());
        assert_eq!(normalize_text("<a x='1 2'\n y='3'>\n</a>"), None);
        assert_eq!(normalize_text("<a x='1\n"), None);
    }

    /// What the tags of a document contain, read byte by byte.
    #[derive(Default)]
    struct Slow {
        /// Number of attributes of each element.
        elements: Vec<usize>,
        /// Level of each element.
        depths: Vec<u32>,
        /// Number of open elements.
        open: u32,
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
                        out.open = out.open.saturating_sub(u32::from(start == "</"));
                        // `<?>` is complete, `<!-->` is not.
                        let skipped = if start == "<?" { 1 } else { start.len() };
                        let end = rest[skipped..].find(end).map(|at| skipped + at + end.len());
                        normal.push_str(&rest[..end.unwrap_or_default()]);
                        end
                    }
                    None => out.read_tag(rest, &mut normal),
                };
                let Some(length) = length else { return out };
                rest = &rest[length..];
            }
            normal.push_str(rest);
            out.normalized = Some(normal).filter(|it| !has_declaration && it != text);
            out
        }

        /// Writes the normalized start tag and returns its length, unless it is cut off.
        fn read_tag(&mut self, text: &str, normal: &mut String) -> Option<usize> {
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
            self.depths.push(self.open + 1);
            let is_empty = end.is_some_and(|end| text[..end].ends_with("/>"));
            self.open += u32::from(!is_empty);
            end
        }

        fn is_refused(&self, elements: usize, attributes: usize, depth: u32) -> bool {
            self.elements.len() > elements
                || self.elements.iter().any(|it| *it > attributes)
                || self.depths.iter().any(|it| *it > depth)
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
        fn a_slow_reader_finds_the_same(text in pieces(), elements in 0_usize..6, attributes in 0_usize..4, depth in 0_u32..5) {
            let slow = Slow::read(&text);
            let refused = slow.is_refused(elements, attributes, depth);
            let limits = limits(elements, attributes, depth, 9);
            prop_assert_eq!(check_size(&text, &limits).is_err(), refused);
            match check_and_normalize(&text, &limits) {
                Ok(normalized) => prop_assert_eq!((normalized, refused), (slow.normalized, false)),
                Err(_) => prop_assert!(refused),
            }
        }
    }
}
