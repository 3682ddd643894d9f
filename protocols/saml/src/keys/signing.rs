//! Private keys for signing.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{self, EcdsaKeyPair, RsaEncoding, RsaKeyPair};
use x509_parser::pem::parse_x509_pem;

use super::{Certificate, SignatureAlgorithm};

/// Why a key cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not a private key in PKCS#8 PEM.
    #[error("expected a private key in PKCS#8 PEM (-----BEGIN PRIVATE KEY-----): {0}")]
    Pem(String),
    /// The kind of key fits no supported signature algorithm.
    #[error("expected an RSA or EC private key, got {0}")]
    Kind(String),
    /// The key does not belong to the certificate.
    #[error("the private key does not belong to the certificate {0}")]
    NotThePair(String),
}

/// A private key, parsed for the cryptographic library.
enum Ready {
    Rsa(RsaKeyPair),
    /// A key on an elliptic curve, with the algorithm whose hash belongs to the curve.
    Ec(SignatureAlgorithm, EcdsaKeyPair),
}

struct Pair {
    ready: Ready,
    /// The same key for decryption, if it is RSA.
    decryption: Option<OaepPrivateDecryptingKey>,
    certificate: Certificate,
    pkcs8_pem: String,
}

/// A private key with its certificate.
#[derive(Clone)]
pub struct SigningKey(Arc<Pair>);

impl SigningKey {
    /// Reads a private key in PKCS#8 PEM for this certificate.
    ///
    /// # Errors
    /// [`KeyError`] when the text is not such a key, or does not belong to the certificate.
    pub fn new(pkcs8_pem: &str, certificate: Certificate) -> Result<Self, KeyError> {
        let ready = ready(pkcs8_pem, &certificate)?;
        let pair = Self(Arc::new(Pair {
            decryption: match &ready {
                Ready::Rsa(key) => decryption_key(key),
                Ready::Ec(..) => None,
            },
            ready,
            certificate,
            pkcs8_pem: pkcs8_pem.to_owned(),
        }));
        let probe = b"the pair belongs together";
        let signed = pair.sign(pair.algorithm(), probe)?;
        let certificate = &pair.0.certificate;
        if !certificate.verifies(pair.algorithm(), probe, &signed) {
            return Err(KeyError::NotThePair(certificate.subject().to_owned()));
        }
        Ok(pair)
    }

    /// Returns the certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// Returns the default signature algorithm of this kind of key.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match &self.0.ready {
            Ready::Rsa(_) => SignatureAlgorithm::RsaSha256,
            Ready::Ec(algorithm, _) => *algorithm,
        }
    }

    /// Signs `data`.
    ///
    /// # Errors
    /// [`KeyError::Kind`] when the key cannot be used with this algorithm.
    pub fn sign(&self, algorithm: SignatureAlgorithm, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let failed =
            |_| KeyError::Kind("a key that cannot sign with the cryptographic library".into());
        match (&self.0.ready, algorithm) {
            (Ready::Ec(known, key), asked) if *known == asked => {
                let signed = key.sign(&random, data).map_err(failed)?;
                Ok(signed.as_ref().to_vec())
            }
            (Ready::Rsa(key), asked) => {
                let padding: &'static dyn RsaEncoding = match asked {
                    SignatureAlgorithm::RsaSha256 => &signature::RSA_PKCS1_SHA256,
                    SignatureAlgorithm::RsaSha384 => &signature::RSA_PKCS1_SHA384,
                    SignatureAlgorithm::RsaSha512 => &signature::RSA_PKCS1_SHA512,
                    SignatureAlgorithm::RsaPssSha256 => &signature::RSA_PSS_SHA256,
                    SignatureAlgorithm::RsaPssSha384 => &signature::RSA_PSS_SHA384,
                    SignatureAlgorithm::RsaPssSha512 => &signature::RSA_PSS_SHA512,
                    _ => return Err(self.unfit(asked)),
                };
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(padding, &random, data, &mut out).map_err(failed)?;
                Ok(out)
            }
            (Ready::Ec(..), asked) => Err(self.unfit(asked)),
        }
    }

    fn unfit(&self, algorithm: SignatureAlgorithm) -> KeyError {
        KeyError::Kind(format!(
            "{}, which cannot be used with {}",
            self.0.certificate.key(),
            algorithm.uri()
        ))
    }

    /// Returns the private key in PKCS#8 PEM, as it was given.
    pub fn pkcs8_pem(&self) -> &str {
        &self.0.pkcs8_pem
    }

    /// Returns the key for decryption; `None` if it is not RSA.
    pub(crate) fn decryption_key(&self) -> Option<&OaepPrivateDecryptingKey> {
        self.0.decryption.as_ref()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {:?})", self.0.certificate)
    }
}

fn decryption_key(key: &RsaKeyPair) -> Option<OaepPrivateDecryptingKey> {
    let der: Pkcs8V1Der<'_> = key.as_der().ok()?;
    let key = PrivateDecryptingKey::from_pkcs8(der.as_ref()).ok()?;
    OaepPrivateDecryptingKey::new(key).ok()
}

/// Parses the key; it must be of the same kind as the certificate's key.
fn ready(pem: &str, certificate: &Certificate) -> Result<Ready, KeyError> {
    let wrong = |reason: String| KeyError::Pem(reason);
    let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let der = block.contents;
    let not_the_pair = || KeyError::NotThePair(certificate.subject().to_owned());
    let algorithm = match certificate.key() {
        "EC P-256" => SignatureAlgorithm::EcdsaSha256,
        "EC P-384" => SignatureAlgorithm::EcdsaSha384,
        "EC P-521" => SignatureAlgorithm::EcdsaSha512,
        _ => {
            let key = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
            return key.map(Ready::Rsa).map_err(|_| not_the_pair());
        }
    };
    let signing = match algorithm {
        SignatureAlgorithm::EcdsaSha384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        SignatureAlgorithm::EcdsaSha512 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    };
    let key = EcdsaKeyPair::from_pkcs8(signing, &der).map_err(|_| not_the_pair())?;
    Ok(Ready::Ec(algorithm, key))
}
