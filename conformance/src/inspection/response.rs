//! The contents of a Response, as far as it can be read. Every part is optional and unparsed,
//! because it may be wrong.

use jiff::Timestamp;
use roxmltree::Node;
use serde::Serialize;

use super::{child, children, ns, text};

/// A Response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    /// `ID`.
    pub id: Option<String>,
    /// `Version`.
    pub version: Option<String>,
    /// `IssueInstant`.
    pub issue_instant: Option<String>,
    /// `Destination`.
    pub destination: Option<String>,
    /// `InResponseTo`.
    pub in_response_to: Option<String>,
    /// `Issuer`.
    pub issuer: Option<String>,
    /// The top-level status code.
    pub status: Option<String>,
    /// The second-level status code.
    pub status_detail: Option<String>,
    /// The status message.
    pub status_message: Option<String>,
    /// The text within `StatusDetail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_text: Option<String>,
    /// The assertions that are not encrypted.
    pub assertions: Vec<Assertion>,
    /// Number of encrypted assertions.
    pub encrypted: usize,
}

/// An assertion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Assertion {
    /// `ID`.
    pub id: Option<String>,
    /// `Version`.
    pub version: Option<String>,
    /// `IssueInstant`.
    pub issue_instant: Option<String>,
    /// `Issuer`.
    pub issuer: Option<String>,
    /// The subject's NameID.
    pub name_id: Option<NameId>,
    /// The SubjectConfirmation elements.
    pub confirmations: Vec<Confirmation>,
    /// The Conditions element.
    pub conditions: Option<Conditions>,
    /// The AuthnStatement elements.
    pub sign_ons: Vec<SignOn>,
    /// The attributes of all AttributeStatements.
    pub attributes: Vec<Attribute>,
}

/// The NameID of a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NameId {
    /// The value: all text in the element.
    pub value: String,
    /// `Format`.
    pub format: Option<String>,
    /// True if the text is interrupted by a comment, an element or a processing instruction.
    pub interrupted: bool,
}

/// A subject confirmation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// `Method`.
    pub method: Option<String>,
    /// `Recipient`.
    pub recipient: Option<String>,
    /// `NotBefore`.
    pub not_before: Option<String>,
    /// `NotOnOrAfter`.
    pub not_on_or_after: Option<String>,
    /// `InResponseTo`.
    pub in_response_to: Option<String>,
    /// True if there is a SubjectConfirmationData.
    pub has_data: bool,
}

/// The element `Conditions` of an assertion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// `NotBefore`.
    pub not_before: Option<String>,
    /// `NotOnOrAfter`.
    pub not_on_or_after: Option<String>,
    /// The audiences of each AudienceRestriction.
    pub audiences: Vec<Vec<String>>,
    /// Names of the other conditions.
    pub others: Vec<String>,
}

/// An AuthnStatement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SignOn {
    /// `AuthnInstant`.
    pub instant: Option<String>,
    /// `SessionIndex`.
    pub session_index: Option<String>,
    /// `SessionNotOnOrAfter`.
    pub session_not_on_or_after: Option<String>,
    /// `AuthnContextClassRef`.
    pub class: Option<String>,
    /// True if there is an `AuthnContextDecl` or `AuthnContextDeclRef`.
    pub has_declaration: bool,
}

/// An attribute of the subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// `Name`.
    pub name: String,
    /// `NameFormat`.
    pub name_format: Option<String>,
    /// The values, as text.
    pub values: Vec<String>,
}

fn attribute_of(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(str::to_owned)
}

fn issuer(node: Node<'_, '_>) -> Option<String> {
    child(node, ns::ASSERTION, "Issuer").map(text)
}

/// Reads the Response at the root of a document, or an assertion that is the root itself.
pub fn read(root: Node<'_, '_>) -> Response {
    if super::is(root, ns::ASSERTION, "Assertion") {
        return Response {
            assertions: vec![assertion(root)],
            ..Response::default()
        };
    }
    let status = child(root, ns::PROTOCOL, "Status");
    let code = status.and_then(|it| child(it, ns::PROTOCOL, "StatusCode"));
    let detail = code.and_then(|it| child(it, ns::PROTOCOL, "StatusCode"));
    Response {
        id: attribute_of(root, "ID"),
        version: attribute_of(root, "Version"),
        issue_instant: attribute_of(root, "IssueInstant"),
        destination: attribute_of(root, "Destination"),
        in_response_to: attribute_of(root, "InResponseTo"),
        issuer: issuer(root),
        status: code.and_then(|it| attribute_of(it, "Value")),
        status_detail: detail.and_then(|it| attribute_of(it, "Value")),
        status_message: status
            .and_then(|it| child(it, ns::PROTOCOL, "StatusMessage"))
            .map(text),
        status_text: status
            .and_then(|it| child(it, ns::PROTOCOL, "StatusDetail"))
            .map(words)
            .filter(|it| !it.is_empty()),
        assertions: children(root, ns::ASSERTION, "Assertion")
            .map(assertion)
            .collect(),
        encrypted: children(root, ns::ASSERTION, "EncryptedAssertion").count(),
    }
}

/// Returns the texts in an element, with a space between them.
fn words(node: Node<'_, '_>) -> String {
    let texts = node.descendants().filter(Node::is_text);
    let words = texts
        .filter_map(|it| it.text())
        .flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

fn assertion(node: Node<'_, '_>) -> Assertion {
    let subject = child(node, ns::ASSERTION, "Subject");
    let name_id = subject.and_then(|it| child(it, ns::ASSERTION, "NameID"));
    let statements = children(node, ns::ASSERTION, "AttributeStatement");
    Assertion {
        id: attribute_of(node, "ID"),
        version: attribute_of(node, "Version"),
        issue_instant: attribute_of(node, "IssueInstant"),
        issuer: issuer(node),
        name_id: name_id.map(|it| NameId {
            value: text(it),
            format: attribute_of(it, "Format"),
            interrupted: it.children().count() > 1 || it.children().any(|part| !part.is_text()),
        }),
        confirmations: subject
            .map(|it| children(it, ns::ASSERTION, "SubjectConfirmation").collect::<Vec<_>>())
            .unwrap_or_default()
            .into_iter()
            .map(confirmation)
            .collect(),
        conditions: child(node, ns::ASSERTION, "Conditions").map(conditions),
        sign_ons: children(node, ns::ASSERTION, "AuthnStatement")
            .map(|it| SignOn {
                instant: attribute_of(it, "AuthnInstant"),
                session_index: attribute_of(it, "SessionIndex"),
                session_not_on_or_after: attribute_of(it, "SessionNotOnOrAfter"),
                class: child(it, ns::ASSERTION, "AuthnContext")
                    .and_then(|it| child(it, ns::ASSERTION, "AuthnContextClassRef"))
                    .map(text),
                has_declaration: child(it, ns::ASSERTION, "AuthnContext").is_some_and(|it| {
                    let names = ["AuthnContextDecl", "AuthnContextDeclRef"];
                    names
                        .iter()
                        .any(|name| child(it, ns::ASSERTION, name).is_some())
                }),
            })
            .collect(),
        attributes: statements
            .flat_map(|it| children(it, ns::ASSERTION, "Attribute"))
            .map(|it| Attribute {
                name: it.attribute("Name").unwrap_or_default().to_owned(),
                name_format: attribute_of(it, "NameFormat"),
                values: children(it, ns::ASSERTION, "AttributeValue")
                    .map(text)
                    .collect(),
            })
            .collect(),
    }
}

fn confirmation(node: Node<'_, '_>) -> Confirmation {
    let data = child(node, ns::ASSERTION, "SubjectConfirmationData");
    let of = |name| data.and_then(|it| attribute_of(it, name));
    Confirmation {
        method: attribute_of(node, "Method"),
        recipient: of("Recipient"),
        not_before: of("NotBefore"),
        not_on_or_after: of("NotOnOrAfter"),
        in_response_to: of("InResponseTo"),
        has_data: data.is_some(),
    }
}

fn conditions(node: Node<'_, '_>) -> Conditions {
    let known = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
    Conditions {
        not_before: attribute_of(node, "NotBefore"),
        not_on_or_after: attribute_of(node, "NotOnOrAfter"),
        audiences: children(node, ns::ASSERTION, "AudienceRestriction")
            .map(|it| children(it, ns::ASSERTION, "Audience").map(text).collect())
            .collect(),
        others: node
            .children()
            .filter(|it| it.is_element() && !known.contains(&it.tag_name().name()))
            .map(super::signature::name_of)
            .collect(),
    }
}

/// Parses a time as XML Schema allows it: with `Z`, with an offset, or without a zone, which is read
/// as UTC. A time that SAML does not allow still says when something ends.
pub fn instant_in_any_zone(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let has_time = text.contains('T');
    let parsed = text.parse().or_else(|_| format!("{text}Z").parse());
    has_time.then(|| parsed.ok()).flatten()
}

/// Parses a time as SAML requires it: in UTC, with a `Z` at its end (saml-core §1.3.3).
pub fn instant(text: &str) -> Option<Timestamp> {
    let zulu = text.ends_with('Z') && text.contains('T');
    zulu.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_another_zone_is_read_but_is_not_the_form_of_saml() {
        let noon = instant("2026-05-04T12:00:00Z");
        assert!(noon.is_some());
        for text in [
            "2026-05-04T14:00:00+02:00",
            "2026-05-04T12:00:00.000+00:00",
            "2026-05-04T12:00:00",
        ] {
            assert_eq!(instant_in_any_zone(text), noon, "{text}");
            assert_eq!(instant(text), None, "{text}");
        }
        for text in ["", "never", "2026-05-04"] {
            assert_eq!(instant_in_any_zone(text), None, "{text}");
        }
    }
}
