//! Parses SAML documents independently of the parties.
//!
//! This module does not use the parsers of the parties: it has another XML parser, its own
//! canonicalization, and verifies signatures with the cryptographic library directly, so that an
//! error of the parties is not repeated here. It reads broken documents as far as possible, because
//! it must say what is wrong with them.
//!
//! - [`canonical`]: canonical XML, exclusive and inclusive;
//! - [`certificate`]: certificates, and signatures by their keys;
//! - [`encoding`]: decodes bytes to text;
//! - [`encryption`]: decrypts assertions with the recipient's key;
//! - `key_file`: reads the file of a private key;
//! - [`signature`]: which parts of a document are signed, and whether validly;
//! - [`schema`]: the order and number of elements that the SAML schemas require;
//! - [`response`]: the contents of a Response;
//! - `xml`: parses a document, with limits;
//! - [`message`]: decodes a SAML message from any encoding;
//! - [`pasted`]: finds messages in logs, mails, commands and damaged values.

pub mod canonical;
pub mod certificate;
pub use saml::encoding;
pub mod encryption;
mod key_file;
pub mod message;
pub mod pasted;
pub mod response;
pub mod schema;
pub mod signature;
mod xml;

use roxmltree::Node;

pub use xml::parse;

/// XML namespaces of the documents.
pub mod ns {
    /// SAML assertions (saml-core §1.1).
    pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
    /// SAML protocol (saml-core §1.1).
    pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
    /// SAML metadata (saml-metadata §1.1).
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

/// Describes a text that is no XML document of SAML: what it is, as the end of a sentence. `None` if
/// it may be one.
pub(crate) fn other_document(text: &str) -> Option<String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let is_web = message::is_page(text);
    if text.is_empty() {
        return Some("an empty document".to_owned());
    }
    if is_web && parse(text).map_or(true, |it| it.root_element().tag_name().name() == "html") {
        return Some(
            "a web page (HTML): the address may ask for a sign-on first; download the metadata in a browser and give the file, or copy the metadata URL again".to_owned(),
        );
    }
    if let Some(rest) = text.strip_prefix("-----BEGIN ") {
        let label = rest.split("-----").next().unwrap_or_default();
        return Some(format!(
            "a PEM file ({label}): give the metadata that contains it"
        ));
    }
    if text.starts_with(['{', '[']) {
        return Some("JSON: look for the metadata in XML".to_owned());
    }
    if !text.starts_with('<') {
        let begins = crate::excerpt::truncate(text, 40);
        return Some(format!("text that is no XML; it begins with \"{begins}\""));
    }
    parse(text).err().map(|error| {
        format!(
            "XML that cannot be read ({error}); if the end is missing, export or download it again"
        )
    })
}

/// Returns the first child element with this name.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, space: &str, name: &str) -> Option<Node<'a, 'i>> {
    children(node, space, name).next()
}

/// Returns the child elements with this name.
pub(crate) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    space: &str,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |it| is(*it, space, name))
}

/// True if the node is the element with this name.
pub(crate) fn is(node: Node<'_, '_>, space: &str, name: &str) -> bool {
    let tag = node.tag_name();
    node.is_element() && tag.name() == name && tag.namespace() == Some(space)
}

/// Returns all text in an element, without white space at both ends.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let texts = node.descendants().filter(Node::is_text);
    let all: String = texts.filter_map(|it| it.text()).collect();
    all.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Returns `levels` nested elements, each with `each` namespace declarations of its own, around
    /// `within`.
    fn nested(levels: usize, each: usize, within: &str) -> String {
        let mut out = String::new();
        for level in 0..levels {
            out.push_str("<a");
            for one in 0..each {
                let number = level * each + one;
                let _ = write!(out, " xmlns:n{number}=\"u{number}\"");
            }
            out.push('>');
        }
        out + within + &"</a>".repeat(levels)
    }

    /// Each of these documents of less than 100 KB occupied the parser for seconds to minutes.
    #[test]
    fn a_namespace_bomb_is_refused_before_it_is_parsed() {
        let siblings = "<b xmlns:c=\"d\"/>".repeat(4000);
        for (bomb, limit) in [
            (nested(2000, 1, ""), "100 namespace declarations"),
            (nested(190, 1, &siblings), "100 namespace declarations"),
            (nested(60, 20, &siblings), "100 namespace declarations"),
            (nested(2000, 0, ""), "200 levels of nested elements"),
            (nested(1, 1001, ""), "1000 attributes of one element"),
            (
                format!("<a>{}</a>", "<b/>".repeat(200_000)),
                "200000 elements",
            ),
        ] {
            let error = parse(&bomb).unwrap_err();
            assert!(error.contains(limit), "{limit}: {error}");
        }
        assert!(parse(&nested(190, 0, &siblings)).is_ok());
        assert!(parse(&nested(9, 11, &siblings)).is_ok());
    }
}
