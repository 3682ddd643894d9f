//! Requests to the server, and the errors of their answers.

use std::time::Duration;

use ambient::Ambient;
use reqwest::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::super::words::NO_ANSWER;
use super::Failure;
use crate::check::runner::{Access, retry_after};
use crate::check::scim::Options;
use crate::check::scim::credentials::Credentials;
use crate::check::scim::wire::{Http, ScimAnswer, ScimRequest, Wire, WireError};
use crate::excerpt::{excerpt, unescape};
use crate::json_text;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// Number of characters of an answer that an example quotes.
const QUOTED: usize = 200;

/// How the kind of an error begins whose status is not the expected one.
pub(super) const STATUS: &str = "HTTP ";

type Done<T = ()> = Result<T, Failure>;

/// A client of one server.
pub(super) struct Client {
    wire: Box<dyn Wire>,
    credentials: Credentials,
    headers: Vec<(String, String)>,
    domain: String,
    template: Option<Value>,
    ambient: Ambient,
    /// Longest time to wait because the server limits requests, before and after the load.
    pub(super) longest_wait: Duration,
}

/// An answer with its request, for examples.
pub(super) struct Answer {
    answer: ScimAnswer,
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.answer.status
    }

    /// Returns an error of this kind with the exchange as its example.
    pub(super) fn wrong(&self, kind: impl Into<String>) -> Failure {
        self.wrong_because(kind, "")
    }

    /// The same error with what was wrong this time. Errors are counted by kind, so that numbers
    /// and ids are not in it.
    pub(super) fn wrong_because(&self, kind: impl Into<String>, why: &str) -> Failure {
        let said = excerpt(&unescape(self.answer.text.trim()), QUOTED);
        let answer = &self.answer;
        let why = match why {
            "" => String::new(),
            why => format!(", {why}:"),
        };
        Failure::error(
            kind,
            format!("{}: HTTP {}{why} {said}", answer.request, answer.status),
        )
    }

    /// Checks the status.
    pub(super) fn is(&self, expected: &[u16]) -> Done {
        let status = self.answer.status;
        if expected.contains(&status) {
            return Ok(());
        }
        let to = self
            .answer
            .header("location")
            .filter(|_| (300..400).contains(&status));
        Err(match to {
            Some(to) => Failure::error(
                format!("{STATUS}{status}"),
                format!(
                    "{}: HTTP {status}; the redirect to {to} was not followed",
                    self.answer.request
                ),
            ),
            None => self.wrong(format!("{STATUS}{status}")),
        })
    }

    /// Parses the body as a JSON object.
    pub(super) fn body(&self) -> Done<Value> {
        json_text::parse_object(&self.answer.text)
            .map_err(|error| self.wrong_because("no JSON object", &error.to_string()))
    }
}

impl Client {
    pub(super) fn new(
        base: &Url,
        access: &Access,
        credentials: &Credentials,
        options: &Options,
        ambient: &Ambient,
    ) -> Result<Self, reqwest::Error> {
        let wire = Http::to(base.clone(), access.clone())?;
        let mut headers = vec![("accept".to_owned(), "application/scim+json".to_owned())];
        headers.extend(options.headers.iter().cloned());
        Ok(Self {
            wire: Box::new(wire),
            credentials: credentials.clone(),
            headers,
            domain: options
                .domain
                .clone()
                .unwrap_or_else(|| "example.com".to_owned()),
            template: options.template.clone(),
            ambient: ambient.clone(),
            longest_wait: access.timeout,
        })
    }

    pub(super) fn has_template(&self) -> bool {
        self.template.is_some()
    }

    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    /// Sends a request.
    pub(super) async fn send(
        &self,
        method: Method,
        target: String,
        body: Option<Value>,
    ) -> Done<Answer> {
        if let Some(client) = self.credentials.oauth() {
            let fresh = client.renew_if_due().await;
            fresh.map_err(|error| Failure::error("no access token", error.to_string()))?;
        }
        let mut headers = self.headers.clone();
        if let Some(value) = self.credentials.authorization() {
            headers.push(("authorization".to_owned(), value));
        }
        if body.is_some() {
            headers.push((
                "content-type".to_owned(),
                "application/scim+json".to_owned(),
            ));
        }
        let request = ScimRequest {
            method,
            target,
            headers,
            body: body.map(|it| it.to_string()),
        };
        let answer = self
            .wire
            .send(&request)
            .await
            .map_err(|error| match error {
                WireError::NotSent(why) => Failure::error("not sent", why),
                WireError::NoAnswer(why) => Failure::error(
                    format!("{NO_ANSWER}: {}", kind_of(&why.to_string())),
                    format!("{}: {why}", request.line()),
                ),
            })?;
        let limit = answer.header("retry-after");
        match retry_after(answer.status, limit, 0, self.ambient.now()) {
            Some(wait) => Err(Failure::Limited(wait)),
            None => Ok(Answer { answer }),
        }
    }

    /// Requests a list with one user, to test whether the server accepts requests.
    pub(super) async fn reach(&self) -> Done {
        let answer = self
            .send(Method::GET, "/Users?count=1".to_owned(), None)
            .await?;
        answer.is(&[200])?;
        is_list(&answer, &answer.body()?)
    }

    /// Returns the body of a user.
    pub(super) fn user_body(&self, name: &str, display: &str) -> Value {
        let mut body = json!({
            "schemas": [USER],
            "userName": name,
            "externalId": name,
            "displayName": display,
            "name": {"givenName": "Rehearsal", "familyName": "Load"},
            "emails": [{"value": name, "type": "work", "primary": true}],
            "active": true,
        });
        let template = self.template.as_ref().map(|it| fill_in_name(it, name));
        if let (Some(Value::Object(more)), Some(members)) = (template, body.as_object_mut()) {
            for (member, value) in more {
                match (member.as_str(), value) {
                    ("schemas", Value::Array(more)) => {
                        if let Some(known) = members["schemas"].as_array_mut() {
                            let new: Vec<Value> =
                                more.into_iter().filter(|it| !known.contains(it)).collect();
                            known.extend(new);
                        }
                    }
                    // These two distinguish the users of the run.
                    ("userName" | "displayName", _) => {}
                    (_, value) => {
                        members.insert(member, value);
                    }
                }
            }
        }
        body
    }
}

/// Replaces `{name}` in every text of the template.
fn fill_in_name(template: &Value, name: &str) -> Value {
    match template {
        Value::String(text) => text.replace("{name}", name).into(),
        Value::Array(items) => items.iter().map(|it| fill_in_name(it, name)).collect(),
        Value::Object(members) => {
            let filled = members
                .iter()
                .map(|(key, value)| (key.clone(), fill_in_name(value, name)));
            filled.collect::<Map<String, Value>>().into()
        }
        other => other.clone(),
    }
}

/// Returns the beginning of the reason for a missing answer, without addresses and numbers, because
/// errors are counted by it.
fn kind_of(why: &str) -> &str {
    if why.starts_with("no answer within") {
        "timeout"
    } else {
        why.split(':').next().unwrap_or(why)
    }
}

pub(super) fn group_body(name: &str, members: &[String]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    json!({"schemas": [GROUP], "displayName": name, "members": members})
}

pub(super) fn patch_body(operation: &Value) -> Value {
    json!({"schemas": [PATCH], "Operations": [operation]})
}

/// Encodes a value for the path of a URL.
pub(super) fn segment(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// Returns the query of a filter for one userName.
pub(super) fn filter_of(name: &str) -> String {
    let value = Value::from(name).to_string();
    let filter = format!("userName eq {value}");
    format!("/Users?filter={}", segment(&filter))
}

/// Checks that a body is a ListResponse.
pub(super) fn is_list(answer: &Answer, body: &Value) -> Done {
    let schemas = body["schemas"].as_array();
    let is_list = schemas.is_some_and(|it| it.iter().any(|one| one == LIST));
    let has_resources = body["Resources"].is_array() || body["totalResults"] == 0;
    if is_list && body["totalResults"].is_u64() && has_resources {
        return Ok(());
    }
    Err(answer.wrong("no ListResponse"))
}

/// Checks that a body is the user with this id and userName.
pub(super) fn is_user(answer: &Answer, body: &Value, id: &str, name: &str) -> Done {
    let schemas = body["schemas"].as_array();
    if !schemas.is_some_and(|it| it.iter().any(|one| one == USER)) {
        return Err(answer.wrong("schemas without User"));
    }
    if body["id"] != id {
        let why = format!("id is {}, expected \"{id}\"", body["id"]);
        return Err(answer.wrong_because("wrong id", &why));
    }
    let said = body["userName"].as_str().unwrap_or_default();
    // userName is compared without regard to case (RFC 7643 §4.1.1).
    if !said.eq_ignore_ascii_case(name) {
        let why = format!("userName is \"{said}\", expected \"{name}\"");
        return Err(answer.wrong_because("wrong userName", &why));
    }
    Ok(())
}
