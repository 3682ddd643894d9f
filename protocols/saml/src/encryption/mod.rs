//! Encrypted assertions and NameIDs (saml-core §2.3.4, §2.2.4, XML Encryption 1.1): AES for the
//! content, RSA-OAEP for the key, no other algorithms.

mod cipher;
mod decryption;
mod key_transport;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uppsala::{Document, NodeId};

pub use cipher::ContentCipher;
pub use decryption::DecryptionKeys;
pub use key_transport::OaepHash;

use crate::keys::Certificate;
use crate::message::NameId;
use crate::names::{ASSERTION, DSIG, PROTOCOL, SHA1, SHA256, XENC};
use crate::xml::{self, Limits, XmlWriter, element, text_element};

const RSA_OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const RSA_OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// Recipient and algorithms of an encryption.
#[derive(Debug, Clone)]
pub struct Encryption {
    /// Certificate of the recipient, with an RSA key.
    pub recipient: Certificate,
    /// Cipher for the content.
    pub cipher: ContentCipher,
    /// Hash of RSA-OAEP: true for SHA-256, false for SHA-1 as in XML Encryption 1.0 (in OAEP,
    /// collisions of SHA-1 do no harm).
    pub oaep_sha256: bool,
}

/// The assertion cannot be encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot encrypt for {recipient}: {reason}")]
pub struct EncryptError {
    recipient: String,
    reason: String,
}

impl Encryption {
    /// Returns an `<EncryptedAssertion>` that contains the assertion.
    ///
    /// # Errors
    /// [`EncryptError`], for example when the recipient's key is not RSA.
    pub fn encrypt(&self, assertion: &str) -> Result<String, EncryptError> {
        self.encrypt_in_wrapper("saml:EncryptedAssertion", assertion)
    }

    /// Encrypts a NameID for the recipient.
    ///
    /// # Errors
    /// As for [`Self::encrypt`].
    pub fn encrypt_name_id(&self, name: &NameId) -> Result<EncryptedId, EncryptError> {
        let mut w = XmlWriter::new();
        name.write(&mut w);
        let open = "<saml:NameID";
        let plain =
            w.into_string()
                .replacen(open, &format!("{open} xmlns:saml=\"{ASSERTION}\""), 1);
        self.encrypt_in_wrapper("saml:EncryptedID", &plain)
            .map(EncryptedId)
    }

    /// Returns the text of a response with the NameIDs of its assertions encrypted. Do this before
    /// signing.
    ///
    /// # Errors
    /// [`EncryptError`], also when the text is not a response.
    pub fn encrypt_name_ids(&self, text: &str) -> Result<String, EncryptError> {
        let mut found = Vec::new();
        {
            let document = xml::parse(text, &Limits::default()).map_err(|e| self.unreadable(&e))?;
            let root =
                xml::root(&document, PROTOCOL, "Response").map_err(|e| self.unreadable(&e))?;
            for assertion in xml::children(&document, root, ASSERTION, "Assertion") {
                let subject = xml::child(&document, assertion, ASSERTION, "Subject");
                let name =
                    subject.and_then(|subject| xml::child(&document, subject, ASSERTION, "NameID"));
                if let Some(name) = name
                    && let Some(range) = document.node_range(name)
                {
                    found.push((range, NameId::read(&document, name)));
                }
            }
        }
        let mut text = text.to_owned();
        for (range, name) in found.into_iter().rev() {
            text.replace_range(range, self.encrypt_name_id(&name)?.xml());
        }
        Ok(text)
    }

    fn unreadable(&self, error: &xml::XmlError) -> EncryptError {
        EncryptError {
            recipient: self.recipient.subject().to_owned(),
            reason: error.to_string(),
        }
    }

    /// Returns an element with the qualified name `wrapper`, of the namespace of assertions, that
    /// contains `plain` encrypted.
    ///
    /// # Errors
    /// As for [`Self::encrypt`].
    pub fn encrypt_in_wrapper(&self, wrapper: &str, plain: &str) -> Result<String, EncryptError> {
        let failed = |reason: &str| EncryptError {
            recipient: self.recipient.subject().to_owned(),
            reason: reason.to_owned(),
        };
        let mut key = vec![0; self.cipher.key_length()];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| failed("no random bytes"))?;
        let hash = match self.oaep_sha256 {
            true => OaepHash::Sha256,
            false => OaepHash::Sha1,
        };
        let content = self.cipher.encrypt(&key, plain.as_bytes());
        let content = content.ok_or_else(|| failed("the cipher is not available"))?;
        let key = hash.encrypt(&self.recipient, &key);
        let key = key.ok_or_else(|| failed("expected an RSA key"))?;
        Ok(self.element(wrapper, &key, &content))
    }

    /// Returns the text of a response with each of its assertions encrypted.
    ///
    /// # Errors
    /// [`EncryptError`], also when the text is not a response.
    pub fn encrypt_assertions(&self, text: &str) -> Result<String, EncryptError> {
        let mut ranges = Vec::new();
        {
            let document = xml::parse(text, &Limits::default()).map_err(|e| self.unreadable(&e))?;
            let root =
                xml::root(&document, PROTOCOL, "Response").map_err(|e| self.unreadable(&e))?;
            let assertions = xml::children(&document, root, ASSERTION, "Assertion");
            ranges.extend(
                assertions
                    .into_iter()
                    .filter_map(|node| document.node_range(node)),
            );
        }
        let mut text = text.to_owned();
        for range in ranges.into_iter().rev() {
            let encrypted = self.encrypt(&text[range.clone()])?;
            text.replace_range(range, &encrypted);
        }
        Ok(text)
    }

    /// Returns the element with the encrypted key and the encrypted content.
    fn element(&self, wrapper: &str, key: &[u8], content: &[u8]) -> String {
        let mut w = XmlWriter::with_capacity(2048 + content.len() * 4 / 3);
        let algorithm = |uri| [("Algorithm", Some(uri))];
        let cipher_data = |w: &mut XmlWriter, value: &[u8]| {
            element(w, "xenc:CipherData", &[], |w| {
                text_element(w, "xenc:CipherValue", &[], &STANDARD.encode(value));
            });
        };
        let saml = [("xmlns:saml", Some(ASSERTION))];
        let data = [("xmlns:xenc", Some(XENC)), ("Type", Some(ELEMENT))];
        element(&mut w, wrapper, &saml, |w| {
            element(w, "xenc:EncryptedData", &data, |w| {
                element(
                    w,
                    "xenc:EncryptionMethod",
                    &algorithm(self.cipher.uri()),
                    |_| {},
                );
                element(w, "ds:KeyInfo", &[("xmlns:ds", Some(DSIG))], |w| {
                    element(w, "xenc:EncryptedKey", &[], |w| {
                        let (transport, digest) = if self.oaep_sha256 {
                            (RSA_OAEP, SHA256)
                        } else {
                            (RSA_OAEP_MGF1P, SHA1)
                        };
                        element(w, "xenc:EncryptionMethod", &algorithm(transport), |w| {
                            element(w, "ds:DigestMethod", &algorithm(digest), |_| {});
                            if self.oaep_sha256 {
                                let mgf = [
                                    ("xmlns:xenc11", Some(XENC11)),
                                    ("Algorithm", Some(MGF1_SHA256)),
                                ];
                                element(w, "xenc11:MGF", &mgf, |_| {});
                            }
                        });
                        cipher_data(w, key);
                    });
                });
                cipher_data(w, content);
            });
        });
        w.into_string()
    }
}

/// An encrypted NameID (saml-core §2.2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedId(String);

impl EncryptedId {
    /// Returns the `<EncryptedID>` at `node`, with all namespace declarations that it needs.
    pub(crate) fn read(document: &Document<'_>, node: NodeId) -> Self {
        let canonical = xml::canonical(document, node, None, &[]);
        Self(String::from_utf8(canonical).unwrap_or_default())
    }

    /// Returns the XML of the element.
    pub(crate) fn xml(&self) -> &str {
        &self.0
    }
}
