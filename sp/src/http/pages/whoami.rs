//! `/whoami`: the user of this browser's session as JSON, for tests and probes.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::super::caller::{SESSION, cookie};
use super::super::no_store;
use super::super::problem::{Answer, Problem};
use crate::Portal;
use crate::accounts::{self, Role};

pub(super) fn router() -> Router<Portal> {
    Router::new().route("/whoami", get(whoami))
}

async fn whoami(State(portal): State<Portal>, headers: HeaderMap) -> Answer {
    let session = cookie(&headers, SESSION).ok_or_else(Problem::not_logged_in)?;
    let who = accounts::use_session(&portal, session)
        .await?
        .ok_or_else(Problem::not_logged_in)?;
    let mut roles = Vec::new();
    if who
        .workspace()
        .is_some_and(|workspace| workspace.role == Role::Admin)
    {
        roles.push("admin");
    }
    let sso = who.sso_groups.as_ref();
    if sso.is_some_and(|sso| sso.roles.product_user) {
        roles.push("user");
    }
    let body = json!({
        "user": who.id(),
        "email": who.email(),
        "roles": roles,
        "groups": sso.map(|sso| sso.groups.as_slice()).unwrap_or_default(),
    });
    Ok(no_store((StatusCode::OK, Json(body))))
}
