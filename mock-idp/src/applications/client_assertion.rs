//! Client authentication by a signed JWT (RFC 7523 §2.2): `client_secret_jwt`,
//! `private_key_jwt`, and workload identity federation, where another issuer has signed it.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::oauth_client::{ClientSettings, FederatedCredential, Method};
use crate::Idp;
use crate::refusal::Result;
use crate::sso::fingerprint;
use crate::store::resources::Resource;
use crate::store::workers;
use ambient::answer_body;

/// Maximum validity of an assertion: what was used must be remembered for so long.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// Allowed difference between the clocks of client and server.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// Maximum size of a JWK set or of an issuer's metadata, in bytes.
const LARGEST_KEYS: usize = 256 * 1024;

/// Algorithms of signatures with a private key. The list is fixed, so that the header of an
/// assertion cannot choose HMAC, for which a public key would be the secret (RFC 8725 §3.1).
const ASYMMETRIC: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The claims that are read here.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
    jti: Option<String>,
}

/// One audience or several (RFC 7519 §4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(all) => all.iter().any(|audience| audience == wanted),
        }
    }
}

/// Reads a claim of an assertion whose signature is not verified yet.
pub(super) fn read_unverified_claim(assertion: &str, name: &str) -> Option<String> {
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(assertion).ok()?;
    claims.claims[name].as_str().map(str::to_owned)
}

/// The keys that may have signed an assertion.
enum Keys {
    /// The secrets of the client, for HS256.
    Secrets(Vec<String>),
    Public(JwkSet),
}

impl Keys {
    /// Verifies the signature and returns the claims.
    fn claims(&self, assertion: &str) -> std::result::Result<Claims, String> {
        let header = decode_header(assertion).map_err(|error| error.to_string())?;
        let (allowed, keys): (&[Algorithm], Vec<DecodingKey>) = match self {
            Self::Secrets(secrets) => {
                let keys = secrets.iter();
                let keys = keys.map(|it| DecodingKey::from_secret(it.as_bytes()));
                (&[Algorithm::HS256], keys.collect())
            }
            Self::Public(set) => {
                let named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
                let keys = set.keys.iter().filter(named);
                let keys = keys.filter_map(|key| DecodingKey::from_jwk(key).ok());
                (&ASYMMETRIC, keys.collect())
            }
        };
        if !allowed.contains(&header.alg) {
            return Err(format!(
                "expected an assertion with the algorithm {allowed:?}, got {:?}",
                header.alg
            ));
        }
        let mut validation = Validation::new(header.alg);
        // Claims are checked by `refusal`, with the clock of the identity provider.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let mut why = match &header.kid {
            Some(kid) => format!("the client has no key {kid:?}"),
            None => "the client has no key".to_owned(),
        };
        for key in &keys {
            match decode::<Claims>(assertion, key, &validation) {
                Ok(decoded) => return Ok(decoded.claims),
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }
}

/// Who must have signed the assertion, and for whom.
struct Wanted<'w> {
    issuer: &'w str,
    subject: &'w str,
    audiences: Vec<String>,
}

/// Returns why these claims are refused (RFC 7523 §3).
fn refusal(claims: &Claims, wanted: &Wanted<'_>, now: Timestamp) -> Option<String> {
    let second = now.as_second();
    let skew = SKEW.as_secs();
    let audiences = &wanted.audiences;
    if claims.iss != wanted.issuer {
        let (expected, got) = (wanted.issuer, &claims.iss);
        Some(format!("invalid iss: expected {expected}, got {got}"))
    } else if claims.sub != wanted.subject {
        let (expected, got) = (wanted.subject, &claims.sub);
        Some(format!("invalid sub: expected {expected}, got {got}"))
    } else if !audiences.iter().any(|it| claims.aud.contains(it)) {
        Some(format!("invalid aud: expected {}", audiences.join(" or ")))
    } else if claims.exp.saturating_add(skew) <= second {
        Some("the assertion has expired".to_owned())
    } else if claims.exp > second.saturating_add(LONGEST.as_secs()) {
        let most = LONGEST.as_hours();
        Some(format!(
            "invalid exp: expected at most {most} hours from now"
        ))
    } else if claims
        .nbf
        .is_some_and(|nbf| nbf > second.saturating_add(skew))
    {
        Some("the assertion is not valid yet (nbf)".to_owned())
    } else {
        None
    }
}

impl Idp {
    /// Authenticates a client by its assertion. Returns why it is refused, or `None`.
    pub(super) async fn check_assertion(
        &self,
        worker: &Resource,
        settings: &ClientSettings,
        secrets: Vec<String>,
        assertion: &str,
    ) -> Result<Option<String>> {
        let Some(issuer) = read_unverified_claim(assertion, "iss") else {
            return Ok(Some("expected a JWT with iss".to_owned()));
        };
        let credentials = &settings.federated_credentials;
        let federated = credentials.iter().find(|it| it.issuer == issuer);
        let keys = match (federated, settings.method) {
            (Some(trusted), _) => self.fetch_federated_keys(trusted).await,
            (None, Method::SecretJwt) => Ok(Keys::Secrets(secrets)),
            (None, Method::PrivateKeyJwt) => {
                self.fetch_client_keys(settings.jwks.as_ref(), settings.jwks_url.as_deref())
                    .await
            }
            (None, Method::SecretBasic | Method::SecretPost) => {
                return Ok(Some(format!(
                    "the client authenticates by its secret, and does not trust the issuer {issuer}"
                )));
            }
        };
        let claims = keys.and_then(|keys| keys.claims(assertion));
        let claims = match claims {
            Ok(claims) => claims,
            Err(why) => return Ok(Some(why)),
        };
        let environment = &worker.environment;
        let wanted = match federated {
            Some(trusted) => Wanted {
                issuer: &trusted.issuer,
                subject: &trusted.subject,
                audiences: trusted.audiences.clone(),
            },
            None => Wanted {
                issuer: &worker.id,
                subject: &worker.id,
                audiences: vec![
                    self.token_endpoint(environment),
                    self.oauth_issuer(environment),
                ],
            },
        };
        let now = self.now();
        if let Some(why) = refusal(&claims, &wanted, now) {
            return Ok(Some(why));
        }
        // Without jti, the assertion as a whole is what may be used once.
        let unique = claims.jti.as_deref().unwrap_or(assertion);
        let digest = fingerprint(&format!("{issuer} {unique}"));
        let end = Timestamp::from_second(claims.exp.saturating_add(SKEW.as_secs()));
        let mut tx = self.store.write().await?;
        let times = (now, end.unwrap_or(Timestamp::MAX));
        let is_new = workers::spend(&mut tx, (environment, &worker.id), &digest, times).await?;
        tx.commit().await?;
        Ok((!is_new).then(|| "the assertion was used before (jti)".to_owned()))
    }

    /// Returns the keys of another issuer.
    async fn fetch_federated_keys(
        &self,
        trusted: &FederatedCredential,
    ) -> std::result::Result<Keys, String> {
        if trusted.jwks.is_some() || trusted.jwks_url.is_some() {
            return self
                .fetch_client_keys(trusted.jwks.as_ref(), trusted.jwks_url.as_deref())
                .await;
        }
        // Issuers of workload identities publish their keys as OpenID providers do.
        let issuer = trusted.issuer.trim_end_matches('/');
        let metadata: Value = self
            .fetch_json(&format!("{issuer}/.well-known/openid-configuration"))
            .await?;
        if metadata["issuer"] != *trusted.issuer {
            return Err(format!(
                "invalid issuer in the metadata of {}: got {}",
                trusted.issuer, metadata["issuer"]
            ));
        }
        self.fetch_client_keys(None, metadata["jwks_uri"].as_str())
            .await
    }

    async fn fetch_client_keys(
        &self,
        jwks: Option<&JwkSet>,
        url: Option<&str>,
    ) -> std::result::Result<Keys, String> {
        match (jwks, url) {
            (Some(jwks), _) => Ok(Keys::Public(jwks.clone())),
            (None, Some(url)) => Ok(Keys::Public(self.fetch_json(url).await?)),
            (None, None) => Err("the client has neither jwks nor jwksUrl".to_owned()),
        }
    }

    async fn fetch_json<T: serde::de::DeserializeOwned>(
        &self,
        url: &str,
    ) -> std::result::Result<T, String> {
        let failed = |why: String| format!("cannot get {url}: {why}");
        let http = self.http(url).map_err(|error| failed(error.to_string()))?;
        let answer = http.get(url).send().await;
        let answer = answer.map_err(|error| failed(error.without_url().to_string()))?;
        if !answer.status().is_success() {
            return Err(failed(answer.status().to_string()));
        }
        let bytes = answer_body::read(answer, LARGEST_KEYS).await;
        let bytes = bytes.map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }
}
