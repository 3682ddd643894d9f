//! Certificates, and signatures by their keys: weak ones are read and verified
//! too, since their weakness is what is to be told.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// A public key's kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// RSA, with the bits of its modulus.
    Rsa(usize),
    /// On an elliptic curve, with the bits of its field.
    Ec(usize),
    /// Another, by its object identifier.
    Other(String),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::Ec(bits) => write!(f, "EC P-{bits}"),
            Self::Other(oid) => write!(f, "a key of type {oid}"),
        }
    }
}

/// A certificate as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Base64 of its DER, without white space.
    pub base64: String,
    /// Its subject.
    pub subject: String,
    /// From when it holds.
    pub not_before: Timestamp,
    /// Until when it holds.
    pub not_after: Timestamp,
    /// Its key's kind.
    pub key: Key,
    /// The object identifier of the algorithm that it is itself signed with.
    pub signed_with: String,
    public_key: Vec<u8>,
}

/// What became of a signature's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It is by that key.
    Holds,
    /// It isn't.
    Breaks,
    /// The algorithm is not one that a key can be asked about.
    Unknown,
}

impl Certificate {
    /// Reads the base64 of a certificate, PEM armor or not.
    ///
    /// # Errors
    /// What it is instead.
    pub fn read(text: &str) -> Result<Self, String> {
        let body = text
            .split("-----")
            .find(|part| part.len() > 64)
            .unwrap_or(text);
        let base64: String = body.split_whitespace().collect();
        let der = STANDARD
            .decode(&base64)
            .map_err(|error| format!("expected base64 of a certificate: {error}"))?;
        let (_, parsed) = X509Certificate::from_der(&der)
            // The parser's own words are those of its source code.
            .map_err(|_| "the bytes are not an X.509 certificate in DER".to_owned())?;
        let key = match parsed.public_key().parsed() {
            Ok(PublicKey::RSA(rsa)) => Key::Rsa(rsa.key_size()),
            Ok(PublicKey::EC(point)) => Key::Ec(match point.key_size() {
                528 => 521,
                bits => bits,
            }),
            _ => Key::Other(parsed.public_key().algorithm.algorithm.to_id_string()),
        };
        let instant = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp()).map_err(|error| error.to_string())
        };
        Ok(Self {
            subject: parsed.subject().to_string(),
            not_before: instant(parsed.validity().not_before)?,
            not_after: instant(parsed.validity().not_after)?,
            key,
            signed_with: parsed.signature_algorithm.algorithm.to_id_string(),
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            base64,
        })
    }

    /// Whether `value` over `data` is by this certificate's key.
    pub fn verifies(&self, method: &str, data: &[u8], value: &[u8]) -> Verification {
        let Some(algorithm) = algorithm(method, &self.key) else {
            return Verification::Unknown;
        };
        match UnparsedPublicKey::new(algorithm, &self.public_key).verify(data, value) {
            Ok(()) => Verification::Holds,
            Err(_) => Verification::Breaks,
        }
    }

    /// Whether it is signed with SHA-1 or MD5 (RSA, ECDSA).
    pub fn is_signed_weakly(&self) -> bool {
        [
            "1.2.840.113549.1.1.4",
            "1.2.840.113549.1.1.5",
            "1.2.840.10045.4.1",
        ]
        .contains(&self.signed_with.as_str())
    }
}

fn algorithm(method: &str, key: &Key) -> Option<&'static dyn VerificationAlgorithm> {
    let (_, name) = method.rsplit_once('#')?;
    Some(match (name, key) {
        ("rsa-sha1", Key::Rsa(_)) => &algorithms::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        ("rsa-sha256", Key::Rsa(_)) => &algorithms::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        ("rsa-sha384", Key::Rsa(_)) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
        ("rsa-sha512", Key::Rsa(_)) => &algorithms::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        ("sha256-rsa-MGF1", Key::Rsa(_)) => &algorithms::RSA_PSS_2048_8192_SHA256,
        ("sha384-rsa-MGF1", Key::Rsa(_)) => &algorithms::RSA_PSS_2048_8192_SHA384,
        ("sha512-rsa-MGF1", Key::Rsa(_)) => &algorithms::RSA_PSS_2048_8192_SHA512,
        ("ecdsa-sha256", Key::Ec(256)) => &algorithms::ECDSA_P256_SHA256_FIXED,
        ("ecdsa-sha384", Key::Ec(384)) => &algorithms::ECDSA_P384_SHA384_FIXED,
        ("ecdsa-sha512", Key::Ec(521)) => &algorithms::ECDSA_P521_SHA512_FIXED,
        _ => return None,
    })
}

/// The digest of an algorithm's URI over `data`.
pub fn digest_of(method: &str, data: &[u8]) -> Option<Vec<u8>> {
    let (_, name) = method.rsplit_once('#')?;
    let algorithm = match name {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha384" => &digest::SHA384,
        "sha512" => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, data).as_ref().to_vec())
}
