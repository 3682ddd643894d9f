//! Assertions (saml-core §2).

use jiff::Timestamp;
use uppsala::{Document, NodeId};

use crate::names;
use crate::xml::{self, XmlWriter, element, text_element, write_instant};

/// Formats of a NameID (saml-core §8.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NameIdFormat {
    /// §8.3.1
    Unspecified,
    /// §8.3.2
    EmailAddress,
    /// §8.3.3
    X509SubjectName,
    /// §8.3.7
    Persistent,
    /// §8.3.8
    Transient,
    /// §8.3.6
    Entity,
    /// Any other URI.
    Other(String),
}

impl NameIdFormat {
    /// Returns the URI of the format.
    pub fn uri(&self) -> &str {
        match self {
            Self::Unspecified => "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            Self::EmailAddress => "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            Self::X509SubjectName => "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName",
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
            Self::Entity => names::ENTITY,
            Self::Other(uri) => uri,
        }
    }

    /// Returns the format with this URI.
    pub fn from_uri(uri: &str) -> Self {
        [
            Self::Unspecified,
            Self::EmailAddress,
            Self::X509SubjectName,
            Self::Persistent,
            Self::Transient,
            Self::Entity,
        ]
        .into_iter()
        .find(|format| format.uri() == uri)
        .unwrap_or_else(|| Self::Other(uri.to_owned()))
    }
}

/// A NameID (saml-core §2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    /// Value of the NameID.
    pub value: String,
    /// Format of the value.
    pub format: NameIdFormat,
    /// `NameQualifier`: the domain in which the value is unique.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`: the service provider for which the value is unique.
    pub sp_name_qualifier: Option<String>,
}

impl NameId {
    pub(crate) fn write(&self, w: &mut XmlWriter) {
        let attributes = [
            ("Format", Some(self.format.uri())),
            ("NameQualifier", self.name_qualifier.as_deref()),
            ("SPNameQualifier", self.sp_name_qualifier.as_deref()),
        ];
        text_element(w, "saml:NameID", &attributes, &self.value);
    }

    pub(crate) fn read(document: &Document<'_>, node: NodeId) -> Self {
        let owned = |attribute| xml::attribute(document, node, attribute).map(str::to_owned);
        Self {
            value: xml::trimmed_text(document, node),
            format: xml::attribute(document, node, "Format")
                .map_or(NameIdFormat::Unspecified, NameIdFormat::from_uri),
            name_qualifier: owned("NameQualifier"),
            sp_name_qualifier: owned("SPNameQualifier"),
        }
    }
}

/// Conditions for presenting a bearer assertion (saml-core §2.4.1.2, saml-profiles §4.1.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectConfirmation {
    /// Method; web browser SSO uses [`names::BEARER`].
    pub method: String,
    /// URL to which the assertion may be delivered.
    pub recipient: Option<String>,
    /// End of the validity, exclusive.
    pub not_on_or_after: Option<Timestamp>,
    /// Start of the validity; a bearer confirmation must not have it.
    pub not_before: Option<Timestamp>,
    /// ID of the request that the assertion answers.
    pub in_response_to: Option<String>,
}

/// The subject of an assertion (saml-core §2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// NameID of the subject.
    pub name_id: NameId,
    /// Confirmations; one valid one is enough.
    pub confirmations: Vec<SubjectConfirmation>,
}

/// Validity and audience of an assertion (saml-core §2.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Start of the validity, inclusive.
    pub not_before: Option<Timestamp>,
    /// End of the validity, exclusive.
    pub not_on_or_after: Option<Timestamp>,
    /// The audiences of each `<AudienceRestriction>` (§2.5.1.4).
    pub audience_restrictions: Vec<Vec<String>>,
}

/// An AuthnStatement: when and how the subject signed on (saml-core §2.7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnStatement {
    /// `AuthnInstant`: when the subject signed on.
    pub authn_instant: Timestamp,
    /// `SessionIndex` of the identity provider's session.
    pub session_index: Option<String>,
    /// `SessionNotOnOrAfter`: when that session ends.
    pub session_not_on_or_after: Option<Timestamp>,
    /// `AuthnContextClassRef`: URI of the authentication context class.
    pub class_ref: String,
}

/// An attribute with its values (saml-core §2.7.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Name; letter case matters.
    pub name: String,
    /// `NameFormat`.
    pub name_format: Option<String>,
    /// Values in order; may be empty.
    pub values: Vec<String>,
}

/// An assertion (saml-core §2.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Unique ID, an `xs:ID`.
    pub id: String,
    /// When the assertion was issued.
    pub issue_instant: Timestamp,
    /// Entity ID of the issuer.
    pub issuer: String,
    /// The subject.
    pub subject: Option<Subject>,
    /// Validity and audience.
    pub conditions: Option<Conditions>,
    /// The AuthnStatements.
    pub authn_statements: Vec<AuthnStatement>,
    /// The attributes.
    pub attributes: Vec<Attribute>,
}

impl Assertion {
    /// Returns the unsigned assertion in canonical form.
    pub(crate) fn canonical(&self) -> String {
        let mut w = XmlWriter::with_capacity(4 * 1024);
        self.write(&mut w, None);
        w.into_string()
    }

    /// Writes the assertion; `signature` is written directly after the Issuer, as the schema
    /// requires.
    pub(crate) fn write(&self, w: &mut XmlWriter, signature: Option<&str>) {
        let issued = write_instant(self.issue_instant);
        let attributes = [
            ("xmlns:saml", Some(names::ASSERTION)),
            ("ID", Some(self.id.as_str())),
            ("Version", Some("2.0")),
            ("IssueInstant", Some(issued.as_str())),
        ];
        element(w, "saml:Assertion", &attributes, |w| {
            text_element(w, "saml:Issuer", &[], &self.issuer);
            if let Some(signature) = signature {
                w.write_raw(signature);
            }
            if let Some(subject) = &self.subject {
                subject.write(w);
            }
            if let Some(conditions) = &self.conditions {
                conditions.write(w);
            }
            for statement in &self.authn_statements {
                statement.write(w);
            }
            if !self.attributes.is_empty() {
                element(w, "saml:AttributeStatement", &[], |w| {
                    for attribute in &self.attributes {
                        attribute.write(w);
                    }
                });
            }
        });
    }
}

impl Subject {
    fn write(&self, w: &mut XmlWriter) {
        element(w, "saml:Subject", &[], |w| {
            self.name_id.write(w);
            for confirmation in &self.confirmations {
                confirmation.write(w);
            }
        });
    }
}

impl SubjectConfirmation {
    fn write(&self, w: &mut XmlWriter) {
        let method = [("Method", Some(self.method.as_str()))];
        element(w, "saml:SubjectConfirmation", &method, |w| {
            let not_before = self.not_before.map(write_instant);
            let until = self.not_on_or_after.map(write_instant);
            let data = [
                ("NotBefore", not_before.as_deref()),
                ("NotOnOrAfter", until.as_deref()),
                ("Recipient", self.recipient.as_deref()),
                ("InResponseTo", self.in_response_to.as_deref()),
            ];
            element(w, "saml:SubjectConfirmationData", &data, |_| {});
        });
    }
}

impl Conditions {
    fn write(&self, w: &mut XmlWriter) {
        let not_before = self.not_before.map(write_instant);
        let until = self.not_on_or_after.map(write_instant);
        let attributes = [
            ("NotBefore", not_before.as_deref()),
            ("NotOnOrAfter", until.as_deref()),
        ];
        element(w, "saml:Conditions", &attributes, |w| {
            for audiences in &self.audience_restrictions {
                element(w, "saml:AudienceRestriction", &[], |w| {
                    for audience in audiences {
                        text_element(w, "saml:Audience", &[], audience);
                    }
                });
            }
        });
    }
}

impl AuthnStatement {
    fn write(&self, w: &mut XmlWriter) {
        let instant = write_instant(self.authn_instant);
        let until = self.session_not_on_or_after.map(write_instant);
        let attributes = [
            ("AuthnInstant", Some(instant.as_str())),
            ("SessionIndex", self.session_index.as_deref()),
            ("SessionNotOnOrAfter", until.as_deref()),
        ];
        element(w, "saml:AuthnStatement", &attributes, |w| {
            element(w, "saml:AuthnContext", &[], |w| {
                text_element(w, "saml:AuthnContextClassRef", &[], &self.class_ref);
            });
        });
    }
}

impl Attribute {
    fn write(&self, w: &mut XmlWriter) {
        let attributes = [
            ("Name", Some(self.name.as_str())),
            ("NameFormat", self.name_format.as_deref()),
        ];
        element(w, "saml:Attribute", &attributes, |w| {
            for value in &self.values {
                text_element(w, "saml:AttributeValue", &[], value);
            }
        });
    }
}
