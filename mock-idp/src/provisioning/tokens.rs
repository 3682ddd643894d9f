//! Access tokens for targets: requested with client credentials (RFC 6749 §4.4) and kept until
//! shortly before they expire.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::client::{PushError, read_text};
use super::connection::{ClientAuthentication, ClientCredentials, Connection};
use crate::Idp;

/// Lifetime of a token whose answer has no `expires_in`, in seconds.
const USUAL: i64 = 300;
/// A token is requested again this many seconds before it expires.
const MARGIN: i64 = 10;

/// Validity of a client assertion, in seconds.
const ASSERTION_LIFE: i64 = 300;
/// Type of a client assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a token is for: the environment, which signs assertions, and the credentials.
type Purpose = (String, ClientCredentials);

/// The current tokens with their ends.
#[derive(Default)]
pub(crate) struct Tokens {
    held: Mutex<HashMap<Purpose, (String, Timestamp)>>,
    /// Held during a request for a token, so that several users who need one request it once.
    request: tokio::sync::Mutex<()>,
}

impl Tokens {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Purpose, (String, Timestamp)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the token if it is valid now.
    fn valid(&self, key: &Purpose, now: Timestamp) -> Option<String> {
        let (token, until) = self.lock().get(key).cloned()?;
        (now < until).then_some(token)
    }

    /// Drops a token that the target refused.
    pub(super) fn forget(&self, environment: &str, credentials: &ClientCredentials) {
        let key = (environment.to_owned(), credentials.clone());
        self.lock().remove(&key);
    }
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: Option<i64>,
}

impl Idp {
    /// Returns the connection with its `Authorization` header. Requests an access token if
    /// there is no valid one.
    pub(super) async fn authorize(
        &self,
        environment: &str,
        mut connection: Connection,
    ) -> Result<Connection, PushError> {
        let Some(credentials) = &connection.credentials else {
            return Ok(connection);
        };
        let key = (environment.to_owned(), credentials.clone());
        let token = match self.target_tokens.valid(&key, self.now()) {
            Some(token) => token,
            None => self.new_token(key, credentials).await?,
        };
        connection.authorization = Some(format!("{} {token}", credentials.scheme));
        Ok(connection)
    }

    /// Requests a token, unless another user has requested it meanwhile.
    async fn new_token(
        &self,
        key: Purpose,
        credentials: &ClientCredentials,
    ) -> Result<String, PushError> {
        let _one_at_a_time = self.target_tokens.request.lock().await;
        let now = self.now();
        if let Some(token) = self.target_tokens.valid(&key, now) {
            return Ok(token);
        }
        let issued = self.fetch_token(&key.0, credentials).await?;
        let lasts = issued.expires_in.unwrap_or(USUAL) - MARGIN;
        let until = now
            .saturating_add(SignedDuration::from_secs(lasts.max(0)))
            .unwrap_or(now);
        let token = issued.access_token;
        self.target_tokens
            .lock()
            .insert(key, (token.clone(), until));
        Ok(token)
    }

    /// Returns a client assertion: of this issuer, about this subject.
    async fn create_client_assertion(
        &self,
        environment: &str,
        credentials: &ClientCredentials,
        (issuer, subject): (&str, &str),
    ) -> Result<String, PushError> {
        let audience = credentials.assertion_audience.as_ref();
        let now = self.now().as_second();
        let claims = json!({
            "iss": issuer,
            "sub": subject,
            "aud": audience.unwrap_or(&credentials.token_url),
            "jti": self.new_id(),
            "iat": now,
            "exp": now.saturating_add(ASSERTION_LIFE),
        });
        let signed = match &credentials.authentication {
            ClientAuthentication::SecretJwt(secret) => {
                let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
                let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
                let signed = jsonwebtoken::encode(&header, &claims, &key);
                signed.map_err(|error| error.to_string())
            }
            _ => {
                let signed = self.sign_jwt(environment, "JWT", &claims).await;
                signed.map_err(|error| error.to_string())
            }
        };
        signed.map_err(|why| PushError::Refused(format!("cannot sign a client assertion: {why}")))
    }

    /// Adds the authentication of the client to a token request.
    async fn authenticate_client(
        &self,
        environment: &str,
        credentials: &ClientCredentials,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::RequestBuilder, PushError> {
        let id = credentials.id.as_str();
        let mut form = vec![("grant_type", "client_credentials".to_owned())];
        form.extend(credentials.scope.clone().map(|it| ("scope", it)));
        form.extend(credentials.audience.clone().map(|it| ("audience", it)));
        let issuer = self.oauth_issuer(environment);
        let (request, asserted) = match &credentials.authentication {
            ClientAuthentication::SecretBasic(secret) => {
                (request.basic_auth(id, Some(secret)), None)
            }
            ClientAuthentication::SecretPost(secret) => {
                form.extend([
                    ("client_id", id.to_owned()),
                    ("client_secret", secret.clone()),
                ]);
                (request, None)
            }
            ClientAuthentication::SecretJwt(_) | ClientAuthentication::PrivateKeyJwt => {
                (request, Some((id, id)))
            }
            ClientAuthentication::Federated(subject) => {
                form.push(("client_id", id.to_owned()));
                (request, Some((issuer.as_str(), subject.as_str())))
            }
        };
        if let Some(parties) = asserted {
            let assertion = self.create_client_assertion(environment, credentials, parties);
            form.extend([
                ("client_assertion_type", JWT_BEARER.to_owned()),
                ("client_assertion", assertion.await?),
            ]);
        }
        Ok(request.form(&form))
    }

    async fn fetch_token(
        &self,
        environment: &str,
        credentials: &ClientCredentials,
    ) -> Result<Issued, PushError> {
        let what = format!("POST {}", credentials.token_url);
        let later = |reason: String| PushError::Later {
            reason,
            after: None,
        };
        let http = self
            .http(&credentials.token_url)
            .map_err(|error| PushError::Refused(error.to_string()))?;
        let request = http.post(&credentials.token_url);
        let request = self.authenticate_client(environment, credentials, request);
        let answer = request.await?.send().await.map_err(|error| {
            later(format!(
                "{what}: no answer: {}",
                super::describe_no_answer(&error)
            ))
        })?;
        let status = answer.status();
        let text = read_text(&what, answer).await?;
        if status.is_success() {
            return serde_json::from_str(&text).map_err(|error| {
                PushError::Refused(format!("{what}: expected an access_token: {error}"))
            });
        }
        let said: String = text.chars().take(300).collect();
        let reason = format!("{what}: {status} {said}");
        Err(if status.is_server_error() {
            later(reason)
        } else {
            PushError::Refused(reason)
        })
    }
}
