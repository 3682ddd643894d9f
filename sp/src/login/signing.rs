//! The portal's own key: it signs AuthnRequests and logout messages and
//! decrypts assertions (saml-core §2.3.4). It comes from the settings, or the
//! portal creates it at first use and stores it in the database, so that all
//! replicas use the same key.

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DnType, KeyPair};
use saml::keys::{Certificate, SigningKey};

use crate::Portal;
use crate::refusal::{Refused, kinds};
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::to_microseconds;

const ID: &str = "authn-requests";

/// Validity of the certificate, which only carries the public key: IdPs do not
/// enforce its validity (saml-metadata §2.4.1.1).
const VALIDITY: SignedDuration = SignedDuration::from_hours(24 * 365 * 10);

fn broken(error: impl std::fmt::Display) -> Refused {
    Refused::new(
        &kinds::INTERNAL,
        format!("cannot use the portal's own signing key: {error}"),
    )
    .with_public("Single sign-on does not work at the moment.")
}

impl Portal {
    /// Returns the key for AuthnRequests, logout messages and encrypted
    /// assertions.
    ///
    /// # Errors
    /// If the key cannot be created or read.
    pub async fn request_key(&self) -> Result<SigningKey, Refused> {
        let key = self
            .request_key
            .get_or_try_init(|| self.load_or_create_request_key())
            .await?;
        Ok(key.clone())
    }

    async fn load_or_create_request_key(&self) -> Result<SigningKey, Refused> {
        if let Some(given) = &self.config.signing_key {
            let certificate = Certificate::parse(&given.certificate).map_err(broken)?;
            return SigningKey::new(&given.private_key, certificate).map_err(broken);
        }
        let mut db = self.store.read().await?;
        let known = signing_keys::find_by_id(&mut db, ID).await?;
        drop(db);
        let row = match known {
            Some(row) => row,
            None => {
                let now = self.now();
                let made = tokio::task::spawn_blocking(move || generate(now));
                let made = made.await.map_err(broken)?.map_err(broken)?;
                let mut tx = self.store.write().await?;
                signing_keys::insert(&mut tx, &made).await?;
                let first = signing_keys::find_by_id(&mut tx, ID).await?;
                tx.commit().await?;
                first.unwrap_or(made)
            }
        };
        let certificate = Certificate::parse(&row.certificate).map_err(broken)?;
        SigningKey::new(&row.private_key, certificate).map_err(broken)
    }
}

fn generate(now: Timestamp) -> Result<SigningKeyRow, rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::default();
    let subject = &mut params.distinguished_name;
    subject.push(DnType::CommonName, "Rehearsal portal");
    let day = |at: Timestamp| {
        let date = at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(now);
    params.not_after = day(now.saturating_add(VALIDITY).unwrap_or(now));
    let certificate = params.self_signed(&key)?;
    Ok(SigningKeyRow {
        id: ID.to_owned(),
        private_key: key.serialize_pem(),
        certificate: certificate.pem(),
        created: to_microseconds(now),
    })
}
