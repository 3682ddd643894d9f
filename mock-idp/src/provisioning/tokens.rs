//! Access tokens for targets: requested with client credentials (RFC 6749 §4.4) and kept until
//! shortly before they expire.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::client::{PushError, read_text};
use super::connection::{ClientCredentials, Connection};
use crate::Idp;

/// Lifetime of a token whose answer has no `expires_in`, in seconds.
const USUAL: i64 = 300;
/// A token is requested again this many seconds before it expires.
const MARGIN: i64 = 10;

/// The current tokens, by token endpoint and client id.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<(String, String), (String, Timestamp)>>);

impl Tokens {
    fn held(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), (String, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops a token that the target refused.
    pub(super) fn forget(&self, credentials: &ClientCredentials) {
        let key = (credentials.token_url.clone(), credentials.id.clone());
        self.held().remove(&key);
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
        mut connection: Connection,
    ) -> Result<Connection, PushError> {
        let Some(credentials) = &connection.credentials else {
            return Ok(connection);
        };
        let key = (credentials.token_url.clone(), credentials.id.clone());
        let now = self.now();
        let held = self.target_tokens.held().get(&key).cloned();
        let token = match held {
            Some((token, until)) if now < until => token,
            _ => {
                let issued = self.fetch_token(credentials).await?;
                let lasts = issued.expires_in.unwrap_or(USUAL) - MARGIN;
                let until = now
                    .saturating_add(SignedDuration::from_secs(lasts.max(0)))
                    .unwrap_or(now);
                self.target_tokens
                    .held()
                    .insert(key, (issued.access_token.clone(), until));
                issued.access_token
            }
        };
        connection.authorization = Some(format!("{} {token}", credentials.scheme));
        Ok(connection)
    }

    async fn fetch_token(&self, credentials: &ClientCredentials) -> Result<Issued, PushError> {
        let what = format!("POST {}", credentials.token_url);
        let later = |reason: String| PushError::Later {
            reason,
            after: None,
        };
        let http = self
            .http()
            .map_err(|error| PushError::Refused(error.to_string()))?;
        let answer = http
            .post(&credentials.token_url)
            .basic_auth(&credentials.id, Some(&credentials.secret))
            .form(&[("grant_type", "client_credentials")])
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
