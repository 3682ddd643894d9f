//! Certificates and signing keys.
//!
//! A certificate in metadata only carries a public key (saml-metadata §2.4.1.1): its chain is not
//! verified, and its validity period is shown but not enforced.

mod algorithm;
mod signing;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

pub use algorithm::{DigestAlgorithm, SignatureAlgorithm};
pub use signing::{KeyError, SigningKey};

/// Why a text is not a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text is a private key, not a certificate.
    #[error(
        "expected a certificate (-----BEGIN CERTIFICATE-----), got a private key; \
         paste the certificate only and treat that key as disclosed"
    )]
    PrivateKey,
    /// Another kind of PEM block.
    #[error("expected a certificate (-----BEGIN CERTIFICATE-----), got -----BEGIN {0}-----")]
    OtherPem(String),
    /// The text between the PEM lines is not base64.
    #[error(
        "expected the base64 of a certificate: {0}; copy the whole file, from -----BEGIN to -----END"
    )]
    Base64(String),
    /// The bytes are not an X.509 certificate.
    #[error("expected an X.509 certificate (DER): {0}")]
    Der(String),
    /// The key does not fit the signature algorithms of SAML.
    #[error(
        "expected an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521, got {0}"
    )]
    Key(String),
}

struct Inner {
    der: Vec<u8>,
    subject: String,
    not_before: Timestamp,
    not_after: Timestamp,
    key_name: String,
    /// The public key, as SubjectPublicKeyInfo in DER.
    public_key: Vec<u8>,
    /// The public key, parsed for each algorithm that it can be used with.
    ready: Vec<(SignatureAlgorithm, ParsedPublicKey)>,
    base64: String,
}

/// An X.509 certificate whose public key can verify signatures.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

impl Certificate {
    /// Reads a certificate as users paste it: PEM, PEM without its first and last line, with
    /// additional white space, or the base64 of `<ds:X509Certificate>` in metadata.
    ///
    /// # Errors
    /// [`CertificateError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, CertificateError> {
        let body = match text.split_once("-----BEGIN ") {
            None => text,
            Some((_, rest)) => {
                let (label, rest) = rest
                    .split_once("-----")
                    .ok_or_else(|| CertificateError::Base64("the armor is cut off".into()))?;
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
        match std::str::from_utf8(&der) {
            // A whole PEM file in base64 is a common mistake in handwritten metadata. It is decoded
            // once.
            Ok(pem) if pem.contains("-----BEGIN ") && !text.contains("-----BEGIN ") => {
                Self::parse(pem)
            }
            _ => Self::from_der(der),
        }
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
        let spki = parsed.public_key().raw;
        let ready: Vec<_> = SignatureAlgorithm::of_key(&key_name)
            .iter()
            .filter_map(|algorithm| {
                let key = ParsedPublicKey::new(algorithm.verification(), spki).ok()?;
                Some((*algorithm, key))
            })
            .collect();
        if ready.is_empty() {
            return Err(CertificateError::Key(format!("{key_name}, unusable")));
        }
        let inner = Inner {
            ready,
            subject: parsed.subject().to_string(),
            not_before: instant(parsed.validity().not_before)?,
            not_after: instant(parsed.validity().not_after)?,
            key_name,
            public_key: spki.to_vec(),
            base64: STANDARD.encode(&der),
            der: der.clone(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// True if this certificate's key made `signature` over `data`. A key of another kind, or on a
    /// curve that does not belong to the hash, never verifies.
    pub fn verifies(&self, algorithm: SignatureAlgorithm, data: &[u8], signature: &[u8]) -> bool {
        let mut ready = self.0.ready.iter();
        ready.any(|(known, key)| *known == algorithm && key.verify_sig(data, signature).is_ok())
    }

    /// Returns the certificate in PEM (RFC 7468), in lines of 64 characters.
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

    /// Returns the base64 of the DER, as in `<ds:X509Certificate>`.
    pub fn to_base64(&self) -> String {
        self.0.base64.clone()
    }

    pub(crate) fn base64(&self) -> &str {
        &self.0.base64
    }

    /// Returns the DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Returns the distinguished name of the subject.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Returns the SHA-256 fingerprint of the DER: pairs of upper-case hex digits, separated by
    /// colons.
    pub fn fingerprint_sha256(&self) -> String {
        let digest = DigestAlgorithm::Sha256.of(&self.0.der);
        let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }

    /// Returns the start of the validity period.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// Returns the end of the validity period.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Returns kind and size of the key: `RSA 2048`, `EC P-256`.
    pub fn key(&self) -> &str {
        &self.0.key_name
    }

    /// Returns the public key: SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    pub fn public_key_der(&self) -> &[u8] {
        &self.0.public_key
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
