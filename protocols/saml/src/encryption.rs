//! Encrypted assertions and NameIDs (saml-core §2.3.4, §2.2.4, XML Encryption 1.1): AES for the
//! content, RSA-OAEP for the key, no other algorithms.

use std::borrow::Cow;
use std::ops::Range;

use bergshamra::xml::uppsala::{Document, NodeId};
use bergshamra::{EncContext, KeysManager};

use crate::keys::{Certificate, SigningKey};
use crate::message::NameId;
use crate::names::{ASSERTION, DSIG, PROTOCOL, SHA1, SHA256, XENC};
use crate::xml::{self, Limits, XmlWriter, element, text_element};

const RSA_OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const RSA_OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
/// The most recipients of an encrypted element.
const MOST_KEYS: usize = 8;
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// Cipher for the content of an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentCipher {
    /// AES-128 in GCM: encrypts and authenticates.
    Aes128Gcm,
    /// AES-256 in GCM.
    Aes256Gcm,
    /// AES-128 in CBC: encrypts only, so the signature must authenticate.
    Aes128Cbc,
    /// AES-256 in CBC.
    Aes256Cbc,
}

impl ContentCipher {
    /// Every cipher that is accepted.
    pub const ALL: [Self; 4] = [
        Self::Aes128Gcm,
        Self::Aes256Gcm,
        Self::Aes128Cbc,
        Self::Aes256Cbc,
    ];

    /// Returns the URI of the algorithm.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        }
    }
}

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
        let mut keys = KeysManager::new();
        keys.add_key(self.recipient.public_key().clone());
        bergshamra::encrypt(
            &EncContext::new(keys),
            &self.template(wrapper),
            plain.as_bytes(),
        )
        .map_err(|error| EncryptError {
            recipient: self.recipient.subject().to_owned(),
            reason: error.to_string(),
        })
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

    fn template(&self, wrapper: &str) -> String {
        let mut w = XmlWriter::with_capacity(2048);
        let algorithm = |uri| [("Algorithm", Some(uri))];
        let cipher_data = |w: &mut XmlWriter| {
            element(w, "xenc:CipherData", &[], |w| {
                text_element(w, "xenc:CipherValue", &[], "");
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
                        cipher_data(w);
                    });
                });
                cipher_data(w);
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

/// The service provider's keys for decryption.
#[derive(Debug, Clone)]
pub struct DecryptionKeys(Vec<SigningKey>);

impl DecryptionKeys {
    /// Uses these keys; the first one that fits decrypts.
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Self(keys)
    }

    /// Decrypts the NameID. The error text is for the log; it reveals nothing about key or padding.
    pub(crate) fn name_id(&self, encrypted: &EncryptedId) -> Result<NameId, String> {
        let limits = Limits::default();
        let unusable = |error: xml::XmlError| error.to_string();
        let plain = {
            let document = xml::parse(encrypted.xml(), &limits).map_err(unusable)?;
            let root = xml::root(&document, ASSERTION, "EncryptedID").map_err(unusable)?;
            self.decrypt(&document, root, encrypted.xml())?
        };
        let document = xml::parse(&plain, &limits).map_err(unusable)?;
        let root = xml::root(&document, ASSERTION, "EncryptedID").map_err(unusable)?;
        match document
            .get_elements_by_tag_name_ns(ASSERTION, "NameID")
            .as_slice()
        {
            [one] if document.parent(*one) == Some(root) => Ok(NameId::read(&document, *one)),
            all => Err(format!(
                "invalid <EncryptedID>: expected exactly one <NameID>, as its child, in the decrypted element; got {} at any depth",
                all.len()
            )),
        }
    }

    /// Returns the document with the content of its only `<EncryptedData>` decrypted. The error
    /// text is for the log; it reveals nothing about key or padding.
    pub(crate) fn decrypt(
        &self,
        document: &Document<'_>,
        encrypted: NodeId,
        source: &str,
    ) -> Result<String, String> {
        // The parser passes over a byte order mark, and its positions do not count it.
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        for source in with_each_key(document, encrypted, source)? {
            for key in &self.0 {
                let mut keys = KeysManager::new();
                keys.add_key(key.private_key().clone());
                let mut context = EncContext::new(keys).with_disable_cipher_reference(true);
                context.max_pbkdf2_iterations = 0;
                if let Ok(plain) = bergshamra::enc::decrypt::decrypt(&context, &source) {
                    return Ok(plain);
                }
            }
        }
        Err("no key of this service provider can decrypt it".to_owned())
    }
}

/// Returns the document once for each `EncryptedKey`, without the other ones: each is for one
/// recipient, and its Recipient is only a hint (xmlenc-core1 §3.5.1).
///
/// # Errors
/// In words, unless there is one `EncryptedData` with accepted algorithms and at least one
/// `EncryptedKey`, all of which are in its `KeyInfo`.
fn with_each_key<'s>(
    document: &Document<'_>,
    encrypted: NodeId,
    source: &'s str,
) -> Result<Vec<Cow<'s, str>>, String> {
    let all = document.get_elements_by_tag_name_ns(XENC, "EncryptedData");
    let data = match all.as_slice() {
        [one] => *one,
        all => return Err(format!("expected one <EncryptedData>, got {}", all.len())),
    };
    if document.parent(data) != Some(encrypted) {
        return Err("expected <EncryptedData> in what is encrypted".to_owned());
    }
    let keys = document.get_elements_by_tag_name_ns(XENC, "EncryptedKey");
    // Each one costs an operation with the private key.
    if keys.is_empty() || keys.len() > MOST_KEYS {
        let got = keys.len();
        return Err(format!(
            "expected 1 to {MOST_KEYS} <EncryptedKey>, got {got}"
        ));
    }
    let method = |node| {
        let method = xml::child(document, node, XENC, "EncryptionMethod");
        method
            .and_then(|method| xml::attribute(document, method, "Algorithm"))
            .unwrap_or_default()
    };
    let content = method(data);
    if !ContentCipher::ALL
        .iter()
        .any(|cipher| cipher.uri() == content)
    {
        return Err(format!("expected AES in GCM or CBC, got {content:?}"));
    }
    let is_accepted = |key: &&NodeId| [RSA_OAEP, RSA_OAEP_MGF1P].contains(&method(**key));
    if !keys.iter().any(|key| is_accepted(&key)) {
        let got = method(keys[0]);
        return Err(format!("expected key transport RSA-OAEP, got {got:?}"));
    }
    if keys.len() == 1 {
        return Ok(vec![source.into()]);
    }
    let key_info = xml::child(document, data, DSIG, "KeyInfo");
    let range = |key: &NodeId| {
        let is_in_key_info = key_info.is_some() && document.parent(*key) == key_info;
        let range = document.node_range(*key).filter(|_| is_in_key_info);
        range.ok_or("expected each <EncryptedKey> in the <KeyInfo> of <EncryptedData>")
    };
    let ranges: Vec<_> = keys.iter().map(range).collect::<Result<_, _>>()?;
    let accepted = keys.iter().zip(&ranges).filter(|(key, _)| is_accepted(key));
    let with_only = |kept: &Range<usize>| {
        let mut text = source.to_owned();
        for range in ranges.iter().rev().filter(|it| *it != kept) {
            text.replace_range(range.clone(), "");
        }
        text.into()
    };
    Ok(accepted.map(|(_, range)| with_only(range)).collect())
}
