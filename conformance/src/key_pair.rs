//! Signing keys of the parties that the checks play.

use ambient::Ambient;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, CustomExtension, DnType, RsaKeySize, SignatureAlgorithm};
use saml::keys::{Certificate, SigningKey};

/// Validity of a certificate: one year.
const VALIDITY: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A key and its self-signed certificate, both in PEM.
pub(crate) struct KeyPair {
    pub(crate) private_key: String,
    pub(crate) certificate: String,
}

impl KeyPair {
    /// Generates an RSA key of 2048 bits, unless `ambient` has one, and a certificate that is valid
    /// for a year from `from`.
    ///
    /// # Errors
    /// When the operating system provides no random numbers.
    pub(crate) fn generate(name: &str, from: Timestamp, ambient: &Ambient) -> Result<Self, String> {
        Self::certify(name, from, &rsa(ambient)?, Vec::new())
    }

    /// Generates an EC key for this algorithm and a certificate that is valid for a year from
    /// `now`.
    ///
    /// # Errors
    /// When the operating system provides no random numbers.
    pub(crate) fn generate_ec(
        name: &str,
        now: Timestamp,
        algorithm: &'static SignatureAlgorithm,
    ) -> Result<Self, String> {
        let key = rcgen::KeyPair::generate_for(algorithm).map_err(|error| error.to_string())?;
        Self::certify(name, now, &key, Vec::new())
    }

    /// A new one whose certificate says that its issuer's certificate lies at
    /// this address (RFC 5280 §4.2.2.1).
    ///
    /// # Errors
    /// When the machine has no randomness, or the address is longer than 80 bytes.
    pub(crate) fn generate_with_issuer_at(
        name: &str,
        ambient: &Ambient,
        url: &str,
    ) -> Result<Self, String> {
        let access = issuer_at(url).ok_or_else(|| format!("the address is too long: {url}"))?;
        Self::certify(name, ambient.now(), &rsa(ambient)?, vec![access])
    }

    fn certify(
        name: &str,
        now: Timestamp,
        key: &rcgen::KeyPair,
        extensions: Vec<CustomExtension>,
    ) -> Result<Self, String> {
        let mut params = certificate_params(name, now);
        params.custom_extensions = extensions;
        let certificate = params.self_signed(key).map_err(|error| error.to_string())?;
        Ok(Self {
            private_key: key.serialize_pem(),
            certificate: certificate.pem(),
        })
    }

    /// Returns the private key and then its certificate.
    pub(crate) fn to_pem(&self) -> String {
        format!("{}{}", self.private_key, self.certificate)
    }

    /// Reads a private key and then its certificate; `None` if there is no certificate.
    pub(crate) fn from_pem(text: &str) -> Option<Self> {
        const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
        let (private_key, certificate) = text.split_once(CERTIFICATE)?;
        Some(Self {
            private_key: private_key.to_owned(),
            certificate: format!("{CERTIFICATE}{certificate}"),
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

/// Returns the parameters of a certificate that is valid for a year from `now`.
pub(crate) fn certificate_params(name: &str, now: Timestamp) -> CertificateParams {
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
    params
}

fn rsa(ambient: &Ambient) -> Result<rcgen::KeyPair, String> {
    let key = match ambient.take_rsa_key() {
        Some(pem) => rcgen::KeyPair::from_pem(&pem),
        None => rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
    };
    key.map_err(|error| error.to_string())
}

/// The extension AuthorityInfoAccess with the one method caIssuers, in DER; all
/// lengths of it fit into one byte.
fn issuer_at(url: &str) -> Option<CustomExtension> {
    const AUTHORITY_INFO_ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
    /// The OID 1.3.6.1.5.5.7.48.2.
    const CA_ISSUERS: [u8; 10] = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
    let length = u8::try_from(url.len()).ok().filter(|it| *it <= 80)?;
    let method = u8::try_from(CA_ISSUERS.len()).ok()?;
    let mut der = vec![0x30, length + method + 4, 0x30, length + method + 2];
    der.extend(CA_ISSUERS);
    // A uniformResourceIdentifier of GeneralName.
    der.extend([0x86, length]);
    der.extend(url.as_bytes());
    Some(CustomExtension::from_oid_content(
        AUTHORITY_INFO_ACCESS,
        der,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_issuer_is_read_from_the_certificate() {
        let url = "http://127.0.0.1:8080/issuer.cer";
        let pair = KeyPair::generate_with_issuer_at("X", &Ambient::real(), url).unwrap();
        let key = pair.signing_key().unwrap();
        let (_, certificate) =
            x509_parser::parse_x509_certificate(key.certificate().der()).unwrap();
        let text = certificate
            .extensions()
            .iter()
            .map(|it| format!("{:?}", it.parsed_extension()))
            .find(|it| it.starts_with("AuthorityInfoAccess"))
            .unwrap();
        assert!(text.contains(url), "{text}");
    }
}
