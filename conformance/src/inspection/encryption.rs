//! Decrypts encrypted assertions (saml-core §2.3.4, XML Encryption 1.1) with the recipient's
//! private key.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey as BlockKey, DecryptionContext, UnboundCipherKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use rsa::{Oaep, Pkcs1v15Encrypt, RsaPrivateKey};

use super::{child, is, key_file, ns, text};

/// Block size of AES, in bytes.
const BLOCK: usize = 16;

/// Size of the nonce of AES-GCM, in bytes (XML Encryption 1.1 §5.2.4).
const NONCE: usize = 12;

/// The recipient's private key.
#[derive(Clone)]
pub struct DecryptionKey(RsaPrivateKey);

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecryptionKey")
    }
}

/// Why a key or an assertion cannot be decrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecryptionError {
    /// The file contains no private key.
    #[error(
        "invalid private key: expected an RSA key in PEM, PKCS#8 or PKCS#1, without a password"
    )]
    Key,
    /// The file contains something else; what, and what to do.
    #[error("invalid private key: expected an RSA key without a password, got {0}")]
    OtherFile(&'static str),
    /// A part of the element is missing or is not base64.
    #[error("the encrypted element has no readable {0}")]
    Part(&'static str),
    /// An algorithm that is not supported.
    #[error("cannot decrypt: the algorithm {0} is not supported")]
    Algorithm(String),
    /// The content is encrypted for another key.
    #[error("cannot decrypt: the content is encrypted for another key than the one given")]
    OtherKey,
    /// The content was changed after encryption.
    #[error("cannot decrypt: the encrypted content is damaged")]
    Content,
}

impl DecryptionKey {
    /// Reads a private key in PEM, DER, or the base64 of DER.
    ///
    /// # Errors
    /// [`DecryptionError::Key`] or [`DecryptionError::OtherFile`].
    pub fn read(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Result<Self, DecryptionError> {
        let other = |what: Option<_>| what.map_or(DecryptionError::Key, DecryptionError::OtherFile);
        key_file::read(bytes.as_ref()).map(Self).map_err(other)
    }
}

/// Returns the XML inside an `EncryptedAssertion`, `EncryptedID` or `EncryptedData`.
///
/// # Errors
/// [`DecryptionError`].
pub fn decrypt(element: Node<'_, '_>, key: &DecryptionKey) -> Result<String, DecryptionError> {
    let data = element
        .descendants()
        .find(|it| is(*it, ns::XENC, "EncryptedData"))
        .ok_or(DecryptionError::Part("EncryptedData"))?;
    // The EncryptedKey is inside KeyInfo, or next to EncryptedData (RetrievalMethod).
    let encrypted_key = element
        .descendants()
        .find(|it| is(*it, ns::XENC, "EncryptedKey"))
        .ok_or(DecryptionError::Part("EncryptedKey"))?;
    let content_key = unwrap_key(encrypted_key, key)?;
    let plain = decrypt_content(&algorithm(data), &content_key, &cipher_value(data)?)?;
    String::from_utf8(plain).map_err(|_| DecryptionError::Content)
}

fn algorithm(node: Node<'_, '_>) -> String {
    let method = child(node, ns::XENC, "EncryptionMethod");
    let uri = method.and_then(|it| it.attribute("Algorithm"));
    uri.unwrap_or_default().to_owned()
}

fn cipher_value(node: Node<'_, '_>) -> Result<Vec<u8>, DecryptionError> {
    let missing = DecryptionError::Part("CipherValue");
    let value = child(node, ns::XENC, "CipherData")
        .and_then(|it| child(it, ns::XENC, "CipherValue"))
        .ok_or_else(|| missing.clone())?;
    let base64: String = text(value).split_whitespace().collect();
    STANDARD.decode(base64).map_err(|_| missing)
}

fn unwrap_key(node: Node<'_, '_>, key: &DecryptionKey) -> Result<Vec<u8>, DecryptionError> {
    let uri = algorithm(node);
    let wrapped = cipher_value(node)?;
    let method = child(node, ns::XENC, "EncryptionMethod");
    let parameter = |name: &str| {
        let inner = method?.children().find(|it| it.tag_name().name() == name)?;
        inner.attribute("Algorithm")?.rsplit_once('#')
    };
    let digest = parameter("DigestMethod").map_or("sha1", |(_, name)| name);
    let mask = parameter("MGF").map_or("mgf1sha1", |(_, name)| name);
    let padding = match uri.rsplit_once('#').map(|(_, name)| name) {
        Some("rsa-1_5") => {
            return key
                .0
                .decrypt(Pkcs1v15Encrypt, &wrapped)
                .map_err(|_| DecryptionError::OtherKey);
        }
        Some("rsa-oaep-mgf1p" | "rsa-oaep") => oaep(digest, mask)
            .ok_or_else(|| DecryptionError::Algorithm(format!("{uri} with {digest}, {mask}")))?,
        _ => return Err(DecryptionError::Algorithm(uri)),
    };
    let unwrapped = key.0.decrypt(padding, &wrapped);
    unwrapped.map_err(|_| DecryptionError::OtherKey)
}

fn oaep(digest: &str, mask: &str) -> Option<Oaep> {
    use rsa::sha2::{Sha256, Sha384, Sha512};
    use sha1_of_rsa::Sha1;
    Some(match (digest, mask) {
        ("sha1", "mgf1sha1") => Oaep::new::<Sha1>(),
        ("sha256", "mgf1sha1") => Oaep::new_with_mgf_hash::<Sha256, Sha1>(),
        ("sha384", "mgf1sha1") => Oaep::new_with_mgf_hash::<Sha384, Sha1>(),
        ("sha512", "mgf1sha1") => Oaep::new_with_mgf_hash::<Sha512, Sha1>(),
        ("sha256", "mgf1sha256") => Oaep::new::<Sha256>(),
        ("sha384", "mgf1sha384") => Oaep::new::<Sha384>(),
        ("sha512", "mgf1sha512") => Oaep::new::<Sha512>(),
        ("sha1", "mgf1sha256") => Oaep::new_with_mgf_hash::<Sha1, Sha256>(),
        _ => return None,
    })
}

fn decrypt_content(uri: &str, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DecryptionError> {
    match uri.rsplit_once('#').map(|(_, name)| name) {
        Some("aes128-gcm" | "aes192-gcm" | "aes256-gcm") => open_gcm(key, sealed),
        Some("aes128-cbc" | "aes192-cbc" | "aes256-cbc") => open_cbc(key, sealed),
        _ => Err(DecryptionError::Algorithm(uri.to_owned())),
    }
}

fn open_gcm(key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DecryptionError> {
    let algorithm = match key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        32 => &AES_256_GCM,
        _ => return Err(DecryptionError::Content),
    };
    let (nonce, sealed) = sealed
        .split_at_checked(NONCE)
        .ok_or(DecryptionError::Content)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| DecryptionError::Content)?;
    let key = UnboundKey::new(algorithm, key).map_err(|_| DecryptionError::Content)?;
    let mut buffer = sealed.to_vec();
    let plain = LessSafeKey::new(key)
        .open_in_place(nonce, Aad::empty(), &mut buffer)
        .map_err(|_| DecryptionError::Content)?;
    Ok(plain.to_vec())
}

/// Decrypts AES-CBC with the padding of XML Encryption §5.2: the last byte is the length, the
/// others are arbitrary. The PKCS#7 check of the library would refuse valid content.
fn open_cbc(key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DecryptionError> {
    let damaged = |_| DecryptionError::Content;
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        _ => return Err(DecryptionError::Content),
    };
    if sealed.len() < 2 * BLOCK || !sealed.len().is_multiple_of(BLOCK) {
        return Err(DecryptionError::Content);
    }
    let key = UnboundCipherKey::new(algorithm, key).map_err(damaged)?;
    let key = BlockKey::ecb(key).map_err(damaged)?;
    let mut blocks = sealed[BLOCK..].to_vec();
    key.decrypt(&mut blocks, DecryptionContext::None)
        .map_err(damaged)?;
    for (at, byte) in blocks.iter_mut().enumerate() {
        *byte ^= sealed[at];
    }
    let padding = usize::from(*blocks.last().ok_or(DecryptionError::Content)?);
    if !(1..=BLOCK).contains(&padding) {
        return Err(DecryptionError::Content);
    }
    blocks.truncate(blocks.len() - padding);
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use saml::encryption::{ContentCipher, Encryption};
    use saml::keys::Certificate;

    use super::*;
    use crate::key_pair::KeyPair;

    const ASSERTION: &str =
        r#"<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"/>"#;

    fn material() -> KeyPair {
        let from = "2026-01-01T00:00:00Z".parse().unwrap();
        KeyPair::generate("test", from, &ambient::Ambient::real()).unwrap()
    }

    #[test]
    fn every_cipher_that_the_parties_write_is_decrypted() {
        let material = material();
        let pem = format!("{}{}", material.private_key, material.certificate);
        let key = DecryptionKey::read(&pem).unwrap();
        let other = DecryptionKey::read(&self::material().private_key).unwrap();
        for cipher in ContentCipher::ALL {
            for oaep_sha256 in [true, false] {
                let encryption = Encryption {
                    recipient: Certificate::parse(&material.certificate).unwrap(),
                    cipher,
                    oaep_sha256,
                };
                let xml = encryption.encrypt(ASSERTION).unwrap();
                let xml = xml.replacen(
                    "<saml:EncryptedAssertion",
                    "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
                    usize::from(!xml.contains("xmlns:saml=")),
                );
                let document = crate::inspection::parse(&xml).unwrap();
                let element = document.root_element();
                assert_eq!(decrypt(element, &key).unwrap(), ASSERTION, "{cipher:?}");
                assert_eq!(decrypt(element, &other), Err(DecryptionError::OtherKey));
            }
        }
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        for text in ["", "no key"] {
            assert_eq!(DecryptionKey::read(text).unwrap_err(), DecryptionError::Key);
        }
        let error = DecryptionKey::read(&material().certificate).unwrap_err();
        assert!(matches!(error, DecryptionError::OtherFile(_)), "{error}");
    }
}
