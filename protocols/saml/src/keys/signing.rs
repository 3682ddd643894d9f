//! Private keys, decoded once.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, RsaEncoding, RsaKeyPair};
use bergshamra::keys::Key;
use bergshamra::keys::loader::load_pem_auto;
use x509_parser::pem::parse_x509_pem;

use super::{Certificate, SignatureAlgorithm};

/// Why a key cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not a private key in PKCS#8 PEM.
    #[error("expected a private key in PKCS#8 PEM (-----BEGIN PRIVATE KEY-----): {0}")]
    Pem(String),
    /// The key is of a kind no SAML signature algorithm here uses.
    #[error("expected an RSA or EC private key, got {0}")]
    Kind(String),
    /// Key and certificate do not belong together.
    #[error("the private key does not belong to the certificate {0}")]
    NotThePair(String),
}

/// A key as the provider signs with it.
enum Ready {
    Rsa(RsaKeyPair),
    /// On one curve, with the one hash that goes with it.
    Ec(SignatureAlgorithm, EcdsaKeyPair),
}

struct Pair {
    key: Key,
    ready: Ready,
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
            ready: ready(pkcs8_pem, &certificate)?,
            key,
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

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// The algorithm this kind of key signs with unless told otherwise.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match &self.0.ready {
            Ready::Rsa(_) => SignatureAlgorithm::RsaSha256,
            Ready::Ec(algorithm, _) => *algorithm,
        }
    }

    /// The signature over `data`.
    ///
    /// # Errors
    /// [`KeyError::Kind`] when the key cannot sign with that algorithm.
    pub fn sign(&self, algorithm: SignatureAlgorithm, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let failed = |_| KeyError::Kind("a key that the provider can't sign with".into());
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
            "{}, which {} doesn't go with",
            self.0.certificate.key(),
            algorithm.uri()
        ))
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

/// The key, decoded for the provider; of the kind that the certificate has.
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
