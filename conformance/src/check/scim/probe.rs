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
use super::server::{Kind, Server, why_no_text_attribute};
use super::session::{MASK, Session, symptoms_of};
use super::target::{below, by_id, query, segment};
use super::transport;
use super::wire::{ScimAnswer, ScimRequest, WireError};

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
    pub(super) async fn send(&self, request: ScimRequest) -> Judged<ScimAnswer> {
        let answer = self.exchange(&request).await?;
        if !answer.as_ref().is_ok_and(ScimAnswer::has_succeeded) {
            self.suspect(symptoms_of(&request));
        }
        self.require_answer(&request, answer)
    }

    /// Sends a GET to an address that the server returned. If it fails, the address is wrong, which
    /// says nothing about GET.
    pub(super) async fn get_address(&self, target: &str) -> Judged<ScimAnswer> {
        let request = self.ask(Method::GET, target);
        let answer = self.exchange(&request).await?;
        self.require_answer(&request, answer)
    }

    /// Sends a request and records the exchange.
    async fn exchange(&self, request: &ScimRequest) -> Judged<Result<ScimAnswer, WireError>> {
        if self.session.runner.has_ended() {
            return unjudged("the run has ended");
        }
        if self.session.read_only && request.method != Method::GET {
            return unjudged("--read-only: it would send more than GET");
        }
        let answer = self.session.send(request).await;
        self.note(self.session.evidence(request, &answer));
        Ok(answer)
    }

    /// Sends a GET with exactly this access token, which is not to be renewed.
    pub(super) async fn get_with_token(&self, target: &str, token: &str) -> Judged<ScimAnswer> {
        if self.session.runner.has_ended() {
            return unjudged("the run has ended");
        }
        let with = |token: &str| {
            let mut request = self.ask(Method::GET, target);
            for (name, value) in &mut request.headers {
                if name == "authorization" {
                    *value = format!("Bearer {token}");
                }
            }
            request
        };
        let request = with(token);
        let answer = self.session.send_as_other(&request).await;
        // A forged token may contain the valid one.
        self.note(self.session.evidence(&with(MASK), &answer));
        if !answer.as_ref().is_ok_and(ScimAnswer::has_succeeded) {
            self.suspect(symptoms_of(&request));
        }
        self.require_answer(&request, answer)
    }

    /// Returns the answer of a request, if it can be judged.
    fn require_answer(
        &self,
        request: &ScimRequest,
        answer: Result<ScimAnswer, WireError>,
    ) -> Judged<ScimAnswer> {
        let answer =
            answer.map_err(|error| Stop::Unjudged(error.sentence(&self.session.line(request))))?;
        if let Some(wait) = transport::retry_after(&answer, 0, self.session.ambient.now()) {
            return unjudged(format!(
                "the server limits requests: {} was answered with {} again and again, the last time to be sent again after {} s; give it more time with --timeout, or send fewer requests with --rate",
                self.session.line(request),
                answer.status,
                wait.as_secs()
            ));
        }
        Ok(answer)
    }

    /// Returns the resource of an answer: its body, or, if the server sends none (RFC 7644 §3.3
    /// only recommends it), the resource with the id in its Location.
    pub(super) async fn read_resource(&self, answer: &ScimAnswer) -> Judged<Value> {
        match answer.header("location") {
            Some(location) if answer.text.trim().is_empty() => {
                let line = answer.request.strip_prefix("POST ").unwrap_or_default();
                let endpoint = line.split('?').next().unwrap_or_default();
                let target = by_id(endpoint, location).filter(|_| !endpoint.is_empty());
                let target = target.unwrap_or_else(|| below(location, &self.session.base));
                self.get(&target)
                    .await?
                    .require_body_of_step("reading what was made")
            }
            _ => answer.body(),
        }
    }

    pub(super) fn ask(&self, method: Method, target: &str) -> ScimRequest {
        self.session.request(method, target, None)
    }

    pub(super) async fn get(&self, target: &str) -> Judged<ScimAnswer> {
        self.send(self.ask(Method::GET, target)).await
    }

    pub(super) async fn post(&self, target: &str, body: &Value) -> Judged<ScimAnswer> {
        self.send(self.session.request(Method::POST, target, Some(body)))
            .await
    }

    pub(super) async fn put(&self, target: &str, body: &Value) -> Judged<ScimAnswer> {
        self.send(self.session.request(Method::PUT, target, Some(body)))
            .await
    }

    pub(super) async fn delete(&self, target: &str) -> Judged<ScimAnswer> {
        self.send(self.ask(Method::DELETE, target)).await
    }

    /// Sends a PATCH with these operations.
    pub(super) async fn patch(&self, target: &str, operations: Value) -> Judged<ScimAnswer> {
        let body = json!({"schemas": [reading::PATCH], "Operations": operations});
        self.send(self.session.request(Method::PATCH, target, Some(&body)))
            .await
    }

    /// Sends a PATCH that must succeed, and returns the resource as it is afterwards.
    pub(super) async fn patch_and_fetch(&self, made: &Made, operations: Value) -> Judged<Value> {
        self.patch(&made.place, operations).await?.is_success()?;
        self.fetch(made).await
    }

    /// Lists users with these query parameters.
    pub(super) async fn list_users(&self, parameters: &[(&str, &str)]) -> Judged<ScimAnswer> {
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
        let least = least(&self.server.users, &name, &self.session.wanted_attributes());
        match &self.session.options.template {
            Some(template) => with(least, fill_in_name(template, &name)),
            None => least,
        }
    }

    /// Creates a user that the check needs.
    pub(super) async fn create_user(&self, more: Value) -> Judged<Made> {
        let body = self.user_body(more);
        self.create_resource(&self.server.users, body, "creating a user")
            .await
    }

    /// Returns the first of [`TEXTS`](super::outcome::TEXTS) that the server has and keeps as it is sent.
    pub(super) async fn text_attribute(&self) -> Judged<&'static str> {
        let test_users = self.test_users().await?;
        let mut why = None;
        for name in self.server.text_attributes() {
            // One value may look kept by chance: in small letters, at a server that writes all so.
            match test_users.alters(name).or_else(|| test_users.differs(name)) {
                None => return Ok(name),
                Some(lack) => _ = why.get_or_insert(lack),
            }
        }
        unjudged(why.unwrap_or_else(why_no_text_attribute))
    }

    /// Returns the resource type of groups.
    pub(super) fn require_groups(&self) -> Judged<&'s Kind> {
        match &self.server.groups {
            Some(groups) => Ok(groups),
            None => unjudged("the server has no groups"),
        }
    }

    /// Returns the body of a new group with these members, by id.
    pub(super) fn group_body(&self, members: &[&str]) -> Judged<Value> {
        let body = least(self.require_groups()?, &self.name(), &[]);
        let members: Vec<Value> = members.iter().map(|id| self.member(id)).collect();
        Ok(with(body, json!({ "members": members })))
    }

    /// Returns a user as a member of a group: its id, and its address if the schema requires `$ref`.
    fn member(&self, id: &str) -> Value {
        let schema = self.server.groups.as_ref().map(|groups| &groups.schema);
        let address = schema.and_then(|it| it.attribute("members.$ref"));
        match address.filter(|it| it.required && it.writable()) {
            Some(_) => {
                let base = self.session.base.trim_end_matches('/');
                let place = format!("{}/{}", self.server.users.endpoint, segment(id));
                json!({ "value": id, "$ref": format!("{base}{place}") })
            }
            None => json!({ "value": id }),
        }
    }

    /// Creates a group that the check needs.
    pub(super) async fn create_group(&self, members: &[&str]) -> Judged<Made> {
        let body = self.group_body(members)?;
        self.create_resource(self.require_groups()?, body, "creating a group")
            .await
    }

    async fn create_resource(&self, kind: &Kind, sent: Value, what: &str) -> Judged<Made> {
        let answer = self.post(&kind.endpoint, &sent).await?;
        answer.require_step(what)?;
        let id = answer
            .json()
            .and_then(|body| text(&body, &["id"]).map(str::to_owned));
        let place = match (&id, answer.header("location")) {
            (Some(id), _) => format!("{}/{}", kind.endpoint, segment(id)),
            (None, Some(location)) => by_id(&kind.endpoint, location)
                .unwrap_or_else(|| below(location, &self.session.base)),
            (None, None) => {
                return unjudged(format!(
                    "{what} returned neither id nor Location: {}",
                    answer.quote()
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
                    .require_body_of_step("reading what was made")?;
                text(&read, &["id"]).unwrap_or_default().to_owned()
            }
        };
        Ok(Made {
            id,
            place,
            sent,
            answer,
        })
    }

    /// Reads the resource as it is now.
    pub(super) async fn fetch(&self, made: &Made) -> Judged<Value> {
        let answer = self.get(&made.place).await?;
        let mut body = answer.require_body_of_step("reading it back")?;
        let groups = self.server.groups.as_ref();
        let is_in = |kind: &&Kind| made.place.starts_with(&format!("{}/", kind.endpoint));
        let kind = groups.filter(is_in).unwrap_or(&self.server.users);
        // Attributes that are returned on request only (RFC 7643 §7).
        let all = kind.schema.attributes.iter();
        let hidden: Vec<&str> = all
            .filter(|it| it.returned == "request")
            .map(|it| it.name.as_str())
            .collect();
        if !hidden.is_empty() {
            let target = query(&made.place, &[("attributes", &hidden.join(","))]);
            let more = self.get(&target).await?;
            let more = more.require_body_of_step("reading it back")?;
            for name in hidden {
                if let Some(value) = reading::member(&more, name) {
                    body[name] = value.clone();
                }
            }
        }
        Ok(body)
    }
}

/// Returns the template with the user's name in place of `{name}`.
pub(super) fn fill_in_name(template: &Value, name: &str) -> Value {
    let text = template.to_string().replace("{name}", name);
    serde_json::from_str(&text).unwrap_or_else(|_| template.clone())
}
