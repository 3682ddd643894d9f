//! The license as the app stores it: the portal's signed license, and the public keys to verify
//! it, so that the app needs no network to decide whether it may run.

use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Serialize};

/// Audience (`aud`) of a signed license.
const AUDIENCE: &str = "desktop";

/// The license as the portal describes it in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Id of the license.
    pub id: String,
    /// E-mail address of the user to whom it was granted.
    #[serde(default)]
    pub email: String,
    /// All other members of the JSON object.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// The data of an activation that the app stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    /// The license that the portal granted.
    pub license: License,
    /// Secret token that the app sends to the portal to revalidate the license.
    pub license_token: String,
    /// The license, signed by the portal for this device: a JWS with JWT claims (RFC 7515).
    pub signed_license: String,
    /// The portal's public keys (RFC 7517) at the time of the activation.
    #[serde(default = "no_keys")]
    pub keys: JwkSet,
    /// Reason of the revocation; `None` if the portal did not revoke the license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

fn no_keys() -> JwkSet {
    JwkSet { keys: Vec::new() }
}

/// The content of a signed license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Id of the license.
    pub license_id: String,
    /// Time until which the app runs without asking the portal.
    pub valid_until: Timestamp,
    /// Time after which the app asks the portal again.
    pub revalidate_after: Timestamp,
}

/// The signed license is not valid.
#[derive(Debug, thiserror::Error)]
pub enum LicenseError {
    /// The key id of the signature is none of the portal's keys.
    #[error(
        "invalid license: expected a signature with one of the portal's keys, got the key id {0:?}"
    )]
    UnknownKey(Option<String>),
    /// It is not a JWS, or its signature or a claim is not valid.
    #[error("invalid license: expected a JWS signed by the portal: {0}")]
    Signature(#[from] jsonwebtoken::errors::Error),
    /// It was issued for another device.
    #[error("invalid license: expected one for this device ({expected}), got one for {got}")]
    OtherDevice {
        /// Id of this device.
        expected: String,
        /// Device id in the license.
        got: String,
    },
    /// A time in the license is out of range.
    #[error("invalid license: expected a time in seconds since 1970, got {0}")]
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
    /// Verifies the signed license for this device and returns its content. Does not check
    /// whether the license has ended: the caller does, with its own clock.
    ///
    /// # Errors
    /// [`LicenseError`] if the portal did not sign it, or not for this device.
    pub fn terms(&self, device_id: &str) -> Result<Terms, LicenseError> {
        let header = decode_header(&self.signed_license)?;
        let key = header
            .kid
            .as_deref()
            .and_then(|kid| self.keys.find(kid))
            .ok_or_else(|| LicenseError::UnknownKey(header.kid.clone()))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        // The library would use the system clock; the clock of the app is injected.
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
