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
pub(crate) struct Tokens(Mutex<HashMap<Purpose, (String, Timestamp)>>);

impl Tokens {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Purpose, (String, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub(super) async fn authorized(
        &self,
        environment: &str,
        mut connection: Connection,
    ) -> Result<Connection, PushError> {
        let Some(credentials) = &connection.credentials else {
            return Ok(connection);
        };
        let key = (environment.to_owned(), credentials.clone());
        let now = self.now();
        let held = self.target_tokens.lock().get(&key).cloned();
        let token = match held {
            Some((token, until)) if now < until => token,
            _ => {
                let issued = self.fetch_token(environment, credentials).await?;
                let lasts = issued.expires_in.unwrap_or(USUAL) - MARGIN;
                let until = now
                    .saturating_add(SignedDuration::from_secs(lasts.max(0)))
                    .unwrap_or(now);
                self.target_tokens
                    .lock()
                    .insert(key, (issued.access_token.clone(), until));
                issued.access_token
            }
        };
        connection.authorization = Some(format!("{} {token}", credentials.scheme));
        Ok(connection)
    }

    /// Returns a client assertion: of this issuer, about this subject.
    async fn client_assertion(
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
                let signed = self.signed_jwt(environment, "JWT", &claims).await;
                signed.map_err(|error| error.to_string())
            }
        };
        signed.map_err(|why| PushError::Refused(format!("cannot sign a client assertion: {why}")))
    }

    /// Adds the authentication of the client to a token request.
    async fn authenticated(
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
            let assertion = self.client_assertion(environment, credentials, parties);
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
            .http()
            .map_err(|error| PushError::Refused(error.to_string()))?;
        let request = http.post(&credentials.token_url);
        let request = self.authenticated(environment, credentials, request);
        let answer = request
            .await?
            .send()
            .await
            .map_err(|error| later(format!("{what}: no answer: {error}")))?;
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
