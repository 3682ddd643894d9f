//! Signed JWTs of the authorization servers that a tenant accepts, verified with the keys that the
//! issuer publishes: access tokens at the SCIM endpoint, and requests to end a person's sessions.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::fetch::fetch;
use crate::Portal;
use crate::audit::{self, Event};
use crate::store::StoreError;
use crate::store::scim_issuers::ScimIssuerRow;
use crate::store::tenants::TenantRow;

/// Accepted signature algorithms. HMAC is not among them: its secret would be a public key
/// (RFC 8725 §3.1).
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// How long fetched keys are used.
const KEYS_FRESH: SignedDuration = SignedDuration::from_mins(10);
/// How long keys are not fetched again because of an unknown key ID or a failure: anybody can
/// send tokens with random key IDs.
const KEYS_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// Maximum size of an issuer's metadata or keys, in bytes.
const LARGEST_KEYS: usize = 256 * 1024;
/// Every reason is written to the audit log once in this time for each tenant: anybody can send
/// wrong tokens.
const AUDIT_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// It is not a JWT, or uses an algorithm that is not accepted.
    #[error("invalid token: expected a JWT signed by RS256, PS256, ES256, ES384 or EdDSA")]
    Malformed,
    /// The header has another type. Contains the accepted ones.
    #[error("invalid typ: expected {0}")]
    Type(&'static str),
    /// The tenant does not accept tokens of this issuer.
    #[error("issuer {0} is not accepted: add it in step 5 of the configurator")]
    Issuer(String),
    /// The keys of the issuer cannot be fetched.
    #[error("cannot get the keys of {issuer}: {why}")]
    Keys {
        /// The issuer.
        issuer: String,
        /// What failed.
        why: String,
    },
    /// A claim is missing or has another type.
    #[error("invalid claims: {0}")]
    Claims(String),
    /// It is valid for too long, so that its use cannot be remembered.
    #[error("invalid exp: expected at most 24 hours from now")]
    Lifetime,
    /// It was used before.
    #[error("the token was used before: send a new one, with another jti, for each request")]
    Used,
    /// No key of the issuer verifies the signature.
    #[error("the signature of the token is not valid under a key of its issuer")]
    Signature,
    /// It is for another audience.
    #[error("invalid aud: expected {0}")]
    Audience(String),
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the token is not valid yet (nbf, iat)")]
    NotYet,
    /// It was issued to a client that is not accepted.
    #[error("client {0} is not accepted: add it in step 5 of the configurator")]
    Client(String),
    /// It lacks the required scope.
    #[error("the access token lacks the scope {0}")]
    Scope(String),
}

impl TokenRefusal {
    /// Returns the stable code in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "token-malformed",
            Self::Type(_) => "token-type",
            Self::Issuer(_) => "token-issuer",
            Self::Keys { .. } => "token-keys",
            Self::Claims(_) => "token-claims",
            Self::Lifetime => "token-lifetime",
            Self::Used => "token-used",
            Self::Signature => "token-signature",
            Self::Audience(_) => "token-audience",
            Self::Expired => "token-expired",
            Self::NotYet => "token-not-yet-valid",
            Self::Client(_) => "token-client",
            Self::Scope(_) => "token-scope",
        }
    }
}

/// The keys of an issuer, or why they could not be fetched.
#[derive(Debug, Clone)]
struct Fetched {
    keys: Result<JwkSet, String>,
    at: Timestamp,
}

/// The fetched keys of issuers, and when reasons were written to the audit log.
#[derive(Debug, Default)]
pub struct IssuerKeys {
    keys: Mutex<HashMap<String, Fetched>>,
    noted: Mutex<HashMap<(String, &'static str), Timestamp>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IssuerKeys {
    /// Forgets everything, because the clock or the database was replaced.
    pub fn forget(&self) {
        lock(&self.keys).clear();
        lock(&self.noted).clear();
    }

    /// True if this reason is to be written to the audit log now.
    fn must_note(&self, tenant_id: &str, code: &'static str, now: Timestamp) -> bool {
        let mut noted = lock(&self.noted);
        let last = noted.insert((tenant_id.to_owned(), code), now);
        let is_recent = |last: Timestamp| now.duration_since(last).abs() < AUDIT_PAUSE;
        !last.is_some_and(is_recent)
    }
}

/// Metadata of an authorization server (RFC 8414 §2).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Claims of a token (RFC 7519 §4.1; for access tokens RFC 9068 §2.2).
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    aud: Audience,
    #[serde(deserialize_with = "read_seconds")]
    pub(crate) exp: i64,
    #[serde(default, deserialize_with = "read_optional_seconds")]
    nbf: Option<i64>,
    #[serde(default, deserialize_with = "read_optional_seconds")]
    iat: Option<i64>,
    pub(crate) jti: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) scope: Option<String>,
}

/// One audience or several (RFC 7519 §4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Reads a NumericDate (RFC 7519 §2), which can have a fraction, as whole seconds.
fn read_seconds<'de, D: Deserializer<'de>>(read: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(read)?;
    // A number that is too large for an i64 becomes the largest one.
    #[allow(clippy::cast_possible_truncation)]
    let whole = |number: f64| number.floor() as i64;
    let seconds = number.as_i64().or_else(|| number.as_f64().map(whole));
    seconds.ok_or_else(|| D::Error::custom("expected seconds since 1970"))
}

fn read_optional_seconds<'de, D: Deserializer<'de>>(read: D) -> Result<Option<i64>, D::Error> {
    read_seconds(read).map(Some)
}

/// What a kind of tokens must have.
pub(crate) struct Kind {
    /// Values of `typ`, in small letters.
    pub(crate) types: &'static [&'static str],
    /// The same for people.
    pub(crate) types_text: &'static str,
}

/// A token of an accepted issuer: its signature and its times are right.
pub(crate) struct IssuedToken<'t> {
    /// The issuer.
    pub(crate) issuer: &'t ScimIssuerRow,
    pub(crate) claims: Claims,
}

impl IssuedToken<'_> {
    /// Requires this audience.
    ///
    /// # Errors
    /// [`TokenRefusal::Audience`].
    pub(crate) fn require_audience(&self, audience: &str) -> Result<(), TokenRefusal> {
        let is_for_us = match &self.claims.aud {
            Audience::One(one) => one == audience,
            Audience::Several(all) => all.iter().any(|one| one == audience),
        };
        is_for_us
            .then_some(())
            .ok_or_else(|| TokenRefusal::Audience(audience.to_owned()))
    }
}

/// Returns the address of the metadata of an issuer: the well-known part comes before the path
/// (RFC 8414 §3.1), and for OpenID Connect after it.
fn metadata_urls(issuer: &str) -> Vec<String> {
    let oauth = url::Url::parse(issuer).ok().map(|mut url| {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        String::from(url)
    });
    let issuer = issuer.trim_end_matches('/');
    let openid = format!("{issuer}/.well-known/openid-configuration");
    oauth.into_iter().chain([openid]).collect()
}

async fn fetch_json<T: DeserializeOwned>(portal: &Portal, url: &str) -> Result<T, String> {
    let failed = |why: String| format!("{url}: {why}");
    let bytes = fetch(portal, url, LARGEST_KEYS)
        .await
        .map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
}

async fn fetch_keys(portal: &Portal, issuer: &str) -> Result<JwkSet, String> {
    let mut why = String::new();
    for url in metadata_urls(issuer) {
        match fetch_json::<Metadata>(portal, &url).await {
            // RFC 8414 §3.3: otherwise one issuer could speak for another.
            Ok(metadata) if metadata.issuer != issuer => {
                let got: String = metadata.issuer.chars().take(200).collect();
                why = format!("{url}: expected the issuer {issuer}, got {got}");
            }
            Ok(metadata) => return fetch_json(portal, &metadata.jwks_uri).await,
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// Returns the keys of an issuer. Fetches them if they are old, or if none has this key ID:
/// issuers change their keys.
async fn get_or_fetch_keys(
    portal: &Portal,
    issuer: &str,
    kid: Option<&str>,
) -> Result<JwkSet, String> {
    let now = portal.now();
    let known = lock(&portal.scim_issuer_keys.keys).get(issuer).cloned();
    if let Some(known) = known {
        let age = now.duration_since(known.at).abs();
        let has_key = known.keys.as_ref().is_ok_and(|keys| match kid {
            Some(kid) => keys.find(kid).is_some(),
            None => true,
        });
        if age < KEYS_PAUSE || has_key && age < KEYS_FRESH {
            return known.keys;
        }
    }
    let keys = fetch_keys(portal, issuer).await;
    let fetched = Fetched {
        keys: keys.clone(),
        at: now,
    };
    lock(&portal.scim_issuer_keys.keys).insert(issuer.to_owned(), fetched);
    keys
}

/// Reads `iss` of a token whose signature is not verified yet, to find out whose keys verify it.
fn read_unverified_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    let read = jsonwebtoken::dangerous::insecure_decode::<Issued>(token);
    Some(read.ok()?.claims.iss)
}

/// Verifies a token of an accepted issuer: its type, its signature and its times.
///
/// # Errors
/// Why it is refused.
pub(crate) async fn verify<'t>(
    portal: &Portal,
    accepted: &'t [ScimIssuerRow],
    token: &str,
    kind: &Kind,
) -> Result<IssuedToken<'t>, TokenRefusal> {
    let header = decode_header(token).map_err(|_| TokenRefusal::Malformed)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenRefusal::Malformed);
    }
    let typ = header.typ.as_deref().unwrap_or("JWT");
    if !kind.types.iter().any(|it| typ.eq_ignore_ascii_case(it)) {
        return Err(TokenRefusal::Type(kind.types_text));
    }
    let issuer = read_unverified_issuer(token)
        .ok_or_else(|| TokenRefusal::Claims("iss is missing".to_owned()))?;
    let Some(row) = accepted.iter().find(|row| row.issuer == issuer) else {
        return Err(TokenRefusal::Issuer(issuer.chars().take(200).collect()));
    };
    let kid = header.kid.as_deref();
    let keys = get_or_fetch_keys(portal, &issuer, kid).await;
    let keys = keys.map_err(|why| TokenRefusal::Keys { issuer, why })?;
    let mut validation = Validation::new(header.alg);
    // Claims are checked below: times with the portal's clock, and each with its own reason.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let named = |key: &&Jwk| kid.is_none() || key.common.key_id.as_deref() == kid;
    let claims = keys.keys.iter().filter(named).find_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        Some(decode::<Value>(token, &key, &validation).ok()?.claims)
    });
    let claims = claims.ok_or(TokenRefusal::Signature)?;
    let claims = Claims::deserialize(claims);
    let claims = claims.map_err(|error| TokenRefusal::Claims(error.to_string()))?;
    let (now, skew) = (portal.now().as_second(), portal.config.clock_skew.as_secs());
    if claims.exp.saturating_add(skew) <= now {
        return Err(TokenRefusal::Expired);
    }
    let begins = [claims.nbf, claims.iat].into_iter().flatten().max();
    if begins.is_some_and(|begin| begin > now.saturating_add(skew)) {
        return Err(TokenRefusal::NotYet);
    }
    Ok(IssuedToken {
        issuer: row,
        claims,
    })
}

/// Writes the reason of a refusal to the audit log, each at most once a minute.
///
/// # Errors
/// When the database fails.
pub(crate) async fn note_refusal(
    portal: &Portal,
    tenant: &TenantRow,
    (actor, action): (&str, &'static str),
    refusal: &TokenRefusal,
) -> Result<(), StoreError> {
    let code = refusal.code();
    let keys = &portal.scim_issuer_keys;
    if !keys.must_note(&tenant.id, code, portal.now()) {
        return Ok(());
    }
    let event = Event::new(actor, action, code).with_detail(refusal.to_string());
    let mut tx = portal.store.write().await?;
    audit::record(portal, &mut tx, Some(&tenant.business_id), event).await?;
    Ok(tx.commit().await?)
}
