//! Parses a document without a DTD, and with limits, because the parser's time and memory grow with
//! the number of elements, attributes and namespaces.

use roxmltree::{Document, ParsingOptions};
use saml::Limits;

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

/// Parses an XML document. Refuses a DTD, and a document beyond the limits.
///
/// # Errors
/// The limit, or the parser's message with line and column.
pub fn parse(xml: &str) -> Result<Document<'_>, String> {
    saml::check_xml_size(xml, &LIMITS).map_err(|error| error.to_string())?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(xml, options).map_err(|error| error.to_string())
}
