//! What a check holds in its hand: it sends, keeps what was said as evidence,
//! and makes the resources that a check needs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ambient::Ambient;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::body::{least, with};
use super::created_resources::{CreatedResources, below, segment};
use super::credentials::Credentials;
use super::item::{Judged, Stop, unjudged};
use super::reading::{self, text};
use super::server::{Kind, Server};
use super::test_users::TestUsers;
use super::transport;
use super::wire::{Asked, Told, Wire, WireError};
use super::{CheckError, Options};
use crate::check::runner::Runner;
use crate::excerpt::beginning;

/// What stands in the place of the token.
const MASK: &str = "•••";
/// How much of a body is kept as evidence, in characters.
const KEPT: usize = 32_000;

/// One run against one server.
pub(super) struct Session<'w> {
    pub(super) wire: &'w dyn Wire,
    pub(super) base: String,
    pub(super) credentials: Credentials,
    pub(super) options: Options,
    /// The domain of userNames and e-mails.
    pub(super) domain: String,
    pub(super) ambient: Ambient,
    /// What every value of this run bears.
    pub(super) mark: String,
    pub(super) created: CreatedResources,
    pub(super) read_only: bool,
    pub(super) runner: &'w Runner,
    /// How many requests got no answer.
    pub(super) lost: AtomicU32,
    /// Symptoms that do not hold for the whole run, such as "PATCH /Users never
    /// succeeded" once it did.
    pub(super) disproved: Mutex<BTreeSet<String>>,
    pub(super) test_users: OnceCell<Result<TestUsers, String>>,
    /// Why no filter can be trusted, if none can: see `support`.
    pub(super) ignores_filters: OnceCell<Option<String>>,
    /// Whether pages are no longer than `count`: see `support`.
    pub(super) counts: OnceCell<bool>,
    /// The query that lists the test users and nobody else: see `support`.
    pub(super) everybody: OnceCell<Vec<(&'static str, String)>>,
    /// Attributes that users must have beside those that the schema requires.
    pub(super) wanted: Mutex<Vec<String>>,
    /// What the server said to a user without them.
    pub(super) refusal: OnceCell<String>,
    /// How long a change takes to show, and whether one was just made.
    pub(super) lag: Mutex<Duration>,
    pub(super) has_written: AtomicBool,
    pub(super) counter: AtomicU64,
}

impl Session<'_> {
    /// A request with the token.
    pub(super) fn asked(&self, method: Method, target: &str, body: Option<&Value>) -> Asked {
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
        Asked {
            method,
            target: target.to_owned(),
            headers,
            body: body.map(Value::to_string),
        }
    }

    /// Attributes that users must have beside those that the schema requires.
    pub(super) fn wanted(&self) -> Vec<String> {
        let wanted = self.wanted.lock();
        wanted.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives users these attributes from now on.
    pub(super) fn want(&self, names: &[&str]) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = names.iter().map(|name| (*name).to_owned()).collect();
    }

    /// From now on, reads wait so long after a change.
    pub(super) fn set_lag(&self, lag: Duration) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
    }

    /// Delivers a request: waits where the server limits requests, or shows
    /// changes late, and follows redirects.
    async fn deliver(&self, asked: &Asked) -> Result<Told, WireError> {
        if asked.method == Method::GET && self.has_written.swap(false, Ordering::Relaxed) {
            let lag = *self.lag.lock().unwrap_or_else(PoisonError::into_inner);
            if !lag.is_zero() {
                self.wire.pause(lag).await;
            }
        }
        let mut current = asked.clone();
        let (mut waited, mut attempt, mut redirects) = (Duration::ZERO, 0, 0);
        loop {
            if let Some(rate) = self.options.rate {
                self.wire.pause(Duration::from_secs_f64(1.0 / rate)).await;
            }
            let told = self.wire.send(&current).await?;
            if let Some(wait) = transport::retry_after(&told, attempt, self.ambient.now())
                && waited + wait <= self.runner.access.timeout
            {
                self.wire.pause(wait).await;
                waited += wait;
                attempt += 1;
                continue;
            }
            if let Some(next) = transport::redirected(&current, &told, &self.base)
                && redirects < transport::MAX_REDIRECTS
            {
                redirects += 1;
                current = next;
                continue;
            }
            if asked.method != Method::GET {
                self.has_written.store(true, Ordering::Relaxed);
            }
            return Ok(Told {
                asked: asked.line(),
                ..told
            });
        }
    }

    /// Sends, and notes what was made.
    pub(super) async fn send(&self, asked: &Asked) -> Result<Told, WireError> {
        match self.deliver(asked).await {
            Ok(told) => {
                self.runner.patience.answered();
                self.created.note(asked, &told, &self.base);
                if told.succeeded() {
                    self.disprove(symptoms_of(asked));
                }
                Ok(told)
            }
            Err(error) => {
                if let WireError::NoAnswer(reason) = &error {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                    if asked.method == Method::POST {
                        self.created.note_lost();
                    }
                    self.runner.patience.no_answer(&asked.line(), reason);
                }
                Err(error)
            }
        }
    }

    /// Notes that these symptoms do not hold for the whole run.
    pub(super) fn disprove(&self, seen: impl IntoIterator<Item = String>) {
        let mut disproved = self
            .disproved
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        disproved.extend(seen);
    }

    /// What the values of the test users bear: the mark, and more, so that a filter for
    /// the test users finds nobody else.
    pub(super) fn cast_mark(&self) -> String {
        format!("{}c", self.mark)
    }

    /// A look before the checks.
    pub(super) async fn look(&self, target: &str) -> Result<Told, CheckError> {
        let asked = self.asked(Method::GET, target, None);
        let unreachable = |error: WireError| CheckError::Unreachable(error.to_string());
        self.send(&asked).await.map_err(unreachable)
    }

    fn masked(&self, text: &str) -> String {
        let mut secrets = self.credentials.secrets();
        secrets.extend(self.options.headers.iter().map(|(_, value)| value.clone()));
        let mut text = text.to_owned();
        for secret in secrets.iter().filter(|it| !it.is_empty()) {
            text = text.replace(secret, MASK);
        }
        text
    }

    fn evidence(&self, asked: &Asked, told: &Result<Told, WireError>) -> Value {
        let body = |text: &str| {
            let text = beginning(&self.masked(text), KEPT);
            serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text))
        };
        let headers = |all: &[(String, String)]| -> Value {
            let masked = all
                .iter()
                .map(|(name, value)| (name.clone(), self.masked(value).into()));
            Value::Object(masked.collect())
        };
        let answer = match told {
            Ok(told) => json!({
                "status": told.status,
                "headers": headers(&told.headers),
                "body": body(&told.text),
            }),
            Err(reason) => json!({ "none": reason.to_string() }),
        };
        json!({
            "request": {
                "method": asked.method.as_str(),
                "target": self.masked(&asked.target),
                "headers": headers(&asked.headers),
                "body": asked.body.as_deref().map(body),
            },
            "answer": answer,
        })
    }
}

/// A resource that a check made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) id: String,
    /// Its target, such as `/Users/4711`.
    pub(super) place: String,
    /// What was sent to make it.
    pub(super) sent: Value,
    /// What was answered.
    pub(super) told: Told,
}

/// A check's hand.
pub(super) struct Probe<'s> {
    pub(super) session: &'s Session<'s>,
    pub(super) server: &'s Server,
    tape: Mutex<Vec<Value>>,
    /// What failed here and may never have worked.
    symptoms: Mutex<BTreeSet<String>>,
}

/// That the method, and the method at this endpoint, never succeeded.
fn symptoms_of(asked: &Asked) -> [String; 2] {
    let path = asked.target.split('?').next().unwrap_or_default();
    let endpoint = path.trim_start_matches('/').split('/').next();
    let method = asked.method.as_str();
    let whole = format!("{method} /{}", endpoint.unwrap_or_default());
    [method, &whole].map(|what| format!("{what} never succeeded"))
}

impl<'s> Probe<'s> {
    pub(super) fn new(session: &'s Session<'s>, server: &'s Server) -> Self {
        Self {
            session,
            server,
            tape: Mutex::default(),
            symptoms: Mutex::default(),
        }
    }

    /// What failed here and may never have worked.
    pub(super) fn symptoms(&self) -> BTreeSet<String> {
        let symptoms = self.symptoms.lock();
        symptoms.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes symptoms that were seen here.
    pub(super) fn suspect(&self, seen: impl IntoIterator<Item = String>) {
        let mut symptoms = self.symptoms.lock().unwrap_or_else(PoisonError::into_inner);
        symptoms.extend(seen);
    }

    /// What was said, as evidence.
    pub(super) fn tape(self) -> Value {
        let tape = self.tape.into_inner();
        tape.unwrap_or_else(PoisonError::into_inner).into()
    }

    /// Sends a request. No answer is no evidence: then nothing is judged.
    pub(super) async fn send(&self, asked: Asked) -> Judged<Told> {
        if self.session.runner.has_ended() {
            return unjudged("the run has ended");
        }
        if self.session.read_only && asked.method != Method::GET {
            return unjudged("--read-only: it would send more than GET");
        }
        let told = self.session.send(&asked).await;
        let kept = self.session.evidence(&asked, &told);
        self.tape
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(kept);
        if !told.as_ref().is_ok_and(Told::succeeded) {
            self.suspect(symptoms_of(&asked));
        }
        let told = told.map_err(|reason| {
            Stop::Unjudged(format!("{} got no answer: {reason}", asked.line()))
        })?;
        if let Some(wait) = transport::retry_after(&told, 0, self.session.ambient.now()) {
            return unjudged(format!(
                "the server limits requests: {} was answered with {} again and again, the last time to be sent again after {} s; give it more time with --timeout, or send fewer requests with --rate",
                asked.line(),
                told.status,
                wait.as_secs()
            ));
        }
        Ok(told)
    }

    /// The resource that an answer is about: its body, or, where the server
    /// sends none (RFC 7644 §3.3 makes it a SHOULD), what is at its Location.
    pub(super) async fn resource(&self, told: &Told) -> Judged<Value> {
        match told.header("location") {
            Some(location) if told.text.trim().is_empty() => {
                let target = below(location, &self.session.base);
                self.get(&target)
                    .await?
                    .given_body("reading it at its Location")
            }
            _ => told.body(),
        }
    }

    pub(super) fn ask(&self, method: Method, target: &str) -> Asked {
        self.session.asked(method, target, None)
    }

    pub(super) async fn get(&self, target: &str) -> Judged<Told> {
        self.send(self.ask(Method::GET, target)).await
    }

    pub(super) async fn post(&self, target: &str, body: &Value) -> Judged<Told> {
        self.send(self.session.asked(Method::POST, target, Some(body)))
            .await
    }

    pub(super) async fn put(&self, target: &str, body: &Value) -> Judged<Told> {
        self.send(self.session.asked(Method::PUT, target, Some(body)))
            .await
    }

    pub(super) async fn delete(&self, target: &str) -> Judged<Told> {
        self.send(self.ask(Method::DELETE, target)).await
    }

    /// PATCH with these operations.
    pub(super) async fn patch(&self, target: &str, operations: Value) -> Judged<Told> {
        let body = json!({"schemas": [reading::PATCH], "Operations": operations});
        self.send(self.session.asked(Method::PATCH, target, Some(&body)))
            .await
    }

    /// PATCH that must succeed; the resource as it is afterwards.
    pub(super) async fn patched(&self, made: &Made, operations: Value) -> Judged<Value> {
        self.patch(&made.place, operations).await?.is_success()?;
        self.fetch(made).await
    }

    /// The users that a query finds.
    pub(super) async fn users(&self, parameters: &[(&str, &str)]) -> Judged<Told> {
        self.get(&query(&self.server.users.endpoint, parameters))
            .await
    }

    /// A name that nobody has.
    pub(super) fn name(&self) -> String {
        let number = self.session.counter.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}@{}", self.session.mark, self.session.domain)
    }

    /// A body of a new user, with more.
    pub(super) fn user_body(&self, more: Value) -> Value {
        with(self.least_user(), more)
    }

    /// The least that a user of this server must have.
    pub(super) fn least_user(&self) -> Value {
        let name = self.name();
        let least = least(&self.server.users, &name, &self.session.wanted());
        match &self.session.options.template {
            Some(template) => with(least, named_in(template, &name)),
            None => least,
        }
    }

    /// Makes a user, as a precondition of what is to be judged.
    pub(super) async fn user(&self, more: Value) -> Judged<Made> {
        let body = self.user_body(more);
        self.made(&self.server.users, body, "making a user").await
    }

    /// The resource type of groups.
    pub(super) fn groups(&self) -> Judged<&'s Kind> {
        match &self.server.groups {
            Some(groups) => Ok(groups),
            None => unjudged("the server has no groups"),
        }
    }

    /// A body of a new group with these members, by id.
    pub(super) fn group_body(&self, members: &[&str]) -> Judged<Value> {
        let body = least(self.groups()?, &self.name(), &[]);
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        Ok(with(body, json!({ "members": members })))
    }

    /// Makes a group, as a precondition of what is to be judged.
    pub(super) async fn group(&self, members: &[&str]) -> Judged<Made> {
        let body = self.group_body(members)?;
        self.made(self.groups()?, body, "making a group").await
    }

    async fn made(&self, kind: &Kind, sent: Value, what: &str) -> Judged<Made> {
        let told = self.post(&kind.endpoint, &sent).await?;
        told.given(what)?;
        let id = told
            .json()
            .and_then(|body| text(&body, &["id"]).map(str::to_owned));
        let place = match (&id, told.header("location")) {
            (Some(id), _) => format!("{}/{}", kind.endpoint, segment(id)),
            (None, Some(location)) => below(location, &self.session.base),
            (None, None) => {
                return unjudged(format!(
                    "{what} told neither id nor Location: {}",
                    told.quoted()
                ));
            }
        };
        let id = match id {
            Some(id) => id,
            // A 201 without a body (RFC 7644 §3.3): the id is read.
            None => {
                let read = self
                    .get(&place)
                    .await?
                    .given_body("reading what was made")?;
                text(&read, &["id"]).unwrap_or_default().to_owned()
            }
        };
        Ok(Made {
            id,
            place,
            sent,
            told,
        })
    }

    /// The resource as it is now.
    pub(super) async fn fetch(&self, made: &Made) -> Judged<Value> {
        let told = self.get(&made.place).await?;
        told.given_body("reading it back")
    }

    /// The people of the read-only checks.
    pub(super) async fn test_users(&self) -> Judged<&'s TestUsers> {
        let test_users = self
            .session
            .test_users
            .get_or_init(|| TestUsers::make(self.session, self.server));
        match test_users.await {
            Ok(test_users) => Ok(test_users),
            Err(why) => unjudged(why.clone()),
        }
    }
}

/// A template with a user's name in place of `{name}`.
fn named_in(template: &Value, name: &str) -> Value {
    let text = template.to_string().replace("{name}", name);
    serde_json::from_str(&text).unwrap_or_else(|_| template.clone())
}

/// A target with parameters.
pub(super) fn query(endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let pairs = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    // A plus sign means a space in forms only.
    format!("{endpoint}?{}", pairs.replace('+', "%20"))
}
