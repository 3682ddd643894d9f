//! The signing keys of the parties that the checks play.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DnType, RsaKeySize};
use saml::keys::{Certificate, SigningKey};

/// How long a certificate is valid.
const VALIDITY: SignedDuration = SignedDuration::from_hours(24 * 365);

/// An RSA key of 2048 bits and its self-signed certificate, both in PEM.
pub(crate) struct KeyPair {
    pub(crate) private_key: String,
    pub(crate) certificate: String,
}

impl KeyPair {
    /// A new one, valid from `now` for a year.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub(crate) fn generate(name: &str, now: Timestamp) -> Result<Self, String> {
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)
            .map_err(|error| error.to_string())?;
        let mut params = CertificateParams::default();
        let subject = &mut params.distinguished_name;
        subject.push(DnType::CommonName, name);
        let day = |at: Timestamp| {
            let date = at.to_zoned_datetime(TimeZone::UTC).date();
            rcgen::date_time_ymd(
                i32::from(date.year()),
                date.month().unsigned_abs(),
                date.day().unsigned_abs(),
            )
        };
        params.not_before = day(now);
        params.not_after = day(now.saturating_add(VALIDITY).unwrap_or(now));
        let certificate = params
            .self_signed(&key)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            private_key: key.serialize_pem(),
            certificate: certificate.pem(),
        })
    }

    /// Parsed, to sign with.
    ///
    /// # Errors
    /// When one of the two is not what it should be.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, String> {
        let certificate =
            Certificate::parse(&self.certificate).map_err(|error| error.to_string())?;
        SigningKey::new(&self.private_key, certificate).map_err(|error| error.to_string())
    }
}
