//! Keys that sign JWTs (RFC 7515): the client's private key, and keys of forgeries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::check::SetUpError;

/// A key with its algorithm.
#[derive(Clone)]
pub(super) enum SigningKey {
    /// HS256, with this secret.
    Secret(Vec<u8>),
    /// RS256.
    Rsa(Arc<RsaKeyPair>),
    /// ES256.
    Ec(Arc<EcdsaKeyPair>),
}

impl SigningKey {
    /// Returns `alg` of the JWTs.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }

    /// Returns another key of the same algorithm.
    pub(super) fn other(&self) -> Result<Self, String> {
        let failed = |_| "cannot generate a key".to_owned();
        Ok(match self {
            Self::Secret(secret) => {
                let mut other = secret.clone();
                other.extend_from_slice(b"-another");
                Self::Secret(other)
            }
            Self::Rsa(_) => Self::Rsa(Arc::new(
                RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?,
            )),
            Self::Ec(_) => {
                let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                Self::Ec(Arc::new(key.map_err(failed)?))
            }
        })
    }

    /// Returns the public key as a server may hold it, each as a secret for HS256: as PEM with
    /// and without the last line break, and as DER.
    pub(super) fn public_as_secrets(&self) -> Vec<Self> {
        let der = match self {
            Self::Secret(_) => return Vec::new(),
            Self::Rsa(key) => key.public_key().as_der(),
            Self::Ec(key) => key.public_key().as_der(),
        };
        let Ok(der): Result<PublicKeyX509Der<'_>, _> = der else {
            return Vec::new();
        };
        public_as_secrets(der.as_ref())
    }

    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, String> {
        let failed = |_| "the cryptographic library cannot sign with this key".to_owned();
        let random = SystemRandom::new();
        match self {
            Self::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Ok(hmac::sign(&key, data).as_ref().to_vec())
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, data, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::Ec(key) => {
                let signature = key.sign(&random, data).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }

    /// Returns a signed JWT. `header` gets the algorithm of the key.
    pub(super) fn jwt(&self, mut header: Value, claims: &Value) -> Result<String, String> {
        header["alg"] = self.algorithm().into();
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Returns a public key in DER as secrets for HS256.
pub(super) fn public_as_secrets(der: &[u8]) -> Vec<SigningKey> {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        lines.join("\n")
    );
    let with_end = format!("{pem}\n");
    [with_end.into_bytes(), pem.into_bytes(), der.to_vec()]
        .map(SigningKey::Secret)
        .into()
}

/// Returns a part of a JWT.
pub(super) fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// Returns an unsigned JWT (RFC 7519 §6).
pub(super) fn unsigned_jwt(mut header: Value, claims: &Value) -> String {
    header["alg"] = "none".into();
    format!("{}.{}.", encode(&header), encode(claims))
}

/// Returns header and claims of a JWT, without verifying it.
pub(super) fn decode_jwt(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let mut part = || -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    Some((part()?, part()?))
}

/// The private key of a client, from a file of `--client-key`.
#[derive(Clone)]
pub struct ClientKey {
    path: PathBuf,
    pub(super) key: SigningKey,
    /// SHA-256 of the certificate in the same file, for `x5t#S256` (RFC 7515 §4.1.8).
    thumbprint: Option<String>,
    kid: Option<String>,
}

impl std::fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ClientKey").field(&self.path).finish()
    }
}

impl ClientKey {
    /// Reads a private key in PEM, RSA or EC P-256, and the certificate in the same file if there
    /// is one.
    ///
    /// # Errors
    /// The file cannot be read or has no such key, or the certificate has expired.
    pub fn read(path: &Path, kid: Option<String>, now: Timestamp) -> Result<Self, SetUpError> {
        let text = ambient::text_file::read_bytes(path);
        let text = text.map_err(|error| unusable(path, &error.to_string()))?;
        let blocks: Vec<Pem> = Pem::iter_from_buffer(&text)
            .filter_map(Result::ok)
            .collect();
        let certificate = blocks.iter().find(|block| block.label == "CERTIFICATE");
        let thumbprint = match certificate {
            Some(block) => Some(thumbprint(path, &block.contents, now)?),
            None => None,
        };
        if blocks.iter().any(|it| it.label == "ENCRYPTED PRIVATE KEY") {
            return Err(unusable(path, "it is encrypted with a password"));
        }
        let key = blocks.iter().find_map(private_key).ok_or_else(|| {
            unusable(
                path,
                "the file has neither an RSA key of 2048 bits or more nor an EC P-256 key in PEM",
            )
        })?;
        Ok(Self {
            path: path.to_owned(),
            key,
            thumbprint,
            kid,
        })
    }

    /// Returns the header of a JWT that names this key.
    pub(super) fn header(&self) -> Value {
        let mut header = json!({"typ": "JWT"});
        if let Some(kid) = &self.kid {
            header["kid"] = kid.clone().into();
        }
        if let Some(thumbprint) = &self.thumbprint {
            header["x5t#S256"] = thumbprint.clone().into();
        }
        header
    }
}

fn private_key(block: &Pem) -> Option<SigningKey> {
    let der = &block.contents;
    let rsa = match block.label.as_str() {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(der).ok(),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(der).ok(),
        _ => None,
    };
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let ec = match block.label.as_str() {
        "PRIVATE KEY" => EcdsaKeyPair::from_pkcs8(algorithm, der).ok(),
        "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(algorithm, der).ok(),
        _ => None,
    };
    let rsa = rsa.map(|key| SigningKey::Rsa(Arc::new(key)));
    rsa.or_else(|| ec.map(|key| SigningKey::Ec(Arc::new(key))))
}

fn thumbprint(path: &Path, der: &[u8], now: Timestamp) -> Result<String, SetUpError> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|error| unusable(path, &format!("invalid certificate: {error}")))?;
    let end = certificate.validity().not_after.timestamp();
    if end < now.as_second() {
        let end = Timestamp::from_second(end).unwrap_or_default();
        return Err(SetUpError::new(
            "client-key-expired",
            format!(
                "The client's key {} has expired: its certificate ended at {end}.",
                path.display()
            ),
            "Create a new key and certificate, register it at the authorization server, and give it with --client-key.",
        ));
    }
    Ok(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der)))
}

fn unusable(path: &Path, why: &str) -> SetUpError {
    SetUpError::new(
        "client-key-unusable",
        format!(
            "Cannot sign with the client's key {}: {why}.",
            path.display()
        ),
        "Give --client-key a private key in PEM, RSA or EC P-256, without a password.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.pem");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn keys_of_every_usual_form_are_read() {
        let ec = rcgen::KeyPair::generate().unwrap();
        let rsa = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        for (pem, algorithm) in [
            (ec.serialize_pem(), "ES256"),
            (rsa.serialize_pem(), "RS256"),
        ] {
            let (_folder, path) = file(&pem);
            let key = ClientKey::read(&path, None, Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(key.key.algorithm(), algorithm);
            let token = key.key.jwt(key.header(), &json!({"a": 1})).unwrap();
            let (header, claims) = decode_jwt(&token).unwrap();
            assert_eq!(header, json!({"typ": "JWT", "alg": algorithm}));
            assert_eq!(claims, json!({"a": 1}));
        }
    }

    #[test]
    fn a_key_whose_certificate_has_expired_is_named() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.not_after = rcgen::date_time_ymd(2026, 3, 1);
        let certificate = params.self_signed(&pair).unwrap().pem();
        let (_folder, path) = file(&format!("{certificate}{}", pair.serialize_pem()));
        let read = |now: &str| ClientKey::read(&path, None, now.parse().unwrap());
        let valid = read("2026-02-01T00:00:00Z").unwrap();
        assert!(valid.header()["x5t#S256"].is_string());
        let error = read("2026-04-01T00:00:00Z").unwrap_err();
        assert_eq!(error.code, "client-key-expired");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "nothing",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            let (_folder, path) = file(text);
            let error = ClientKey::read(&path, None, Timestamp::UNIX_EPOCH).unwrap_err();
            assert_eq!(error.code, "client-key-unusable", "{text}");
        }
    }
}
