//! The RSA key that all operations use: derived from a seed, so that it is the same everywhere
//! and no private key is in the repository.

use std::path::Path;

use ambient::Rng;
use rcgen::{CertificateParams, DnType, KeyPair};
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::rand_core::{CryptoRng, Error, RngCore};
use saml::keys::{Certificate, SigningKey};

use crate::{Result, read};

/// Length of the RSA modulus in bits.
const LENGTH: usize = 2048;
const SEED: u64 = 22;

const PRIVATE_KEY: &str = "key.pem";
const CERTIFICATE: &str = "certificate.pem";

/// A private key and its certificate, both in PEM.
pub(crate) struct Key {
    pub private_key: String,
    pub certificate: String,
}

impl Key {
    pub(crate) fn certificate(&self) -> Result<Certificate> {
        Ok(Certificate::parse(&self.certificate)?)
    }

    pub(crate) fn signing_key(&self) -> Result<SigningKey> {
        Ok(SigningKey::new(&self.private_key, self.certificate()?)?)
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::write(folder.join(PRIVATE_KEY), &self.private_key)?;
        std::fs::write(folder.join(CERTIFICATE), &self.certificate)?;
        Ok(())
    }

    pub(crate) fn read(folder: &Path) -> Result<Self> {
        Ok(Self {
            private_key: read(folder, PRIVATE_KEY)?,
            certificate: read(folder, CERTIFICATE)?,
        })
    }
}

/// Derives the key from the seed.
pub(crate) fn create() -> Result<Key> {
    let key = rsa::RsaPrivateKey::new(&mut Draws(Rng::from_seed(SEED)), LENGTH)?;
    let private_key = key.to_pkcs8_pem(LineEnding::LF)?.to_string();
    let pair = KeyPair::from_pem(&private_key)?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Rehearsal counts");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    Ok(Key {
        certificate: params.self_signed(&pair)?.pem(),
        private_key,
    })
}

/// Random numbers for the `rsa` crate.
struct Draws(Rng);

impl RngCore for Draws {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.0.bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Draws {}
