//! What may stand where, as far as claims depend on it (saml-schema-protocol,
//! saml-schema-assertion): a second subject, or one of another namespace, must
//! not be there for anybody to read.

use bergshamra::xml::uppsala::{Document, NodeId};

use crate::names::{ASSERTION, DSIG, PROTOCOL};
use crate::xml::{self, XmlError};

/// A child's namespace and name, and whether it may stand there once only.
type Child = (&'static str, &'static str, bool);

const RESPONSE: &[Child] = &[
    (ASSERTION, "Issuer", true),
    (PROTOCOL, "Extensions", true),
    (PROTOCOL, "Status", true),
    (ASSERTION, "Assertion", false),
    (ASSERTION, "EncryptedAssertion", false),
];

const STATUS: &[Child] = &[
    (PROTOCOL, "StatusCode", true),
    (PROTOCOL, "StatusMessage", true),
    (PROTOCOL, "StatusDetail", true),
];

const ASSERTION_CHILDREN: &[Child] = &[
    (ASSERTION, "Issuer", true),
    (ASSERTION, "Subject", true),
    (ASSERTION, "Conditions", true),
    (ASSERTION, "Advice", true),
    (ASSERTION, "Statement", false),
    (ASSERTION, "AuthnStatement", false),
    (ASSERTION, "AuthzDecisionStatement", false),
    (ASSERTION, "AttributeStatement", false),
];

const SUBJECT: &[Child] = &[
    (ASSERTION, "BaseID", true),
    (ASSERTION, "NameID", true),
    (ASSERTION, "EncryptedID", true),
    (ASSERTION, "SubjectConfirmation", false),
];

/// Demands of the response, its status, its assertion and the subject that
/// they hold nothing else than the schema has. Signatures are judged apart.
pub(super) fn demand(
    document: &Document<'_>,
    response: NodeId,
    assertion: NodeId,
) -> Result<(), XmlError> {
    only_response(document, response)?;
    only_assertion(document, assertion)
}

/// The response's part of it.
pub(super) fn only_response(document: &Document<'_>, response: NodeId) -> Result<(), XmlError> {
    only(document, response, RESPONSE)?;
    for status in xml::children(document, response, PROTOCOL, "Status") {
        only(document, status, STATUS)?;
    }
    Ok(())
}

/// The assertion's part of it.
pub(super) fn only_assertion(document: &Document<'_>, assertion: NodeId) -> Result<(), XmlError> {
    only(document, assertion, ASSERTION_CHILDREN)?;
    for name in ["ID", "Version", "IssueInstant"] {
        xml::required_attribute(document, assertion, name)?;
    }
    for subject in xml::children(document, assertion, ASSERTION, "Subject") {
        only(document, subject, SUBJECT)?;
    }
    Ok(())
}

fn only(document: &Document<'_>, node: NodeId, allowed: &[Child]) -> Result<(), XmlError> {
    let mut seen = Vec::new();
    for child in document.children_iter(node) {
        let signature = xml::is(document, child, DSIG, "Signature");
        if document.element(child).is_none() || signature {
            continue;
        }
        let found = allowed
            .iter()
            .find(|(namespace, name, _)| xml::is(document, child, namespace, name));
        match found {
            Some((_, name, once)) if !(*once && seen.contains(name)) => seen.push(*name),
            _ => {
                return Err(XmlError::Unexpected {
                    parent: xml::name_of(document, node),
                    came: xml::name_of(document, child),
                });
            }
        }
    }
    Ok(())
}
