//! Parses a document without a DTD, and with limits, because the parser's time and memory grow with
//! the number of elements and attributes.

use roxmltree::{Document, ParsingOptions};

/// Largest number of nodes in a document.
const MOST_NODES: u32 = 200_000;

/// Largest number of attributes of an element: the parser compares each attribute with all others.
const MOST_ATTRIBUTES: usize = 1000;

/// Deepest nesting of elements in a document.
const DEEPEST: usize = 200;

/// Parses an XML document. Refuses a DTD, and a document beyond the size limits.
///
/// # Errors
/// The parser's message, with line and column.
pub fn parse(xml: &str) -> Result<Document<'_>, String> {
    saml::check_xml_size(xml, MOST_NODES as usize, MOST_ATTRIBUTES)
        .map_err(|error| error.to_string())?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(xml, options).map_err(|error| error.to_string())?;
    let mut depths = vec![0_usize; document.descendants().count() + 1];
    for node in document.descendants() {
        let depth = node
            .parent()
            .map_or(0, |it| depths[it.id().get_usize()] + 1);
        if depth > DEEPEST {
            return Err(format!("elements are nested more than {DEEPEST} deep"));
        }
        depths[node.id().get_usize()] = depth;
    }
    Ok(document)
}
