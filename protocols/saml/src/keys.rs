//! Certificates and signing keys.
//!
//! A certificate in metadata is a container for a public key (saml-metadata
//! §2.4.1.1): its chain is not walked, its validity is shown, not enforced.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::Key;
use bergshamra::keys::loader::{load_pem_auto, load_x509_cert_der};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::names;

/// Why a text is not a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A private key where a certificate belongs.
    #[error(
        "expected a certificate (-----BEGIN CERTIFICATE-----), came a private key; \
         paste the certificate only and treat that key as disclosed"
    )]
    PrivateKey,
    /// Another kind of PEM block.
    #[error("expected a certificate (-----BEGIN CERTIFICATE-----), came -----BEGIN {0}-----")]
    OtherPem(String),
    /// The text between the armour is not base64.
    #[error(
        "expected the base64 of a certificate: {0}; copy the whole file, from -----BEGIN to -----END"
    )]
    Base64(String),
    /// The bytes are not an X.509 certificate.
    #[error("expected an X.509 certificate (DER): {0}")]
    Der(String),
    /// The key cannot verify the signatures SAML uses.
    #[error(
        "expected an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521, came {0}"
    )]
    Key(String),
}

struct Inner {
    der: Vec<u8>,
    subject: String,
    not_before: Timestamp,
    not_after: Timestamp,
    key_name: String,
    key: Key,
    base64: String,
}

/// An X.509 certificate whose public key can verify signatures.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

impl Certificate {
    /// Reads a certificate as people paste it: PEM, PEM without its armour,
    /// with stray white space, or the base64 of metadata's
    /// `<ds:X509Certificate>`.
    ///
    /// # Errors
    /// [`CertificateError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        let body = match text.split_once("-----BEGIN ") {
            None => text,
            Some((_, rest)) => {
                let (label, rest) = rest
                    .split_once("-----")
                    .ok_or_else(|| CertificateError::Base64("the armour is cut off".into()))?;
                if label.contains("PRIVATE KEY") {
                    return Err(CertificateError::PrivateKey);
                }
                if label != "CERTIFICATE" {
                    return Err(CertificateError::OtherPem(label.to_owned()));
                }
                rest.split_once("-----END")
                    .ok_or_else(|| {
                        CertificateError::Base64("-----END CERTIFICATE----- is missing".into())
                    })?
                    .0
            }
        };
        let compact: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        if compact.is_empty() {
            return Err(CertificateError::Base64("it is empty".into()));
        }
        let der = STANDARD
            .decode(&compact)
            .map_err(|error| CertificateError::Base64(error.to_string()))?;
        Self::from_der(der)
    }

    /// Reads a certificate from DER (X.690).
    ///
    /// # Errors
    /// [`CertificateError::Der`] and [`CertificateError::Key`].
    pub fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let (rest, parsed) = X509Certificate::from_der(&der)
            .map_err(|error| CertificateError::Der(error.to_string()))?;
        if !rest.is_empty() {
            return Err(CertificateError::Der(format!(
                "{} bytes follow the certificate",
                rest.len()
            )));
        }
        let key_name = match parsed.public_key().parsed() {
            Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= 2048 => format!("RSA {}", rsa.key_size()),
            Ok(PublicKey::RSA(rsa)) => {
                return Err(CertificateError::Key(format!("RSA {}", rsa.key_size())));
            }
            Ok(PublicKey::EC(point)) => match point.key_size() {
                size @ (256 | 384) => format!("EC P-{size}"),
                521 | 528 => "EC P-521".to_owned(),
                size => return Err(CertificateError::Key(format!("EC of {size} bits"))),
            },
            _ => {
                let oid = parsed.public_key().algorithm.algorithm.to_id_string();
                return Err(CertificateError::Key(format!("a key of type {oid}")));
            }
        };
        let instant = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp())
                .map_err(|error| CertificateError::Der(error.to_string()))
        };
        let inner = Inner {
            subject: parsed.subject().to_string(),
            not_before: instant(parsed.validity().not_before)?,
            not_after: instant(parsed.validity().not_after)?,
            key_name,
            key: load_x509_cert_der(&der).map_err(|e| CertificateError::Der(e.to_string()))?,
            base64: STANDARD.encode(&der),
            der: der.clone(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Whether `signature` over `data` is by this certificate's key. A key of
    /// the other family never verifies.
    pub fn verifies(&self, algorithm: SignatureAlgorithm, data: &[u8], signature: &[u8]) -> bool {
        verify(self, algorithm, data, signature)
    }

    /// The certificate in PEM (RFC 7468), lines of 64 characters.
    pub fn to_pem(&self) -> String {
        let text = self.to_base64();
        let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.len().min(64));
            out.push_str(line);
            out.push('\n');
            rest = tail;
        }
        out.push_str("-----END CERTIFICATE-----\n");
        out
    }

    /// The base64 of the DER, as `<ds:X509Certificate>` holds it.
    pub fn to_base64(&self) -> String {
        self.0.base64.clone()
    }

    pub(crate) fn base64(&self) -> &str {
        &self.0.base64
    }

    /// The DER itself.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The subject's distinguished name.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// SHA-256 of the DER, as pairs of upper-case hex digits and colons.
    pub fn fingerprint_sha256(&self) -> String {
        let digest = Sha256::digest(&self.0.der);
        let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// First instant of its validity.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// Last instant of its validity.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Kind and size of its key: `RSA 2048`, `EC P-256`.
    pub fn key(&self) -> &str {
        &self.0.key_name
    }

    pub(crate) fn public_key(&self) -> &Key {
        &self.0.key
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.0.subject, self.0.key_name)
    }
}

/// Why a key cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not a private key in PKCS#8 PEM.
    #[error("expected a private key in PKCS#8 PEM (-----BEGIN PRIVATE KEY-----): {0}")]
    Pem(String),
    /// The key is of a kind no SAML signature algorithm here uses.
    #[error("expected an RSA or EC private key, came {0}")]
    Kind(String),
    /// Key and certificate do not belong together.
    #[error("expected the private key of the certificate {0}; this key is another's")]
    NotThePair(String),
}

/// The algorithms a signature may name (XML Signature §6.4, RFC 9231 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what SAML deployments expect.
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
}

impl SignatureAlgorithm {
    /// The algorithms a receiver accepts.
    pub const ACCEPTED: [Self; 6] = [
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
    ];

    /// The algorithm's URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => names::RSA_SHA256,
            Self::RsaSha384 => names::RSA_SHA384,
            Self::RsaSha512 => names::RSA_SHA512,
            Self::EcdsaSha256 => names::ECDSA_SHA256,
            Self::EcdsaSha384 => names::ECDSA_SHA384,
            Self::EcdsaSha512 => names::ECDSA_SHA512,
        }
    }

    /// The digest that goes with it.
    pub fn digest_uri(self) -> &'static str {
        match self {
            Self::RsaSha256 | Self::EcdsaSha256 => names::SHA256,
            Self::RsaSha384 | Self::EcdsaSha384 => names::SHA384,
            Self::RsaSha512 | Self::EcdsaSha512 => names::SHA512,
        }
    }

    /// The digest of the same strength.
    pub(crate) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::RsaSha256 | Self::EcdsaSha256 => Sha256::digest(bytes).to_vec(),
            Self::RsaSha384 | Self::EcdsaSha384 => Sha384::digest(bytes).to_vec(),
            Self::RsaSha512 | Self::EcdsaSha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// The accepted algorithm of that URI.
    pub fn accepted(uri: &str) -> Option<Self> {
        Self::ACCEPTED
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    /// Whether it is of the RSA family.
    pub fn is_rsa(self) -> bool {
        !matches!(
            self,
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512
        )
    }
}

struct Pair {
    key: Key,
    certificate: Certificate,
    pkcs8_pem: String,
}

/// A private key with the certificate that goes out with its signatures.
#[derive(Clone)]
pub struct SigningKey(Arc<Pair>);

impl SigningKey {
    /// Takes a private key in PKCS#8 PEM and its certificate.
    ///
    /// # Errors
    /// [`KeyError`] when the text is no such key, or not that certificate's.
    pub fn new(pkcs8_pem: &str, certificate: Certificate) -> Result<Self, KeyError> {
        let key = load_pem_auto(pkcs8_pem.as_bytes(), None)
            .map_err(|error| KeyError::Pem(error.to_string()))?;
        let pair = Self(Arc::new(Pair {
            key,
            certificate,
            pkcs8_pem: pkcs8_pem.to_owned(),
        }));
        let probe = b"the pair belongs together";
        let signed = pair.sign(pair.algorithm(), probe)?;
        if !verify(&pair.0.certificate, pair.algorithm(), probe, &signed) {
            return Err(KeyError::NotThePair(
                pair.0.certificate.subject().to_owned(),
            ));
        }
        Ok(pair)
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// The algorithm this kind of key signs with unless told otherwise.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match self.0.certificate.key() {
            "EC P-256" => SignatureAlgorithm::EcdsaSha256,
            "EC P-384" => SignatureAlgorithm::EcdsaSha384,
            "EC P-521" => SignatureAlgorithm::EcdsaSha512,
            _ => SignatureAlgorithm::RsaSha256,
        }
    }

    /// The signature over `data`.
    ///
    /// # Errors
    /// [`KeyError::Kind`] when the key cannot sign with that algorithm.
    pub fn sign(&self, algorithm: SignatureAlgorithm, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        let kind = |error: bergshamra::Error| KeyError::Kind(error.to_string());
        let key = self
            .0
            .key
            .to_signing_key()
            .map_err(kind)?
            .ok_or_else(|| KeyError::Kind("a key that cannot sign".into()))?;
        bergshamra::crypto::sign::from_uri(algorithm.uri())
            .and_then(|signer| signer.sign(&key, data))
            .map_err(kind)
    }

    /// The private key in PKCS#8 PEM, as it was given.
    pub fn pkcs8_pem(&self) -> &str {
        &self.0.pkcs8_pem
    }

    pub(crate) fn private_key(&self) -> &Key {
        &self.0.key
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {:?})", self.0.certificate)
    }
}

/// Whether `signature` over `data` is by the certificate's key. A key of the
/// other family never verifies.
pub(crate) fn verify(
    certificate: &Certificate,
    algorithm: SignatureAlgorithm,
    data: &[u8],
    signature: &[u8],
) -> bool {
    if certificate.key().starts_with("RSA") != algorithm.is_rsa() {
        return false;
    }
    let Ok(Some(key)) = certificate.public_key().to_signing_key() else {
        return false;
    };
    bergshamra::crypto::sign::from_uri(algorithm.uri())
        .and_then(|verifier| verifier.verify(&key, data, signature))
        .unwrap_or(false)
}
