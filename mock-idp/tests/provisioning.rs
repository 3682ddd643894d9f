//! Tests of provisioning to a small SCIM endpoint, which stores what it gets and can be made to
//! fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use reqwest::Method;
use serde_json::{Value, json};
use world::{World, connection};

#[derive(Default)]
struct Held {
    resources: BTreeMap<(String, String), Value>,
    requests: Vec<String>,
    /// The bodies of the PATCH requests.
    patches: Vec<Value>,
    /// Query and user agent of each request.
    queries: Vec<(String, String)>,
    failures: u32,
    /// One of this number of answers is lost, although the request was carried out.
    losing: u32,
    answered: u32,
    /// True: every write gets a permanent error.
    refusing: bool,
    /// The access token that it accepts.
    token: String,
    made: u32,
}

type Shared = Arc<Mutex<Held>>;

struct Target {
    url: String,
    held: Shared,
}

impl Target {
    async fn new() -> Self {
        let held = Shared::default();
        held.lock().unwrap().token = "secret".to_owned();
        let router = Router::new()
            .route("/oauth/token", post(token))
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

    fn all(&self, kind: &str) -> Vec<Value> {
        let held = self.held.lock().unwrap();
        let found = held.resources.iter().filter(|((k, _), _)| k == kind);
        found.map(|(_, value)| value.clone()).collect()
    }

    fn user(&self, name: &str) -> Option<Value> {
        let mut all = self.all("Users").into_iter();
        all.find(|user| user["userName"] == name)
    }

    fn requests(&self) -> Vec<String> {
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

async fn token(State(held): State<Shared>, headers: HeaderMap, body: String) -> Response {
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

struct Provisioned {
    world: World,
    target: Target,
    store: String,
    group: String,
}

impl Provisioned {
    async fn new(settings: Value) -> Self {
        Self::on(Target::new().await, settings).await
    }

    async fn on(target: Target, settings: Value) -> Self {
        let world = World::new().await;
        let configuration = json!({
            "SCIM_URL": target.url, "SCIM_VERSION": "2.0", "USERS_RESOURCE": "/Users",
            "GROUPS_RESOURCE": "/Groups", "AUTHENTICATION_METHOD": "OAuth 2 Bearer Token",
            "OAUTH_ACCESS_TOKEN": "secret", "UNIQUE_USER_IDENTIFIER": "userName",
        });
        let connection = connection(configuration, &settings);
        let check = "/propagation/stores/connection/status";
        let tested = world.change(Method::POST, check, connection.clone()).await;
        assert_eq!(tested["status"], "SUCCESS", "{tested}");
        let (store, group) = world.provisions(connection).await;
        Self {
            world,
            target,
            store,
            group,
        }
    }

    async fn resynchronized(settings: Value) -> Self {
        let here = Self::new(settings).await;
        here.world.create("/propagation/revisions", json!({})).await;
        here.settled().await;
        here
    }

    async fn idle(&self, timeout_ms: u32) -> (u16, Value) {
        let path = format!(
            "/v1{}/idle?timeout_ms={timeout_ms}",
            self.world
                .at(&format!("/propagation/stores/{}", self.store))
        );
        self.world.control(Method::GET, &path, None).await
    }

    async fn settled(&self) -> Value {
        let (status, answer) = self.idle(20_000).await;
        assert_eq!(status, 200, "{answer}");
        answer["syncStatus"].clone()
    }
}

#[tokio::test]
async fn a_user_is_made_changed_disabled_and_deleted_at_the_target() {
    let here = Provisioned::new(json!({})).await;
    assert_eq!(
        here.target.all("Users"),
        [] as [Value; 0],
        "nothing before a revision"
    );
    here.world.create("/propagation/revisions", json!({})).await;
    let status = here.settled().await;
    assert_eq!(
        (&status["syncState"], &status["successCount"]),
        (&json!("SUCCESS"), &json!(1))
    );
    let alice = here.target.user("alice").unwrap();
    assert_eq!(alice["displayName"], "Alice Adams");
    assert_eq!(alice["externalId"], here.world.alice.as_str());
    assert_eq!(alice["active"], true);
    assert_eq!(
        alice["emails"],
        json!([{"value": "alice@example.com", "type": "work", "primary": true}])
    );
    let group = &here.target.all("Groups")[0];
    assert_eq!(group["displayName"], "Users");
    assert_eq!(group["externalId"], here.group.as_str());
    assert_eq!(group["members"], json!([{"value": alice["id"]}]));

    let path = format!("/users/{}", here.world.alice);
    let married = json!({"name": {"family": "Brown"}});
    here.world.change(Method::PATCH, &path, married).await;
    here.settled().await;
    let alice = here.target.user("alice").unwrap();
    assert_eq!(alice["name"]["familyName"], "Brown");

    let enabled = format!("{path}/enabled");
    here.world
        .change(Method::PUT, &enabled, json!({"enabled": false}))
        .await;
    here.settled().await;
    assert_eq!(here.target.user("alice").unwrap()["active"], false);

    here.world.delete(&path).await;
    here.settled().await;
    assert_eq!(here.target.user("alice"), None);
    assert_eq!(here.target.all("Groups")[0]["members"], json!([]));
}

#[tokio::test]
async fn joining_and_leaving_a_group_sends_the_difference() {
    let here = Provisioned::resynchronized(json!({})).await;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    let bob = here.world.create("/users", bob).await;
    here.settled().await;
    here.target.requests();
    let join = format!("/users/{bob}/memberOfGroups");
    here.world.create(&join, json!({"id": here.group})).await;
    here.settled().await;
    assert_eq!(here.target.requests(), ["PATCH /Groups"]);
    let members = || {
        here.target.all("Groups")[0]["members"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(members(), 2);
    here.world.delete(&format!("{join}/{}", here.group)).await;
    here.settled().await;
    assert_eq!(members(), 1);
}

#[tokio::test]
async fn an_existing_user_is_found_and_not_created_again() {
    let here = Provisioned::new(json!({})).await;
    for (kind, value) in [
        ("Users", json!({"id": "old", "userName": "alice"})),
        (
            "Groups",
            json!({"id": "old", "displayName": "Users", "members": [{"value": "x"}]}),
        ),
    ] {
        let key = (kind.to_owned(), "old".to_owned());
        here.target
            .held
            .lock()
            .unwrap()
            .resources
            .insert(key, value);
    }
    here.world.create("/propagation/revisions", json!({})).await;
    here.settled().await;
    assert_eq!(here.target.all("Users").len(), 1);
    assert_eq!(
        here.target.user("alice").unwrap()["displayName"],
        "Alice Adams"
    );
    let group = &here.target.all("Groups")[0];
    assert_eq!(
        group["members"],
        json!([{"value": "x"}, {"value": "old"}]),
        "merged, as PingOne does by default"
    );
}

#[tokio::test]
async fn a_target_that_fails_is_tried_again_when_the_clock_says_so() {
    let here = Provisioned::resynchronized(json!({})).await;
    here.target.held.lock().unwrap().failures = 1;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    here.world.create("/users", bob).await;
    let (status, waiting) = here.idle(1_000).await;
    assert_eq!(status, 409, "{waiting}");
    assert_eq!(waiting["nextAttemptAt"], "2026-03-01T08:00:01Z");
    let forward = json!({"advance_seconds": 2});
    here.world
        .control(Method::PUT, "/control/clock", Some(forward))
        .await;
    here.settled().await;
    assert!(here.target.user("bob").is_some());
}

#[tokio::test]
async fn a_target_that_loses_answers_has_every_user_once() {
    let here = Provisioned::new(json!({})).await;
    here.target.held.lock().unwrap().losing = 3;
    let mut names = vec!["alice".to_owned()];
    for number in 0..30 {
        let name = format!("user{number}");
        let user = json!({"username": name, "email": format!("{name}@example.com")});
        let id = here.world.create("/users", user).await;
        let join = format!("/users/{id}/memberOfGroups");
        here.world.create(&join, json!({"id": here.group})).await;
        names.push(name);
    }
    here.world.create("/propagation/revisions", json!({})).await;
    let forward = json!({"advance_seconds": 600});
    let mut rounds = 0;
    while here.idle(1_000).await.0 == 409 {
        rounds += 1;
        assert!(rounds < 60, "expected an end of it");
        let clock = Some(forward.clone());
        here.world
            .control(Method::PUT, "/control/clock", clock)
            .await;
    }
    assert!(rounds > 0, "expected answers that were lost");
    let mut held: Vec<String> = here.target.all("Users").iter().map(name_of).collect();
    held.sort();
    names.sort();
    assert_eq!(held, names);
    let groups = here.target.all("Groups");
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0]["members"].as_array().unwrap().len(), names.len());
}

fn name_of(user: &Value) -> String {
    user["userName"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_queue_outlives_a_restart() {
    let here = Provisioned::resynchronized(json!({})).await;
    here.target.held.lock().unwrap().failures = 1;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    here.world.create("/users", bob).await;
    assert_eq!(here.idle(1_000).await.0, 409);
    let here = Provisioned {
        world: here.world.restarted().await,
        ..here
    };
    let forward = json!({"advance_seconds": 2});
    here.world
        .control(Method::PUT, "/control/clock", Some(forward))
        .await;
    here.settled().await;
    assert!(here.target.user("bob").is_some());
    assert_eq!(here.target.all("Users").len(), 2);
}

#[tokio::test]
async fn settings_decide_what_is_done_at_the_target() {
    let here = Provisioned::resynchronized(json!({"REMOVE_ACTION": "Disable"})).await;
    here.world
        .delete(&format!("/users/{}", here.world.alice))
        .await;
    here.settled().await;
    assert_eq!(here.target.user("alice").unwrap()["active"], false);

    let here = Provisioned::resynchronized(json!({"CREATE_USERS": false})).await;
    assert!(here.target.all("Users").is_empty());
}

#[tokio::test]
async fn a_group_that_is_there_is_overwritten_when_the_connection_says_so() {
    let here = Provisioned::new(json!({"GROUP_MEMBERSHIP_HANDLING": "Overwrite"})).await;
    let group = json!({"id": "old", "displayName": "Users", "members": [{"value": "x"}]});
    let key = ("Groups".to_owned(), "old".to_owned());
    here.target
        .held
        .lock()
        .unwrap()
        .resources
        .insert(key, group);
    here.world.create("/propagation/revisions", json!({})).await;
    here.settled().await;
    let alice = here.target.user("alice").unwrap();
    let group = &here.target.all("Groups")[0];
    assert_eq!(group["members"], json!([{"value": alice["id"]}]));
}

#[tokio::test]
async fn a_paused_store_keeps_its_queue() {
    let here = Provisioned::resynchronized(json!({})).await;
    let path = format!("/propagation/stores/{}", here.store);
    let mut store = here.world.show(&path).await;
    store["status"] = "INACTIVE".into();
    here.world.change(Method::PUT, &path, store.clone()).await;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    let bob = here.world.create("/users", bob).await;
    assert_eq!(
        here.world.show(&path).await["syncStatus"]["syncState"],
        "PAUSED"
    );
    let users = here.world.show(&format!("{path}/users")).await;
    let users = users["_embedded"]["users"].as_array().unwrap().clone();
    let found = users
        .iter()
        .find(|user| user["id"] == bob.as_str())
        .unwrap();
    assert_eq!(
        (&found["state"], &found["username"]),
        (&json!("PENDING"), &json!("bob"))
    );
    store["status"] = "ACTIVE".into();
    here.world.change(Method::PUT, &path, store).await;
    here.settled().await;
    assert!(here.target.user("bob").is_some());
}

#[tokio::test]
async fn failures_are_shown_for_each_user_and_retried() {
    let here = Provisioned::resynchronized(json!({})).await;
    here.target.held.lock().unwrap().refusing = true;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    let bob = here.world.create("/users", bob).await;
    let status = here.settled().await;
    assert_eq!(
        (&status["syncState"], &status["failedCount"]),
        (&json!("FAILED"), &json!(1))
    );
    let path = format!("/propagation/stores/{}", here.store);
    let failed = here
        .world
        .show(&format!("{path}/users?filter=state%20eq%20%22FAILED%22"))
        .await;
    let failed = &failed["_embedded"]["users"][0];
    assert_eq!(failed["id"], bob.as_str());
    assert!(
        failed["error"].as_str().unwrap().contains("400"),
        "{failed}"
    );
    here.target.held.lock().unwrap().refusing = false;
    let queued = here
        .world
        .change(
            Method::POST,
            &format!("{path}/sync"),
            json!({"scope": "FAILED"}),
        )
        .await;
    assert_eq!(queued["queued"], 1);
    assert_eq!(here.settled().await["syncState"], "SUCCESS");
    assert!(here.target.user("bob").is_some());
}

#[tokio::test]
async fn a_deleted_rule_leaves_its_users_or_takes_them_along() {
    for deprovision in [false, true] {
        let here = Provisioned::resynchronized(json!({})).await;
        let rules = here.world.show("/propagation/rules").await;
        let rule = &rules["_embedded"]["rules"][0];
        let path = format!("/propagation/rules/{}", rule["id"].as_str().unwrap());
        let mut rule = rule.clone();
        rule["deprovision"] = deprovision.into();
        here.world.change(Method::PUT, &path, rule).await;
        here.world.delete(&path).await;
        here.settled().await;
        assert_eq!(here.target.user("alice").is_none(), deprovision);
    }
}

#[tokio::test]
async fn a_deleted_store_that_is_managed_is_left_by_all_at_the_next_revision() {
    for managed in [false, true] {
        let here = Provisioned::resynchronized(json!({})).await;
        let path = format!("/propagation/stores/{}", here.store);
        let mut store = here.world.show(&path).await;
        store["managed"] = managed.into();
        here.world.change(Method::PUT, &path, store).await;
        here.world.delete(&path).await;
        assert!(here.target.user("alice").is_some(), "not before a revision");
        here.world.create("/propagation/revisions", json!({})).await;
        // 404 shows that all data of the store was deleted.
        while here.idle(20_000).await.0 != 404 {}
        assert_eq!(here.target.user("alice").is_none(), managed);
        assert_eq!(here.target.all("Groups").is_empty(), managed);
    }
}

#[tokio::test]
async fn a_token_is_fetched_by_client_credentials_and_again_when_it_is_refused() {
    let here = Target::new().await;
    let issuer = here.url.clone();
    let here = Provisioned::on(
        here,
        json!({"AUTHENTICATION_METHOD": "OAuth 2 Client Credentials",
               "OAUTH_TOKEN_REQUEST": format!("{issuer}/oauth/token"),
               "OAUTH_CLIENT_ID": "idp", "OAUTH_CLIENT_SECRET": "shh"}),
    )
    .await;
    here.world.create("/propagation/revisions", json!({})).await;
    here.settled().await;
    assert!(here.target.user("alice").is_some());
    let tokens = |requests: &[String]| requests.iter().filter(|r| *r == "POST token").count();
    assert_eq!(tokens(&here.target.requests()), 1, "one token for them all");
    here.target.held.lock().unwrap().token = "renewed".to_owned();
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    here.world.create("/users", bob).await;
    here.idle(1_000).await;
    let forward = json!({"advance_seconds": 2});
    here.world
        .control(Method::PUT, "/control/clock", Some(forward))
        .await;
    here.settled().await;
    assert!(here.target.user("bob").is_some());
}

/// Makes the environment behave like this provider.
async fn behaves_like(here: &Provisioned, flavor: &str) {
    let (status, answer) = here
        .world
        .call(
            Method::PUT,
            &here.world.at(""),
            Some(json!({"name": "Administrators", "flavor": flavor})),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn each_flavor_has_its_habits() {
    let find = r#"GET /Groups?displayName eq "Users""#;
    let patches = "PATCH /Users, DELETE /Users";
    for (flavor, group, change, removal) in [
        (
            "ping",
            vec![find, "POST /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
        (
            "keycloak",
            vec![find, "POST /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
        (
            "entra",
            vec![find, "POST /Groups", "GET /Groups/r2", "PATCH /Groups"],
            "PATCH /Users",
            patches,
        ),
        (
            "okta",
            vec![find, "POST /Groups", "PATCH /Groups"],
            "GET /Users/r1, PUT /Users",
            "PATCH /Users",
        ),
        (
            "google",
            vec![find, "POST /Groups", "GET /Groups/r2", "PUT /Groups"],
            "PATCH /Users",
            patches,
        ),
        (
            "onelogin",
            vec!["GET /Groups?", "POST /Groups", "PATCH /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
        (
            "jumpcloud",
            vec![find, "POST /Groups", "PATCH /Groups"],
            "PUT /Users",
            "GET /Users/r1, PUT /Users, DELETE /Users",
        ),
        (
            "ping-federate",
            vec!["GET /Groups?", "POST /Groups"],
            "PUT /Users",
            "DELETE /Users",
        ),
    ] {
        let here = Provisioned::new(json!({})).await;
        behaves_like(&here, flavor).await;
        here.world.create("/propagation/revisions", json!({})).await;
        here.settled().await;
        let groups = here.target.requests().into_iter();
        let groups: Vec<String> = groups.filter(|it| it.contains("/Groups")).collect();
        assert_eq!(groups, group, "{flavor}");
        assert_eq!(
            here.target.all("Groups")[0]["members"],
            json!([{"value": "r1"}]),
            "{flavor}"
        );
        let path = format!("/users/{}", here.world.alice);
        here.world
            .change(Method::PATCH, &path, json!({"title": "Dr"}))
            .await;
        here.settled().await;
        assert_eq!(here.target.requests().join(", "), change, "{flavor}");
        assert_eq!(here.target.user("alice").unwrap()["title"], "Dr");
        here.world.delete(&path).await;
        here.settled().await;
        let requests = here.target.requests().into_iter();
        let requests: Vec<String> = requests.filter(|it| it.contains("/Users")).collect();
        assert_eq!(requests.join(", "), removal, "{flavor}");
    }
}

/// Returns the operations of each PATCH since the last call.
fn operations(target: &Target) -> Vec<Value> {
    let patches = std::mem::take(&mut target.held.lock().unwrap().patches);
    patches
        .into_iter()
        .map(|it| it["Operations"].clone())
        .collect()
}

#[tokio::test]
async fn entra_names_each_value_by_a_path_and_with_the_flag_replaces_several_at_once() {
    let mail = "emails[type eq \"work\"].value";
    for (query, change, disable, find_group) in [
        (
            "",
            json!([
                {"op": "Replace", "path": mail, "value": "new@example.com"},
                {"op": "Replace", "path": "displayName", "value": "Alice Murray"},
                {"op": "Replace", "path": "name.familyName", "value": "Murray"},
            ]),
            json!([{"op": "Replace", "path": "active", "value": "False"}]),
            "excludedAttributes=members&filter=displayName+eq+%22Users%22",
        ),
        (
            "?aadOptscim062020",
            json!([
                {"op": "replace", "path": mail, "value": "new@example.com"},
                {"op": "replace", "value": {"displayName": "Alice Murray", "name.familyName": "Murray"}},
            ]),
            json!([{"op": "replace", "path": "active", "value": false}]),
            "aadOptscim062020&excludedAttributes=members&filter=displayName+eq+%22Users%22",
        ),
    ] {
        let target = Target::new().await;
        let url = format!("{}{query}", target.url);
        let here = Provisioned::on(target, json!({"SCIM_URL": url})).await;
        behaves_like(&here, "entra").await;
        here.world.create("/propagation/revisions", json!({})).await;
        here.settled().await;
        operations(&here.target);
        let path = format!("/users/{}", here.world.alice);
        let renamed =
            json!({"name": {"given": "Alice", "family": "Murray"}, "email": "new@example.com"});
        here.world.change(Method::PATCH, &path, renamed).await;
        here.settled().await;
        assert_eq!(operations(&here.target), [change]);
        let enabled = format!("{path}/enabled");
        here.world
            .change(Method::PUT, &enabled, json!({"enabled": false}))
            .await;
        here.settled().await;
        assert_eq!(operations(&here.target), [disable]);
        let user = here.target.user("alice").unwrap();
        assert_eq!(user["meta"]["resourceType"], "User");
        assert_eq!(user["emails"][0]["value"], "new@example.com");
        let queries = std::mem::take(&mut here.target.held.lock().unwrap().queries);
        let queries: Vec<&str> = queries.iter().map(|(query, _)| query.as_str()).collect();
        assert!(queries.contains(&find_group), "{queries:?}");
        let flag = query.trim_start_matches('?');
        assert!(
            queries
                .iter()
                .all(|it| it.matches("aadOptscim062020").count() == usize::from(!flag.is_empty())),
            "{queries:?}"
        );
    }
}

#[tokio::test]
async fn a_provider_has_its_user_agent() {
    let here = Provisioned::new(json!({})).await;
    behaves_like(&here, "okta").await;
    here.world.create("/propagation/revisions", json!({})).await;
    here.settled().await;
    let queries = here.target.held.lock().unwrap().queries.clone();
    let (_, agent) = queries.last().unwrap();
    assert_eq!(agent, "Okta SCIM Client 1.0.0");
}

#[tokio::test]
async fn an_unknown_flavor_is_an_error_that_names_all() {
    let here = Provisioned::new(json!({})).await;
    let body = json!({"name": "Administrators", "flavor": "nonesuch"});
    let (status, answer) = here
        .world
        .call(Method::PUT, &here.world.at(""), Some(body))
        .await;
    assert_eq!(status, 400);
    let names = "ping, ad-fs, entra, google, jumpcloud, keycloak, okta, onelogin, ping-federate";
    assert!(answer.to_string().contains(names), "{answer}");
}
