//! Key pairs of an environment: RSA and EC keys, generated here or imported; the default key;
//! rotation.

use std::sync::PoisonError;

use jiff::SignedDuration;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, RsaKeySize, SerialNumber};
use saml::keys::{Certificate, SigningKey};
use serde_json::{Value, json};

use super::{Application, pkcs12};
use crate::config::KeyMaterial;
use crate::directory::{Document, get_environment, text};
use crate::refusal::{Refused, Result};
use crate::store::keys::{self, KeyRow};
use crate::store::resources::{self, Kind};
use crate::{Idp, store};

/// Default validity of a new certificate, in days.
const VALIDITY: i64 = 365;

/// Key lengths of PingOne that can be generated here, in bits.
const RSA_LENGTHS: [i64; 3] = [2048, 3072, 4096];
const EC_LENGTHS: [i64; 3] = [256, 384, 521];
/// Allowed values of a key's `usageType`.
const PURPOSES: [&str; 2] = ["SIGNING", "ENCRYPTION"];

fn purpose_of(purpose: &Value) -> Result<&'static str> {
    let mut all = PURPOSES.into_iter();
    all.find(|known| purpose == known)
        .ok_or_else(|| Refused::none_of("usageType", &PURPOSES, purpose))
}

/// Parameters of a key pair to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPlan {
    /// True for EC, false for RSA.
    pub is_ec: bool,
    pub length: i64,
    /// Subject of the certificate: `CN=…, O=…`
    pub subject: String,
    pub days: i64,
}

impl KeyPlan {
    /// Returns the parameters of an RSA key of 2048 bits whose certificate is valid for a year.
    fn usual(name: &str) -> Self {
        Self {
            is_ec: false,
            length: 2048,
            subject: format!("CN={name}, O=Rehearsal mock IdP"),
            days: VALIDITY,
        }
    }

    /// Parses `{algorithm, keyLength, subjectDN, validityPeriod}`.
    fn of(document: &Document, name: &str) -> Result<Self> {
        let usual = Self::usual(name);
        let is_ec = match document.get("algorithm") {
            None => false,
            Some(algorithm) if algorithm == "RSA" => false,
            Some(algorithm) if algorithm == "EC" => true,
            Some(other) => return Err(Refused::none_of("algorithm", &["RSA", "EC"], other)),
        };
        let lengths = if is_ec { EC_LENGTHS } else { RSA_LENGTHS };
        let length = match document.get("keyLength") {
            None => lengths[0],
            Some(length) => length
                .as_i64()
                .filter(|length| lengths.contains(length))
                .ok_or_else(|| {
                    let allowed = lengths.map(|length| length.to_string());
                    let allowed = allowed.each_ref().map(String::as_str);
                    Refused::none_of("keyLength", &allowed, length)
                })?,
        };
        if let Some(algorithm) = text(document, "signatureAlgorithm") {
            let family = if is_ec { "withECDSA" } else { "withRSA" };
            if !algorithm.ends_with(family) {
                return Err(Refused::invalid(
                    "signatureAlgorithm",
                    format!(
                        "expected SHA256{family}, SHA384{family} or SHA512{family}, got {algorithm}"
                    ),
                ));
            }
        }
        let days = match document.get("validityPeriod") {
            None => usual.days,
            Some(days) => days
                .as_i64()
                .filter(|days| (1..=3650).contains(days))
                .ok_or_else(|| Refused::out_of_range("validityPeriod", 1, 3650, days))?,
        };
        let subject = text(document, "subjectDN").map_or(usual.subject, str::to_owned);
        Ok(Self {
            is_ec,
            length,
            subject,
            days,
        })
    }

    /// Returns the parameters to generate a key like this one.
    fn like(key: &KeyRow) -> Result<Self> {
        let decoded = signer(key)?;
        let certificate = decoded.certificate();
        let (is_ec, length) = kind_and_length(certificate);
        let lasts = certificate
            .not_after()
            .duration_since(certificate.not_before());
        Ok(Self {
            is_ec,
            length,
            subject: certificate.subject().to_owned(),
            days: lasts.as_hours() / 24,
        })
    }
}

/// Returns true for an EC key, and the key length in bits.
pub(crate) fn kind_and_length(certificate: &Certificate) -> (bool, i64) {
    let (kind, length) = certificate.key().split_once(' ').unwrap_or(("", "0"));
    let length = length.trim_start_matches("P-").parse().unwrap_or(0);
    (kind == "EC", length)
}

fn parse_distinguished_name(subject: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for part in subject.split(',') {
        let Some((kind, value)) = part.split_once('=') else {
            continue;
        };
        let kind = match kind.trim().to_ascii_uppercase().as_str() {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "L" => DnType::LocalityName,
            "ST" => DnType::StateOrProvinceName,
            "C" => DnType::CountryName,
            _ => continue,
        };
        name.push(kind, value.trim());
    }
    name
}

/// Generates an RSA key of 2048 bits with a self-signed certificate. Slow: do not call it on a
/// thread that serves requests.
///
/// # Errors
/// If the operating system gives no random values, or `now` is far out of range.
pub fn generate(name: &str, now: jiff::Timestamp) -> std::result::Result<KeyMaterial, String> {
    make(&KeyPlan::usual(name), now, None)
}

/// Generates an EC key on P-256 with a self-signed certificate.
///
/// # Errors
/// As [`generate`].
pub(crate) fn generate_ec(
    name: &str,
    now: jiff::Timestamp,
) -> std::result::Result<KeyMaterial, String> {
    let plan = KeyPlan {
        is_ec: true,
        length: EC_LENGTHS[0],
        ..KeyPlan::usual(name)
    };
    make(&plan, now, None)
}

fn make(
    plan: &KeyPlan,
    now: jiff::Timestamp,
    serial: Option<[u8; 16]>,
) -> std::result::Result<KeyMaterial, String> {
    let words = |error: rcgen::Error| error.to_string();
    let key = match (plan.is_ec, plan.length) {
        (false, 4096) => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_4096),
        (false, 3072) => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
        (false, _) => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
        (true, 521) => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
        (true, 384) => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        (true, _) => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
    }
    .map_err(words)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = parse_distinguished_name(&plan.subject);
    params.serial_number = serial.map(|bytes| {
        let mut bytes = bytes;
        // A serial number must be positive (RFC 5280 §4.1.2.2).
        bytes[0] &= 0x7f;
        SerialNumber::from_slice(&bytes)
    });
    let day = |at: jiff::Timestamp| {
        let date = at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(now);
    let end = now
        .checked_add(SignedDuration::from_hours(24 * plan.days))
        .map_err(|error| error.to_string())?;
    // To the second: at midnight, the validity would be up to a day shorter than it was requested.
    let of_day = end.as_second().rem_euclid(24 * 60 * 60).unsigned_abs();
    params.not_after = day(end) + std::time::Duration::from_secs(of_day);
    let certificate = params.self_signed(&key).map_err(words)?;
    Ok(KeyMaterial {
        private_key: key.serialize_pem(),
        certificate: certificate.pem(),
    })
}

impl Idp {
    async fn make(&self, plan: KeyPlan) -> Result<KeyMaterial> {
        let now = self.now();
        let serial = self.ambient.rng().bytes();
        tokio::task::spawn_blocking(move || make(&plan, now, Some(serial)))
            .await
            .map_err(|error| Refused::Internal(error.to_string()))?
            .map_err(Refused::Internal)
    }

    fn key_row(&self, environment_id: &str, name: &str, material: KeyMaterial) -> KeyRow {
        KeyRow {
            environment: environment_id.to_owned(),
            id: self.new_id(),
            name: name.to_owned(),
            is_default: false,
            pkcs8: material.private_key,
            certificate: material.certificate,
            purpose: PURPOSES[0].to_owned(),
            created_at: self.now(),
            place: 0,
        }
    }

    /// Returns the first key of a new environment, not stored yet: the configured one if there
    /// is one, otherwise a new key.
    pub(crate) async fn make_first_key(&self, environment_id: &str) -> Result<KeyRow> {
        let name = "Default Signing Key";
        let material = match &self.config.signing_key {
            Some(material) => material.clone(),
            None => self.make(KeyPlan::usual(name)).await?,
        };
        let mut key = self.key_row(environment_id, name, material);
        key.is_default = true;
        Ok(key)
    }

    /// Creates a key in an environment: generates it by its parameters, or imports `privateKey`
    /// and `certificate` (PEM) if both are sent.
    pub(crate) async fn create_key(
        &self,
        environment_id: &str,
        document: &Document,
    ) -> Result<KeyRow> {
        let name = text(document, "name").ok_or_else(|| Refused::required("name"))?;
        let purpose = match document.get("usageType") {
            None => PURPOSES[0],
            Some(purpose) => purpose_of(purpose)?,
        };
        {
            let mut db = self.store.read().await?;
            get_environment(&mut db, environment_id).await?;
        }
        let material = match (text(document, "privateKey"), text(document, "certificate")) {
            (Some(private_key), Some(certificate)) => KeyMaterial {
                private_key: private_key.to_owned(),
                certificate: certificate.to_owned(),
            },
            (None, None) => self.make(KeyPlan::of(document, name)?).await?,
            (Some(_), None) => return Err(Refused::required("certificate")),
            (None, Some(_)) => return Err(Refused::required("privateKey")),
        };
        let mut key = self.key_row(environment_id, name, material);
        key.is_default = document.get("default") == Some(&Value::Bool(true));
        key.purpose = purpose.to_owned();
        signer(&key)?;
        self.keep_key(key).await
    }

    /// Imports the key pair of a PKCS#12 file. Its name is the subject of its certificate.
    pub(crate) async fn import_key(
        &self,
        environment_id: &str,
        file: &[u8],
        password: &str,
        purpose: &str,
    ) -> Result<KeyRow> {
        let purpose = purpose_of(&purpose.into())?;
        let (material, certificate) = pkcs12::read_key_and_certificate(file, password)?;
        let mut key = self.key_row(environment_id, certificate.subject(), material);
        key.purpose = purpose.to_owned();
        self.keep_key(key).await
    }

    async fn keep_key(&self, key: KeyRow) -> Result<KeyRow> {
        let (environment_id, name) = (&key.environment, &key.name);
        let mut tx = self.store.write().await?;
        get_environment(&mut tx, environment_id).await?;
        if keys::list(&mut tx, environment_id)
            .await?
            .iter()
            .any(|other| other.name == *name)
        {
            return Err(Refused::taken("name", "certificate named", name));
        }
        keys::add(&mut tx, &key).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Returns a certificate signing request with the subject of the key's certificate
    /// (PKCS#10, PEM).
    pub(crate) async fn create_signing_request(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<String> {
        let key = self.get_key(environment_id, id).await?;
        let internal = |error: rcgen::Error| Refused::Internal(error.to_string());
        let pair = KeyPair::from_pem(&key.pkcs8).map_err(internal)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = parse_distinguished_name(signer(&key)?.certificate().subject());
        let request = params.serialize_request(&pair).map_err(internal)?;
        request.pem().map_err(internal)
    }

    /// Returns a key.
    pub(crate) async fn get_key(&self, environment_id: &str, id: &str) -> Result<KeyRow> {
        let mut db = self.store.read().await?;
        keys::get(&mut db, environment_id, id)
            .await?
            .ok_or_else(|| Refused::not_found("key", id))
    }

    /// Makes a key the default key, or changes its `usageType`.
    pub(crate) async fn change_key(
        &self,
        environment_id: &str,
        id: &str,
        document: &Document,
    ) -> Result<KeyRow> {
        self.get_key(environment_id, id).await?;
        let mut tx = self.store.write().await?;
        if let Some(purpose) = document.get("usageType") {
            let known = PURPOSES.into_iter().find(|known| purpose == known);
            let known = known.ok_or_else(|| Refused::none_of("usageType", &PURPOSES, purpose))?;
            keys::set_purpose(&mut tx, environment_id, id, known).await?;
        }
        match document.get("default") {
            Some(Value::Bool(true)) => {
                keys::make_default(&mut tx, environment_id, id).await?;
            }
            Some(Value::Bool(false)) | None => {}
            Some(other) => {
                return Err(Refused::invalid(
                    "default",
                    format!("expected true or false, got {other}"),
                ));
            }
        }
        tx.commit().await?;
        self.get_key(environment_id, id).await
    }

    /// Replaces a key by a new one of the same kind: as the default key, and in every
    /// application that refers to it. The old key stays in the environment.
    pub(crate) async fn rotate_key(&self, environment_id: &str, id: &str) -> Result<KeyRow> {
        let former = self.get_key(environment_id, id).await?;
        let material = self.make(KeyPlan::like(&former)?).await?;
        let now = self.now();
        let date = now.strftime("%Y-%m-%d %H:%M:%S");
        let mut key = self.key_row(environment_id, &format!("{} {date}", former.name), material);
        key.purpose.clone_from(&former.purpose);
        key.is_default = former.is_default;
        let mut tx = self.store.write().await?;
        keys::add(&mut tx, &key).await?;
        for mut application in
            resources::list(&mut tx, environment_id, Kind::Application, None).await?
        {
            if let Some(signing) = application.document.get_mut("idpSigning")
                && signing["key"]["id"] == id
            {
                signing["key"] = json!({"id": key.id});
                application.updated_at = now;
                resources::put(&mut tx, &application).await?;
            }
        }
        tx.commit().await?;
        Ok(key)
    }

    /// Deletes a key that is neither the default nor used by an application.
    pub(crate) async fn delete_key(&self, environment_id: &str, id: &str) -> Result<()> {
        let key = self.get_key(environment_id, id).await?;
        if key.is_default {
            return Err(Refused::constraint(
                "id",
                "this is the default key; make another key the default before you delete it",
            ));
        }
        let mut tx = self.store.write().await?;
        let all = resources::list(&mut tx, environment_id, Kind::Application, None).await?;
        let named = |app: &&resources::Resource| {
            app.document
                .get("idpSigning")
                .is_some_and(|signing| signing["key"]["id"] == id)
        };
        if let Some(application) = all.iter().find(named) {
            return Err(Refused::constraint(
                "id",
                format!("the key is in use by application {}", application.name),
            ));
        }
        keys::delete(&mut tx, environment_id, id).await?;
        tx.commit().await?;
        self.signers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        Ok(())
    }

    /// Returns the key that signs an application's Responses: the one chosen for the
    /// application, otherwise the default key of the environment.
    pub(crate) async fn signing_key(
        &self,
        environment_id: &str,
        application: &Application,
    ) -> Result<SigningKey> {
        let chosen = application
            .idp_signing
            .as_ref()
            .and_then(|signing| Some(signing.key.as_ref()?.id.clone()));
        let mut db = self.store.read().await?;
        let row = match chosen {
            Some(id) => keys::get(&mut db, environment_id, &id)
                .await?
                .ok_or_else(|| Refused::not_found("key", &id))?,
            None => default_key(&mut db, environment_id).await?,
        };
        let cached = {
            let signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
            signers.get(&row.id).cloned()
        };
        if let Some(signer) = cached {
            return Ok(signer);
        }
        let decoded = signer(&row)?;
        self.signers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(row.id, decoded.clone());
        Ok(decoded)
    }
}

pub(super) async fn default_key(db: &mut store::Db, environment_id: &str) -> Result<KeyRow> {
    let all = keys::list(db, environment_id).await?;
    let default = all.iter().position(|key| key.is_default).unwrap_or(0);
    all.into_iter()
        .nth(default)
        .ok_or_else(|| Refused::Internal("the environment has no signing key".into()))
}

/// Decodes a key and its certificate.
pub(crate) fn signer(key: &KeyRow) -> Result<SigningKey> {
    let certificate = Certificate::parse(&key.certificate)
        .map_err(|error| Refused::invalid("certificate", error.to_string()))?;
    SigningKey::new(&key.pkcs8, certificate)
        .map_err(|error| Refused::invalid("privateKey", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_valid_for_all_of_its_days() {
        let late: jiff::Timestamp = "2026-11-29T23:59:58Z".parse().unwrap();
        let made = generate("late", late).unwrap();
        let certificate = Certificate::parse(&made.certificate).unwrap();
        let year = SignedDuration::from_hours(24 * 365);
        assert_eq!(certificate.not_after(), late.checked_add(year).unwrap());
    }
}
