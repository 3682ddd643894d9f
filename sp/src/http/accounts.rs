//! `/api/accounts` and `/api/session`: registration, login with a
//! password, logout.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::caller::{Address, Caller, SESSION, cookie, no_session_cookie, session_cookie};
use super::no_store;
use super::openapi::Route;
use super::problem::Answer;
use crate::Portal;
use crate::accounts::{self, Who};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/accounts", register)
            .summary("Register an account")
            .body("NewAccount")
            .creates("Account")
            .refuses(&[409, 429]),
        Route::get("/api/session", show)
            .summary("Read the current session")
            .session()
            .returns("Session"),
        Route::post("/api/session", log_in)
            .summary("Log in with e-mail and password; sets the session cookie")
            .body("Credentials")
            .returns("Session")
            .refuses(&[401, 403, 429]),
        Route::delete("/api/session", log_out).summary("Log out"),
        Route::delete("/api/sessions", log_out_everywhere)
            .summary("Log out in every browser")
            .session(),
        Route::put("/api/session/workspace", select)
            .summary("Select a business account")
            .session()
            .body("WorkspaceSelection")
            .returns("Session"),
    ]
}

#[derive(Deserialize)]
struct NewAccount {
    email: String,
    password: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

#[derive(Deserialize)]
struct Selection {
    id: String,
}

async fn register(
    State(portal): State<Portal>,
    Address(address): Address,
    Body(new): Body<NewAccount>,
) -> Answer {
    let account =
        accounts::register(&portal, &new.email, &new.password, new.name, &address).await?;
    let body = json!({"id": account.id, "email": account.email, "name": account.name});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn log_in(
    State(portal): State<Portal>,
    Address(address): Address,
    headers: HeaderMap,
    Body(given): Body<Credentials>,
) -> Answer {
    let (token, who) = accounts::log_in(&portal, &given.email, &given.password, &address).await?;
    // A login always opens a new session and ends the browser's previous one
    // (session fixation).
    if let Some(former) = cookie(&headers, SESSION) {
        accounts::log_out(&portal, former).await?;
    }
    let cookie = AppendHeaders([(header::SET_COOKIE, session_cookie(&portal, &token))]);
    Ok(no_store((cookie, Json(account_to_json(&who)))))
}

async fn show(Caller(who): Caller) -> Response {
    no_store(Json(account_to_json(&who)))
}

async fn log_out(State(portal): State<Portal>, headers: HeaderMap) -> Answer {
    if let Some(cookie) = cookie(&headers, SESSION) {
        accounts::log_out(&portal, cookie).await?;
    }
    let cookie = AppendHeaders([(header::SET_COOKIE, no_session_cookie())]);
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

async fn log_out_everywhere(
    State(portal): State<Portal>,
    Address(address): Address,
    Caller(who): Caller,
) -> Answer {
    accounts::log_out_everywhere(&portal, &who, &address).await?;
    let cookie = AppendHeaders([(header::SET_COOKIE, no_session_cookie())]);
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

async fn select(
    State(portal): State<Portal>,
    Caller(mut who): Caller,
    Body(selection): Body<Selection>,
) -> Answer {
    accounts::select_workspace(&portal, &who, &selection.id).await?;
    who.session.workspace = Some(selection.id);
    Ok(no_store(Json(account_to_json(&who))))
}

fn account_to_json(who: &Who) -> Value {
    json!({
        "account": {"id": who.id(), "email": who.email(), "name": who.name()},
        "via": who.via(),
        "workspaces": who.workspaces,
        "workspace": who.workspace().map(|workspace| &workspace.id),
    })
}
