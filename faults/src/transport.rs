//! How a message is encrypted, encoded and delivered.

use serde::{Deserialize, Serialize};

/// The content's cipher of an encrypted assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cipher {
    /// AES-128 in GCM.
    #[serde(rename = "aes128-gcm")]
    Aes128Gcm,
    /// AES-256 in GCM.
    #[serde(rename = "aes256-gcm")]
    Aes256Gcm,
    /// AES-128 in CBC.
    #[serde(rename = "aes128-cbc")]
    Aes128Cbc,
    /// AES-256 in CBC.
    #[serde(rename = "aes256-cbc")]
    Aes256Cbc,
}

impl Cipher {
    /// Whether blocks are chained (CBC), so that nothing authenticates them.
    pub fn is_cbc(self) -> bool {
        matches!(self, Self::Aes128Cbc | Self::Aes256Cbc)
    }
}

/// How the key of a cipher is encrypted for the recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyTransport {
    /// RSA-OAEP with SHA-1, as in XML Encryption 1.0.
    #[default]
    OaepSha1,
    /// RSA-OAEP with SHA-256.
    OaepSha256,
}

impl KeyTransport {
    /// Whether a file need not name it.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a document becomes the form field `SAMLResponse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Base64, as saml-bindings §3.5.4 has it.
    #[default]
    Base64,
    /// Compressed first, as for HTTP-Redirect.
    Deflated,
    /// A few bytes that inflate to very many.
    DeflateBomb,
    /// UTF-16 with a byte order mark.
    #[serde(rename = "utf16")]
    Utf16,
    /// The XML itself.
    Plain,
    /// Base64 with signs of no alphabet in it.
    Garbage,
}

/// How a message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Once, by the browser that asked.
    #[default]
    Once,
    /// Accepted once, and delivered again.
    Again,
    /// Twice at the same time.
    AtOnce,
    /// By a browser that asked nothing.
    OtherBrowser,
}
