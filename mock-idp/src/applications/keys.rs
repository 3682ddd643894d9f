//! Keys and certificates that sign.

use std::sync::PoisonError;

use jiff::SignedDuration;
use rcgen::{CertificateParams, DnType, KeyPair};
use saml::keys::{Certificate, SigningKey};

use super::Application;
use crate::config::KeyMaterial;
use crate::directory::environment;
use crate::refusal::{Refused, Result};
use crate::store::keys::{self, KeyRow};
use crate::{Idp, store};

/// How long a new certificate is valid.
const VALIDITY: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A new RSA key of 2048 bits with a certificate in its own name. Slow: not
/// for a thread that serves requests.
///
/// # Errors
/// When the machine has no randomness, or `now` lies far out of range.
pub fn generate(name: &str, now: jiff::Timestamp) -> std::result::Result<KeyMaterial, String> {
    let words = |error: rcgen::Error| error.to_string();
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).map_err(words)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Rehearsal mock IdP");
    let day = |at: jiff::Timestamp| {
        let date = at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(now);
    params.not_after = day(now
        .checked_add(VALIDITY)
        .map_err(|error| error.to_string())?);
    let certificate = params.self_signed(&key).map_err(words)?;
    Ok(KeyMaterial {
        private_key: key.serialize_pem(),
        certificate: certificate.pem(),
    })
}

impl Idp {
    /// A new key, not yet stored: the injected one for a default, when there is one.
    pub(crate) async fn new_key(
        &self,
        environment_id: &str,
        name: &str,
        is_default: bool,
    ) -> Result<KeyRow> {
        let now = self.now();
        let material = match &self.config.signing_key {
            Some(material) if is_default => material.clone(),
            _ => {
                let name = name.to_owned();
                tokio::task::spawn_blocking(move || generate(&name, now))
                    .await
                    .map_err(|error| Refused::Internal(error.to_string()))?
                    .map_err(Refused::Internal)?
            }
        };
        Ok(KeyRow {
            environment: environment_id.to_owned(),
            id: self.new_id(),
            name: name.to_owned(),
            is_default,
            pkcs8: material.private_key,
            certificate: material.certificate,
            created_at: now,
        })
    }

    /// Adds a key to an environment: a new one, or the one that is imported.
    pub(crate) async fn add_key(
        &self,
        environment_id: &str,
        name: &str,
        is_default: bool,
        imported: Option<KeyMaterial>,
    ) -> Result<KeyRow> {
        let mut key = match &imported {
            None => self.new_key(environment_id, name, false).await?,
            Some(material) => KeyRow {
                environment: environment_id.to_owned(),
                id: self.new_id(),
                name: name.to_owned(),
                is_default,
                pkcs8: material.private_key.clone(),
                certificate: material.certificate.clone(),
                created_at: self.now(),
            },
        };
        key.is_default = is_default;
        signer(&key)?;
        let mut tx = self.store.write().await?;
        environment(&mut tx, environment_id).await?;
        keys::add(&mut tx, &key).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// The key that an application's answers are signed with: its own choice,
    /// else the environment's default.
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

async fn default_key(db: &mut store::Db, environment_id: &str) -> Result<KeyRow> {
    let all = keys::list(db, environment_id).await?;
    let default = all.iter().position(|key| key.is_default).unwrap_or(0);
    all.into_iter()
        .nth(default)
        .ok_or_else(|| Refused::Internal("the environment has no signing key".into()))
}

/// The key, decoded.
pub(crate) fn signer(key: &KeyRow) -> Result<SigningKey> {
    let certificate = Certificate::parse(&key.certificate)
        .map_err(|error| Refused::invalid("certificate", error.to_string()))?;
    SigningKey::new(&key.pkcs8, certificate)
        .map_err(|error| Refused::invalid("privateKey", error.to_string()))
}
