//! Single logout over HTTP: the address that the IdP's messages come to, and
//! the person's own Log out.

use axum::Form;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use saml::Limits;
use saml::binding::Parameter;
use saml::reception::Received;
use serde::Deserialize;

use super::caller::{Address, SESSION, cookie, no_session_cookie};
use super::{login as sso, no_store, pages};
use crate::Portal;
use crate::login::{self, LoggedOut, TurnedAway};
use crate::refusal::{self, Refused};

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/logout", post(log_out))
        .route("/webapp/sso/slo/{id}", get(by_redirect).post(by_form))
}

/// Log out: here at once, then at the IdP, which tells the others.
async fn log_out(State(portal): State<Portal>, headers: HeaderMap) -> Response {
    let foreign = headers
        .get(header::ORIGIN)
        .is_some_and(|origin| origin.as_bytes() != portal.origin().as_bytes());
    if foreign {
        let page = pages::message("Not from here", "Log out on a page of the portal itself.");
        return (StatusCode::FORBIDDEN, page).into_response();
    }
    let outcome = match cookie(&headers, SESSION) {
        Some(cookie) => login::log_out(&portal, cookie).await,
        None => Ok(LoggedOut::Here),
    };
    let mut response = shown(&portal, outcome).await;
    if let Ok(value) = no_session_cookie().parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

async fn by_redirect(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let received = Received::by_redirect(&query, &Limits::default());
    brought(&portal, &id, received, &address).await
}

#[derive(Deserialize)]
struct Posted {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

async fn by_form(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    form: Result<Form<Posted>, FormRejection>,
) -> Response {
    let posted = match form {
        Ok(Form(posted)) => posted,
        Err(rejection) => {
            let refused = unreadable(rejection.body_text());
            return shown(&portal, Err(refused)).await;
        }
    };
    let (parameter, field) = match (posted.request, posted.response) {
        (Some(request), None) => (Parameter::Request, request),
        (None, Some(response)) => (Parameter::Response, response),
        _ => {
            let refused = unreadable("expected SAMLRequest or SAMLResponse, one of them");
            return shown(&portal, Err(refused)).await;
        }
    };
    let received = Received::by_form(parameter, &field, posted.relay_state, &Limits::default());
    brought(&portal, &id, received, &address).await
}

fn unreadable(reason: impl Into<String>) -> TurnedAway {
    Refused::new(
        "malformed-form",
        "The logout could not be read.",
        reason,
        "Close your browser to be sure.",
    )
    .into()
}

async fn brought(
    portal: &Portal,
    tenant_id: &str,
    received: Result<Received, saml::acceptance::Refusal>,
    address: &str,
) -> Response {
    let outcome = match received {
        Ok(received) => login::receive_logout(portal, tenant_id, received, address).await,
        Err(refusal) => Err(Refused::from(refusal).into()),
    };
    shown(portal, outcome).await
}

async fn shown(portal: &Portal, outcome: Result<LoggedOut, TurnedAway>) -> Response {
    match outcome {
        Ok(LoggedOut::Here) => no_store(pages::farewell("Logged out", "You are logged out.")),
        Ok(LoggedOut::Partly(what)) => {
            let said = format!("You are logged out of the portal. {what}");
            no_store(pages::farewell("Logged out in part", &said))
        }
        Ok(LoggedOut::To(outgoing)) => no_store(sso::sent(outgoing)),
        Err(away) => refused(portal, &away).await,
    }
}

/// Nobody is logged out by a message that is not what it should be.
async fn refused(portal: &Portal, away: &TurnedAway) -> Response {
    let reference = refusal::keep(portal, away.business_id.as_deref(), &away.refused).await;
    let status = match away.refused.code.as_str() {
        "malformed-form" => StatusCode::BAD_REQUEST,
        "no-such-service" => StatusCode::NOT_FOUND,
        "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::FORBIDDEN,
    };
    let said = format!(
        "This logout could not be carried out. Reference number: {reference}. Your administrator can look it up."
    );
    let page: Html<String> = pages::message("Not logged out", &said);
    no_store((
        status,
        AppendHeaders([("x-refusal-reference", reference)]),
        page,
    ))
}
