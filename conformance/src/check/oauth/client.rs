//! The client: requests access tokens, keeps the current one, and renews it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ambient::Ambient;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::access_token::by_public_key;
use super::metadata::fetch_json;
use super::settings::{Authentication, Settings};
use super::token_answer::{TokenAnswer, shown_body};
use super::token_request::{MASK, TokenRequest, shown_form};
use crate::check::SetUpError;
use crate::check::runner::{Access, AnswerError, pause, read_body, retry_after};
use crate::json_text;

/// A token is renewed this long before it expires, at most.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// After so many renewals that did not help, a 401 is no reason for another.
const USELESS_RENEWALS: u32 = 3;

/// Why there is no new token.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot renew the access token: {0}")]
pub struct RenewalError(String);

/// The current token.
#[derive(Debug, Clone, Default)]
struct Held {
    token: String,
    renew_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    /// All tokens of this run with their end, the current one last.
    issued: Vec<(String, Option<Timestamp>)>,
}

/// An OAuth client with its current access token.
pub struct Client {
    settings: Settings,
    http: reqwest::Client,
    access: Access,
    ambient: Ambient,
    held: Mutex<Held>,
    /// Only one request renews the token; the others wait for it.
    renewal: tokio::sync::Mutex<()>,
    useless: AtomicU32,
    renewals: AtomicU64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.settings.token_url.as_str();
        f.debug_tuple("Client").field(&url).finish()
    }
}

impl Client {
    /// Creates the client and requests its first token.
    ///
    /// # Errors
    /// The authorization server cannot be reached, or it issues no token.
    pub async fn start(
        settings: Settings,
        access: &Access,
        ambient: &Ambient,
    ) -> Result<(Self, TokenAnswer), SetUpError> {
        let url = settings.token_url.clone();
        let refused = |what: String| {
            SetUpError::new(
                "no-token",
                format!("Cannot get an access token at {url}: {what}."),
                "Check the token endpoint (--oauth-token-url or --oauth-issuer), --client-id, --client-auth and --client-secret or --client-key: the authorization server must allow the client the grant client_credentials.",
            )
        };
        let http = access.client().build();
        let client = Self {
            settings,
            http: http.map_err(|error| refused(error.to_string()))?,
            access: access.clone(),
            ambient: ambient.clone(),
            held: Mutex::default(),
            renewal: tokio::sync::Mutex::default(),
            useless: 0.into(),
            renewals: 0.into(),
        };
        let answer = client.request(&TokenRequest::Honest).await;
        let answer = answer.map_err(&refused)?;
        if answer.token().is_none() {
            let summary = answer.summary();
            let why = format!("the authorization server answered {summary}");
            return Err(refused(why));
        }
        client.keep(&answer);
        Ok((client, answer))
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the current access token.
    pub fn token(&self) -> String {
        self.lock().token.clone()
    }

    /// Returns how often the token was renewed.
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }

    /// Returns everything that must not appear in reports.
    pub fn secrets(&self) -> Vec<String> {
        let settings = &self.settings;
        let own = match &settings.authentication {
            Authentication::SecretBasic(secret)
            | Authentication::SecretPost(secret)
            | Authentication::SecretJwt(secret) => Some(secret),
            Authentication::PrivateKeyJwt(_) | Authentication::Federated(_) => None,
        };
        let given = [
            own,
            settings.second_secret.as_ref(),
            settings.revoked_secret.as_ref(),
            settings.expired_token.as_ref(),
            settings.other_audience_token.as_ref(),
        ];
        let issued = self.lock().issued.clone();
        let issued = issued.into_iter().map(|(token, _)| token);
        given.into_iter().flatten().cloned().chain(issued).collect()
    }

    /// Returns a token of this run, or the one that was given, which expired before `limit`.
    pub fn expired_token(&self, limit: Timestamp) -> Option<String> {
        let given = self.settings.expired_token.clone();
        given.or_else(|| {
            let held = self.lock();
            let mut issued = held.issued.iter();
            let expired = issued.find(|(_, end)| end.is_some_and(|end| end < limit));
            expired.map(|(token, _)| token.clone())
        })
    }

    fn keep(&self, answer: &TokenAnswer) {
        let Some(token) = answer.token() else {
            return;
        };
        let now = self.ambient.now();
        let life = answer.body["expires_in"].as_i64();
        let after = |seconds: i64| now.saturating_add(SignedDuration::from_secs(seconds)).ok();
        let end = life.and_then(after);
        let margin = |life: i64| MARGIN.as_secs().min(life / 5);
        let mut held = self.lock();
        held.token = token.to_owned();
        held.expires_at = end;
        held.renew_at = life.and_then(|life| after(life - margin(life)));
        held.issued.push((token.to_owned(), end));
    }

    /// True if the run has got this token.
    pub fn has_issued(&self, token: &str) -> bool {
        self.lock().issued.iter().any(|(known, _)| known == token)
    }

    /// Renews the token if it is about to expire. Returns the current one.
    ///
    /// # Errors
    /// The token has expired, and the authorization server issues no other.
    pub async fn renew_if_due(&self) -> Result<String, RenewalError> {
        let is_due = || {
            let (held, now) = (self.lock(), self.ambient.now());
            let is_due = held.renew_at.is_some_and(|at| at <= now);
            let is_over = held.expires_at.is_some_and(|at| at <= now);
            (is_due, is_over)
        };
        if is_due().0 {
            let _turn = self.renewal.lock().await;
            let (is_due, is_over) = is_due();
            if is_due
                && let Err(error) = self.renew().await
                && is_over
            {
                return Err(error);
            }
        }
        Ok(self.token())
    }

    /// Renews the token because the server refused it, unless that was useless before. Returns
    /// the new one, or `None` if the request need not be repeated.
    ///
    /// # Errors
    /// The authorization server issues no other.
    pub async fn renew_after_refusal(&self, refused: &str) -> Result<Option<String>, RenewalError> {
        if self.useless.load(Ordering::Relaxed) >= USELESS_RENEWALS {
            return Ok(None);
        }
        let _turn = self.renewal.lock().await;
        if self.token() == refused {
            self.renew().await?;
        }
        Ok(Some(self.token()))
    }

    /// Notes whether a request succeeded after its token was renewed.
    pub fn note_repeated(&self, is_accepted: bool) {
        if is_accepted {
            self.useless.store(0, Ordering::Relaxed);
        } else {
            self.useless.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn renew(&self) -> Result<(), RenewalError> {
        let answer = self.request(&TokenRequest::Honest).await;
        let answer = answer.map_err(RenewalError)?;
        if answer.token().is_none() {
            let why = format!("the authorization server answered {}", answer.summary());
            return Err(RenewalError(why));
        }
        self.keep(&answer);
        self.renewals.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// True if the client signs its assertions here, so that faulty ones can be made.
    pub fn signs_assertions(&self) -> bool {
        self.settings.asserter().is_some()
    }

    /// Returns assertions whose MAC has the client's public key as secret; empty if the client
    /// has no key pair.
    pub fn assertions_by_public_key(&self) -> Vec<String> {
        let (now, jti) = (self.ambient.now(), self.ambient.rng().hex(16));
        let asserter = self.settings.asserter();
        asserter.map_or_else(Vec::new, |it| it.by_public_key(now, &jti))
    }

    /// Returns a valid assertion, to send it twice.
    ///
    /// # Errors
    /// The client does not sign assertions, or cannot sign.
    pub fn assertion(&self) -> Result<String, String> {
        self.settings.assertion(None, &self.ambient)
    }

    /// Returns access tokens whose MAC has the issuer's public key as secret; empty if the
    /// current token is no JWT, or the key is not published.
    pub async fn tokens_by_public_key(&self) -> Vec<String> {
        let metadata = self.settings.metadata.as_ref();
        let url = metadata.and_then(|it| it.document["jwks_uri"].as_str());
        let Some(url) = url else {
            return Vec::new();
        };
        let keys = fetch_json(&self.http, &self.access, url).await;
        keys.map_or_else(|_| Vec::new(), |keys| by_public_key(&self.token(), &keys))
    }

    /// Requests a token, and waits if the server limits requests.
    ///
    /// # Errors
    /// Why no answer came, or why the request cannot be made.
    pub async fn request(&self, request: &TokenRequest) -> Result<TokenAnswer, String> {
        let (mut waited, mut attempt) = (std::time::Duration::ZERO, 0);
        loop {
            let answer = self.send(request).await?;
            let after = answer.header("retry-after");
            let wait = retry_after(answer.status, after, attempt, self.ambient.now());
            match wait {
                Some(wait) if waited + wait <= self.access.timeout => {
                    pause(wait).await;
                    waited += wait;
                    attempt += 1;
                }
                _ => return Ok(answer),
            }
        }
    }

    async fn send(&self, request: &TokenRequest) -> Result<TokenAnswer, String> {
        let form = request.form(&self.settings, &self.ambient)?;
        let url = &self.settings.token_url;
        let mut post = self.http.post(url.clone()).form(&form.fields);
        if let Some(authorization) = &form.authorization {
            post = post.header("authorization", authorization);
        }
        let timeout = self.access.timeout;
        let answer = post.send().await;
        let answer = answer.map_err(|error| {
            let error = AnswerError::of(&error, timeout);
            format!("no answer from the authorization server: {error}")
        })?;
        let status = answer.status().as_u16();
        let headers: Vec<(String, String)> = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let text = read_body(answer, timeout).await;
        let text = text.map_err(|error| error.to_string())?;
        let read = json_text::parse(&text);
        let invalid_json = read.as_ref().err().map(ToString::to_string);
        let body = read.unwrap_or_default();
        let evidence = json!({
            "request": {
                "method": "POST",
                "target": url.as_str(),
                "authorization": form.authorization.map(|_| format!("Basic {MASK}")),
                "form": shown_form(&form.fields),
            },
            "answer": {
                "status": status,
                "headers": Value::Object(
                    headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
                ),
                "body": shown_body(&body),
            },
        });
        Ok(TokenAnswer {
            status,
            headers,
            body,
            invalid_json,
            evidence,
        })
    }
}
