//! Bindings: how the browser carries messages (saml-bindings).

pub mod form;
mod outgoing;
pub mod post;
pub mod redirect;
pub mod repost;

pub use outgoing::{Outgoing, SendError, send};

use crate::XmlError;

/// The form field or query parameter with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `SAMLRequest`
    Request,
    /// `SAMLResponse`
    Response,
}

impl Parameter {
    /// Returns the name of the parameter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// Largest size of `RelayState`, in bytes (saml-bindings §3.4.3, §3.5.3).
pub const RELAY_STATE_MAX_BYTES: usize = 80;

/// Why the received parameters contain no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// Neither parameter is present.
    #[error("expected the parameter SAMLRequest or SAMLResponse, found neither")]
    NoMessage,
    /// A parameter occurs twice, so that two programs might read different messages.
    #[error("expected the parameter {0} once, got more than once")]
    Repeated(String),
    /// The message or a parameter is too large.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not base64.
    #[error("expected base64 (RFC 4648 §4) in {parameter}: {reason}")]
    Base64 {
        /// The parameter's name.
        parameter: &'static str,
        /// The message of the decoder.
        reason: String,
    },
    /// Not DEFLATE.
    #[error("expected DEFLATE (RFC 1951) in {parameter}: {reason}")]
    Deflate {
        /// The parameter's name.
        parameter: &'static str,
        /// The message of the decoder.
        reason: String,
    },
    /// Not UTF-8.
    #[error("expected UTF-8 in the message")]
    Utf8,
    /// `SAMLEncoding` names another encoding than DEFLATE.
    #[error("expected SAMLEncoding to be DEFLATE, got {0}")]
    Encoding(String),
    /// The signature algorithm is not allowed.
    #[error("expected SigAlg to be RSA or ECDSA with SHA-256, SHA-384 or SHA-512, got {0}")]
    Algorithm(String),
    /// `SigAlg` without `Signature`, or the other way round.
    #[error("expected SigAlg and Signature together, got only {0}")]
    HalfSigned(&'static str),
    /// The endpoint is not a URL.
    #[error("expected an absolute URL as endpoint, got {0:?}")]
    Endpoint(String),
    /// The key cannot make the signature.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
    /// The XML does not follow the rules of SAML.
    #[error(transparent)]
    Xml(#[from] XmlError),
}
