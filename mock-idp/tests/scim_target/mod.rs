//! A small SCIM endpoint, which stores what it gets and can be made to fail.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod provisioned;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct Held {
    pub(crate) resources: BTreeMap<(String, String), Value>,
    pub(crate) requests: Vec<String>,
    /// The bodies of the PATCH requests.
    pub(crate) patches: Vec<Value>,
    /// Query and user agent of each request.
    pub(crate) queries: Vec<(String, String)>,
    pub(crate) failures: u32,
    /// One of this number of answers is lost, although the request was carried out.
    pub(crate) losing: u32,
    pub(crate) answered: u32,
    /// True: every write gets a permanent error.
    pub(crate) refusing: bool,
    /// The access token that it accepts.
    pub(crate) token: String,
    pub(crate) made: u32,
}

pub(crate) type Shared = Arc<Mutex<Held>>;

pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) held: Shared,
}

impl Target {
    pub(crate) async fn new() -> Self {
        let held = Shared::default();
        held.lock().unwrap().token = "secret".to_owned();
        let router = Router::new()
            .route("/oauth/token", post(issue_token))
            .route("/{kind}", get(search).post(create))
            .route(
                "/{kind}/{id}",
                get(read).put(replace).patch(patch).delete(remove),
            )
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(&held),
                lose,
            ))
            .with_state(Arc::clone(&held));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, held }
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<Value> {
        let held = self.held.lock().unwrap();
        let found = held.resources.iter().filter(|((k, _), _)| k == kind);
        found.map(|(_, value)| value.clone()).collect()
    }

    pub(crate) fn user(&self, name: &str) -> Option<Value> {
        let mut all = self.all("Users").into_iter();
        all.find(|user| user["userName"] == name)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.held.lock().unwrap().requests)
    }
}

/// Records the request. Returns an answer if the request must fail.
fn met(held: &Shared, headers: &HeaderMap, what: String) -> Option<Response> {
    let mut held = held.lock().unwrap();
    held.requests.push(what);
    let wanted = format!("Bearer {}", held.token);
    if headers
        .get("authorization")
        .is_none_or(|value| value != wanted.as_str())
    {
        return Some(StatusCode::UNAUTHORIZED.into_response());
    }
    if held.failures > 0 {
        held.failures -= 1;
        return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
    }
    if held.refusing && !held.requests.last().unwrap().starts_with("GET") {
        return Some((StatusCode::BAD_REQUEST, "no").into_response());
    }
    None
}

/// Loses some answers: alternately the connection ends in the middle of the body, and a gateway
/// answers that it got no answer.
async fn lose(State(held): State<Shared>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let agent = request.headers().get("user-agent");
    let agent = agent.map_or("", |it| it.to_str().unwrap()).to_owned();
    held.lock().unwrap().queries.push((query, agent));
    let answer = next.run(request).await;
    let mut held = held.lock().unwrap();
    if held.losing == 0 {
        return answer;
    }
    held.answered += 1;
    match (held.answered % held.losing, held.answered / held.losing % 2) {
        (0, 0) => StatusCode::BAD_GATEWAY.into_response(),
        (0, _) => {
            let cut = futures::stream::iter([
                Ok("{\"id\":"),
                Err(std::io::Error::other("the line is cut")),
            ]);
            (answer.status(), Body::from_stream(cut)).into_response()
        }
        _ => answer,
    }
}

async fn issue_token(State(held): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let mut held = held.lock().unwrap();
    held.requests.push("POST token".to_owned());
    assert_eq!(headers["authorization"], "Basic aWRwOnNoaA==");
    assert_eq!(body, "grant_type=client_credentials");
    Json(json!({"access_token": held.token, "token_type": "Bearer", "expires_in": 3600}))
        .into_response()
}

async fn read(
    State(held): State<Shared>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(failed) = met(&held, &headers, format!("GET /{kind}/{id}")) {
        return failed;
    }
    let held = held.lock().unwrap();
    match held.resources.get(&(kind, id)) {
        Some(found) => Json(found.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn search(
    State(held): State<Shared>,
    Path(kind): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let filter = query.get("filter").cloned().unwrap_or_default();
    if let Some(failed) = met(&held, &headers, format!("GET /{kind}?{filter}")) {
        return failed;
    }
    let held = held.lock().unwrap();
    let parts: Vec<&str> = filter.splitn(3, ' ').collect();
    let found: Vec<&Value> = held
        .resources
        .iter()
        .filter(|((k, _), value)| {
            *k == kind && parts.len() == 3 && value[parts[0]] == text(parts[2])
        })
        .map(|(_, value)| value)
        .collect();
    Json(json!({"totalResults": found.len(), "Resources": found})).into_response()
}

/// Returns the value in a filter without its quotes.
fn text(quoted: &str) -> String {
    serde_json::from_str(quoted).unwrap()
}

async fn create(
    State(held): State<Shared>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(failed) = met(&held, &headers, format!("POST /{kind}")) {
        return failed;
    }
    let mut held = held.lock().unwrap();
    held.made += 1;
    let id = format!("r{}", held.made);
    let mut value: Value = serde_json::from_str(&body).unwrap();
    value["id"] = id.clone().into();
    held.resources.insert((kind, id), value.clone());
    (StatusCode::CREATED, Json(value)).into_response()
}

async fn replace(
    State(held): State<Shared>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(failed) = met(&held, &headers, format!("PUT /{kind}")) {
        return failed;
    }
    let mut value: Value = serde_json::from_str(&body).unwrap();
    value["id"] = id.clone().into();
    let mut held = held.lock().unwrap();
    held.resources.insert((kind, id), value.clone());
    Json(value).into_response()
}

async fn patch(
    State(held): State<Shared>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(failed) = met(&held, &headers, format!("PATCH /{kind}")) {
        return failed;
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    let mut held = held.lock().unwrap();
    let Some(mut resource) = held.resources.get(&(kind.clone(), id.clone())).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    for operation in body["Operations"].as_array().unwrap() {
        let op = operation["op"].as_str().unwrap().to_lowercase();
        match (op.as_str(), operation["path"].as_str()) {
            ("remove", Some(path)) => {
                let gone = match path.split('"').nth(1) {
                    Some(id) => id.into(),
                    None => operation["value"][0]["value"].clone(),
                };
                let members = resource["members"].as_array_mut().unwrap();
                members.retain(|member| member["value"] != gone);
            }
            ("add", Some("members")) => {
                if resource["members"].is_null() {
                    resource["members"] = json!([]);
                }
                let members = resource["members"].as_array_mut().unwrap();
                for more in operation["value"].as_array().unwrap() {
                    if !members.contains(more) {
                        members.push(more.clone());
                    }
                }
            }
            (_, Some(path)) => set(&mut resource, path, operation["value"].clone()),
            (_, None) => {
                for (path, value) in operation["value"].as_object().unwrap() {
                    set(&mut resource, path, value.clone());
                }
            }
        }
    }
    held.patches.push(body);
    held.resources.insert((kind, id), resource.clone());
    Json(resource).into_response()
}

/// Sets the value at an attribute path: `title`, `name.familyName`, `emails[type eq "work"].value`.
fn set(resource: &mut Value, path: &str, value: Value) {
    let value = match value.as_str() {
        Some("True") => true.into(),
        Some("False") => false.into(),
        _ => value,
    };
    if let Some((attribute, _)) = path.split_once('[') {
        resource[attribute][0]["value"] = value;
    } else if let Some((attribute, part)) = path.split_once('.') {
        resource[attribute][part] = value;
    } else {
        resource[path] = value;
    }
}

async fn remove(
    State(held): State<Shared>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(failed) = met(&held, &headers, format!("DELETE /{kind}")) {
        return failed;
    }
    held.lock().unwrap().resources.remove(&(kind, id));
    StatusCode::NO_CONTENT.into_response()
}
