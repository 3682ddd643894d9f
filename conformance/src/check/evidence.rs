//! What was said, in the form that every report shows: a convention for
//! [`Outcome::evidence`](super::Outcome), which stays plain JSON.
//!
//! A conversation stands once, with the check that it is about; other checks
//! point to it by name (`see`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The evidence of an outcome.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Names of conversations that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub see: Vec<String>,
    /// Conversations that are told here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversations: Vec<Conversation>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
}

/// Something that was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What took that long.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
}

/// Who said what to whom, in one trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its name, unique in the report.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// What was said, in order.
    pub exchanges: Vec<Exchange>,
}

/// One HTTP exchange, secrets masked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Who asked.
    pub from: String,
    /// Who was asked.
    pub to: String,
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// The headers that were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent_headers: Vec<(String, String)>,
    /// The body that was sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sent: String,
    /// The status that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The headers that came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered_headers: Vec<(String, String)>,
    /// The `Location` that came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// The media type of the body that came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// The body that came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answered: String,
    /// Milliseconds since the recording began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// SAML messages in it, decoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saml: Vec<Saml>,
    /// A SCIM resource before and after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// A SAML message, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saml {
    /// `SAMLRequest` or `SAMLResponse`.
    pub parameter: String,
    /// The binding that it is sent by.
    pub binding: String,
    /// Whether it is in the answer, for the browser to carry on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered: bool,
    /// The document.
    pub xml: String,
    /// The certificates, base64, whose keys its signatures are judged with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<String>,
}

/// A resource before and after an exchange.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Before; null where there was none.
    pub before: Value,
    /// After; null where there is none any more.
    pub after: Value,
}

impl From<Evidence> for Value {
    fn from(evidence: Evidence) -> Self {
        serde_json::to_value(evidence).unwrap_or_default()
    }
}
