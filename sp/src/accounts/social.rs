//! Sign-in with a social identity (G-02): OpenID Connect Core, authorization
//! code flow with PKCE (RFC 7636), `state` and `nonce`.
//!
//! The stages: begin (create state, nonce and verifier, bound to the browser) →
//! returned (the state is known, unused and of this browser) → exchange (code
//! and verifier for an ID token) → verify (signature with a key of the
//! provider's JWKS, issuer, audience, expiry, nonce, verified e-mail) →
//! account.

use ambient::answer_body::{self, BodyError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Digest as _;
use url::Url;

use super::{AccountError, Identity, Who, must_use_sso, normalize_email, open_session};
use crate::Portal;
use crate::audit::{self, Event};
use crate::config::SocialProvider;
use crate::store::accounts::AccountRow;
use crate::store::social::SocialLoginRow;
use crate::store::{self, StoreError, fingerprint, to_microseconds};

/// Accepted signature algorithms of ID tokens.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// Maximum length of a provider's answer, in bytes. Google's keys have 2 KB.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Why the sign-in with a social identity failed.
#[derive(Debug, thiserror::Error)]
pub enum SocialError {
    /// The provider is not configured.
    #[error("sign-in provider {0} not found")]
    UnknownProvider(String),
    /// The user or the provider declined.
    #[error("{provider} did not sign you in ({error}): try again, or choose another way")]
    Denied {
        /// The name of the provider.
        provider: String,
        /// Error code of OAuth 2.0.
        error: String,
    },
    /// The `state` is unknown, used, expired or of another browser.
    #[error(
        "this sign-in was not started in this browser, was already used or took too long: start it again"
    )]
    WrongState,
    /// A request to the provider failed.
    #[error("cannot get {expected} from {provider}: {got}; try again in a moment")]
    Provider {
        /// The name of the provider.
        provider: String,
        /// What the portal expected.
        expected: &'static str,
        /// What the portal received, or the error.
        got: String,
    },
    /// The ID token is invalid.
    #[error("invalid answer of {provider}: {reason}; start again")]
    Token {
        /// The name of the provider.
        provider: String,
        /// Why the ID token is invalid.
        reason: String,
    },
    /// The provider has not verified the e-mail address.
    #[error("{provider} has not verified your e-mail address: verify it there, then sign in again")]
    UnverifiedEmail {
        /// The name of the provider.
        provider: String,
    },
    /// An account with this e-mail exists. Its owner may be a different user,
    /// so it is not linked.
    #[error("an account with the e-mail {0} exists with another way to log in: log in that way")]
    EmailTaken(String),
    /// An error that any login can have.
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<StoreError> for SocialError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

impl SocialError {
    /// Returns the stable error code in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider(_) => "social-provider-unknown",
            Self::Denied { .. } => "social-denied",
            Self::WrongState => "social-state-mismatch",
            Self::Provider { .. } => "social-provider-failed",
            Self::Token { .. } => "social-token-invalid",
            Self::UnverifiedEmail { .. } => "social-email-unverified",
            Self::EmailTaken(_) => "social-email-taken",
            Self::Account(_) => "social-account",
        }
    }
}

/// Metadata of a provider (OpenID Connect Discovery, section 3).
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// Claims of an ID token (OpenID Connect Core, sections 2 and 5.1).
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    nonce: Option<String>,
    email: Option<String>,
    /// A boolean; Apple sends the text "true".
    #[serde(default)]
    email_verified: serde_json::Value,
    name: Option<String>,
}

/// Finds the provider with this ID.
fn provider<'p>(portal: &'p Portal, id: &str) -> Result<&'p SocialProvider, SocialError> {
    let found = portal.config.social.iter().find(|one| one.id == id);
    found.ok_or_else(|| SocialError::UnknownProvider(id.to_owned()))
}

fn redirect_uri(portal: &Portal, id: &str) -> String {
    format!("{}/login/social/{id}/callback", portal.base_url)
}

/// Starts a sign-in. Returns the URL of the provider to redirect the browser
/// to.
///
/// # Errors
/// [`SocialError::UnknownProvider`], or the provider cannot be reached.
pub async fn begin(portal: &Portal, id: &str, browser: &str) -> Result<Url, SocialError> {
    let provider = provider(portal, id)?;
    let discovered = discover(portal, provider).await?;
    let rng = portal.ambient.rng();
    let (state, verifier) = (rng.token(32), rng.token(32));
    let row = SocialLoginRow {
        state_hash: fingerprint(&state),
        provider: id.to_owned(),
        browser_hash: fingerprint(browser),
        nonce: rng.token(32),
        verifier,
        expires: to_microseconds(portal.now() + portal.config.sso_request_lifetime),
    };
    let mut tx = portal.store.write().await?;
    store::social::insert(&mut tx, &row).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let challenge = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(row.verifier.as_bytes()));
    let mut url = discovered.authorization_endpoint;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &redirect_uri(portal, id))
        .append_pair("scope", "openid email profile")
        .append_pair("state", &state)
        .append_pair("nonce", &row.nonce)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    Ok(url)
}

/// The answer of the provider, which the browser brings to the redirect URI.
#[derive(Debug, Clone, Copy)]
pub struct Returned<'a> {
    /// Provider ID in the path of the redirect URI.
    pub provider: &'a str,
    /// Parameter `state`.
    pub state: &'a str,
    /// Parameter `code`: the authorization code.
    pub code: &'a str,
    /// Parameter `error`, if the provider declined.
    pub error: Option<&'a str>,
    /// The cookie that binds the sign-in to the browser.
    pub browser: Option<&'a str>,
    /// Network address of the browser.
    pub address: &'a str,
}

/// Completes a sign-in. Returns the value of the session cookie.
///
/// # Errors
/// See [`SocialError`].
pub async fn finish(portal: &Portal, returned: Returned<'_>) -> Result<(String, Who), SocialError> {
    let provider = provider(portal, returned.provider)?;
    let now = to_microseconds(portal.now());
    let mut tx = portal.store.write().await?;
    let begun = store::social::take(&mut tx, &fingerprint(returned.state), now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let browser = returned.browser.map(fingerprint);
    let begun = begun
        .filter(|row| row.provider == provider.id && Some(&row.browser_hash) == browser.as_ref())
        .ok_or(SocialError::WrongState)?;
    if let Some(error) = returned.error {
        return Err(SocialError::Denied {
            provider: provider.name.clone(),
            error: error.to_owned(),
        });
    }
    let discovered = discover(portal, provider).await?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", returned.code),
        ("redirect_uri", &redirect_uri(portal, &provider.id)),
        ("client_id", &provider.client_id),
        ("client_secret", &provider.client_secret),
        ("code_verifier", &begun.verifier),
    ];
    let tokens: Tokens = fetch_provider_json(portal, provider, "tokens for the code", |http| {
        http.post(discovered.token_endpoint).form(&form)
    })
    .await?;
    let keys: JwkSet = fetch_provider_json(portal, provider, "its keys", |http| {
        http.get(discovered.jwks_uri)
    })
    .await?;
    let claims = verify_id_token(portal, provider, &tokens.id_token, &keys, &begun.nonce)?;
    enter(portal, provider, claims, returned.address).await
}

async fn discover(portal: &Portal, provider: &SocialProvider) -> Result<Discovered, SocialError> {
    let issuer = provider.issuer.as_str().trim_end_matches('/');
    let at = format!("{issuer}/.well-known/openid-configuration");
    let discovered: Discovered =
        fetch_provider_json(portal, provider, "its OpenID configuration", |http| {
            http.get(at)
        })
        .await?;
    if discovered.issuer.trim_end_matches('/') != issuer {
        return Err(SocialError::Provider {
            provider: provider.name.clone(),
            expected: "the configured issuer",
            got: format!("got {}", discovered.issuer),
        });
    }
    Ok(discovered)
}

async fn fetch_provider_json<T: DeserializeOwned>(
    portal: &Portal,
    provider: &SocialProvider,
    expected: &'static str,
    request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
) -> Result<T, SocialError> {
    let failed = |got: String| SocialError::Provider {
        provider: provider.name.clone(),
        expected,
        got,
    };
    let http = portal
        .fetcher()
        .map_err(|error| failed(error.to_string()))?;
    let answer = request(http)
        .send()
        .await
        .map_err(|error| failed(error.without_url().to_string()))?;
    if !answer.status().is_success() {
        return Err(failed(format!("got {}", answer.status())));
    }
    let body = answer_body::read(answer, MAX_ANSWER_BYTES).await;
    let body = body.map_err(|error| {
        failed(match error {
            BodyError::TooLong(_) => error.to_string(),
            BodyError::Broken(error) => error.without_url().to_string(),
        })
    })?;
    serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))
}

/// Verifies the ID token (OpenID Connect Core, section 3.1.3.7).
fn verify_id_token(
    portal: &Portal,
    provider: &SocialProvider,
    token: &str,
    keys: &JwkSet,
    nonce: &str,
) -> Result<Claims, SocialError> {
    let untrusted = |reason: String| SocialError::Token {
        provider: provider.name.clone(),
        reason,
    };
    let header = decode_header(token).map_err(|error| untrusted(error.to_string()))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(untrusted(format!(
            "expected a signature by {ALGORITHMS:?}, got {:?}",
            header.alg
        )));
    }
    let key = match &header.kid {
        Some(kid) => keys.find(kid),
        None => keys.keys.first(),
    };
    let key = key.ok_or_else(|| untrusted(format!("its JWKS has no key {:?}", header.kid)))?;
    let key = DecodingKey::from_jwk(key).map_err(|error| untrusted(error.to_string()))?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[&provider.client_id]);
    validation.set_issuer(&[provider.issuer.as_str().trim_end_matches('/')]);
    validation.set_required_spec_claims(&["iss", "aud", "exp", "sub"]);
    // The library would use the machine's clock; expiry is checked below with
    // the portal's clock.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, &key, &validation)
        .map_err(|error| untrusted(error.to_string()))?
        .claims;
    let skew = portal.config.clock_skew.as_secs();
    if claims.exp + skew <= portal.now().as_second() {
        return Err(untrusted("its ID token has expired".to_owned()));
    }
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(untrusted(
            "the nonce in its ID token is of another sign-in".to_owned(),
        ));
    }
    Ok(claims)
}

async fn enter(
    portal: &Portal,
    provider: &SocialProvider,
    claims: Claims,
    address: &str,
) -> Result<(String, Who), SocialError> {
    let is_verified = claims.email_verified == true || claims.email_verified == "true";
    let email = claims.email.as_deref().and_then(normalize_email);
    let Some(email) = email.filter(|_| is_verified) else {
        return Err(SocialError::UnverifiedEmail {
            provider: provider.name.clone(),
        });
    };
    let now = to_microseconds(portal.now());
    let mut tx = portal.store.write().await?;
    let known = store::social::find_account_id(&mut tx, &provider.id, &claims.sub).await?;
    let account = match known {
        Some(id) => store::accounts::find_by_id(&mut tx, &id).await?,
        None => None,
    };
    let account = match account {
        Some(account) => account,
        None => {
            if must_use_sso(&mut tx, &email).await? {
                return Err(AccountError::UseSso.into());
            }
            if store::accounts::find_by_email(&mut tx, &email)
                .await?
                .is_some()
            {
                return Err(SocialError::EmailTaken(email));
            }
            let account = AccountRow {
                id: portal.ambient.rng().uuid().to_string(),
                email: email.clone(),
                name: claims.name,
                // No password matches an empty hash.
                password_hash: String::new(),
                created: now,
            };
            store::accounts::insert(&mut tx, &account).await?;
            store::social::link(&mut tx, &provider.id, &claims.sub, &account.id, now).await?;
            let event = Event::new(&email, "account-registered", &email)
                .with_detail(format!("by {}", provider.name))
                .from(address);
            audit::record(portal, &mut tx, None, event).await?;
            account
        }
    };
    // If the organization has activated SSO since, only SSO gives access.
    if must_use_sso(&mut tx, &account.email).await? {
        return Err(AccountError::UseSso.into());
    }
    let (token, session, workspaces) = open_session(
        portal,
        &mut tx,
        &account,
        "logged-in-by-social-identity",
        address,
    )
    .await?;
    tx.commit().await.map_err(StoreError::from)?;
    let identity = Identity::Password(account);
    Ok((
        token,
        Who {
            session,
            identity,
            workspaces,
            sso_groups: None,
        },
    ))
}
