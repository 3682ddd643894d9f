//! Checks which elements stand where, as far as claims depend on it (saml-schema-protocol,
//! saml-schema-assertion). A second subject, or one in another namespace, could be read by another
//! part of the program, so it must not exist.

use uppsala::{Document, NodeId};

use crate::names::{ASSERTION, DSIG, PROTOCOL};
use crate::xml::{self, XmlError};

/// Namespace and name of an allowed child, and true if it may occur only once.
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

/// Requires that response, status, assertion and subject contain only what the schema allows.
/// Signatures are checked elsewhere.
pub(super) fn demand(
    document: &Document<'_>,
    response: NodeId,
    assertion: NodeId,
) -> Result<(), XmlError> {
    only_response(document, response)?;
    only_assertion(document, assertion)
}

/// Checks the children of the response.
pub(super) fn only_response(document: &Document<'_>, response: NodeId) -> Result<(), XmlError> {
    only(document, response, RESPONSE)?;
    xml::require_attribute(document, response, "ID")?;
    let issued = xml::require_attribute(document, response, "IssueInstant")?;
    xml::instant(issued, "Response/@IssueInstant")?;
    issuer_format(document, response)?;
    for status in xml::children(document, response, PROTOCOL, "Status") {
        only(document, status, STATUS)?;
    }
    Ok(())
}

/// Checks the children of the assertion.
pub(super) fn only_assertion(document: &Document<'_>, assertion: NodeId) -> Result<(), XmlError> {
    only(document, assertion, ASSERTION_CHILDREN)?;
    for name in ["ID", "Version", "IssueInstant"] {
        xml::require_attribute(document, assertion, name)?;
    }
    issuer_format(document, assertion)?;
    for statement in xml::children(document, assertion, ASSERTION, "AuthnStatement") {
        authn_context(document, statement)?;
    }
    for subject in xml::children(document, assertion, ASSERTION, "Subject") {
        only(document, subject, SUBJECT)?;
    }
    Ok(())
}

/// Requires that the Format of an Issuer is absent or `entity` (saml-profiles §4.1.4.2).
fn issuer_format(document: &Document<'_>, node: NodeId) -> Result<(), XmlError> {
    const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
    for issuer in xml::children(document, node, ASSERTION, "Issuer") {
        if let Some(format) = xml::attribute(document, issuer, "Format")
            && format != ENTITY
        {
            return Err(XmlError::Value {
                expected: "no Format, or nameid-format:entity",
                place: "Issuer/@Format".to_owned(),
                got: format.to_owned(),
            });
        }
    }
    Ok(())
}

/// Requires that an AuthnStatement names an authentication context class, a declaration or a
/// reference to one (saml-core §2.7.2.2).
fn authn_context(document: &Document<'_>, statement: NodeId) -> Result<(), XmlError> {
    const SAID_BY: [&str; 3] = [
        "AuthnContextClassRef",
        "AuthnContextDecl",
        "AuthnContextDeclRef",
    ];
    let context = xml::require_child(document, statement, ASSERTION, "AuthnContext")?;
    let is_said = SAID_BY.iter().any(|name| {
        xml::child(document, context, ASSERTION, name)
            .is_some_and(|it| !xml::trimmed_text(document, it).is_empty() || *name == SAID_BY[1])
    });
    if is_said {
        return Ok(());
    }
    Err(XmlError::MissingElement {
        expected: SAID_BY[0],
        parent: xml::name_of(document, context),
    })
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
                    got: xml::name_of(document, child),
                });
            }
        }
    }
    Ok(())
}
