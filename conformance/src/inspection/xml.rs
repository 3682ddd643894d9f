//! Parses a document without a DTD, and with limits, because the parser's time and memory grow with
//! the number of elements, attributes and namespaces.

use roxmltree::{Document, Error, ParsingOptions, TextPos};
use saml::Limits;

use crate::excerpt::excerpt;

/// Limits of every document that is judged. They are checked before the document is parsed: what a
/// target sends must not occupy the processor.
const LIMITS: Limits = Limits {
    max_encoded_bytes: usize::MAX,
    max_xml_bytes: usize::MAX,
    max_depth: 200,
    max_elements: 200_000,
    max_attributes: 1000,
    max_namespaces: 100,
};

/// Largest number of nodes in a document.
const MAX_NODES: u32 = 200_000;

/// Number of characters of a second document that an error quotes.
const LONGEST_REST: usize = 80;

/// Parses an XML document. Refuses a DTD, and a document beyond the limits.
///
/// # Errors
/// The limit; what is wrong, with line and column; or the parser's message.
pub fn parse(xml: &str) -> Result<Document<'_>, String> {
    saml::check_xml_size(xml, &LIMITS).map_err(|error| error.to_string())?;
    parse_sized(xml).map_err(|error| explain(xml, &error))
}

fn parse_sized(xml: &str) -> Result<Document<'_>, Error> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(xml, options)
}

/// Returns what is wrong with the document. The parser calls a second document "an unknown token".
fn explain(xml: &str, error: &Error) -> String {
    if matches!(error, Error::DtdDetected) {
        return "it contains <!DOCTYPE, which is not allowed in a SAML document".to_owned();
    }
    let at = error.pos();
    let first = byte_of(xml, at).and_then(|end| Some((end, parse_sized(xml.get(..end)?).ok()?)));
    match first {
        Some((end, document)) => format!(
            "there is more after the end of {}, at {at}: {}",
            document.root_element().tag_name().name(),
            excerpt(&xml[end..], LONGEST_REST)
        ),
        None => error.to_string(),
    }
}

/// Returns the byte at a line and column, which the parser counts in characters from 1.
fn byte_of(xml: &str, at: TextPos) -> Option<usize> {
    let before = xml.split_inclusive('\n').take(at.row as usize - 1);
    let line: usize = before.map(str::len).sum();
    let mut letters = xml.get(line..)?.char_indices();
    let (column, _) = letters.nth((at.col as usize).checked_sub(1)?)?;
    Some(line + column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_type_and_a_second_document_are_named() {
        for (xml, expected) in [
            ("<a/>\n<!-- end -->\n", None),
            (
                "<a/>\n<b>1</b>",
                Some("there is more after the end of a, at 2:1: <b>1</b>"),
            ),
            (
                "<ä>é</ä>text",
                Some("there is more after the end of ä, at 1:9: text"),
            ),
            (
                "<!DOCTYPE a><a/>",
                Some("it contains <!DOCTYPE, which is not allowed in a SAML document"),
            ),
            ("<a>\n<b></a>", Some("expected 'b' tag, not 'a' at 2:4")),
        ] {
            assert_eq!(parse(xml).err().as_deref(), expected, "{xml}");
        }
    }
}
