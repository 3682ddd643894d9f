//! Single logout: LogoutRequest and LogoutResponse (saml-core §3.7).

use jiff::Timestamp;
use uppsala::{Document, NodeId};

use super::{NameId, Status};
use crate::encryption::EncryptedId;
use crate::names;
use crate::xml::{self, XmlError, XmlWriter, element, text_element, write_instant};

/// The subject whose sessions end (saml-core §3.7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// By NameID.
    Named(NameId),
    /// By encrypted NameID.
    Encrypted(EncryptedId),
}

/// A LogoutRequest (saml-core §3.7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Unique ID, an `xs:ID`.
    pub id: String,
    /// When the request was issued.
    pub issue_instant: Timestamp,
    /// Entity ID of the sender.
    pub issuer: String,
    /// URL to which the request is sent.
    pub destination: Option<String>,
    /// End of the request's validity, exclusive.
    pub not_on_or_after: Option<Timestamp>,
    /// Reason as a URI, such as `urn:oasis:names:tc:SAML:2.0:logout:user`.
    pub reason: Option<String>,
    /// The subject whose sessions end.
    pub principal: Principal,
    /// The sessions that end; empty means all.
    pub session_indexes: Vec<String>,
}

/// A LogoutResponse (saml-core §3.7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutResponse {
    /// Unique ID, an `xs:ID`.
    pub id: String,
    /// When the response was issued.
    pub issue_instant: Timestamp,
    /// Entity ID of the sender.
    pub issuer: String,
    /// URL to which the response is sent.
    pub destination: Option<String>,
    /// ID of the request that it answers.
    pub in_response_to: Option<String>,
    /// Success, with `PartialLogout` as second-level code if some sessions remain, or a failure.
    pub status: Status,
}

fn head<'m>(
    id: &'m str,
    issued: &'m str,
    destination: Option<&'m str>,
) -> [(&'static str, Option<&'m str>); 6] {
    [
        ("xmlns:samlp", Some(names::PROTOCOL)),
        ("xmlns:saml", Some(names::ASSERTION)),
        ("ID", Some(id)),
        ("Version", Some("2.0")),
        ("IssueInstant", Some(issued)),
        ("Destination", destination),
    ]
}

impl LogoutRequest {
    /// Returns the XML document.
    pub fn to_xml(&self) -> String {
        let issued = write_instant(self.issue_instant);
        let until = self.not_on_or_after.map(write_instant);
        let mut attributes = head(&self.id, &issued, self.destination.as_deref()).to_vec();
        attributes.push(("NotOnOrAfter", until.as_deref()));
        attributes.push(("Reason", self.reason.as_deref()));
        let mut w = XmlWriter::new();
        element(&mut w, "samlp:LogoutRequest", &attributes, |w| {
            text_element(w, "saml:Issuer", &[], &self.issuer);
            match &self.principal {
                Principal::Named(name) => name.write(w),
                Principal::Encrypted(name) => w.write_raw(name.xml()),
            }
            for index in &self.session_indexes {
                text_element(w, "samlp:SessionIndex", &[], index);
            }
        });
        w.into_string()
    }

    pub(crate) fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError> {
        let named = xml::child(document, root, names::ASSERTION, "NameID");
        let encrypted = xml::child(document, root, names::ASSERTION, "EncryptedID");
        let principal = match (named, encrypted) {
            (Some(name), None) => Principal::Named(NameId::read(document, name)),
            (None, Some(name)) => Principal::Encrypted(EncryptedId::read(document, name)),
            _ => {
                return Err(XmlError::MissingElement {
                    expected: "NameID",
                    parent: xml::name_of(document, root),
                });
            }
        };
        let until = xml::attribute(document, root, "NotOnOrAfter");
        Ok(Self {
            id: xml::require_attribute(document, root, "ID")?.to_owned(),
            issue_instant: read_issue_instant(document, root)?,
            issuer: issuer(document, root)?,
            destination: xml::attribute(document, root, "Destination").map(str::to_owned),
            not_on_or_after: until
                .map(|value| xml::instant(value, "LogoutRequest/@NotOnOrAfter"))
                .transpose()?,
            reason: xml::attribute(document, root, "Reason").map(str::to_owned),
            principal,
            session_indexes: xml::children(document, root, names::PROTOCOL, "SessionIndex")
                .into_iter()
                .map(|node| xml::trimmed_text(document, node))
                .collect(),
        })
    }
}

impl LogoutResponse {
    /// Returns the XML document.
    pub fn to_xml(&self) -> String {
        let issued = write_instant(self.issue_instant);
        let mut attributes = head(&self.id, &issued, self.destination.as_deref()).to_vec();
        attributes.push(("InResponseTo", self.in_response_to.as_deref()));
        let mut w = XmlWriter::new();
        element(&mut w, "samlp:LogoutResponse", &attributes, |w| {
            text_element(w, "saml:Issuer", &[], &self.issuer);
            self.status.write(w);
        });
        w.into_string()
    }

    pub(crate) fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError> {
        let owned = |name| xml::attribute(document, root, name).map(str::to_owned);
        Ok(Self {
            id: xml::require_attribute(document, root, "ID")?.to_owned(),
            issue_instant: read_issue_instant(document, root)?,
            issuer: issuer(document, root)?,
            destination: owned("Destination"),
            in_response_to: owned("InResponseTo"),
            status: Status::read(document, root)?,
        })
    }
}

/// Checks the version and returns the IssueInstant of a message.
fn read_issue_instant(document: &Document<'_>, root: NodeId) -> Result<Timestamp, XmlError> {
    let version = xml::require_attribute(document, root, "Version")?;
    let place = |attribute: &str| format!("{}/@{attribute}", xml::name_of(document, root));
    if version != "2.0" {
        return Err(XmlError::Value {
            expected: "2.0",
            place: place("Version"),
            got: version.to_owned(),
        });
    }
    let instant = xml::require_attribute(document, root, "IssueInstant")?;
    xml::instant(instant, &place("IssueInstant"))
}

fn issuer(document: &Document<'_>, root: NodeId) -> Result<String, XmlError> {
    let issuer = xml::require_child(document, root, names::ASSERTION, "Issuer")?;
    Ok(xml::trimmed_text(document, issuer))
}
