//! Finds the SAML messages in a document: at its root, or inside envelopes (SOAP, artifact
//! resolution, ECP, WS-Federation).

use roxmltree::Node;

use super::Verdict;
use super::status;
use crate::inspection::{child, is, ns, text};

/// The elements in which WS-Federation and WS-Trust return an assertion.
pub(super) const TOKEN_RESPONSES: [&str; 2] = [
    "RequestSecurityTokenResponse",
    "RequestSecurityTokenResponseCollection",
];

/// The namespace of assertions of SAML 1.1.
const SAML_1_1: &str = "urn:oasis:names:tc:SAML:1.0:assertion";

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
            (name, _) if TOKEN_RESPONSES.contains(&name) => outer
                .descendants()
                .filter(|it| is(*it, ns::ASSERTION, "Assertion"))
                .filter(|it| {
                    !it.ancestors()
                        .skip(1)
                        .any(|it| it.tag_name().name() == "Assertion")
                })
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

/// Says what WS-Federation is, and which of its assertions are explained.
pub(super) fn describe_token_response(root: Node<'_, '_>, verdict: &mut Verdict) {
    let has = |space| root.descendants().any(|it| is(it, space, "Assertion"));
    let content = match (has(ns::ASSERTION), has(SAML_1_1)) {
        (true, _) => "only the SAML 2.0 assertion in it is judged, below",
        (false, true) => {
            "the assertion in it is one of SAML 1.1, which is not judged. If your product supports it, choose SAML 2.0 tokens or the SAML 2.0 protocol"
        }
        (false, false) => "it contains no SAML 2.0 assertion that can be read",
    };
    verdict.leave_out(format!(
        "{}: this is a message of WS-Federation (wresult) or WS-Trust, not of the SAML protocol; {content}",
        root.tag_name().name()
    ));
}

/// Reports a SOAP fault as an error: the responder sent it instead of a SAML message.
pub(super) fn judge_fault(fault: Node<'_, '_>, verdict: &mut Verdict) {
    let of = |name: &str| {
        let part = fault.children().find(|it| it.tag_name().name() == name);
        part.map(text).filter(|it| !it.is_empty())
    };
    let code = of("faultcode").unwrap_or_else(|| "no faultcode".to_owned());
    let reason = of("faultstring").unwrap_or_else(|| "no faultstring".to_owned());
    let detail = of("detail").map(|it| format!(", {it}")).unwrap_or_default();
    let advice = match code.rsplit(':').next() {
        Some("Client") => {
            "the mistake is in the request: compare it with what the responder expects"
        }
        Some("MustUnderstand") => "the responder does not know a header of the request",
        _ => "look into the log of the responder",
    };
    verdict.refuse(format!(
        "the responder answered with a SOAP fault and without a SAML message: {code}: {reason}{detail}; {advice}"
    ));
}

/// Refuses an ArtifactResponse without a message (saml-core §3.5.3), or with an error.
pub(super) fn judge_artifact_response(response: Node<'_, '_>, verdict: &mut Verdict) {
    let carries = response
        .children()
        .any(|it| it.is_element() && is_message(it));
    if !judge_status(response, verdict) && !carries {
        verdict.refuse(
            "it contains no message: the identity provider does not know the artifact (saml-core §3.5.3). It was used already (each is valid once), has expired, is of another node of the identity provider, or was sent to another service provider than the one that asks",
        );
    }
    if carries {
        verdict.leave_out("ArtifactResponse: only what it carries is judged, below");
    }
}

/// Refuses a status other than Success. Returns true if there is one.
pub(super) fn judge_status(message: Node<'_, '_>, verdict: &mut Verdict) -> bool {
    let Some(part) = child(message, ns::PROTOCOL, "Status") else {
        return false;
    };
    let code = child(part, ns::PROTOCOL, "StatusCode");
    let value = code.and_then(|it| it.attribute("Value")).unwrap_or("none");
    if value == status::SUCCESS {
        return false;
    }
    let detail = code
        .and_then(|it| child(it, ns::PROTOCOL, "StatusCode"))
        .and_then(|it| it.attribute("Value"));
    let words = child(part, ns::PROTOCOL, "StatusMessage").map(text);
    let said = status::Said {
        status: value,
        detail,
        message: words.as_deref(),
        text: None,
    };
    verdict.refuse(format!("the responder refused: {}", said.describe()));
    true
}

fn is_message(node: Node<'_, '_>) -> bool {
    let name = node.tag_name().name();
    node.tag_name().namespace() == Some(ns::PROTOCOL)
        && (name.ends_with("Response") || name.ends_with("Request"))
}
