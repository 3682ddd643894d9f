//! XML as SAML allows it: one root, no DTD, limited in size and depth; and functions to read its
//! tree.

mod canonical;
mod checked;
mod markup;
mod writer;

use uppsala::{Document, Element, NodeId, NodeKind};

pub(crate) use canonical::canonical;
pub(crate) use checked::{Checked, Tag};
pub use markup::check_size;
pub(crate) use writer::{XmlWriter, element, text_element};

/// Limits of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message before decoding.
    pub max_encoded_bytes: usize,
    /// Bytes of a message's XML, after base64 and DEFLATE.
    pub max_xml_bytes: usize,
    /// Levels of nested elements.
    pub max_depth: u32,
    /// Number of elements in a document.
    pub max_elements: usize,
    /// Number of attributes of an element, including namespace declarations: parsers compare each
    /// attribute with all others.
    pub max_attributes: usize,
    /// Number of namespace declarations of an element and its ancestors together: parsers copy them
    /// to each element that declares one.
    pub max_namespaces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_encoded_bytes: 512 * 1024,
            max_xml_bytes: 256 * 1024,
            max_depth: 64,
            max_elements: 5_000,
            max_attributes: 128,
            max_namespaces: 100,
        }
    }
}

/// Why a document is not the XML that SAML allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The document is too large.
    #[error("expected at most {limit} bytes of XML, got {got}")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// Size of the document, in bytes.
        got: usize,
    },
    /// The document has too many elements, attributes or levels.
    #[error("expected at most {limit} {what}, got more")]
    TooMany {
        /// The limit.
        limit: usize,
        /// What there is too much of.
        what: &'static str,
    },
    /// The document has a DTD, which SAML does not allow.
    #[error("invalid XML: a document type declaration (<!DOCTYPE …>) is not allowed")]
    DocumentType,
    /// The document declares another encoding than UTF-8.
    #[error("expected XML in UTF-8, got a document that declares the encoding {0}")]
    Encoding(String),
    /// The schema does not allow the element at this place, or not again.
    #[error("invalid XML: the schema does not allow <{got}> at this place in <{parent}>")]
    Unexpected {
        /// Name of the parent element.
        parent: String,
        /// Name of the element, as written.
        got: String,
    },
    /// The message of the parser, with line and column.
    #[error("invalid XML: {0}")]
    Malformed(String),
    /// The root is another element.
    #[error("expected the root element <{expected}> of {namespace}, got <{got}>")]
    WrongRoot {
        /// Expected local name.
        expected: &'static str,
        /// Expected namespace.
        namespace: &'static str,
        /// Actual name, as written.
        got: String,
    },
    /// A required element is missing.
    #[error("expected <{expected}> in <{parent}>, found none")]
    MissingElement {
        /// Expected local name.
        expected: &'static str,
        /// The parent element.
        parent: String,
    },
    /// A required attribute is missing.
    #[error("expected the attribute {attribute} on <{element}>, found none")]
    MissingAttribute {
        /// Name of the attribute.
        attribute: &'static str,
        /// The element.
        element: String,
    },
    /// A value does not match its type.
    #[error("expected {expected} in {place}, got {got:?}")]
    Value {
        /// The type, in words.
        expected: &'static str,
        /// The element or attribute.
        place: String,
        /// The actual value.
        got: String,
    },
}

/// Parses `text`, with these limits.
pub(crate) fn parse<'a>(text: &'a str, limits: &Limits) -> Result<Document<'a>, XmlError> {
    Checked::new(text, limits)?.into_tree()
}

/// Returns the root element if it is the expected one.
pub(crate) fn root(
    document: &Document<'_>,
    namespace: &'static str,
    name: &'static str,
) -> Result<NodeId, XmlError> {
    let root = document
        .document_element()
        .ok_or_else(|| XmlError::Malformed("the document has no root element".into()))?;
    if is(document, root, namespace, name) {
        return Ok(root);
    }
    Err(XmlError::WrongRoot {
        expected: name,
        namespace,
        got: name_of(document, root),
    })
}

/// True if `node` is the element `name` in `namespace`.
pub(crate) fn is(document: &Document<'_>, node: NodeId, namespace: &str, name: &str) -> bool {
    document
        .element(node)
        .is_some_and(|element| element.matches_name_ns(namespace, name))
}

/// Returns the element's name as written, for messages.
pub(crate) fn name_of(document: &Document<'_>, node: NodeId) -> String {
    document
        .element(node)
        .map(|element| element.name.prefixed_name().into_owned())
        .unwrap_or_default()
}

/// Returns the child elements `name` in `namespace`, in document order.
pub(crate) fn children(
    document: &Document<'_>,
    node: NodeId,
    namespace: &str,
    name: &str,
) -> Vec<NodeId> {
    document.child_elements_by_name_ns(node, namespace, name)
}

/// Returns the first child element `name` in `namespace`.
pub(crate) fn child(
    document: &Document<'_>,
    node: NodeId,
    namespace: &str,
    name: &str,
) -> Option<NodeId> {
    document.first_child_element_by_name_ns(node, namespace, name)
}

/// Returns the first child element `name` in `namespace`, which must exist.
pub(crate) fn require_child(
    document: &Document<'_>,
    node: NodeId,
    namespace: &str,
    name: &'static str,
) -> Result<NodeId, XmlError> {
    child(document, node, namespace, name).ok_or_else(|| XmlError::MissingElement {
        expected: name,
        parent: name_of(document, node),
    })
}

/// Returns an attribute without a namespace. An attribute with the same local name in a namespace
/// is a different one.
pub(crate) fn attribute<'d>(
    document: &'d Document<'_>,
    node: NodeId,
    name: &str,
) -> Option<&'d str> {
    let attributes = &document.element(node)?.attributes;
    attributes
        .iter()
        .find(|attribute| attribute.name.matches(None, name))
        .map(|attribute| attribute.value.as_ref())
}

/// Returns an attribute without a namespace, which must exist.
pub(crate) fn require_attribute<'d>(
    document: &'d Document<'_>,
    node: NodeId,
    name: &'static str,
) -> Result<&'d str, XmlError> {
    attribute(document, node, name).ok_or_else(|| XmlError::MissingAttribute {
        attribute: name,
        element: name_of(document, node),
    })
}

/// Returns the element's text as canonicalization without comments gives it: all text nodes and
/// CDATA sections joined, without comments and processing instructions (`a<!-- -->b` is `ab`, never
/// `a`).
pub(crate) fn text(document: &Document<'_>, node: NodeId) -> String {
    let mut out = String::new();
    for child in document.children_iter(node) {
        match document.node_kind(child) {
            Some(NodeKind::Text(text)) => out.push_str(text),
            Some(NodeKind::CData(text)) => out.push_str(text),
            Some(NodeKind::Element(_)) => out.push_str(&self::text(document, child)),
            _ => {}
        }
    }
    out
}

/// Returns the element's text if the element contains nothing else: no comment, processing
/// instruction or element, which other parsers may read differently.
pub(crate) fn only_text(document: &Document<'_>, node: NodeId) -> Option<String> {
    let mut out = String::new();
    for child in document.children_iter(node) {
        match document.node_kind(child) {
            Some(NodeKind::Text(text)) => out.push_str(text),
            _ => return None,
        }
    }
    Some(out)
}

/// Returns every element of the document, in document order.
pub(crate) fn elements<'d, 'a>(
    document: &'d Document<'a>,
) -> impl Iterator<Item = (NodeId, &'d Element<'a>)> {
    let nodes = (0..).map(NodeId::new);
    let nodes = nodes.map_while(|node| document.node_kind(node).map(|kind| (node, kind)));
    nodes.filter_map(|(node, kind)| match kind {
        NodeKind::Element(element) => Some((node, element)),
        _ => None,
    })
}

/// Returns [`text`] without white space at both ends.
pub(crate) fn trimmed_text(document: &Document<'_>, node: NodeId) -> String {
    text(document, node)
        .trim_matches(crate::names::WHITE_SPACE)
        .to_owned()
}

/// Parses an `xs:dateTime` in UTC (saml-core §1.3.3).
pub(crate) fn instant(value: &str, place: &str) -> Result<jiff::Timestamp, XmlError> {
    value.trim().parse().map_err(|_| XmlError::Value {
        expected: "an instant in UTC such as 2026-03-01T09:00:00Z",
        place: place.to_owned(),
        got: value.to_owned(),
    })
}

/// Writes a time as SAML requires it: UTC, with milliseconds (saml-core §1.3.3).
pub(crate) fn write_instant(instant: jiff::Timestamp) -> String {
    format!("{instant:.3}")
}

/// Parses an `xs:boolean`.
pub(crate) fn boolean(value: &str, place: &str) -> Result<bool, XmlError> {
    match value.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(XmlError::Value {
            expected: "true, false, 1 or 0",
            place: place.to_owned(),
            got: other.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_in_a_namespace_does_not_replace_the_one_without() {
        let text = r#"<a xmlns:x="urn:x" x:ID="theirs" ID="ours"/>"#;
        let document = parse(text, &Limits::default()).unwrap();
        let root = document.document_element().unwrap();
        assert_eq!(attribute(&document, root, "ID"), Some("ours"));
        let only = parse(r#"<a xmlns:x="urn:x" x:ID="theirs"/>"#, &Limits::default()).unwrap();
        let root = only.document_element().unwrap();
        assert_eq!(attribute(&only, root, "ID"), None);
    }

    #[test]
    fn a_line_break_in_an_attribute_is_digested_as_a_space() {
        let text = "<a x='1\r\n2'><b y='&#10;'/></a>";
        let document = parse(text, &Limits::default()).unwrap();
        let root = document.document_element().unwrap();
        let canonical = canonical(&document, root, None, &[]);
        let wanted = "<a x=\"1 2\"><b y=\"&#xA;\"></b></a>";
        assert_eq!(String::from_utf8(canonical).unwrap(), wanted);
    }

    #[test]
    fn an_undeclared_prefix_is_an_error() {
        let error = parse(r#"<a xmlns:p=""/>"#, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("xmlns:p"), "{error}");
        assert!(parse(r#"<a xmlns=""/>"#, &Limits::default()).is_ok());
    }

    #[test]
    fn a_document_beyond_the_limits_is_refused() {
        let limits = Limits {
            max_xml_bytes: 1000,
            max_depth: 8,
            ..Limits::default()
        };
        let wide = format!("<a>{}</a>", " ".repeat(1000));
        assert!(matches!(
            parse(&wide, &limits),
            Err(XmlError::TooLarge { .. })
        ));
        let deep = format!("{}{}", "<a>".repeat(20), "</a>".repeat(20));
        let error = parse(&deep, &limits).unwrap_err().to_string();
        assert_eq!(
            error,
            "expected at most 8 levels of nested elements, got more"
        );
        let entities = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        assert_eq!(parse(entities, &limits).err(), Some(XmlError::DocumentType));
    }
}
