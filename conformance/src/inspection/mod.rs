//! SAML documents, read independently of the parties.
//!
//! Nothing here uses the parties' readers: another XML parser, a
//! canonicalization of its own, and signatures verified by the plain
//! cryptographic library, so that a mistake of the parties isn't made twice.
//! It reads what is broken as far as it goes, since it must say what is wrong.
//!
//! - [`canonical`]: canonical XML, exclusive and inclusive;
//! - [`certificate`]: certificates, and signatures by their keys;
//! - [`encoding`]: bytes to text;
//! - [`encryption`]: encrypted assertions, with the recipient's key;
//! - [`signature`]: who vouches for which part of a document;
//! - [`schema`]: the order and number that the standards' schemas demand;
//! - [`response`]: what a Response says;
//! - [`message`]: a SAML message out of any encoding.

pub mod canonical;
pub mod certificate;
pub use saml::encoding;
pub mod encryption;
pub mod message;
pub mod response;
pub mod schema;
pub mod signature;

use roxmltree::{Document, Node, ParsingOptions};

/// The namespaces that are read here.
pub mod ns {
    /// Assertions (saml-core §1.1).
    pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    /// The protocol (saml-core §1.1).
    pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
    /// Metadata (saml-metadata §1.1).
    pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
    /// XML Signature.
    pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
    /// XML Encryption.
    pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
    /// SOAP 1.1 envelopes: artifact resolution, ECP, logout by SOAP.
    pub const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
    /// Exclusive canonicalization.
    pub const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
}

/// The most nodes of a document that is read.
const MOST_NODES: u32 = 200_000;

/// The most attributes of an element that is read: the parser compares each
/// with each.
const MOST_ATTRIBUTES: usize = 1000;

/// The deepest nesting of a document that is read.
const DEEPEST: usize = 200;

/// Parses a document as SAML allows it: without a DTD, bounded in size.
///
/// # Errors
/// The parser's complaint, with line and column.
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

/// The first child element of that name.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, space: &str, name: &str) -> Option<Node<'a, 'i>> {
    children(node, space, name).next()
}

/// The child elements of that name.
pub(crate) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    space: &str,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |it| is(*it, space, name))
}

/// Whether it is the element of that name.
pub(crate) fn is(node: Node<'_, '_>, space: &str, name: &str) -> bool {
    let tag = node.tag_name();
    node.is_element() && tag.name() == name && tag.namespace() == Some(space)
}

/// All the text in an element, without the white space around it.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let texts = node.descendants().filter(Node::is_text);
    let all: String = texts.filter_map(|it| it.text()).collect();
    all.trim().to_owned()
}
