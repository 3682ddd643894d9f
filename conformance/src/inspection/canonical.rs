//! Canonical XML 1.0 (inclusive and exclusive) of a subtree without one element: the input of the
//! digest of an enveloped signature.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::{Node, NodeId};

/// Canonicalization method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// True for exclusive canonicalization (exc-c14n), which writes only the namespaces in use.
    pub exclusive: bool,
    /// True if comments are kept.
    pub comments: bool,
    /// Prefixes that exclusive canonicalization treats inclusively (`InclusiveNamespaces`).
    pub prefixes: BTreeSet<String>,
    /// White space that is left out. No standard algorithm does that; it finds out whether a
    /// document was pretty-printed after it was signed.
    pub left_out: Layout,
}

/// White space that the layout of a document may have added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// No white space: the digest is computed as the standard says.
    Nothing,
    /// Texts of white space beside an element.
    BetweenElements,
    /// All texts of white space, also the only text of an element. A line break after each tag adds
    /// them to elements that were empty.
    BlankTexts,
    /// White space at the ends of all texts, which some formatters write around values.
    Ends,
}

impl Layout {
    /// Every white space that may have been added, the least first.
    pub const ADDED: [Self; 3] = [Self::BetweenElements, Self::BlankTexts, Self::Ends];

    /// Returns a text without this white space.
    fn strip<'t>(self, node: Node<'_, '_>, text: &'t str) -> &'t str {
        let is_blank = text.trim().is_empty();
        match self {
            Self::BetweenElements if is_blank && is_beside_element(node) => "",
            Self::BlankTexts if is_blank => "",
            Self::Ends => text.trim(),
            _ => text,
        }
    }
}

impl Method {
    /// Returns the method of an algorithm URI.
    pub fn of(uri: &str) -> Option<Self> {
        let (exclusive, comments) = match uri {
            "http://www.w3.org/2001/10/xml-exc-c14n#" => (true, false),
            "http://www.w3.org/2001/10/xml-exc-c14n#WithComments" => (true, true),
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
            | "http://www.w3.org/2006/12/xml-c14n11" => (false, false),
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
            | "http://www.w3.org/2006/12/xml-c14n11#WithComments" => (false, true),
            _ => return None,
        };
        Some(Self {
            exclusive,
            comments,
            prefixes: BTreeSet::new(),
            left_out: Layout::Nothing,
        })
    }
}

/// Returns the canonical form of a subtree, without the element `left_out`.
pub fn canonical(apex: Node<'_, '_>, method: &Method, left_out: Option<NodeId>) -> String {
    let mut writer = Writer {
        out: String::new(),
        method,
        left_out,
    };
    writer.write_node(apex, &BTreeMap::new());
    writer.out
}

/// Prefixes (empty for the default namespace) and the namespace URI that was last written for each.
type Rendered = BTreeMap<String, String>;

struct Writer<'m> {
    out: String,
    method: &'m Method,
    left_out: Option<NodeId>,
}

impl Writer<'_> {
    fn write_node(&mut self, node: Node<'_, '_>, rendered: &Rendered) {
        if Some(node.id()) == self.left_out {
            return;
        }
        if node.is_element() {
            self.write_element(node, rendered);
        } else if node.is_text() {
            let text = node.text().unwrap_or_default();
            escape(&mut self.out, self.method.left_out.strip(node, text), false);
        } else if node.is_comment() && self.method.comments {
            self.out.push_str("<!--");
            self.out.push_str(node.text().unwrap_or_default());
            self.out.push_str("-->");
        } else if let Some(instruction) = node.pi() {
            self.out.push_str("<?");
            self.out.push_str(instruction.target);
            if let Some(value) = instruction.value {
                self.out.push(' ');
                self.out.push_str(value);
            }
            self.out.push_str("?>");
        }
    }

    fn write_element(&mut self, node: Node<'_, '_>, rendered: &Rendered) {
        let name = written_name(node);
        let mut below = rendered.clone();
        let mut namespaces = String::new();
        for prefix in self.needed_prefixes(node, prefix_of(name)) {
            let lookup = (!prefix.is_empty()).then_some(prefix.as_str());
            let uri = node.lookup_namespace_uri(lookup).unwrap_or_default();
            let before = rendered.get(&prefix).map_or("", String::as_str);
            if uri == before {
                continue;
            }
            namespaces.push_str(" xmlns");
            if !prefix.is_empty() {
                namespaces.push(':');
                namespaces.push_str(&prefix);
            }
            namespaces.push_str("=\"");
            escape(&mut namespaces, uri, true);
            namespaces.push('"');
            below.insert(prefix, uri.to_owned());
        }
        self.out.push('<');
        self.out.push_str(name);
        self.out.push_str(&namespaces);
        let source = node.document().input_text();
        let mut attributes: Vec<_> = node.attributes().collect();
        attributes.sort_by_key(|it| (it.namespace().unwrap_or_default(), it.name()));
        for attribute in attributes {
            self.out.push(' ');
            self.out.push_str(&source[attribute.range_qname()]);
            self.out.push_str("=\"");
            escape(&mut self.out, attribute.value(), true);
            self.out.push('"');
        }
        self.out.push('>');
        for child in node.children() {
            self.write_node(child, &below);
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Returns the prefixes that must be in scope at this element's start tag; it declares those
    /// that are not yet.
    fn needed_prefixes(&self, node: Node<'_, '_>, own: &str) -> BTreeSet<String> {
        let source = node.document().input_text();
        let in_scope = || {
            let all = node.namespaces();
            all.map(|it| it.name().unwrap_or_default().to_owned())
        };
        if !self.method.exclusive {
            let mut all: BTreeSet<String> = in_scope().collect();
            all.insert(String::new());
            all.remove("xml");
            return all;
        }
        let mut used = BTreeSet::from([own.to_owned()]);
        for attribute in node.attributes() {
            let prefix = prefix_of(&source[attribute.range_qname()]);
            if !prefix.is_empty() {
                used.insert(prefix.to_owned());
            }
        }
        used.extend(in_scope().filter(|prefix| self.method.prefixes.contains(prefix)));
        used.remove("xml");
        used
    }
}

/// True if the parent of a text contains an element.
fn is_beside_element(text: Node<'_, '_>) -> bool {
    text.parent()
        .is_some_and(|parent| parent.children().any(|it| it.is_element()))
}

/// Returns the element's name as written, with its prefix.
pub(super) fn written_name<'i>(node: Node<'_, 'i>) -> &'i str {
    let source = &node.document().input_text()[node.range()];
    let name = source.strip_prefix('<').unwrap_or(source);
    let end = name.find(|c: char| c.is_whitespace() || c == '/' || c == '>');
    &name[..end.unwrap_or(name.len())]
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn escape(out: &mut String, text: &str, in_attribute: bool) {
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' if !in_attribute => out.push_str("&gt;"),
            '"' if in_attribute => out.push_str("&quot;"),
            '\t' if in_attribute => out.push_str("&#x9;"),
            '\n' if in_attribute => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            sign => out.push(sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusive(xml: &str, name: &str) -> String {
        let document = crate::inspection::parse(xml).unwrap();
        let node = document.descendants().find(|it| it.has_tag_name(name));
        let node = node.or_else(|| {
            let mut all = document.descendants();
            all.find(|it| it.tag_name().name() == name)
        });
        let method = Method::of("http://www.w3.org/2001/10/xml-exc-c14n#").unwrap();
        canonical(node.unwrap(), &method, None)
    }

    #[test]
    fn only_namespaces_in_use_are_declared_where_they_are_first_used() {
        let xml = r#"<a:x xmlns:a="urn:a" xmlns:b="urn:b"><a:y z="1" b:c="2"/></a:x>"#;
        assert_eq!(
            exclusive(xml, "y"),
            r#"<a:y xmlns:a="urn:a" xmlns:b="urn:b" z="1" b:c="2"></a:y>"#
        );
    }

    #[test]
    fn the_end_of_a_default_namespace_is_declared() {
        let xml = r#"<x xmlns="urn:a"><y xmlns=""/></x>"#;
        assert_eq!(
            exclusive(xml, "x"),
            r#"<x xmlns="urn:a"><y xmlns=""></y></x>"#
        );
    }

    #[test]
    fn inclusive_declares_everything_in_scope_at_the_apex() {
        let xml = r#"<a:x xmlns:a="urn:a" xmlns:b="urn:b"><a:y><!-- no -->&lt;&#13;</a:y></a:x>"#;
        let document = crate::inspection::parse(xml).unwrap();
        let apex = document.root_element().first_element_child().unwrap();
        let method = Method::of("http://www.w3.org/TR/2001/REC-xml-c14n-20010315").unwrap();
        assert_eq!(
            canonical(apex, &method, None),
            r#"<a:y xmlns:a="urn:a" xmlns:b="urn:b">&lt;&#xD;</a:y>"#
        );
    }
}
