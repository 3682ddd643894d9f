//! One run against one server: sends requests, waits where necessary, records exchanges as
//! evidence, and lists created resources.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ambient::Ambient;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::check_error::summary;
use super::created_resources::CreatedResources;
use super::credentials::Credentials;
use super::reading::{member, values};
use super::target;
use super::test_users::TestUsers;
use super::transport;
use super::wire::{ScimAnswer, ScimRequest, Wire, WireError};
use super::{CheckError, Judge, Options};
use crate::check::oauth;
use crate::check::runner::Runner;
use crate::excerpt::truncate;

/// Replaces the token in evidence.
pub(super) const MASK: &str = "•••";
/// Longest body in evidence, in characters.
const KEPT: usize = 32_000;

/// One run against one server.
pub(super) struct Session<'w> {
    pub(super) wire: &'w dyn Wire,
    /// Base URL without its query.
    pub(super) base: String,
    /// The query of the base URL, which belongs to every request.
    query: Option<String>,
    pub(super) credentials: Credentials,
    pub(super) options: Options,
    /// Domain of userNames and e-mail addresses.
    pub(super) domain: String,
    pub(super) ambient: Ambient,
    /// A random text that every value of this run contains.
    pub(super) mark: String,
    pub(super) created: CreatedResources,
    pub(super) read_only: bool,
    pub(super) runner: &'w Runner,
    /// Number of requests without an answer.
    pub(super) lost: AtomicU32,
    /// Symptoms that do not hold for the whole run, such as "PATCH /Users never succeeded" after a
    /// PATCH succeeded.
    pub(super) disproved: Mutex<BTreeSet<String>>,
    pub(super) test_users: OnceCell<Result<TestUsers, String>>,
    /// Why filters cannot be used, with the check that reports it, or `None` if they can: see
    /// `support`.
    pub(super) ignores_filters: OnceCell<Option<(&'static str, String)>>,
    /// True if pages respect `count`: see `support`.
    pub(super) counts: OnceCell<bool>,
    /// Query parameters that list exactly the test users: see `support`.
    pub(super) everybody: OnceCell<Vec<(&'static str, String)>>,
    /// Attributes that the server requires although its schema does not.
    pub(super) wanted: Mutex<Vec<String>>,
    /// How the server refused a user without these attributes.
    pub(super) refusal: OnceCell<String>,
    /// How long a change takes to become visible, and whether one was just made.
    pub(super) lag: Mutex<Duration>,
    pub(super) has_written: AtomicBool,
    pub(super) counter: AtomicU64,
}

impl<'s> Session<'s> {
    /// A run of this judge.
    pub(super) fn of(judge: &'s Judge<'_>) -> Self {
        let domain = judge.options.domain.clone();
        let (base, query) = target::without_query(&judge.base);
        Self {
            wire: judge.wire,
            base: base.trim_end_matches('/').to_owned(),
            query: query.map(str::to_owned),
            credentials: judge.credentials.clone(),
            options: judge.options.clone(),
            domain: domain.unwrap_or_else(|| "example.com".to_owned()),
            ambient: judge.ambient.clone(),
            mark: format!("rh{}", judge.ambient.rng().hex(5)),
            created: CreatedResources::default(),
            read_only: judge.read_only,
            runner: &judge.runner,
            lost: 0.into(),
            disproved: Mutex::default(),
            test_users: OnceCell::new(),
            ignores_filters: OnceCell::new(),
            counts: OnceCell::new(),
            everybody: OnceCell::new(),
            wanted: Mutex::default(),
            refusal: OnceCell::new(),
            lag: Mutex::default(),
            has_written: false.into(),
            counter: 0.into(),
        }
    }
}

impl Session<'_> {
    /// Returns a target as it is sent: with the query of the base URL.
    fn sent_target(&self, target: &str) -> String {
        target::with_query(target, self.query.as_deref())
    }

    /// Returns method and target of a request as they are sent.
    pub(super) fn line(&self, request: &ScimRequest) -> String {
        format!("{} {}", request.method, self.sent_target(&request.target))
    }

    /// Creates a request with the credentials.
    pub(super) fn request(
        &self,
        method: Method,
        target: &str,
        body: Option<&Value>,
    ) -> ScimRequest {
        let accept = "application/scim+json".to_owned();
        let mut headers = vec![("accept".to_owned(), accept)];
        if let Some(authorization) = self.credentials.authorization() {
            headers.push(("authorization".to_owned(), authorization));
        }
        headers.extend(self.options.headers.iter().cloned());
        if body.is_some() {
            let json = "application/scim+json".to_owned();
            headers.push(("content-type".to_owned(), json));
        }
        ScimRequest {
            method,
            target: target.to_owned(),
            headers,
            body: body.map(Value::to_string),
        }
    }

    /// Returns the attributes that the server requires although its schema does not.
    pub(super) fn wanted_attributes(&self) -> Vec<String> {
        let wanted = self.wanted.lock();
        wanted.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds these attributes to all users that are created from now on.
    pub(super) fn want(&self, names: &[&str]) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// Sets how long reads wait after a change.
    pub(super) fn set_lag(&self, lag: Duration) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
    }

    /// Waits, and reports why.
    pub(super) async fn pause(&self, length: Duration, why: &str) {
        self.runner.progress.wait(length, why);
        self.wire.pause(length).await;
    }

    /// Sends a request. Waits if the server limits requests or shows changes late, and follows
    /// redirects.
    async fn deliver(&self, request: &ScimRequest) -> Result<ScimAnswer, WireError> {
        if request.method == Method::GET && self.has_written.swap(false, Ordering::Relaxed) {
            let lag = *self.lag.lock().unwrap_or_else(PoisonError::into_inner);
            if !lag.is_zero() {
                let why = "the server shows changes with a delay";
                self.pause(lag, why).await;
            }
        }
        let mut current = request.clone();
        let (mut waited, mut attempt, mut redirects) = (Duration::ZERO, 0, 0);
        loop {
            if let Some(rate) = self.options.rate {
                self.wire.pause(Duration::from_secs_f64(1.0 / rate)).await;
            }
            let answer = self.wire.send(&current).await?;
            if let Some(wait) = transport::retry_after(&answer, attempt, self.ambient.now())
                && waited + wait <= self.runner.access.timeout
                && !self.runner.has_ended()
            {
                let why = format!("the server limits requests (HTTP {})", answer.status);
                self.pause(wait, &why).await;
                waited += wait;
                attempt += 1;
                continue;
            }
            if let Some(next) = transport::follow_redirect(&current, &answer, &self.base)
                && redirects < transport::MAX_REDIRECTS
            {
                redirects += 1;
                current = next;
                continue;
            }
            if request.method != Method::GET {
                self.has_written.store(true, Ordering::Relaxed);
            }
            return Ok(ScimAnswer {
                request: self.line(request),
                ..answer
            });
        }
    }

    /// Sends a request with the current access token, and once more with a new one if the server
    /// no longer accepts it.
    async fn deliver_authorized(&self, request: &ScimRequest) -> Result<ScimAnswer, WireError> {
        let Some(client) = self.credentials.oauth() else {
            return self.deliver(request).await;
        };
        let header = request.header("authorization").unwrap_or_default();
        let presented = header.split_once(' ').map_or("", |(_, token)| token);
        // A check that presents a wrong token wants exactly that.
        if !client.has_issued(presented) {
            return self.deliver(request).await;
        }
        let lost = |error: oauth::RenewalError| WireError::NotSent(error.to_string());
        let token = client.renew_if_due().await.map_err(lost)?;
        let answer = self.deliver(&with_token(request, &token)).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let renewed = client.renew_after_refusal(&token).await.map_err(lost)?;
        let Some(renewed) = renewed else {
            return Ok(answer);
        };
        let again = self.deliver(&with_token(request, &renewed)).await?;
        client.note_repeated(again.status != 401);
        Ok(again)
    }

    /// Sends a request and records what it created.
    pub(super) async fn send(&self, request: &ScimRequest) -> Result<ScimAnswer, WireError> {
        match self.deliver_authorized(request).await {
            Ok(answer) => {
                self.runner.patience.record_answer();
                self.created.note(request, &answer, &self.base, &self.mark);
                if answer.has_succeeded() {
                    self.disprove(symptoms_of(request));
                }
                Ok(answer)
            }
            Err(error) => {
                if let WireError::NoAnswer(reason) = &error {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    if request.method == Method::POST && request.has_object() {
                        self.created.note_lost();
                    }
                    let line = self.line(request);
                    self.runner.patience.record_no_answer(&line, reason);
                }
                Err(error)
            }
        }
    }

    /// Sends a request with other credentials than those of the run, such as another tenant's. It is
    /// not added to the list of created resources, because the resources on the list are deleted
    /// with the first tenant's credentials.
    pub(super) async fn send_as_other(
        &self,
        request: &ScimRequest,
    ) -> Result<ScimAnswer, WireError> {
        let answer = self.deliver(request).await;
        match &answer {
            Ok(_) => self.runner.patience.record_answer(),
            Err(WireError::NoAnswer(why)) => {
                let line = self.line(request);
                self.runner.patience.record_no_answer(&line, why);
            }
            Err(WireError::NotSent(_)) => {}
        }
        answer
    }

    /// Records that these symptoms do not hold for the whole run.
    pub(super) fn disprove(&self, seen: impl IntoIterator<Item = String>) {
        let mut disproved = self
            .disproved
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        disproved.extend(seen);
    }

    /// Returns the text that only values of the test users contain: the mark and a suffix, so that
    /// a filter finds no other users.
    pub(super) fn test_user_mark(&self) -> String {
        format!("{}c", self.mark)
    }

    /// Sends a GET before the checks.
    pub(super) async fn look(&self, target: &str) -> Result<ScimAnswer, CheckError> {
        let request = self.request(Method::GET, target, None);
        let sent = self.send(&request).await;
        let answer = sent.map_err(|error| CheckError::of(&error, &self.line(&request)))?;
        match transport::retry_after(&answer, 0, self.ambient.now()) {
            // `deliver` has waited as long as it may.
            Some(_) => Err(CheckError::Limited(summary(&answer))),
            None => Ok(answer),
        }
    }

    fn mask(&self, text: &str) -> String {
        let mut secrets = self.credentials.secrets();
        let second = self.options.second.iter();
        secrets.extend(second.flat_map(|it| it.credentials.secrets()));
        secrets.extend(self.options.headers.iter().map(|(_, value)| value.clone()));
        let mut text = text.to_owned();
        for secret in secrets.iter().filter(|it| !it.is_empty()) {
            text = text.replace(secret, MASK);
        }
        text
    }

    pub(super) fn evidence(
        &self,
        request: &ScimRequest,
        answer: &Result<ScimAnswer, WireError>,
    ) -> Value {
        let body = |text: &str| {
            let text = truncate(&self.mask(text), KEPT);
            serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text))
        };
        let headers = |all: &[(String, String)]| -> Value {
            let masked = all
                .iter()
                .map(|(name, value)| (name.clone(), self.mask(value).into()));
            Value::Object(masked.collect())
        };
        let answer = match answer {
            Ok(answer) => json!({
                "status": answer.status,
                "headers": headers(&answer.headers),
                "body": body(&answer.text),
            }),
            Err(reason) => json!({ "none": reason.to_string() }),
        };
        json!({
            "request": {
                "method": request.method.as_str(),
                "target": self.mask(&self.sent_target(&request.target)),
                "headers": headers(&request.headers),
                "body": request.body.as_deref().map(body),
            },
            "answer": answer,
        })
    }
}

/// Returns the request with this bearer token, with the scheme as it was written.
fn with_token(request: &ScimRequest, token: &str) -> ScimRequest {
    let mut request = request.clone();
    for (name, value) in &mut request.headers {
        if name == "authorization" {
            let scheme = value.split_once(' ').map_or("Bearer", |(scheme, _)| scheme);
            *value = format!("{scheme} {token}");
        }
    }
    request
}

/// The symptom of a server that answers no list with `count`.
const NO_COUNT: &str = "GET with the parameter count never succeeded";

/// The end of the symptom of a server that applies no PATCH operation with `path`.
const NO_PATH: &str = "with a path never succeeded";

/// The same for a server that applies them only with an object as their value.
const ONLY_OBJECTS: &str = "with a path and without an object as its value never succeeded";

/// The same for operations without `path`.
const ONLY_PATHS: &str = "without a path never succeeded";

/// True if the symptom is about what a request contains, and not about its method.
pub(super) fn is_of_parameter(symptom: &str) -> bool {
    let ends = [NO_PATH, ONLY_OBJECTS, ONLY_PATHS];
    symptom == NO_COUNT || ends.iter().any(|it| symptom.ends_with(it))
}

/// Returns the symptoms that this method, this method at this endpoint, lists with `count`, and
/// operations with or without `path` never succeeded.
pub(super) fn symptoms_of(request: &ScimRequest) -> Vec<String> {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let endpoint = path.trim_start_matches('/').split('/').next();
    let method = request.method.as_str();
    let whole = format!("{method} /{}", endpoint.unwrap_or_default());
    let methods = [method, &whole];
    let mut all: Vec<String> = methods.map(|what| format!("{what} never succeeded")).into();
    if method == "GET" && query.split('&').any(|it| it.starts_with("count=")) {
        all.push(NO_COUNT.to_owned());
    }
    if method == "PATCH" {
        for end in symptoms_of_patch(request) {
            all.extend(methods.map(|what| format!("{what} {end}")));
        }
    }
    all
}

/// Returns the ends of the symptoms of a PATCH, by the paths and values of its operations.
fn symptoms_of_patch(request: &ScimRequest) -> &'static [&'static str] {
    let body = request.body.as_deref().unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let all = values(&body, "Operations");
    let has_path = all.iter().any(|one| member(one, "path").is_some());
    let is_object = |one: &Value| member(one, "value").is_some_and(Value::is_object);
    match (has_path, all.iter().any(is_object)) {
        (false, _) => &[ONLY_PATHS],
        (true, true) => &[NO_PATH],
        (true, false) => &[NO_PATH, ONLY_OBJECTS],
    }
}
