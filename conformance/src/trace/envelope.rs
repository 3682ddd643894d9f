//! Finds the SAML messages in a document: at its root, or inside envelopes (SOAP, artifact
//! resolution, ECP).

use roxmltree::Node;

use crate::inspection::ns;

/// A message inside a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Carried<'a, 'i> {
    /// The root element of the message.
    pub(super) element: Node<'a, 'i>,
    /// Local name of the envelope around the message, if there is one.
    pub(super) envelope: Option<&'a str>,
}

/// Returns every message of a document, the outermost first.
pub(super) fn messages_of<'a, 'i>(root: Node<'a, 'i>) -> Vec<Carried<'a, 'i>> {
    let mut found = vec![Carried {
        element: root,
        envelope: None,
    }];
    let mut at = 0;
    while at < found.len() {
        let outer = found[at].element;
        let name = outer.tag_name().name();
        let inner: Vec<Node<'a, 'i>> = match (name, outer.tag_name().namespace()) {
            ("Envelope", Some(ns::SOAP)) => outer
                .children()
                .filter(|it| it.tag_name().name() == "Body")
                .flat_map(|body| body.children())
                .filter(Node::is_element)
                .collect(),
            ("ArtifactResponse", Some(ns::PROTOCOL)) => outer
                .children()
                .filter(|it| it.is_element() && is_message(*it))
                .collect(),
            _ => Vec::new(),
        };
        found.extend(inner.into_iter().map(|element| Carried {
            element,
            envelope: Some(name),
        }));
        at += 1;
    }
    found
}

fn is_message(node: Node<'_, '_>) -> bool {
    let name = node.tag_name().name();
    node.tag_name().namespace() == Some(ns::PROTOCOL)
        && (name.ends_with("Response") || name.ends_with("Request"))
}
