//! The license as the app keeps it on the disk: what the portal signed, and
//! the keys to check that with, so that it needs no network to know whether
//! it may run.

use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};

/// Whom the portal signs licenses for.
const AUDIENCE: &str = "desktop";

/// The license as the portal describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Its id.
    pub id: String,
    /// The e-mail that it was granted to.
    #[serde(default)]
    pub email: String,
    /// Everything else that the portal says about it.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// What an activation leaves on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    /// The license granted.
    pub license: License,
    /// What the app shows the portal to re-validate it.
    pub license_token: String,
    /// The license, signed by the portal for this device: a JWS (RFC 7515).
    pub signed_license: String,
    /// The portal's keys (RFC 7517), as they were at the activation.
    #[serde(default = "no_keys")]
    pub keys: JwkSet,
    /// Why it was taken back, once the portal has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

fn no_keys() -> JwkSet {
    JwkSet { keys: Vec::new() }
}

/// What the portal signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The license's id.
    pub license_id: String,
    /// Until when the app runs without asking.
    pub valid_until: Timestamp,
    /// When it should ask again.
    pub revalidate_after: Timestamp,
}

/// Why a signed license doesn't count.
#[derive(Debug, thiserror::Error)]
pub enum LicenseError {
    /// Nobody we know signed it.
    #[error("expected a license signed with one of the portal's keys, its key id is {0:?}")]
    UnknownKey(Option<String>),
    /// Not what a signed license looks like, or tampered with.
    #[error("expected a license that the portal signed: {0}")]
    Signature(#[from] jsonwebtoken::errors::Error),
    /// Copied from another Mac.
    #[error("expected a license for this device ({expected}), it is for {got}")]
    OtherDevice {
        /// This device.
        expected: String,
        /// The license's.
        got: String,
    },
    /// An instant that isn't one.
    #[error("expected instants in the license, got {0}")]
    Instant(i64),
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    device_id: String,
    exp: i64,
    revalidate_after: i64,
}

impl Activated {
    /// What the portal signed for this device. Whether it has ended is for
    /// the caller's clock to say.
    ///
    /// # Errors
    /// [`LicenseError`] when it is not the portal's word or not for this device.
    pub fn terms(&self, device_id: &str) -> Result<Terms, LicenseError> {
        let header = decode_header(&self.signed_license)?;
        let key = header
            .kid
            .as_deref()
            .and_then(|kid| self.keys.find(kid))
            .ok_or_else(|| LicenseError::UnknownKey(header.kid.clone()))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        // The library would ask the machine's clock; ours is injected.
        validation.validate_exp = false;
        let key = DecodingKey::from_jwk(key)?;
        let claims = decode::<Claims>(&self.signed_license, &key, &validation)?.claims;
        if claims.device_id != device_id {
            return Err(LicenseError::OtherDevice {
                expected: device_id.to_owned(),
                got: claims.device_id,
            });
        }
        let instant = |seconds: i64| {
            Timestamp::from_second(seconds).map_err(|_| LicenseError::Instant(seconds))
        };
        Ok(Terms {
            license_id: claims.jti,
            valid_until: instant(claims.exp)?,
            revalidate_after: instant(claims.revalidate_after)?,
        })
    }
}
