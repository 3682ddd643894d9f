//! Encrypts assertions and NameIDs for the service provider: with the algorithms of honest messages,
//! and with the obsolete ones, which the library for honest messages does not have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use saml::encryption::{ContentCipher, Encryption, OaepHash};
use saml::keys::Certificate;
use saml::names::{ASSERTION, DSIG, SHA1, XENC};
use sha2::{Digest as _, Sha256};

use crate::document;
use crate::forge::Honest;
use crate::{Cipher, KeyTransport};

const TRIPLE_DES: &str = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc";
const RSA_1_5: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
pub(crate) const NO_CERTIFICATE: &str =
    "the service provider's metadata has no encryption certificate";
const RSA_OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";

/// Encrypts with the algorithms of a fault.
pub(crate) enum Encryptor<'a> {
    /// With algorithms of honest messages.
    Current(Encryption),
    /// With Triple DES or RSA PKCS#1 v1.5.
    Obsolete(Obsolete<'a>),
}

/// An encryption with an obsolete cipher or key transport.
pub(crate) struct Obsolete<'a> {
    recipient: &'a Certificate,
    cipher: Cipher,
    transport: KeyTransport,
}

impl<'a> Encryptor<'a> {
    /// Returns the encryption for the recipient with this cipher; AES-256-GCM if there is none.
    pub(crate) fn new(
        cipher: Option<Cipher>,
        transport: KeyTransport,
        honest: &Honest<'a>,
    ) -> Result<Self, String> {
        let recipient = honest.recipient.ok_or(NO_CERTIFICATE)?;
        let cipher = cipher.unwrap_or(Cipher::Aes256Gcm);
        let current = match (cipher, transport) {
            (_, KeyTransport::Pkcs1) => None,
            (cipher, _) => content_cipher(cipher),
        };
        Ok(match current {
            Some(current) => Self::Current(Encryption {
                recipient: recipient.clone(),
                cipher: current,
                oaep_sha256: transport == KeyTransport::OaepSha256,
            }),
            None => Self::Obsolete(Obsolete {
                recipient,
                cipher,
                transport,
            }),
        })
    }

    /// Returns the text of a response with each of its assertions encrypted.
    pub(crate) fn encrypt_assertions(&self, text: &str) -> Result<String, String> {
        match self {
            Self::Current(it) => it.encrypt_assertions(text).map_err(|it| it.to_string()),
            Self::Obsolete(it) => it.encrypt_assertions(text),
        }
    }

    /// Returns the text of a response with the NameIDs of its assertions encrypted.
    pub(crate) fn encrypt_name_ids(&self, text: &str) -> Result<String, String> {
        match self {
            Self::Current(it) => it.encrypt_name_ids(text).map_err(|it| it.to_string()),
            Self::Obsolete(_) => {
                Err("only assertions can be encrypted with obsolete algorithms".to_owned())
            }
        }
    }
}

/// Returns the encrypted form of the element at `path`, whose XML, and perhaps more, is `plain`.
pub(crate) fn encrypt_element(
    recipient: Option<&Certificate>,
    path: &str,
    plain: &str,
) -> Result<String, String> {
    let wrapper = match path.rsplit('/').next().unwrap_or_default() {
        "Assertion" | "EncryptedAssertion" => "saml:EncryptedAssertion",
        "Attribute" => "saml:EncryptedAttribute",
        "NameID" => "saml:EncryptedID",
        other => return Err(format!("{other} has no encrypted form")),
    };
    let encryption = Encryption {
        recipient: recipient.ok_or(NO_CERTIFICATE)?.clone(),
        cipher: ContentCipher::Aes256Gcm,
        oaep_sha256: false,
    };
    let encrypted = encryption.encrypt_in_wrapper(wrapper, plain);
    encrypted.map_err(|error| error.to_string())
}

/// Returns the cipher of the library for honest messages. `None` if it does not have it.
fn content_cipher(cipher: Cipher) -> Option<ContentCipher> {
    match cipher {
        Cipher::Aes128Gcm => Some(ContentCipher::Aes128Gcm),
        Cipher::Aes256Gcm => Some(ContentCipher::Aes256Gcm),
        Cipher::Aes128Cbc => Some(ContentCipher::Aes128Cbc),
        Cipher::Aes256Cbc => Some(ContentCipher::Aes256Cbc),
        Cipher::TripleDesCbc => None,
    }
}

impl Obsolete<'_> {
    fn encrypt_assertions(&self, text: &str) -> Result<String, String> {
        let mut text = text.to_owned();
        while document::has(&text, "Response/Assertion") {
            let encrypted = self.encrypt(document::outer(&text, "Response/Assertion")?)?;
            text = document::replace_element(&text, "Response/Assertion", &encrypted)?;
        }
        Ok(text)
    }

    /// Returns an `<EncryptedAssertion>`. The key depends on the content only, so that the same
    /// message is made each time.
    fn encrypt(&self, plain: &str) -> Result<String, String> {
        let secret = Sha256::digest(plain);
        let (algorithm, key, content) = match content_cipher(self.cipher) {
            Some(current) => {
                let key = &secret[..current.key_length()];
                let content = current.encrypt(key, plain.as_bytes());
                let content = content.ok_or("the cipher is not available")?;
                (current.uri(), key, content)
            }
            None => {
                let key = &secret[..24];
                (TRIPLE_DES, key, triple_des(key, plain.as_bytes())?)
            }
        };
        let (transport, key) = match self.transport {
            KeyTransport::Pkcs1 => (
                format!("<xenc:EncryptionMethod Algorithm=\"{RSA_1_5}\"/>"),
                self.encrypt_key_by_pkcs1(key)?,
            ),
            KeyTransport::OaepSha1 | KeyTransport::OaepSha256 => (
                format!(
                    "<xenc:EncryptionMethod Algorithm=\"{RSA_OAEP_MGF1P}\"><ds:DigestMethod Algorithm=\"{SHA1}\"/></xenc:EncryptionMethod>"
                ),
                self.encrypt_key_by_oaep(key)?,
            ),
        };
        let value = |bytes: &[u8]| {
            let text = STANDARD.encode(bytes);
            format!(
                "<xenc:CipherData><xenc:CipherValue>{text}</xenc:CipherValue></xenc:CipherData>"
            )
        };
        Ok(format!(
            "<saml:EncryptedAssertion xmlns:saml=\"{ASSERTION}\"><xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\"><xenc:EncryptionMethod Algorithm=\"{algorithm}\"/><ds:KeyInfo xmlns:ds=\"{DSIG}\"><xenc:EncryptedKey>{transport}{}</xenc:EncryptedKey></ds:KeyInfo>{}</xenc:EncryptedData></saml:EncryptedAssertion>",
            value(&key),
            value(&content)
        ))
    }

    /// Encrypts with RSA-OAEP and SHA-1 (xmlenc-core1 §5.5.2).
    fn encrypt_key_by_oaep(&self, key: &[u8]) -> Result<Vec<u8>, String> {
        let encrypted = OaepHash::Sha1.encrypt(self.recipient, key);
        encrypted.ok_or_else(|| "the recipient's key is not RSA".to_owned())
    }

    /// Encrypts with RSAES-PKCS1-v1_5 (RFC 8017 §7.2.1). The padding string is not random: nothing
    /// here is secret.
    fn encrypt_key_by_pkcs1(&self, key: &[u8]) -> Result<Vec<u8>, String> {
        let recipient = rsa::RsaPublicKey::from_public_key_der(self.recipient.public_key_der())
            .map_err(|error| format!("the recipient's key is not RSA: {error}"))?;
        let size = recipient.size();
        let padding = (size - 3).checked_sub(key.len());
        let padding = padding.filter(|length| *length >= 8);
        let padding = padding.ok_or("the recipient's key is too short")?;
        let mut block = vec![0, 2];
        block.resize(2 + padding, 0x5a);
        block.push(0);
        block.extend_from_slice(key);
        let block = rsa::BigUint::from_bytes_be(&block);
        let encrypted = block.modpow(recipient.e(), recipient.n()).to_bytes_be();
        let mut out = vec![0; size - encrypted.len()];
        out.extend(encrypted);
        Ok(out)
    }
}

/// Encrypts in CBC mode (xmlenc-core1 §5.2.2): eight bytes of initialization vector, then the blocks.
fn triple_des(key: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
    let vector = &Sha256::digest(key)[..8];
    let cipher = cbc::Encryptor::<des::TdesEde3>::new_from_slices(key, vector)
        .map_err(|error| error.to_string())?;
    let mut out = vector.to_vec();
    // PKCS #7 fills like XML Encryption: the last byte is the number of bytes.
    out.extend(cipher.encrypt_padded_vec::<Pkcs7>(plain));
    Ok(out)
}
