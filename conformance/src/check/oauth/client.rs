//! The client: requests access tokens, keeps the current one, and renews it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ambient::Ambient;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use super::access_token::by_public_key;
use super::assertion::{Asserter, AssertionFault, Signer};
use super::key::{ClientKey, decoded};
use super::metadata::{Metadata, fetch_json};
use crate::check::SetUpError;
use crate::check::runner::{Access, AnswerError, pause, read_body, retry_after};

/// Type of a client assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Replaces secrets in evidence.
const MASK: &str = "•••";
/// A token is renewed this long before it expires, at most.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// After so many renewals that did not help, a 401 is no reason for another.
const USELESS_RENEWALS: u32 = 3;

/// How the client authenticates at the token endpoint.
#[derive(Clone)]
pub enum Authentication {
    /// `client_secret_basic`.
    SecretBasic(String),
    /// `client_secret_post`.
    SecretPost(String),
    /// `client_secret_jwt`.
    SecretJwt(String),
    /// `private_key_jwt`.
    PrivateKeyJwt(ClientKey),
    /// Workload identity federation: another issuer has signed the assertion.
    Federated(Federated),
}

/// Where the assertions of another issuer come from.
#[derive(Clone)]
pub enum Federated {
    /// They are signed here, with the key of that issuer.
    Signed {
        /// `iss`.
        issuer: String,
        /// `sub`.
        subject: String,
        /// The key.
        key: ClientKey,
    },
    /// The platform writes them into a file, which is read for each request.
    File(PathBuf),
}

/// Settings of the client.
#[derive(Clone)]
pub struct Settings {
    /// Token endpoint.
    pub token_url: Url,
    /// Metadata of the authorization server, if its issuer was given.
    pub metadata: Option<Metadata>,
    /// Client ID.
    pub client_id: String,
    /// How the client authenticates.
    pub authentication: Authentication,
    /// Scope to request.
    pub scope: Option<String>,
    /// Parameter `audience` of the request, which Auth0 and others require.
    pub audience: Option<String>,
    /// Audience of client assertions; the token endpoint if `None`.
    pub assertion_audience: Option<String>,
    /// A second secret of the client that is valid at the same time.
    pub second_secret: Option<String>,
    /// A secret of the client that was revoked.
    pub revoked_secret: Option<String>,
    /// An access token of the same server that has expired.
    pub expired_token: Option<String>,
    /// A valid access token of the same server for another audience.
    pub other_audience_token: Option<String>,
}

/// What a token request contains beside the grant type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// The valid authentication of the client.
    Honest,
    /// The same way of authentication, with this secret.
    Secret(String),
    /// No authentication, only the client ID.
    Nobody,
    /// An assertion with this fault.
    Faulty(AssertionFault),
    /// This assertion.
    Assertion(String),
}

/// Answer of the token endpoint.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body; null if it is not JSON.
    pub body: Value,
    /// Request and answer for reports, without secrets.
    pub evidence: Value,
}

impl TokenAnswer {
    /// Returns the access token, if one was issued.
    pub fn token(&self) -> Option<&str> {
        let is_success = (200..300).contains(&self.status);
        self.body["access_token"].as_str().filter(|_| is_success)
    }

    /// Returns a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns status and error for texts.
    pub fn summary(&self) -> String {
        let said = self.body["error_description"].as_str();
        let said = said.or(self.body["error"].as_str());
        match (self.token(), said) {
            (Some(_), _) => format!("HTTP {} with an access token", self.status),
            (None, Some(said)) => format!("HTTP {}, {said}", self.status),
            (None, None) => format!("HTTP {}, no access_token", self.status),
        }
    }
}

/// Why there is no new token.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot renew the access token: {0}")]
pub struct RenewalError(String);

/// A token request.
struct Form {
    fields: Vec<(&'static str, String)>,
    /// The `Authorization` header.
    authorization: Option<String>,
}

impl Form {
    fn new(settings: &Settings) -> Self {
        let mut form = Self {
            fields: Vec::new(),
            authorization: None,
        };
        form.add("grant_type", "client_credentials");
        for (name, value) in [("scope", &settings.scope), ("audience", &settings.audience)] {
            if let Some(value) = value {
                form.add(name, value);
            }
        }
        form
    }

    fn add(&mut self, name: &'static str, value: &str) {
        self.fields.push((name, value.to_owned()));
    }
}

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

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the current access token.
    pub fn token(&self) -> String {
        self.held().token.clone()
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
        let issued = self.held().issued.clone();
        let issued = issued.into_iter().map(|(token, _)| token);
        given.into_iter().flatten().cloned().chain(issued).collect()
    }

    /// Returns a token of this run, or the one that was given, which expired before `limit`.
    pub fn expired_token(&self, limit: Timestamp) -> Option<String> {
        let given = self.settings.expired_token.clone();
        given.or_else(|| {
            let held = self.held();
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
        let mut held = self.held();
        held.token = token.to_owned();
        held.expires_at = end;
        held.renew_at = life.and_then(|life| after(life - margin(life)));
        held.issued.push((token.to_owned(), end));
    }

    /// True if the run has got this token.
    pub fn has_issued(&self, token: &str) -> bool {
        self.held().issued.iter().any(|(known, _)| known == token)
    }

    /// Renews the token if it is about to expire. Returns the current one.
    ///
    /// # Errors
    /// The token has expired, and the authorization server issues no other.
    pub async fn fresh_token(&self) -> Result<String, RenewalError> {
        let is_due = || {
            let (held, now) = (self.held(), self.ambient.now());
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
    pub async fn token_after_refusal(&self, refused: &str) -> Result<Option<String>, RenewalError> {
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

    /// Returns who signs assertions; `None` if the client does not sign them here.
    fn asserter(&self) -> Option<Asserter<'_>> {
        let settings = &self.settings;
        let id = settings.client_id.as_str();
        let audience = settings.assertion_audience.as_deref();
        let audience = audience.unwrap_or(settings.token_url.as_str());
        let (issuer, subject, signer) = match &settings.authentication {
            Authentication::SecretJwt(secret) => (id, id, Signer::Secret(secret)),
            Authentication::PrivateKeyJwt(key) => (id, id, Signer::Key(key)),
            Authentication::Federated(Federated::Signed {
                issuer,
                subject,
                key,
            }) => (issuer.as_str(), subject.as_str(), Signer::Key(key)),
            _ => return None,
        };
        Some(Asserter {
            issuer,
            subject,
            audience,
            signer,
        })
    }

    /// True if the client signs its assertions here, so that faulty ones can be made.
    pub fn signs_assertions(&self) -> bool {
        self.asserter().is_some()
    }

    /// Returns assertions whose MAC has the client's public key as secret; empty if the client
    /// has no key pair.
    pub fn assertions_by_public_key(&self) -> Vec<String> {
        let (now, jti) = (self.ambient.now(), self.ambient.rng().hex(16));
        let asserter = self.asserter();
        asserter.map_or_else(Vec::new, |it| it.by_public_key(now, &jti))
    }

    /// Returns a valid assertion, to send it twice.
    ///
    /// # Errors
    /// The client does not sign assertions, or cannot sign.
    pub fn assertion(&self) -> Result<String, String> {
        self.signed(None)
    }

    fn signed(&self, fault: Option<AssertionFault>) -> Result<String, String> {
        let asserter = self.asserter();
        let asserter = asserter.ok_or("the client does not sign assertions")?;
        let jti = self.ambient.rng().hex(16);
        asserter.assertion(self.ambient.now(), &jti, fault)
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

    /// Returns a request with its authentication.
    fn form(&self, request: &TokenRequest) -> Result<Form, String> {
        let settings = &self.settings;
        let mut form = Form::new(settings);
        let way = &settings.authentication;
        match request {
            TokenRequest::Nobody => form.add("client_id", &settings.client_id),
            TokenRequest::Secret(secret) => self.authenticate(&mut form, way, Some(secret))?,
            TokenRequest::Honest => self.authenticate(&mut form, way, None)?,
            TokenRequest::Assertion(assertion) => self.assert(&mut form, assertion),
            TokenRequest::Faulty(fault) => {
                let assertion = self.signed(Some(*fault))?;
                self.assert(&mut form, &assertion);
                // Otherwise a server looks the other subject up, finds no client, and never
                // compares.
                let has_id = form.fields.iter().any(|(name, _)| *name == "client_id");
                if *fault == AssertionFault::Subject && !has_id {
                    form.add("client_id", &settings.client_id);
                }
            }
        }
        Ok(form)
    }

    /// Adds the client's authentication, with another secret if one is given.
    fn authenticate(
        &self,
        form: &mut Form,
        way: &Authentication,
        other: Option<&String>,
    ) -> Result<(), String> {
        let id = &self.settings.client_id;
        match way {
            Authentication::SecretBasic(own) => {
                // Both are form-encoded inside (RFC 6749 §2.3.1).
                let encoded = |text: &str| -> String {
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let pair = format!("{}:{}", encoded(id), encoded(other.unwrap_or(own)));
                form.authorization = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            Authentication::SecretPost(own) => {
                form.add("client_id", id);
                form.add("client_secret", other.unwrap_or(own));
            }
            Authentication::SecretJwt(own) => {
                let asserter = self
                    .asserter()
                    .ok_or("the client does not sign assertions")?;
                let asserter = Asserter {
                    signer: Signer::Secret(other.unwrap_or(own)),
                    ..asserter
                };
                let jti = self.ambient.rng().hex(16);
                let signed = asserter.assertion(self.ambient.now(), &jti, None)?;
                self.assert(form, &signed);
            }
            _ if other.is_some() => {
                return Err("the client does not authenticate by a secret".to_owned());
            }
            Authentication::Federated(Federated::File(path)) => {
                let read = ambient::text_file::read(path);
                let read =
                    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                self.assert(form, read.trim());
            }
            Authentication::PrivateKeyJwt(_)
            | Authentication::Federated(Federated::Signed { .. }) => {
                let signed = self.signed(None)?;
                self.assert(form, &signed);
            }
        }
        Ok(())
    }

    /// Adds an assertion.
    fn assert(&self, form: &mut Form, assertion: &str) {
        // The subject of a federated assertion is not the client ID.
        if matches!(self.settings.authentication, Authentication::Federated(_)) {
            form.add("client_id", &self.settings.client_id);
        }
        form.add("client_assertion_type", JWT_BEARER);
        form.add("client_assertion", assertion);
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
        let form = self.form(request)?;
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
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
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
            evidence,
        })
    }
}

/// Returns the form for reports: secrets are masked, assertions are decoded.
fn shown_form(form: &[(&'static str, String)]) -> Value {
    let shown = form.iter().map(|(name, value)| {
        let value = match *name {
            "client_secret" => MASK.into(),
            "client_assertion" => match decoded(value) {
                Some((header, claims)) => json!({"header": header, "claims": claims}),
                None => MASK.into(),
            },
            _ => value.clone().into(),
        };
        ((*name).to_owned(), value)
    });
    Value::Object(shown.collect())
}

fn shown_body(body: &Value) -> Value {
    let mut shown = body.clone();
    if shown["access_token"].is_string() {
        shown["access_token"] = MASK.into();
    }
    shown
}
