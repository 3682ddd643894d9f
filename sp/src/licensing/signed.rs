//! Signed licenses, which the app can verify without a connection: a JWS (RFC
//! 7515) signed with Ed25519 (RFC 8037). The portal publishes the public key
//! (RFC 7517). It creates the key at first use and stores it in the database,
//! so that all replicas use the same one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PublicKeyData as _};
use serde::Serialize;
use serde_json::{Value, json};

use super::states::holds_until;
use crate::Portal;
use crate::store::licenses::{DeviceRow, LicenseRow};
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::store::subscriptions::SubscriptionRow;
use crate::store::{StoreError, to_microseconds};

const ID: &str = "licenses";

/// The key that licenses are signed with.
#[derive(Clone)]
pub struct LicenseKey {
    signing: EncodingKey,
    id: String,
    public: String,
}

/// Validity of a signed license.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The app stops working at this time, unless it has checked its license
    /// again.
    pub valid_until: Timestamp,
    /// The app checks its license again after this time.
    pub revalidate_after: Timestamp,
}

/// Claims of the license: the registered ones (RFC 7519, section 4.1) and those
/// of the app.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    sub: &'a str,
    jti: &'a str,
    iat: i64,
    exp: i64,
    revalidate_after: i64,
    device_id: &'a str,
    subscription: &'a str,
}

/// Returns the validity of a license of this subscription that is signed now.
pub fn terms(portal: &Portal, subscription: &SubscriptionRow) -> Terms {
    let now = portal.now();
    let valid_until = (now + portal.config.license_grace).min(holds_until(subscription));
    Terms {
        valid_until,
        revalidate_after: (now + portal.config.license_revalidation).min(valid_until),
    }
}

/// Returns the signed license for this device.
///
/// # Errors
/// If the key cannot be created or read.
pub async fn sign(
    portal: &Portal,
    license: &LicenseRow,
    device: &DeviceRow,
    subscription: &SubscriptionRow,
) -> Result<String, StoreError> {
    let key = portal.license_key().await?;
    let terms = terms(portal, subscription);
    let claims = Claims {
        iss: &portal.base_url,
        aud: "desktop",
        sub: &license.user_id,
        jti: &license.id,
        iat: portal.now().as_second(),
        exp: terms.valid_until.as_second(),
        revalidate_after: terms.revalidate_after.as_second(),
        device_id: &device.device_id,
        subscription: &subscription.name,
    };
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("license+jwt".to_owned());
    header.kid = Some(key.id.clone());
    encode(&header, &claims, &key.signing).map_err(|_| damaged_key_error())
}

/// Returns the public key as a JWK set.
///
/// # Errors
/// If the key cannot be created or read.
pub async fn load_public_keys(portal: &Portal) -> Result<Value, StoreError> {
    let key = portal.license_key().await?;
    Ok(json!({"keys": [{
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
        "kid": key.id,
        "x": key.public,
    }]}))
}

fn damaged_key_error() -> StoreError {
    StoreError::Damaged {
        table: "signing_keys",
        key: ID.to_owned(),
        expected: "an Ed25519 private key in PKCS#8",
    }
}

impl Portal {
    async fn license_key(&self) -> Result<LicenseKey, StoreError> {
        let key = self
            .license_key
            .get_or_try_init(|| self.load_or_create_license_key());
        Ok(key.await?.clone())
    }

    async fn load_or_create_license_key(&self) -> Result<LicenseKey, StoreError> {
        let mut db = self.store.read().await?;
        let known = signing_keys::find_by_id(&mut db, ID).await?;
        drop(db);
        let row = match known {
            Some(row) => row,
            None => {
                let pair =
                    KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(|_| damaged_key_error())?;
                let made = SigningKeyRow {
                    id: ID.to_owned(),
                    private_key: pair.serialize_pem(),
                    certificate: pair.public_key_pem(),
                    created: to_microseconds(self.now()),
                };
                let mut tx = self.store.write().await?;
                signing_keys::insert(&mut tx, &made).await?;
                let first = signing_keys::find_by_id(&mut tx, ID).await?;
                tx.commit().await?;
                first.unwrap_or(made)
            }
        };
        let pair = KeyPair::from_pem(&row.private_key).map_err(|_| damaged_key_error())?;
        let public = URL_SAFE_NO_PAD.encode(pair.der_bytes());
        Ok(LicenseKey {
            signing: EncodingKey::from_ed_der(pair.serialized_der()),
            id: crate::store::fingerprint(&public)[..16].to_owned(),
            public,
        })
    }
}
