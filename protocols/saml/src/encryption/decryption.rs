//! Decrypts assertions and NameIDs. The error texts are for the log; they reveal nothing about key or
//! padding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uppsala::{Document, NodeId};

use super::{ContentCipher, EncryptedId, OaepHash, RSA_OAEP, RSA_OAEP_MGF1P, XENC11};
use crate::keys::SigningKey;
use crate::message::NameId;
use crate::names::{ASSERTION, DSIG, SHA1, SHA256, SHA384, SHA512, XENC};
use crate::xml::{self, Limits};

/// The most recipients of an encrypted element.
const MOST_KEYS: usize = 8;

/// The service provider's keys for decryption.
#[derive(Debug, Clone)]
pub struct DecryptionKeys(Vec<SigningKey>);

/// An encrypted element, in a form that any of its recipients can decrypt.
struct Encrypted {
    cipher: ContentCipher,
    content: Vec<u8>,
    keys: Vec<EncryptedKey>,
}

struct EncryptedKey {
    hash: OaepHash,
    label: Option<Vec<u8>>,
    value: Vec<u8>,
}

impl DecryptionKeys {
    /// Uses these keys; the first one that fits decrypts.
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Self(keys)
    }

    /// Decrypts the NameID.
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

    /// Returns the document with its only `<EncryptedData>`, a child of `wrapper`, decrypted.
    pub(crate) fn decrypt(
        &self,
        document: &Document<'_>,
        wrapper: NodeId,
        source: &str,
    ) -> Result<String, String> {
        let all = document.get_elements_by_tag_name_ns(XENC, "EncryptedData");
        let data = match all.as_slice() {
            [one] => *one,
            all => return Err(format!("expected one <EncryptedData>, got {}", all.len())),
        };
        if document.parent(data) != Some(wrapper) {
            return Err("expected <EncryptedData> in what is encrypted".to_owned());
        }
        let encrypted = Encrypted::read(document, wrapper, data)?;
        let plain = encrypted.keys.iter().find_map(|key| {
            let mut own = self.0.iter();
            own.find_map(|own| encrypted.decrypt(key, own))
        });
        let plain =
            plain.ok_or_else(|| "no key of this service provider can decrypt it".to_owned())?;
        let range = document.node_range(data);
        let range = range.ok_or("cannot find <EncryptedData> in the text")?;
        // The parser passes over a byte order mark, and its positions do not count it.
        let mut text = source.strip_prefix('\u{feff}').unwrap_or(source).to_owned();
        text.replace_range(range, &plain);
        Ok(text)
    }
}

impl Encrypted {
    /// # Errors
    /// In words, if an algorithm is not accepted, or a key is where it must not be.
    fn read(document: &Document<'_>, wrapper: NodeId, data: NodeId) -> Result<Self, String> {
        let keys = document.get_elements_by_tag_name_ns(XENC, "EncryptedKey");
        // Each one costs an operation with the private key.
        if keys.is_empty() || keys.len() > MOST_KEYS {
            let got = keys.len();
            return Err(format!(
                "expected 1 to {MOST_KEYS} <EncryptedKey>, got {got}"
            ));
        }
        let content = method(document, data);
        let cipher = ContentCipher::ALL.iter().find(|it| it.uri() == content);
        let cipher =
            *cipher.ok_or_else(|| format!("expected AES in GCM or CBC, got {content:?}"))?;
        let key_info = xml::child(document, data, DSIG, "KeyInfo");
        let is_in_key_info = |key: NodeId| key_info.is_some() && document.parent(key) == key_info;
        match keys.as_slice() {
            [one] if is_in_key_info(*one) || is_retrieved(document, wrapper, key_info, *one) => {}
            [_] => {
                return Err(
                    "expected <EncryptedKey> in the <KeyInfo> of <EncryptedData>, or a <RetrievalMethod> for it there"
                        .to_owned(),
                );
            }
            several if several.iter().all(|key| is_in_key_info(*key)) => {}
            _ => {
                return Err(
                    "expected each <EncryptedKey> in the <KeyInfo> of <EncryptedData>".to_owned(),
                );
            }
        }
        // Each is for one recipient, and its Recipient is only a hint (xmlenc-core1 §3.5.1).
        let accepted = keys.iter().filter(|key| is_accepted(document, **key));
        let read: Vec<_> = accepted
            .filter_map(|key| EncryptedKey::read(document, *key))
            .collect();
        if !keys.iter().any(|key| is_accepted(document, *key)) {
            let got = method(document, keys[0]);
            return Err(format!("expected key transport RSA-OAEP, got {got:?}"));
        }
        Ok(Self {
            cipher,
            content: cipher_value(document, data)
                .ok_or("expected a <CipherValue> in base64 in <EncryptedData>")?,
            keys: read,
        })
    }

    fn decrypt(&self, key: &EncryptedKey, own: &SigningKey) -> Option<String> {
        let label = key.label.as_deref();
        let secret = key.hash.decrypt_with_label(own, &key.value, label)?;
        let plain = self.cipher.decrypt(&secret, &self.content)?;
        String::from_utf8(plain).ok()
    }
}

impl EncryptedKey {
    /// Returns the key; `None` if it cannot be decrypted.
    fn read(document: &Document<'_>, node: NodeId) -> Option<Self> {
        let method = xml::child(document, node, XENC, "EncryptionMethod")?;
        let parameter = |namespace, name| {
            let inner = xml::child(document, method, namespace, name)?;
            xml::attribute(document, inner, "Algorithm")
        };
        let digest = parameter(DSIG, "DigestMethod").unwrap_or(SHA1);
        let mask = match xml::attribute(document, method, "Algorithm") {
            Some(RSA_OAEP) => parameter(XENC11, "MGF"),
            // The older algorithm always uses SHA-1 for the mask.
            _ => None,
        };
        let mask = mask.map_or(Some("mgf1sha1"), |uri| uri.strip_prefix(XENC11))?;
        let hash = match (digest, mask) {
            (SHA1, "mgf1sha1") => OaepHash::Sha1,
            (SHA256, "mgf1sha256") => OaepHash::Sha256,
            (SHA384, "mgf1sha384") => OaepHash::Sha384,
            (SHA512, "mgf1sha512") => OaepHash::Sha512,
            _ => return None,
        };
        let label = match xml::child(document, method, XENC, "OAEPparams") {
            Some(label) => Some(bytes_in(document, label)?),
            None => None,
        };
        Some(Self {
            hash,
            label,
            value: cipher_value(document, node)?,
        })
    }
}

fn method<'d>(document: &'d Document<'_>, node: NodeId) -> &'d str {
    let method = xml::child(document, node, XENC, "EncryptionMethod");
    let uri = method.and_then(|method| xml::attribute(document, method, "Algorithm"));
    uri.unwrap_or_default()
}

fn is_accepted(document: &Document<'_>, key: NodeId) -> bool {
    [RSA_OAEP, RSA_OAEP_MGF1P].contains(&method(document, key))
}

/// True if the key is next to `<EncryptedData>`, whose `<KeyInfo>` refers to it (saml-core §2.2.4).
fn is_retrieved(
    document: &Document<'_>,
    wrapper: NodeId,
    key_info: Option<NodeId>,
    key: NodeId,
) -> bool {
    let reference = key_info
        .and_then(|it| xml::child(document, it, DSIG, "RetrievalMethod"))
        .and_then(|it| xml::attribute(document, it, "URI"))
        .and_then(|uri| uri.strip_prefix('#'));
    document.parent(key) == Some(wrapper)
        && reference.is_some()
        && reference == xml::attribute(document, key, "Id")
}

fn cipher_value(document: &Document<'_>, node: NodeId) -> Option<Vec<u8>> {
    let data = xml::child(document, node, XENC, "CipherData")?;
    bytes_in(document, xml::child(document, data, XENC, "CipherValue")?)
}

fn bytes_in(document: &Document<'_>, node: NodeId) -> Option<Vec<u8>> {
    let text = document.text_content_deep(node);
    let compact: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    STANDARD.decode(compact).ok()
}
