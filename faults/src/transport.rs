//! How a message is encrypted, encoded and delivered.

use serde::{Deserialize, Serialize};

/// The cipher that encrypts the content of an encrypted assertion or NameID.
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
    /// Triple DES in CBC, which is obsolete.
    #[serde(rename = "tripledes-cbc")]
    TripleDesCbc,
}

impl Cipher {
    /// True for CBC mode, which does not detect changes of the ciphertext.
    pub fn is_cbc(self) -> bool {
        matches!(self, Self::Aes128Cbc | Self::Aes256Cbc | Self::TripleDesCbc)
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
    /// RSA PKCS#1 v1.5, which is obsolete.
    Pkcs1,
}

impl KeyTransport {
    /// True for the default, which is not written to the file.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a document is encoded into the form field `SAMLResponse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Base64, as saml-bindings §3.5.4 requires.
    #[default]
    Base64,
    /// Compressed with DEFLATE, then base64: allowed only for HTTP-Redirect.
    Deflated,
    /// As [`Self::Deflated`], but it inflates to more than 32 MiB.
    DeflateBomb,
    /// UTF-16 with a byte order mark.
    #[serde(rename = "utf16")]
    Utf16,
    /// The XML without base64.
    Plain,
    /// Base64 with characters that are not in its alphabet.
    Garbage,
}

/// How a message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Once, by the browser that sent the request.
    #[default]
    Once,
    /// Twice, one after the other; the first delivery is accepted.
    Again,
    /// Twice at the same time.
    AtOnce,
    /// Once, by a browser that sent no request.
    OtherBrowser,
}
