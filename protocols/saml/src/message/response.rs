//! Responses and their status (saml-core §3.2.2, §3.3.3).

use jiff::Timestamp;
use uppsala::{Document, NodeId};

use super::Assertion;
use crate::names;
use crate::xml::{self, XmlError, XmlWriter, element, text_element, write_instant};

/// Status codes (saml-core §3.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusCode {
    /// The request succeeded.
    Success,
    /// The request failed because of the requester.
    Requester,
    /// The request failed because of the responder.
    Responder,
    /// The version is not supported.
    VersionMismatch,
    /// Second level: the subject could not be authenticated.
    AuthnFailed,
    /// Second level: the name identifier policy cannot be met.
    InvalidNameIdPolicy,
    /// Second level: the authentication context cannot be met.
    NoAuthnContext,
    /// Second level: passive authentication was requested but is not possible.
    NoPassive,
    /// Second level: the responder refuses to answer.
    RequestDenied,
    /// Second level: not every session could be ended.
    PartialLogout,
    /// Second level: the subject is unknown to the responder.
    UnknownPrincipal,
    /// Second level: the responder does not support the request.
    RequestUnsupported,
    /// Any other URI.
    Other(String),
}

impl StatusCode {
    const PREFIX: &str = "urn:oasis:names:tc:SAML:2.0:status:";

    /// All codes except [`StatusCode::Other`].
    const NAMED: [Self; 12] = [
        Self::Success,
        Self::Requester,
        Self::Responder,
        Self::VersionMismatch,
        Self::AuthnFailed,
        Self::InvalidNameIdPolicy,
        Self::NoAuthnContext,
        Self::NoPassive,
        Self::RequestDenied,
        Self::PartialLogout,
        Self::UnknownPrincipal,
        Self::RequestUnsupported,
    ];

    /// Returns the code with this URI.
    pub fn from_uri(uri: &str) -> Self {
        let named = Self::NAMED.into_iter().find(|code| code.uri() == uri);
        named.unwrap_or_else(|| Self::Other(uri.to_owned()))
    }

    /// Returns the URI of the code.
    pub fn uri(&self) -> String {
        let name = match self {
            Self::Success => "Success",
            Self::Requester => "Requester",
            Self::Responder => "Responder",
            Self::VersionMismatch => "VersionMismatch",
            Self::AuthnFailed => "AuthnFailed",
            Self::InvalidNameIdPolicy => "InvalidNameIDPolicy",
            Self::NoAuthnContext => "NoAuthnContext",
            Self::NoPassive => "NoPassive",
            Self::RequestDenied => "RequestDenied",
            Self::PartialLogout => "PartialLogout",
            Self::UnknownPrincipal => "UnknownPrincipal",
            Self::RequestUnsupported => "RequestUnsupported",
            Self::Other(uri) => return uri.clone(),
        };
        format!("{}{name}", Self::PREFIX)
    }
}

/// The Status of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The top-level `StatusCode`.
    pub code: StatusCode,
    /// The nested `StatusCode`, if there is one.
    pub detail: Option<StatusCode>,
    /// A message for an operator.
    pub message: Option<String>,
}

impl Status {
    /// Returns the status Success without second-level code.
    pub fn success() -> Self {
        Self {
            code: StatusCode::Success,
            detail: None,
            message: None,
        }
    }

    /// True if the top-level code is Success, whatever the second level is.
    pub fn is_success(&self) -> bool {
        self.code == StatusCode::Success
    }
}

/// A response (saml-core §3.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Unique ID, an `xs:ID`.
    pub id: String,
    /// When the response was issued.
    pub issue_instant: Timestamp,
    /// URL to which the response is delivered.
    pub destination: Option<String>,
    /// ID of the request that it answers.
    pub in_response_to: Option<String>,
    /// Entity ID of the issuer.
    pub issuer: Option<String>,
    /// The status.
    pub status: Status,
    /// The assertions.
    pub assertions: Vec<Assertion>,
}

impl Response {
    /// Returns the unsigned document.
    pub fn to_xml(&self) -> String {
        self.write(None, &[])
    }

    /// Writes the document in canonical form, with signatures at the places that the schema
    /// requires.
    pub(crate) fn write(
        &self,
        response_signature: Option<&str>,
        assertion_signatures: &[String],
    ) -> String {
        let issued = write_instant(self.issue_instant);
        let attributes = [
            ("xmlns:samlp", Some(names::PROTOCOL)),
            ("ID", Some(self.id.as_str())),
            ("Version", Some("2.0")),
            ("IssueInstant", Some(issued.as_str())),
            ("Destination", self.destination.as_deref()),
            ("InResponseTo", self.in_response_to.as_deref()),
        ];
        let mut w = XmlWriter::with_capacity(8 * 1024);
        element(&mut w, "samlp:Response", &attributes, |w| {
            if let Some(issuer) = &self.issuer {
                let namespace = [("xmlns:saml", Some(names::ASSERTION))];
                text_element(w, "saml:Issuer", &namespace, issuer);
            }
            if let Some(signature) = response_signature {
                w.write_raw(signature);
            }
            self.status.write(w);
            for (index, assertion) in self.assertions.iter().enumerate() {
                let signature = assertion_signatures.get(index);
                assertion.write(w, signature.map(String::as_str));
            }
        });
        w.into_string()
    }
}

impl Status {
    /// Reads the status of a response, down to the second level.
    pub(crate) fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError> {
        let status = xml::require_child(document, root, names::PROTOCOL, "Status")?;
        let code = xml::require_child(document, status, names::PROTOCOL, "StatusCode")?;
        let value =
            |node| xml::require_attribute(document, node, "Value").map(StatusCode::from_uri);
        let detail = xml::child(document, code, names::PROTOCOL, "StatusCode");
        Ok(Self {
            code: value(code)?,
            detail: detail.map(value).transpose()?,
            message: xml::child(document, status, names::PROTOCOL, "StatusMessage")
                .map(|node| xml::trimmed_text(document, node)),
        })
    }

    pub(crate) fn write(&self, w: &mut XmlWriter) {
        element(w, "samlp:Status", &[], |w| {
            element(
                w,
                "samlp:StatusCode",
                &[("Value", Some(&self.code.uri()))],
                |w| {
                    if let Some(detail) = &self.detail {
                        element(
                            w,
                            "samlp:StatusCode",
                            &[("Value", Some(&detail.uri()))],
                            |_| {},
                        );
                    }
                },
            );
            if let Some(message) = &self.message {
                text_element(w, "samlp:StatusMessage", &[], message);
            }
        });
    }
}
