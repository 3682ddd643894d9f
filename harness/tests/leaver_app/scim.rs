//! The SCIM server of the application: the minimum that provisioning needs.

use std::collections::HashMap;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::state::{self, Account, Event};
use super::{ADMINS, App, Hole, STAFF, TOKEN};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ServiceProviderConfig", get(config))
        .route("/Users", get(users).post(create))
        .route(
            "/Users/{id}",
            get(user).patch(change).put(change).delete(delete),
        )
        .route("/Groups", get(groups))
        .route("/Groups/{id}", axum::routing::patch(members))
        .layer(middleware::from_fn(authenticate))
}

async fn authenticate(headers: HeaderMap, request: Request, next: Next) -> Response {
    let given = headers.get(header::AUTHORIZATION);
    if given.is_some_and(|it| it.as_bytes() == format!("Bearer {TOKEN}").as_bytes()) {
        return next.run(request).await;
    }
    refusal(401, "send the token")
}

fn refusal(status: u16, detail: &str) -> Response {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "detail": detail,
    });
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

async fn config() -> Json<Value> {
    Json(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "filter": {"supported": true, "maxResults": 100},
    }))
}

fn account_to_json(account: &Account) -> Value {
    let mut body = account.body.clone();
    body["id"] = account.id.clone().into();
    body["active"] = account.active.into();
    // Many servers derive displayName from other attributes.
    body["displayName"] = format!("{} (staff)", account.user_name).into();
    body
}

fn list(all: &[Value]) -> Json<Value> {
    Json(json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": all.len(),
        "Resources": all,
    }))
}

/// True if a name matches the filter `ATTRIBUTE eq "…"` or `ATTRIBUTE sw "…"`.
fn passes(query: &HashMap<String, String>, name: &str) -> bool {
    let Some(filter) = query.get("filter") else {
        return true;
    };
    let value = filter.split('"').nth(1).unwrap_or_default();
    if filter.contains(" sw ") {
        name.starts_with(value)
    } else {
        name == value
    }
}

async fn users(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let state = app.state();
    let all = state.accounts.values();
    let mut found: Vec<Value> = all
        .filter(|it| passes(&query, &it.user_name))
        .map(account_to_json)
        .collect();
    if app.hole == Hole::SignOnDuplicates {
        let signed_on = |it: &&Value| {
            let mut all = state.sessions.values();
            all.any(|session| session.account == it["id"])
        };
        let seconds: Vec<Value> = found.iter().filter(signed_on).cloned().collect();
        found.extend(seconds.into_iter().map(|mut second| {
            second["id"] = format!("second-{}", second["id"]).into();
            second
        }));
    }
    list(&found)
}

async fn create(State(app): State<App>, Json(body): Json<Value>) -> Response {
    let mut state = app.state();
    let name = body["userName"].as_str().unwrap_or_default().to_owned();
    let is_taken = app.hole == Hole::UserNameStaysTaken && state.deleted_names.contains(&name);
    if is_taken || state.by_name(&name).is_some() {
        return refusal(409, "this userName is taken");
    }
    let id = state.insert(body);
    (
        StatusCode::CREATED,
        Json(account_to_json(&state.accounts[&id])),
    )
        .into_response()
}

async fn user(State(app): State<App>, Path(id): Path<String>) -> Response {
    match app.state().accounts.get(&id) {
        Some(account) => Json(account_to_json(account)).into_response(),
        None => refusal(404, "there is no such user"),
    }
}

async fn delete(State(app): State<App>, Path(id): Path<String>) -> Response {
    let mut state = app.state();
    if app.hole == Hole::KeepsDeleted && state.accounts.contains_key(&id) {
        return StatusCode::NO_CONTENT.into_response();
    }
    let Some(account) = state.accounts.remove(&id) else {
        return refusal(404, "there is no such user");
    };
    state.deleted_names.insert(account.user_name);
    app.end(&mut state, &id, Event::Deleted);
    for members in state.groups.values_mut() {
        members.remove(&id);
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn change(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut state = app.state();
    let Some(account) = state.accounts.get(&id).cloned() else {
        return refusal(404, "there is no such user");
    };
    let active = body["Operations"][0]["value"].as_bool();
    if active == Some(false) && app.hole != Hole::KeepsActive {
        if let Some(account) = state.accounts.get_mut(&id) {
            (account.active, account.was_inactive) = (false, true);
            if app.hole == Hole::DeactivationForgets {
                account.body["externalId"] = Value::Null;
            }
        }
        app.end(&mut state, &id, Event::Deactivated);
    }
    let mut now = id.clone();
    if active == Some(true) {
        if app.hole == Hole::ReactivationMakesAnother {
            state.accounts.remove(&id);
            now = state.insert(account.body);
            move_memberships(&mut state, &id, &now);
        }
        if let Some(account) = state.accounts.get_mut(&now) {
            account.active = true;
        }
    }
    Json(account_to_json(&state.accounts[&now])).into_response()
}

fn move_memberships(state: &mut state::State, from: &str, to: &str) {
    for members in state.groups.values_mut() {
        if members.remove(from) {
            members.insert(to.to_owned());
        }
    }
}

async fn groups(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let state = app.state();
    let names = state.groups.keys().filter(|it| passes(&query, it));
    let found: Vec<Value> = names
        .map(|it| json!({"id": it, "displayName": it}))
        .collect();
    list(&found)
}

async fn members(
    State(app): State<App>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut state = app.state();
    let Some(group) = [STAFF, ADMINS].into_iter().find(|it| *it == id) else {
        return refusal(404, "there is no such group");
    };
    let operation = &body["Operations"][0];
    let members = state.groups.entry(group).or_default();
    if operation["op"] == "add" {
        members.extend(operation["value"][0]["value"].as_str().map(str::to_owned));
        return StatusCode::NO_CONTENT.into_response();
    }
    let path = operation["path"].as_str().unwrap_or_default();
    let member = path.split('"').nth(1).unwrap_or_default().to_owned();
    members.remove(&member);
    if group == STAFF {
        app.end(&mut state, &member, Event::LeftGroup);
    }
    StatusCode::NO_CONTENT.into_response()
}
