//! Certificates, and the verification of signatures by their keys. Weak keys and algorithms are
//! supported too, because the weakness must be reported.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Kind and size of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// RSA; the number of bits of the modulus.
    Rsa(usize),
    /// Elliptic curve; the number of bits of the field.
    Ec(usize),
    /// Another kind, by its object identifier.
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

/// A certificate as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Base64 of the DER, without white space.
    pub base64: String,
    /// Subject name.
    pub subject: String,
    /// Start of the validity period.
    pub not_before: Timestamp,
    /// End of the validity period.
    pub not_after: Timestamp,
    /// Kind and size of the public key.
    pub key: Key,
    /// Object identifier of the algorithm with which the certificate itself is signed.
    pub signed_with: String,
    public_key: Vec<u8>,
}

/// True if the parts of a certificate have the tags of RFC 5280 §4.1. The parser compares the number
/// of a tag and not its class, so it reads damaged certificates that no other library reads.
fn has_tags(der: &[u8]) -> Option<bool> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const BIT_STRING: u8 = 0x03;
    const VERSION: u8 = 0xa0;
    let whole = split(der)?;
    let [(SEQUENCE, whole)] = whole[..] else {
        return Some(false);
    };
    let parts = split(whole)?;
    let [(SEQUENCE, content), (SEQUENCE, _), (BIT_STRING, _)] = parts[..] else {
        return Some(false);
    };
    let content = split(content)?;
    let tags: Vec<u8> = content.iter().map(|(tag, _)| *tag).collect();
    // Serial number, algorithm, issuer, validity, subject, public key.
    let fields = [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE];
    let fields_at = usize::from(tags.first() == Some(&VERSION));
    Some(tags.get(fields_at..)?.starts_with(&fields))
}

/// Splits DER into its values: tag and content of each. `None` if a length is wrong.
fn split(mut der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut values = Vec::new();
    while let [tag, length, rest @ ..] = der {
        let (length, rest) = match usize::from(*length) {
            short @ 0..=0x7f => (short, rest),
            long @ 0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
                let length = bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        values.push((*tag, content));
        der = after;
    }
    der.is_empty().then_some(values)
}

/// Result of verifying a signature value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The key made the signature.
    Holds,
    /// The key did not make the signature.
    Breaks,
    /// The algorithm is unknown or does not fit the key.
    Unknown,
}

impl Certificate {
    /// Reads a certificate from base64, with or without PEM armor.
    ///
    /// # Errors
    /// Why the text is not a certificate, in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let body = text
            .split("-----")
            .find(|part| part.len() > 64)
            .unwrap_or(text);
        let base64: String = body.split_whitespace().collect();
        let der = STANDARD
            .decode(&base64)
            .map_err(|error| format!("expected base64 of a certificate: {error}"))?;
        // The parser's own message names parts of its source code.
        let invalid = || "the bytes are not an X.509 certificate in DER".to_owned();
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| invalid())?;
        if has_tags(&der) != Some(true) {
            return Err(invalid());
        }
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

    /// Verifies the signature `value` over `data` with this certificate's key.
    pub fn verifies(&self, method: &str, data: &[u8], value: &[u8]) -> Verification {
        let Some(algorithm) = algorithm(method, &self.key) else {
            return Verification::Unknown;
        };
        match UnparsedPublicKey::new(algorithm, &self.public_key).verify(data, value) {
            Ok(()) => Verification::Holds,
            Err(_) => Verification::Breaks,
        }
    }

    /// True if both certificates have the same public key.
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key && self.public_key == other.public_key
    }

    /// Describes the certificate so that it can be recognized in a console: subject, key, the first
    /// bytes of its SHA-256 fingerprint, and validity.
    pub fn to_sentence(&self) -> String {
        let der = STANDARD.decode(&self.base64).unwrap_or_default();
        let fingerprint = digest::digest(&digest::SHA256, &der);
        let first: Vec<String> = fingerprint
            .as_ref()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02X}"))
            .collect();
        format!(
            "{} ({}, SHA-256 fingerprint {}:…, valid from {} until {})",
            self.subject,
            self.key,
            first.join(":"),
            self.not_before,
            self.not_after
        )
    }

    /// True if the certificate is signed with SHA-1 or MD5 (RSA, ECDSA).
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

/// Returns the digest of `data` by algorithm URI; `None` if the algorithm is unknown.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_certificate_is_not_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
        let der = made.self_signed(&key).unwrap().der().to_vec();
        let read = |der: &[u8]| Certificate::read(&STANDARD.encode(der));
        assert!(read(&der).is_ok());
        // The tag of the signed part, after the tag and the length of the whole.
        let mut other_class = der.clone();
        assert_eq!(other_class[4], 0x30);
        other_class[4] = 0x70;
        let (short, mut long) = (&der[..der.len() - 1], der.clone());
        long.push(0);
        for damaged in [&other_class[..], short, &long] {
            assert!(read(damaged).is_err());
        }
    }
}
