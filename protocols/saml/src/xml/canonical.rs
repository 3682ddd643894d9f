//! Exclusive canonicalization without comments (xml-exc-c14n), from the parsed tree itself, so that
//! the digest covers exactly what is read.

use uppsala::{Attribute, Document, NodeId, NodeKind};

/// Returns the canonical form of the subtree under `apex`, without one child: its own signature
/// (xmldsig-core §6.6.4). `inclusive` are the prefixes of an `InclusiveNamespaces` list.
pub(crate) fn canonical(
    document: &Document<'_>,
    apex: NodeId,
    without: Option<NodeId>,
    inclusive: &[&str],
) -> Vec<u8> {
    let mut writer = Writer {
        document,
        without,
        inclusive,
        bindings: Vec::with_capacity(8),
        attributes: Vec::with_capacity(16),
        out: Vec::with_capacity(4 * 1024),
    };
    writer.write_node(apex);
    writer.out
}

struct Writer<'d, 'a> {
    document: &'d Document<'a>,
    without: Option<NodeId>,
    inclusive: &'d [&'d str],
    /// Prefixes and namespaces that the output has declared, the innermost last.
    bindings: Vec<(&'d str, &'d str)>,
    /// Attributes of the current element, for sorting.
    attributes: Vec<&'d Attribute<'a>>,
    out: Vec<u8>,
}

impl<'d> Writer<'d, '_> {
    fn write_node(&mut self, node: NodeId) {
        match self.document.node_kind(node) {
            Some(NodeKind::Element(_)) if self.without != Some(node) => self.write_element(node),
            Some(NodeKind::Text(text) | NodeKind::CData(text)) => self.write_escaped(text, in_text),
            Some(NodeKind::ProcessingInstruction(instruction)) => {
                self.out.extend_from_slice(b"<?");
                self.out.extend_from_slice(instruction.target.as_bytes());
                if let Some(data) = instruction.data.as_deref().filter(|data| !data.is_empty()) {
                    self.out.push(b' ');
                    self.write_escaped(data, escape_in_processing_instruction);
                }
                self.out.extend_from_slice(b"?>");
            }
            _ => {}
        }
    }

    fn write_element(&mut self, node: NodeId) {
        let document = self.document;
        let Some(element) = document.element(node) else {
            return;
        };
        let before = self.bindings.len();
        let namespace = element.name.namespace_uri.as_deref().unwrap_or_default();
        self.bind(
            element.name.prefix.as_deref().unwrap_or_default(),
            namespace,
        );
        for attribute in &element.attributes {
            if let Some(prefix) = attribute.name.prefix.as_deref() {
                let namespace = attribute.name.namespace_uri.as_deref().unwrap_or_default();
                self.bind(prefix, namespace);
            }
        }
        for listed in self.inclusive {
            let prefix = if *listed == "#default" { "" } else { *listed };
            match in_scope(document, node, prefix) {
                Some(namespace) => self.bind(prefix, namespace),
                None if prefix.is_empty() => self.bind("", ""),
                None => {}
            }
        }
        self.bindings[before..].sort_unstable();

        self.out.push(b'<');
        self.write_name(element.name.prefix.as_deref(), &element.name.local_name);
        for index in before..self.bindings.len() {
            let (prefix, namespace) = self.bindings[index];
            self.out.extend_from_slice(b" xmlns");
            if !prefix.is_empty() {
                self.out.push(b':');
                self.out.extend_from_slice(prefix.as_bytes());
            }
            self.write_value(namespace);
        }
        self.attributes.clear();
        self.attributes.extend(&element.attributes);
        self.attributes.sort_by(|one, other| {
            let key = |it: &&'d Attribute<'_>| it.name.namespace_uri.as_deref().unwrap_or_default();
            key(one)
                .cmp(key(other))
                .then_with(|| one.name.local_name.cmp(&other.name.local_name))
        });
        for index in 0..self.attributes.len() {
            let attribute = self.attributes[index];
            self.out.push(b' ');
            self.write_name(attribute.name.prefix.as_deref(), &attribute.name.local_name);
            self.write_value(&attribute.value);
        }
        self.out.push(b'>');
        for child in document.children_iter(node) {
            self.write_node(child);
        }
        self.out.extend_from_slice(b"</");
        self.write_name(element.name.prefix.as_deref(), &element.name.local_name);
        self.out.push(b'>');
        self.bindings.truncate(before);
    }

    /// Declares `prefix` in the output, unless it has the same declaration already. The prefix
    /// `xml` needs none.
    fn bind(&mut self, prefix: &'d str, namespace: &'d str) {
        let known = self
            .bindings
            .iter()
            .rev()
            .find(|(known, _)| *known == prefix);
        let bound = match known {
            Some((_, bound)) => *bound == namespace,
            None => prefix.is_empty() && namespace.is_empty(),
        };
        if !bound && prefix != "xml" {
            self.bindings.push((prefix, namespace));
        }
    }

    fn write_name(&mut self, prefix: Option<&str>, local: &str) {
        if let Some(prefix) = prefix {
            self.out.extend_from_slice(prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(local.as_bytes());
    }

    fn write_value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        self.write_escaped(value, in_value);
        self.out.push(b'"');
    }

    fn write_escaped(&mut self, text: &str, replaced: fn(u8) -> Option<&'static str>) {
        escape(text, replaced, |part| {
            self.out.extend_from_slice(part.as_bytes());
        });
    }
}

/// Calls `push` with the parts of the escaped text: runs of characters that need no escaping are
/// one part.
pub(super) fn escape(
    text: &str,
    replaced: fn(u8) -> Option<&'static str>,
    mut push: impl FnMut(&str),
) {
    let mut rest = text;
    while let Some(at) = find_care(rest.as_bytes()) {
        push(&rest[..at]);
        push(replaced(rest.as_bytes()[at]).unwrap_or(&rest[at..=at]));
        rest = &rest[at + 1..];
    }
    push(rest);
}

/// Number of bytes that are compared at once.
const BLOCK: usize = 32;

/// Returns the position of the first byte that canonical XML escapes somewhere.
fn find_care(bytes: &[u8]) -> Option<usize> {
    // A certificate or a signature is a long text without such a byte. Comparing whole blocks, the
    // compiler uses vector instructions.
    let has_care = |block: &[u8]| {
        let any = |found, &byte: &u8| {
            let is_markup = (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"');
            found | is_markup | (byte == b'\t') | (byte == b'\n') | (byte == b'\r')
        };
        block.iter().fold(false, any)
    };
    let skipped = bytes
        .chunks_exact(BLOCK)
        .take_while(|block| !has_care(block));
    let start = skipped.count() * BLOCK;
    let found = bytes[start..]
        .iter()
        .position(|&byte| CARE[usize::from(byte)]);
    found.map(|at| start + at)
}

/// The bytes that canonical XML escapes somewhere.
const CARE: [bool; 256] = {
    let mut care = [false; 256];
    let signs = b"&<>\"\t\n\r";
    let mut index = 0;
    while index < signs.len() {
        care[signs[index] as usize] = true;
        index += 1;
    }
    care
};

/// Returns the entity for a character of an element's text.
pub(super) fn in_text(sign: u8) -> Option<&'static str> {
    Some(match sign {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'\r' => "&#xD;",
        _ => return None,
    })
}

/// Returns the entity for a character of an attribute value in double quotes.
pub(super) fn in_value(sign: u8) -> Option<&'static str> {
    Some(match sign {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'"' => "&quot;",
        b'\t' => "&#x9;",
        b'\n' => "&#xA;",
        b'\r' => "&#xD;",
        _ => return None,
    })
}

fn escape_in_processing_instruction(sign: u8) -> Option<&'static str> {
    (sign == b'\r').then_some("&#xD;")
}

/// Returns the namespace of `prefix` at `node`.
fn in_scope<'d>(document: &'d Document<'_>, node: NodeId, prefix: &str) -> Option<&'d str> {
    let mut at = Some(node);
    while let Some(node) = at {
        let declared = document.element(node)?.namespace_declarations.iter();
        let mut declared = declared.filter(|(known, _)| known == prefix);
        if let Some((_, namespace)) = declared.next() {
            return Some(namespace);
        }
        at = document.parent(node);
    }
    None
}

#[cfg(test)]
mod tests {
    use bergshamra_c14n::{C14nMode, canonicalize_doc};
    use bergshamra_xml::NodeSet;
    use proptest::prelude::*;

    use super::*;
    use crate::Limits;
    use crate::xml::parse;

    /// Returns the canonical form that the library gives for the same node.
    fn second_judge(document: &Document<'_>, node: NodeId, inclusive: &[&str]) -> String {
        let all = NodeSet::tree_without_comments(node, document);
        let prefixes: Vec<String> = inclusive.iter().map(ToString::to_string).collect();
        let bytes = canonicalize_doc(document, C14nMode::Exclusive, Some(&all), &prefixes);
        String::from_utf8(bytes.unwrap()).unwrap()
    }

    fn ours(document: &Document<'_>, node: NodeId, inclusive: &[&str]) -> String {
        String::from_utf8(canonical(document, node, None, inclusive)).unwrap()
    }

    #[test]
    fn the_form_is_the_standards() {
        let text = "<?xml version='1.0'?><a:r xmlns:a='urn:a' xmlns:b='urn:b' xmlns='urn:d' \
                    z='1' b:y='2' a='3'><!-- gone --><b:c/><d x='&lt;&#9;\"'>1 &gt; <![CDATA[2 & 3]]>\
                    </d><e xmlns=''/><?go  on?></a:r>";
        let document = parse(text, &Limits::default()).unwrap();
        let root = document.document_element().unwrap();
        assert_eq!(
            ours(&document, root, &[]),
            "<a:r xmlns:a=\"urn:a\" xmlns:b=\"urn:b\" a=\"3\" z=\"1\" b:y=\"2\"><b:c></b:c>\
             <d xmlns=\"urn:d\" x=\"&lt;&#x9;&quot;\">1 &gt; 2 &amp; 3</d><e></e><?go on?></a:r>"
        );
    }

    #[test]
    fn only_the_signature_is_left_out() {
        let text = "<r>a<s>b<s>c</s></s>d<s/></r>";
        let document = parse(text, &Limits::default()).unwrap();
        let root = document.document_element().unwrap();
        let signature = document.children(root)[1];
        let bytes = canonical(&document, root, Some(signature), &[]);
        assert_eq!(bytes, b"<r>ad<s></s></r>");
    }

    /// Generates elements, namespaces declared again, attributes, text that needs escaping,
    /// comments, CDATA and processing instructions.
    fn tree() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["a:x", "b:x", "x", "y", "a:y"]);
        let value = "([a-z<>&\"'\t\n\r é]|&amp;|&lt;){0,6}".prop_map(|text| {
            let text = text.replace("&amp;", "\u{1}").replace("&lt;", "\u{2}");
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            text.replace('\u{1}', "&#13;").replace('\u{2}', "&#9;")
        });
        let leaf = prop_oneof![
            value.clone().prop_map(|text| text.replace("]]>", "")),
            "[a-z ]{0,5}".prop_map(|text| format!("<!--{text}-->")),
            "[a-z&<]{0,5}".prop_map(|text| format!("<![CDATA[{text}]]>")),
            "[a-z]{1,4}".prop_map(|text| format!("<?p {text} ?>")),
        ];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            let declared = prop::sample::subsequence(
                vec![
                    "xmlns='urn:d'",
                    "xmlns:a='urn:a2'",
                    "xmlns:b='urn:b'",
                    "xmlns:c='urn:c'",
                ],
                0..4,
            );
            let attributes =
                prop::sample::subsequence(vec!["i", "a:j", "b:k", "xml:lang", "l"], 0..5);
            let inner = prop::collection::vec(inner, 0..4);
            (name.clone(), declared, attributes, value.clone(), inner).prop_map(
                |(name, declared, attributes, value, inner)| {
                    let value = value.replace('"', "&quot;");
                    let attributes: Vec<String> = attributes
                        .iter()
                        .map(|name| format!("{name}=\"{value}\""))
                        .collect();
                    format!(
                        "<{name} {} {}>{}</{name}>",
                        declared.join(" "),
                        attributes.join(" "),
                        inner.concat()
                    )
                },
            )
        })
    }

    proptest! {
        /// Compares the whole document and every element in it, with and without a list of
        /// inclusive prefixes.
        #[test]
        fn the_library_says_the_same(tree in tree(), list in any::<bool>()) {
            let text = format!("<r xmlns:a='urn:a' xmlns:b='urn:b' xmlns:c='urn:c'>{tree}</r>");
            let document = parse(&text, &Limits::default()).unwrap();
            let inclusive: &[&str] = if list { &["#default", "c", "none"] } else { &[] };
            for (node, _) in crate::xml::elements(&document) {
                prop_assert_eq!(
                    ours(&document, node, inclusive),
                    second_judge(&document, node, inclusive)
                );
            }
        }
    }
}
