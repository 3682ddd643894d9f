//! Signing keys of the parties that the checks play.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DnType, RsaKeySize};
use saml::keys::{Certificate, SigningKey};

/// Validity of a certificate: one year.
const VALIDITY: SignedDuration = SignedDuration::from_hours(24 * 365);

/// An RSA key of 2048 bits and its self-signed certificate, both in PEM.
pub(crate) struct KeyPair {
    pub(crate) private_key: String,
    pub(crate) certificate: String,
}

impl KeyPair {
    /// Generates a key and a certificate that is valid for a year from `now`.
    ///
    /// # Errors
    /// When the operating system provides no random numbers.
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

    /// Parses the pair into a key that can sign.
    ///
    /// # Errors
    /// When the key or the certificate is invalid.
    pub(crate) fn signing_key(&self) -> Result<SigningKey, String> {
        let certificate =
            Certificate::parse(&self.certificate).map_err(|error| error.to_string())?;
        SigningKey::new(&self.private_key, certificate).map_err(|error| error.to_string())
    }
}
