//! Responses and their status (saml-core §3.2.2, §3.3.3).

use bergshamra::xml::uppsala::{Document, NodeId};
use jiff::Timestamp;

use super::Assertion;
use crate::names;
use crate::xml::{self, XmlError, XmlWriter, element, text_element, write_instant};

/// Status codes (saml-core §3.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusCode {
    /// The request succeeded.
    Success,
    /// The requester is at fault.
    Requester,
    /// The responder is at fault.
    Responder,
    /// The version is not supported.
    VersionMismatch,
    /// Second level: the subject could not be authenticated.
    AuthnFailed,
    /// Second level: the name identifier policy cannot be met.
    InvalidNameIdPolicy,
    /// Second level: the authentication context cannot be met.
    NoAuthnContext,
    /// Second level: passive authentication was asked for and is impossible.
    NoPassive,
    /// Second level: the responder will not answer.
    RequestDenied,
    /// Second level: not every session could be ended.
    PartialLogout,
    /// Second level: the responder doesn't know the subject.
    UnknownPrincipal,
    /// Second level: the responder doesn't do what was asked.
    RequestUnsupported,
    /// Any other URI.
    Other(String),
}

impl StatusCode {
    const PREFIX: &str = "urn:oasis:names:tc:SAML:2.0:status:";

    /// Every code with a name.
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

    /// The code of a URI.
    pub fn from_uri(uri: &str) -> Self {
        let named = Self::NAMED.into_iter().find(|code| code.uri() == uri);
        named.unwrap_or_else(|| Self::Other(uri.to_owned()))
    }

    /// The code's URI.
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

/// How the request fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Top-level code.
    pub code: StatusCode,
    /// Second-level code.
    pub detail: Option<StatusCode>,
    /// A message for an operator.
    pub message: Option<String>,
}

impl Status {
    /// Success, with nothing to add.
    pub fn success() -> Self {
        Self {
            code: StatusCode::Success,
            detail: None,
            message: None,
        }
    }

    /// Whether the top level says success, whatever is below it.
    pub fn is_success(&self) -> bool {
        self.code == StatusCode::Success
    }
}

/// A response (saml-core §3.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Unique identifier, an `xs:ID`.
    pub id: String,
    /// When it was made.
    pub issue_instant: Timestamp,
    /// The address it is delivered to.
    pub destination: Option<String>,
    /// The request it answers.
    pub in_response_to: Option<String>,
    /// Entity identifier of the issuer.
    pub issuer: Option<String>,
    /// How the request fared.
    pub status: Status,
    /// Its assertions.
    pub assertions: Vec<Assertion>,
}

impl Response {
    /// The unsigned document.
    pub fn to_xml(&self) -> String {
        self.write(None, &[])
    }

    /// The document, in canonical form, with signatures where the schema has
    /// them.
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
                w.raw(signature);
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
    /// The status of a response, down to the second level.
    pub(crate) fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError> {
        let status = xml::required(document, root, names::PROTOCOL, "Status")?;
        let code = xml::required(document, status, names::PROTOCOL, "StatusCode")?;
        let value =
            |node| xml::required_attribute(document, node, "Value").map(StatusCode::from_uri);
        let detail = xml::child(document, code, names::PROTOCOL, "StatusCode");
        Ok(Self {
            code: value(code)?,
            detail: detail.map(value).transpose()?,
            message: xml::child(document, status, names::PROTOCOL, "StatusMessage")
                .map(|node| xml::trimmed(document, node)),
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
