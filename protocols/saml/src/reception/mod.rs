//! The stages of a received message other than a Response, on either side: [`Received`], then
//! [`Authenticated`] by a trusted key, then [`Honored`], or a [`Refusal`].
//!
//! Only the stage before can create a stage. For HTTP-Redirect the bytes of the query string are
//! signed; for HTTP-POST the message is, and it is read from the same tree in which its signature
//! was verified.
//!
//! To add a kind of message, implement [`Message`] here; nothing else changes.

mod logout;

use uppsala::{Document, NodeId};

pub use logout::{Honored, LogoutExpectations};

use crate::Limits;
use crate::acceptance::{Code, Refusal, TrustedKeys};
use crate::binding::redirect::{self, QuerySignature};
use crate::binding::{BindingError, Parameter, post};
use crate::message::{AuthnRequest, LogoutRequest, LogoutResponse};
use crate::names;
use crate::signature::enveloped::Enveloped;
use crate::xml::{self, XmlError};

/// A kind of message that can be received.
pub trait Message: sealed::Readable {
    /// Local name of the root element, in the protocol namespace.
    const NAME: &'static str;
    /// The parameter that carries the message.
    const PARAMETER: Parameter;
}

mod sealed {
    use super::{Document, NodeId, XmlError};

    pub trait Readable: Sized {
        fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError>;
    }
}

macro_rules! messages {
    ($($message:ident $name:literal $parameter:ident;)+) => {$(
        impl Message for $message {
            const NAME: &'static str = $name;
            const PARAMETER: Parameter = Parameter::$parameter;
        }

        impl sealed::Readable for $message {
            fn read(document: &Document<'_>, root: NodeId) -> Result<Self, XmlError> {
                $message::read(document, root)
            }
        }
    )+};
}

messages! {
    AuthnRequest "AuthnRequest" Request;
    LogoutRequest "LogoutRequest" Request;
    LogoutResponse "LogoutResponse" Response;
}

/// The binding of a received message, with its signature.
#[derive(Debug, Clone)]
enum Carried {
    Redirect(Option<QuerySignature>),
    Form,
}

/// A received message: decoded, limited in size, and not trusted.
#[derive(Debug, Clone)]
pub struct Received {
    xml: String,
    parameter: Parameter,
    relay_state: Option<String>,
    carried: Carried,
    limits: Limits,
}

impl Received {
    /// Decodes the query string of a redirect, without its `?` (saml-bindings §3.4).
    ///
    /// # Errors
    /// [`Code::NotEncoded`], [`Code::TooLarge`], [`Code::SignatureAlgorithm`].
    pub fn by_redirect(raw_query: &str, limits: &Limits) -> Result<Self, Refusal> {
        let message = redirect::decode(raw_query, limits).map_err(|error| not_taken(&error))?;
        Ok(Self {
            xml: message.xml,
            parameter: message.parameter,
            relay_state: message.relay_state,
            carried: Carried::Redirect(message.signature),
            limits: *limits,
        })
    }

    /// Decodes a form field (saml-bindings §3.5).
    ///
    /// # Errors
    /// [`Code::NotEncoded`] and [`Code::TooLarge`].
    pub fn by_form(
        parameter: Parameter,
        field: &str,
        relay_state: Option<String>,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            xml: post::decode(field, limits).map_err(|error| not_taken(&error))?,
            parameter,
            relay_state,
            carried: Carried::Form,
            limits: *limits,
        })
    }

    /// Returns the parameter that carried the message.
    pub fn parameter(&self) -> Parameter {
        self.parameter
    }

    /// Returns the sender's `RelayState`, to be returned unchanged.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Returns the decoded text, for the log.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// Returns the Issuer in the unverified message. Use it only to look up the keys.
    ///
    /// # Errors
    /// [`Code::NotXml`] and [`Code::Malformed`].
    pub fn claimed_issuer(&self) -> Result<String, Refusal> {
        let document = self.parse_document()?;
        let root = document.document_element();
        let issuer = root.and_then(|root| xml::child(&document, root, names::ASSERTION, "Issuer"));
        issuer
            .map(|node| xml::trimmed_text(&document, node))
            .filter(|issuer| !issuer.is_empty())
            .ok_or_else(|| Refusal::new(Code::Malformed, "expected an <Issuer>, found none"))
    }

    /// Returns `InResponseTo` of the unverified message. Use it only to look up the request.
    ///
    /// # Errors
    /// [`Code::NotXml`].
    pub fn claimed_in_response_to(&self) -> Result<Option<String>, Refusal> {
        let document = self.parse_document()?;
        let root = document.document_element();
        let value = root.and_then(|root| xml::attribute(&document, root, "InResponseTo"));
        Ok(value.map(str::to_owned))
    }

    /// True if the message has a signature; it is not verified here.
    ///
    /// # Errors
    /// [`Code::NotXml`].
    pub fn is_signed(&self) -> Result<bool, Refusal> {
        match &self.carried {
            Carried::Redirect(signature) => Ok(signature.is_some()),
            Carried::Form => {
                let document = self.parse_document()?;
                let root = document.document_element();
                let signature =
                    root.and_then(|root| xml::child(&document, root, names::DSIG, "Signature"));
                Ok(signature.is_some())
            }
        }
    }

    /// Returns the message without verifying a signature, for requests that need not be signed.
    ///
    /// # Errors
    /// A [`Refusal`] when it cannot be read as this kind of message.
    pub fn at_its_word<M: Message>(&self) -> Result<M, Refusal> {
        let document = self.parse_document()?;
        let root = self.root::<M>(&document)?;
        M::read(&document, root).map_err(malformed_refusal)
    }

    /// Verifies the signature, which must exist, and reads the message from the signed content.
    ///
    /// # Errors
    /// A [`Refusal`]: unsigned, signature at a wrong place, wrong key, algorithm not accepted, or
    /// another kind of message.
    pub fn verify<M: Message>(self, keys: &TrustedKeys) -> Result<Authenticated<M>, Refusal> {
        let document = self.parse_document()?;
        let root = self.root::<M>(&document)?;
        let enveloped = the_signature(&document, root)?;
        match (&self.carried, enveloped) {
            (Carried::Redirect(Some(signature)), None) => {
                if !signature.verify(keys.certificates()) {
                    return Err(Refusal::new(
                        Code::SignatureInvalid,
                        "expected the query's signature to verify with a trusted certificate: it does not",
                    ));
                }
            }
            (Carried::Redirect(_), Some(_)) => {
                return Err(Refusal::new(
                    Code::SignatureMisplaced,
                    "expected no <Signature> in a message by HTTP-Redirect (saml-bindings §3.4.4.1), found one",
                ));
            }
            (Carried::Form, Some(signature)) => {
                Enveloped::of(&document, signature, root)?
                    .verify(&document, keys.certificates())?;
            }
            (_, None) => {
                return Err(Refusal::new(
                    Code::NotSigned,
                    format!(
                        "expected a signed <{}>, got one without a signature",
                        M::NAME
                    ),
                ));
            }
        }
        let message = M::read(&document, root).map_err(malformed_refusal)?;
        Ok(Authenticated {
            message,
            relay_state: self.relay_state.clone(),
        })
    }

    fn parse_document(&self) -> Result<Document<'_>, Refusal> {
        xml::parse(&self.xml, &self.limits).map_err(|error| match error {
            XmlError::TooLarge { .. } => Refusal::new(Code::TooLarge, error.to_string()),
            error => Refusal::new(Code::NotXml, error.to_string()),
        })
    }

    fn root<M: Message>(&self, document: &Document<'_>) -> Result<NodeId, Refusal> {
        if self.parameter != M::PARAMETER {
            return Err(Refusal::new(
                Code::Malformed,
                format!(
                    "expected a <{}> in {}, got it in {}",
                    M::NAME,
                    M::PARAMETER.name(),
                    self.parameter.name()
                ),
            ));
        }
        xml::root(document, names::PROTOCOL, M::NAME).map_err(malformed_refusal)
    }
}

/// Returns the signature of the root; the document may contain no other.
fn the_signature(document: &Document<'_>, root: NodeId) -> Result<Option<NodeId>, Refusal> {
    let all = document.get_elements_by_tag_name_ns(names::DSIG, "Signature");
    match all.as_slice() {
        [] => Ok(None),
        [one] if document.parent(*one) == Some(root) => Ok(Some(*one)),
        [_] => Err(Refusal::new(
            Code::SignatureMisplaced,
            format!(
                "expected the <Signature> in <{}>, found it deeper",
                xml::name_of(document, root)
            ),
        )),
        all => Err(Refusal::new(
            Code::SignatureMisplaced,
            format!("expected one <Signature>, got {}", all.len()),
        )),
    }
}

fn malformed_refusal(error: XmlError) -> Refusal {
    Refusal::new(Code::Malformed, error.to_string())
}

fn not_taken(error: &BindingError) -> Refusal {
    let code = match error {
        BindingError::TooLarge { .. } => Code::TooLarge,
        BindingError::Algorithm(_) => Code::SignatureAlgorithm,
        _ => Code::NotEncoded,
    };
    Refusal::new(code, error.to_string())
}

/// A message whose signature by a trusted key covers all of it.
#[derive(Debug, Clone)]
pub struct Authenticated<M> {
    message: M,
    relay_state: Option<String>,
}

impl<M> Authenticated<M> {
    /// Returns the message. For logout messages, [`Authenticated::check`] is the next stage.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// Returns the sender's `RelayState`, to be returned unchanged.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }
}
