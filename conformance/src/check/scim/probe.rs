//! The functions that a check uses: it sends requests, records them as evidence, and creates the
//! resources that a check needs.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use serde_json::{Value, json};

use super::body::{least, with};
use super::made::Made;
use super::outcome::{Judged, Stop, unjudged};
use super::reading::{self, text};
use super::server::{Kind, Server};
use super::session::{MASK, Session, symptoms_of};
use super::target::{below, by_id, query, segment};
use super::transport;
use super::wire::{Asked, Told, WireError};

/// The tools and the evidence of one check.
pub(super) struct Probe<'s> {
    pub(super) session: &'s Session<'s>,
    pub(super) server: &'s Server,
    tape: Mutex<Vec<Value>>,
    /// Symptoms seen in this check: methods that may never have succeeded.
    symptoms: Mutex<BTreeSet<String>>,
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

    /// Returns the symptoms seen in this check.
    pub(super) fn symptoms(&self) -> BTreeSet<String> {
        let symptoms = self.symptoms.lock();
        symptoms.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds symptoms seen in this check.
    pub(super) fn suspect(&self, seen: impl IntoIterator<Item = String>) {
        let mut symptoms = self.symptoms.lock().unwrap_or_else(PoisonError::into_inner);
        symptoms.extend(seen);
    }

    /// Adds something else than an exchange to the evidence.
    pub(super) fn note(&self, said: Value) {
        let tape = self.tape.lock();
        tape.unwrap_or_else(PoisonError::into_inner).push(said);
    }

    /// Returns the exchanges as evidence.
    pub(super) fn tape(self) -> Value {
        let tape = self.tape.into_inner();
        tape.unwrap_or_else(PoisonError::into_inner).into()
    }

    /// Sends a request. Without an answer, nothing is judged.
    pub(super) async fn send(&self, asked: Asked) -> Judged<Told> {
        let told = self.exchange(&asked).await?;
        if !told.as_ref().is_ok_and(Told::succeeded) {
            self.suspect(symptoms_of(&asked));
        }
        self.answered(&asked, told)
    }

    /// Sends a GET to an address that the server returned. If it fails, the address is wrong, which
    /// says nothing about GET.
    pub(super) async fn get_address(&self, target: &str) -> Judged<Told> {
        let asked = self.ask(Method::GET, target);
        let told = self.exchange(&asked).await?;
        self.answered(&asked, told)
    }

    /// Sends a request and records the exchange.
    async fn exchange(&self, asked: &Asked) -> Judged<Result<Told, WireError>> {
        if self.session.runner.has_ended() {
            return unjudged("the run has ended");
        }
        if self.session.read_only && asked.method != Method::GET {
            return unjudged("--read-only: it would send more than GET");
        }
        let told = self.session.send(asked).await;
        self.note(self.session.evidence(asked, &told));
        Ok(told)
    }

    /// Sends a GET with exactly this access token, which is not to be renewed.
    pub(super) async fn get_with_token(&self, target: &str, token: &str) -> Judged<Told> {
        if self.session.runner.has_ended() {
            return unjudged("the run has ended");
        }
        let with = |token: &str| {
            let mut asked = self.ask(Method::GET, target);
            for (name, value) in &mut asked.headers {
                if name == "authorization" {
                    *value = format!("Bearer {token}");
                }
            }
            asked
        };
        let asked = with(token);
        let told = self.session.send_as_other(&asked).await;
        // A forged token may contain the valid one.
        self.note(self.session.evidence(&with(MASK), &told));
        if !told.as_ref().is_ok_and(Told::succeeded) {
            self.suspect(symptoms_of(&asked));
        }
        self.answered(&asked, told)
    }

    /// Returns the answer of a request, if it can be judged.
    fn answered(&self, asked: &Asked, told: Result<Told, WireError>) -> Judged<Told> {
        let told = told.map_err(|error| Stop::Unjudged(error.sentence(asked)))?;
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

    /// Returns the resource of an answer: its body, or, if the server sends none (RFC 7644 §3.3
    /// only recommends it), the resource with the id in its Location.
    pub(super) async fn resource(&self, told: &Told) -> Judged<Value> {
        match told.header("location") {
            Some(location) if told.text.trim().is_empty() => {
                let line = told.asked.strip_prefix("POST ").unwrap_or_default();
                let endpoint = line.split('?').next().unwrap_or_default();
                let target = by_id(endpoint, location).filter(|_| !endpoint.is_empty());
                let target = target.unwrap_or_else(|| below(location, &self.session.base));
                self.get(&target).await?.given_body("reading what was made")
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

    /// Sends a PATCH with these operations.
    pub(super) async fn patch(&self, target: &str, operations: Value) -> Judged<Told> {
        let body = json!({"schemas": [reading::PATCH], "Operations": operations});
        self.send(self.session.asked(Method::PATCH, target, Some(&body)))
            .await
    }

    /// Sends a PATCH that must succeed, and returns the resource as it is afterwards.
    pub(super) async fn patched(&self, made: &Made, operations: Value) -> Judged<Value> {
        self.patch(&made.place, operations).await?.is_success()?;
        self.fetch(made).await
    }

    /// Lists users with these query parameters.
    pub(super) async fn users(&self, parameters: &[(&str, &str)]) -> Judged<Told> {
        self.get(&query(&self.server.users.endpoint, parameters))
            .await
    }

    /// Returns a name that no resource has.
    pub(super) fn name(&self) -> String {
        let number = self.session.counter.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}@{}", self.session.mark, self.session.domain)
    }

    /// Returns the body of a new user, with more members.
    pub(super) fn user_body(&self, more: Value) -> Value {
        with(self.least_user(), more)
    }

    /// Returns the smallest user that this server accepts.
    pub(super) fn least_user(&self) -> Value {
        let name = self.name();
        let least = least(&self.server.users, &name, &self.session.wanted());
        match &self.session.options.template {
            Some(template) => with(least, named_in(template, &name)),
            None => least,
        }
    }

    /// Creates a user that the check needs.
    pub(super) async fn user(&self, more: Value) -> Judged<Made> {
        let body = self.user_body(more);
        self.made(&self.server.users, body, "creating a user").await
    }

    /// Returns the resource type of groups.
    pub(super) fn groups(&self) -> Judged<&'s Kind> {
        match &self.server.groups {
            Some(groups) => Ok(groups),
            None => unjudged("the server has no groups"),
        }
    }

    /// Returns the body of a new group with these members, by id.
    pub(super) fn group_body(&self, members: &[&str]) -> Judged<Value> {
        let body = least(self.groups()?, &self.name(), &[]);
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        Ok(with(body, json!({ "members": members })))
    }

    /// Creates a group that the check needs.
    pub(super) async fn group(&self, members: &[&str]) -> Judged<Made> {
        let body = self.group_body(members)?;
        self.made(self.groups()?, body, "creating a group").await
    }

    async fn made(&self, kind: &Kind, sent: Value, what: &str) -> Judged<Made> {
        let told = self.post(&kind.endpoint, &sent).await?;
        told.given(what)?;
        let id = told
            .json()
            .and_then(|body| text(&body, &["id"]).map(str::to_owned));
        let place = match (&id, told.header("location")) {
            (Some(id), _) => format!("{}/{}", kind.endpoint, segment(id)),
            (None, Some(location)) => by_id(&kind.endpoint, location)
                .unwrap_or_else(|| below(location, &self.session.base)),
            (None, None) => {
                return unjudged(format!(
                    "{what} returned neither id nor Location: {}",
                    told.quoted()
                ));
            }
        };
        let id = match id {
            Some(id) => id,
            // A 201 without a body (RFC 7644 §3.3): read the resource for its id.
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

    /// Reads the resource as it is now.
    pub(super) async fn fetch(&self, made: &Made) -> Judged<Value> {
        let told = self.get(&made.place).await?;
        told.given_body("reading it back")
    }
}

/// Returns the template with the user's name in place of `{name}`.
fn named_in(template: &Value, name: &str) -> Value {
    let text = template.to_string().replace("{name}", name);
    serde_json::from_str(&text).unwrap_or_else(|_| template.clone())
}
