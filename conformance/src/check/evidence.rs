//! The exchanges of a run, in the form that every report shows. This is a convention for
//! [`Outcome::evidence`](super::Outcome), which stays plain JSON.
//!
//! A conversation is stored once, with the check that it belongs to; other checks refer to it by
//! name (`see`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Evidence of an outcome.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Names of the conversations that prove the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub see: Vec<String>,
    /// Conversations that are stored with this outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversations: Vec<Conversation>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
}

/// Something that was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The name of the measured duration.
    pub name: String,
    /// The duration.
    pub seconds: f64,
}

/// All exchanges of one trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Name of the conversation, unique in the report.
    pub name: String,
    /// What the trial tests.
    pub about: String,
    /// The exchanges, in order.
    pub exchanges: Vec<Exchange>,
}

/// One HTTP exchange, with secrets masked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The party that sent the request.
    pub from: String,
    /// The party that answered it.
    pub to: String,
    /// HTTP method.
    pub method: String,
    /// URL of the request.
    pub url: String,
    /// Headers of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent_headers: Vec<(String, String)>,
    /// Body of the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sent: String,
    /// HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered_headers: Vec<(String, String)>,
    /// `Location` header of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// Media type of the answer's body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// Body of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answered: String,
    /// Milliseconds since the recording began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// Decoded SAML messages of this exchange.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saml: Vec<Saml>,
    /// A SCIM resource before and after this exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// A decoded SAML message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saml {
    /// Parameter name: `SAMLRequest` or `SAMLResponse`.
    pub parameter: String,
    /// The binding by which the message is sent.
    pub binding: String,
    /// True if the message is in the answer, for the browser to deliver.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered: bool,
    /// The XML document.
    pub xml: String,
    /// Certificates (base64 DER) with whose keys its signatures are verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<String>,
}

/// A SCIM resource before and after an exchange.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The resource before; null if it did not exist.
    pub before: Value,
    /// The resource after; null if it no longer exists.
    pub after: Value,
}

impl From<Evidence> for Value {
    fn from(evidence: Evidence) -> Self {
        serde_json::to_value(evidence).unwrap_or_default()
    }
}
