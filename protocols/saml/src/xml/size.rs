//! Counts elements and attributes before the parser runs: the parser compares each attribute of an
//! element with all others, which takes seconds for some thousands of them.

use super::XmlError;

/// Refuses a document with more than `max_elements` elements, or with an element of more than
/// `max_attributes` attributes (including namespace declarations). Takes linear time, and does not
/// check whether the document is well-formed.
///
/// # Errors
/// [`XmlError::TooMany`].
pub fn check_size(text: &str, max_elements: usize, max_attributes: usize) -> Result<(), XmlError> {
    let mut rest = text.as_bytes();
    let mut elements = 0;
    while let Some(at) = rest.iter().position(|&byte| byte == b'<') {
        rest = &rest[at..];
        rest = if rest.starts_with(b"<!--") {
            after(rest, b"-->")
        } else if rest.starts_with(b"<![CDATA[") {
            after(rest, b"]]>")
        } else if rest.starts_with(b"<?") {
            after(rest, b"?>")
        } else if rest.starts_with(b"</") || rest.starts_with(b"<!") {
            after(rest, b">")
        } else {
            elements += 1;
            if elements > max_elements {
                return Err(XmlError::TooMany {
                    limit: max_elements,
                    what: "elements",
                });
            }
            after_tag(rest, max_attributes)?
        };
    }
    Ok(())
}

/// Returns the text after the first `end`, or an empty text if there is none.
fn after<'t>(text: &'t [u8], end: &[u8]) -> &'t [u8] {
    let at = text.windows(end.len()).position(|part| part == end);
    at.map_or(&[], |at| &text[at + end.len()..])
}

/// Counts the attributes of a start tag and returns the text after it.
fn after_tag(text: &[u8], max_attributes: usize) -> Result<&[u8], XmlError> {
    let mut attributes = 0;
    let mut quote = None;
    for (at, &byte) in text.iter().enumerate() {
        match (quote, byte) {
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'=') => {
                attributes += 1;
                if attributes > max_attributes {
                    return Err(XmlError::TooMany {
                        limit: max_attributes,
                        what: "attributes of one element",
                    });
                }
            }
            (None, b'>') => return Ok(&text[at + 1..]),
            (None, _) => {}
        }
    }
    Ok(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(text: &str) -> bool {
        check_size(text, 3, 2).is_err()
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
}
