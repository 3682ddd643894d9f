//! Reads the claims of a response and its assertion from given nodes of the parsed tree. Text is
//! read as canonicalization without comments gives it.

use jiff::Timestamp;
use uppsala::{Document, NodeId};

use super::{Code, Refusal};
use crate::encryption::EncryptedId;
use crate::message::{NameId, SubjectConfirmation};
use crate::names;
use crate::xml::{self, XmlError};

/// The claims of the response around the assertion (saml-core §3.2.2).
#[derive(Debug, Clone)]
pub(super) struct ResponseClaims {
    pub(super) version: String,
    pub(super) destination: Option<String>,
    pub(super) in_response_to: Option<String>,
    pub(super) issuer: Option<String>,
    status: Vec<String>,
    status_message: Option<String>,
}

impl ResponseClaims {
    pub(super) fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError> {
        let owned = |name| xml::attribute(document, root, name).map(str::to_owned);
        let status_node = xml::require_child(document, root, names::PROTOCOL, "Status")?;
        let mut status = Vec::new();
        let mut node = Some(xml::require_child(
            document,
            status_node,
            names::PROTOCOL,
            "StatusCode",
        )?);
        while let Some(code) = node {
            status.push(xml::require_attribute(document, code, "Value")?.to_owned());
            node = xml::child(document, code, names::PROTOCOL, "StatusCode");
        }
        Ok(Self {
            version: xml::require_attribute(document, root, "Version")?.to_owned(),
            destination: owned("Destination"),
            in_response_to: owned("InResponseTo"),
            issuer: xml::child(document, root, names::ASSERTION, "Issuer")
                .map(|node| xml::trimmed_text(document, node)),
            status,
            status_message: xml::child(document, status_node, names::PROTOCOL, "StatusMessage")
                .map(|node| xml::trimmed_text(document, node)),
        })
    }

    /// Refuses every status except Success, signed or unsigned, because nothing is granted then.
    pub(super) fn status_is_success(&self) -> Result<(), Refusal> {
        const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
        if self.status.first().map(String::as_str) == Some(SUCCESS) {
            return Ok(());
        }
        let message = self.status_message.as_deref().unwrap_or("no message");
        Err(Refusal::new(
            Code::StatusNotSuccess,
            format!(
                "expected {SUCCESS}, got {} ({message})",
                self.status.join(" / ")
            ),
        ))
    }
}

/// The claims of the assertion (saml-core §2.3.3).
#[derive(Debug, Clone)]
pub(super) struct AssertionClaims {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) issue_instant: Timestamp,
    pub(super) issuer: String,
    pub(super) name_id: Option<NameId>,
    /// The encrypted NameID; after decryption the result is stored in `name_id`.
    pub(super) encrypted_id: Option<EncryptedId>,
    pub(super) confirmations: Vec<SubjectConfirmation>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) not_on_or_after: Option<Timestamp>,
    pub(super) audience_restrictions: Vec<Vec<String>>,
    pub(super) unknown_conditions: Vec<String>,
    pub(super) statements: Vec<Statement>,
    pub(super) attributes: Vec<(String, Vec<String>)>,
}

/// An AuthnStatement (saml-core §2.7.2).
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) authn_instant: Timestamp,
    pub(super) session_index: Option<String>,
    pub(super) session_not_on_or_after: Option<Timestamp>,
    pub(super) class_ref: Option<String>,
}

fn instant_attribute(
    document: &Document<'_>,
    node: NodeId,
    name: &'static str,
) -> Result<Option<Timestamp>, XmlError> {
    xml::attribute(document, node, name)
        .map(|value| xml::instant(value, &format!("{}/@{name}", xml::name_of(document, node))))
        .transpose()
}

impl AssertionClaims {
    pub(super) fn read(document: &Document<'_>, node: NodeId) -> Result<Self, XmlError> {
        let child = |name| xml::child(document, node, names::ASSERTION, name);
        let issuer = xml::require_child(document, node, names::ASSERTION, "Issuer")?;
        let issue_instant = xml::require_attribute(document, node, "IssueInstant")?;
        let mut claims = Self {
            id: xml::require_attribute(document, node, "ID")?.to_owned(),
            version: xml::require_attribute(document, node, "Version")?.to_owned(),
            issue_instant: xml::instant(issue_instant, "Assertion/@IssueInstant")?,
            issuer: xml::trimmed_text(document, issuer),
            name_id: None,
            encrypted_id: None,
            confirmations: Vec::new(),
            not_before: None,
            not_on_or_after: None,
            audience_restrictions: Vec::new(),
            unknown_conditions: Vec::new(),
            statements: Vec::new(),
            attributes: Vec::new(),
        };
        if let Some(subject) = child("Subject") {
            claims.read_subject(document, subject)?;
        }
        if let Some(conditions) = child("Conditions") {
            claims.read_conditions(document, conditions)?;
        }
        for statement in xml::children(document, node, names::ASSERTION, "AuthnStatement") {
            let instant = xml::require_attribute(document, statement, "AuthnInstant")?;
            let context = xml::child(document, statement, names::ASSERTION, "AuthnContext");
            let class = context.and_then(|context| {
                xml::child(document, context, names::ASSERTION, "AuthnContextClassRef")
            });
            claims.statements.push(Statement {
                class_ref: class.map(|class| xml::trimmed_text(document, class)),
                authn_instant: xml::instant(instant, "AuthnStatement/@AuthnInstant")?,
                session_index: xml::attribute(document, statement, "SessionIndex")
                    .map(str::to_owned),
                session_not_on_or_after: instant_attribute(
                    document,
                    statement,
                    "SessionNotOnOrAfter",
                )?,
            });
        }
        for statement in xml::children(document, node, names::ASSERTION, "AttributeStatement") {
            claims.read_attributes(document, statement)?;
        }
        Ok(claims)
    }

    fn read_subject(&mut self, document: &Document<'_>, subject: NodeId) -> Result<(), XmlError> {
        if let Some(name) = xml::child(document, subject, names::ASSERTION, "NameID") {
            self.name_id = Some(NameId::read(document, name));
        }
        self.encrypted_id = xml::child(document, subject, names::ASSERTION, "EncryptedID")
            .map(|node| EncryptedId::read(document, node));
        for node in xml::children(document, subject, names::ASSERTION, "SubjectConfirmation") {
            let method = xml::require_attribute(document, node, "Method")?.to_owned();
            let data = xml::child(document, node, names::ASSERTION, "SubjectConfirmationData");
            let owned = |name| {
                data.and_then(|data| xml::attribute(document, data, name))
                    .map(str::to_owned)
            };
            let instant = |name| match data {
                Some(data) => instant_attribute(document, data, name),
                None => Ok(None),
            };
            self.confirmations.push(SubjectConfirmation {
                method,
                recipient: owned("Recipient"),
                not_on_or_after: instant("NotOnOrAfter")?,
                not_before: instant("NotBefore")?,
                in_response_to: owned("InResponseTo"),
            });
        }
        Ok(())
    }

    fn read_conditions(&mut self, document: &Document<'_>, node: NodeId) -> Result<(), XmlError> {
        self.not_before = instant_attribute(document, node, "NotBefore")?;
        self.not_on_or_after = instant_attribute(document, node, "NotOnOrAfter")?;
        for condition in document.children_iter(node) {
            if document.element(condition).is_none() {
                continue;
            }
            let is = |name| xml::is(document, condition, names::ASSERTION, name);
            if is("AudienceRestriction") {
                self.audience_restrictions.push(
                    xml::children(document, condition, names::ASSERTION, "Audience")
                        .into_iter()
                        .map(|audience| xml::trimmed_text(document, audience))
                        .collect(),
                );
            } else if !is("OneTimeUse") && !is("ProxyRestriction") {
                self.unknown_conditions
                    .push(xml::name_of(document, condition));
            }
        }
        Ok(())
    }

    /// Reads the attributes. Values of attributes with the same name are joined, in order.
    fn read_attributes(&mut self, document: &Document<'_>, node: NodeId) -> Result<(), XmlError> {
        for attribute in xml::children(document, node, names::ASSERTION, "Attribute") {
            let name = xml::require_attribute(document, attribute, "Name")?;
            let values = xml::children(document, attribute, names::ASSERTION, "AttributeValue")
                .into_iter()
                .map(|value| xml::trimmed_text(document, value));
            match self.attributes.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.extend(values),
                None => self.attributes.push((name.to_owned(), values.collect())),
            }
        }
        Ok(())
    }
}
