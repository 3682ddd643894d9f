//! The unverified contents of a response. They are shown to an administrator who looks for the
//! reason of a refusal, and are never used for decisions.

use uppsala::{Document, NodeId};

use super::Posted;
use crate::keys::Certificate;
use crate::names;
use crate::xml;

/// Largest number of characters of a value.
const MAX_VALUE_CHARS: usize = 300;

/// Largest number of attributes, and of values of one attribute.
const MAX_ITEMS: usize = 50;

/// The claims of an unverified response. Anybody may have written them, so no function that decides
/// accepts this type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnverifiedSummary {
    /// `Response/@ID`.
    pub response_id: Option<String>,
    /// `Assertion/@ID`.
    pub assertion_id: Option<String>,
    /// The assertion's `<Issuer>`, or else the response's.
    pub issuer: Option<String>,
    /// The subject's `<NameID>`.
    pub name_id: Option<String>,
    /// `Response/@InResponseTo`.
    pub in_response_to: Option<String>,
    /// `Response/@Destination`.
    pub destination: Option<String>,
    /// Every `<Audience>`.
    pub audiences: Vec<String>,
    /// Names and values of the attributes.
    pub attributes: Vec<(String, Vec<String>)>,
    /// The first certificate in a `<KeyInfo>`.
    pub signing_certificate: Option<Certificate>,
}

impl Posted {
    /// Returns the contents of the response, with each value shortened; `None` if it is not XML.
    pub fn unverified_summary(&self) -> Option<UnverifiedSummary> {
        let document = xml::parse(self.xml(), self.limits()).ok()?;
        let root = document.document_element()?;
        let assertion = first(&document, names::ASSERTION, "Assertion");
        let attribute_of = |node: Option<NodeId>, name| {
            node.and_then(|node| xml::attribute(&document, node, name))
                .map(shorten)
        };
        let issuer = |node: Option<NodeId>| {
            node.and_then(|node| xml::child(&document, node, names::ASSERTION, "Issuer"))
        };
        let texts = |name| -> Vec<String> {
            let nodes = document.get_elements_by_tag_name_ns(names::ASSERTION, name);
            let nodes = nodes.into_iter().take(MAX_ITEMS);
            nodes
                .map(|node| shorten(&xml::trimmed_text(&document, node)))
                .collect()
        };
        Some(UnverifiedSummary {
            response_id: attribute_of(Some(root), "ID"),
            assertion_id: attribute_of(assertion, "ID"),
            issuer: issuer(assertion)
                .or_else(|| issuer(Some(root)))
                .map(|node| shorten(&xml::trimmed_text(&document, node))),
            name_id: texts("NameID").into_iter().next(),
            in_response_to: attribute_of(Some(root), "InResponseTo"),
            destination: attribute_of(Some(root), "Destination"),
            audiences: texts("Audience"),
            attributes: attributes(&document),
            signing_certificate: first(&document, names::DSIG, "X509Certificate")
                .and_then(|node| Certificate::parse(&xml::trimmed_text(&document, node)).ok()),
        })
    }
}

fn first(document: &Document<'_>, namespace: &str, name: &str) -> Option<NodeId> {
    let nodes = document.get_elements_by_tag_name_ns(namespace, name);
    nodes.into_iter().next()
}

fn attributes(document: &Document<'_>) -> Vec<(String, Vec<String>)> {
    let nodes = document.get_elements_by_tag_name_ns(names::ASSERTION, "Attribute");
    let named = nodes.into_iter().take(MAX_ITEMS).filter_map(|node| {
        let name = xml::attribute(document, node, "Name")?;
        let values = xml::children(document, node, names::ASSERTION, "AttributeValue");
        let values = values.into_iter().take(MAX_ITEMS);
        let values = values.map(|value| shorten(&xml::trimmed_text(document, value)));
        Some((shorten(name), values.collect()))
    });
    named.collect()
}

fn shorten(value: &str) -> String {
    match value.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
