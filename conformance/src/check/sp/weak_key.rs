//! An RSA key of 1024 bits, which is too short. The library that makes all other signatures refuses
//! such keys.

use ambient::Ambient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm};
use rsa::Pkcs1v15Sign;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPublicKey as _;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use rsa::sha2::{Digest as _, Sha256};
use saml::names;

use crate::key_pair::certificate_params;

/// The number of bits.
const LENGTH: usize = 1024;

/// A short key with its certificate.
pub(super) struct WeakKey {
    key: RsaPrivateKey,
    /// The base64 of the certificate.
    pub(super) certificate: String,
}

impl WeakKey {
    /// Generates a key and a certificate that is valid for a year. Slow: do not call it on a thread
    /// that serves requests.
    ///
    /// # Errors
    /// If the key or the certificate cannot be made.
    pub(super) fn generate(ambient: &Ambient) -> Result<Self, String> {
        let key =
            RsaPrivateKey::new(&mut Random(ambient), LENGTH).map_err(|error| error.to_string())?;
        let public = key.to_public_key().to_pkcs1_der();
        let public = public.map_err(|error| error.to_string())?;
        let issuer = Issuer {
            key: &key,
            public: public.as_bytes().to_vec(),
        };
        let params = certificate_params("Rehearsal check", ambient.now());
        let certificate = params
            .self_signed(&issuer)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            certificate: STANDARD.encode(certificate.der()),
            key,
        })
    }

    /// Returns a document with one signature of [`Signer`](saml::signature::Signer), made again with
    /// this key.
    ///
    /// # Errors
    /// If the document has no such signature.
    pub(super) fn sign_again(&self, document: &str) -> Result<String, String> {
        let info = between(document, "<ds:SignedInfo>", "</ds:SignedInfo>")?;
        // The signer writes SignedInfo in its canonical form, except for the namespace.
        let canonical = format!(
            "<ds:SignedInfo xmlns:ds=\"{}\">{info}</ds:SignedInfo>",
            names::DSIG
        );
        let value = sign(&self.key, canonical.as_bytes()).map_err(|error| error.to_string())?;
        let old = between(document, "<ds:SignatureValue>", "</ds:SignatureValue>")?;
        let certificate = between(document, "<ds:X509Certificate>", "</ds:X509Certificate>")?;
        Ok(document.replacen(old, &STANDARD.encode(value), 1).replacen(
            certificate,
            &self.certificate,
            1,
        ))
    }
}

fn between<'d>(document: &'d str, start: &str, end: &str) -> Result<&'d str, String> {
    let inner = document
        .split_once(start)
        .and_then(|(_, rest)| rest.split_once(end));
    let (inner, _) = inner.ok_or_else(|| format!("the Response has no {start}"))?;
    Ok(inner)
}

fn sign(key: &RsaPrivateKey, data: &[u8]) -> rsa::Result<Vec<u8>> {
    key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(data))
}

/// Signs the certificate.
struct Issuer<'k> {
    key: &'k RsaPrivateKey,
    public: Vec<u8>,
}

impl PublicKeyData for Issuer<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for Issuer<'_> {
    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        sign(self.key, data).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// The random numbers of a run, for the library that makes the key.
struct Random<'a>(&'a Ambient);

impl RngCore for Random<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.rng().fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Random<'_> {}

#[cfg(test)]
mod tests {
    use rsa::pkcs1::DecodeRsaPublicKey as _;
    use rsa::traits::PublicKeyParts as _;
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;

    #[test]
    fn the_key_of_the_certificate_made_the_signature() {
        let key = WeakKey::generate(&Ambient::real()).unwrap();
        let der = STANDARD.decode(&key.certificate).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let public = &certificate.public_key().subject_public_key.data;
        let public = rsa::RsaPublicKey::from_pkcs1_der(public).unwrap();
        assert_eq!(public.n().bits(), LENGTH);
        let document = "<ds:Signature><ds:SignedInfo><a></a></ds:SignedInfo><ds:SignatureValue>old</ds:SignatureValue><ds:X509Certificate>other</ds:X509Certificate></ds:Signature>";
        let signed = key.sign_again(document).unwrap();
        assert!(signed.contains(&key.certificate));
        let value = between(&signed, "<ds:SignatureValue>", "</ds:SignatureValue>").unwrap();
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"{}\"><a></a></ds:SignedInfo>",
            names::DSIG
        );
        let value = STANDARD.decode(value).unwrap();
        public
            .verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(info), &value)
            .unwrap();
        assert!(key.sign_again("<a></a>").is_err());
    }
}
