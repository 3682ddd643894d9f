//! Sign-in with a social identity: redirects to the provider and handles
//! its answer.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use super::super::caller::{Address, cookie};
use super::super::no_store;
use super::super::problem::Problem;
use super::form::Attempt;
use super::sign_in;
use crate::Portal;
use crate::accounts::social::{self, Returned, SocialError};

/// Name of the cookie that binds the provider's answer to the browser.
const BROWSER: &str = "portal_social";

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/login/social/{provider}", get(begin))
        .route("/login/social/{provider}/callback", get(finish_login))
}

async fn begin(
    State(portal): State<Portal>,
    headers: HeaderMap,
    Path(provider): Path<String>,
) -> Response {
    let browser = portal.ambient.rng().token(32);
    match social::begin(&portal, &provider, &browser).await {
        Ok(url) => {
            let secure = if portal.is_https() { "; Secure" } else { "" };
            let value = format!(
                "{BROWSER}={browser}; Path=/login/social; HttpOnly; Max-Age=900; SameSite=Lax{secure}"
            );
            let set = AppendHeaders([(header::SET_COOKIE, value)]);
            no_store((set, Redirect::to(url.as_str())))
        }
        Err(error) => refusal_page(&portal, &headers, error),
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    error: Option<String>,
}

async fn finish_login(
    State(portal): State<Portal>,
    Address(address): Address,
    headers: HeaderMap,
    Path(provider): Path<String>,
    Query(answer): Query<Answer>,
) -> Response {
    let returned = Returned {
        provider: &provider,
        state: &answer.state,
        code: &answer.code,
        error: answer.error.as_deref(),
        browser: cookie(&headers, BROWSER),
        address: &address,
    };
    match social::finish(&portal, returned).await {
        Ok((token, _)) => sign_in::enter(&portal, &headers, &token).await,
        Err(error) => refusal_page(&portal, &headers, error),
    }
}

fn refusal_page(portal: &Portal, headers: &HeaderMap, error: SocialError) -> Response {
    let status = match &error {
        SocialError::UnknownProvider(_) => StatusCode::NOT_FOUND,
        SocialError::Provider { .. } => StatusCode::BAD_GATEWAY,
        SocialError::EmailTaken(_) => StatusCode::CONFLICT,
        _ => StatusCode::FORBIDDEN,
    };
    tracing::warn!(code = error.code(), reason = %error, "a social sign-in was refused");
    let problem = match error {
        SocialError::Account(error) => Problem::from(error),
        other => Problem::new(status, other.code(), other.to_string()),
    };
    let attempt = Attempt::with_problem(super::form::Posted::default(), problem);
    sign_in::again(portal, headers, &attempt).into_response()
}
