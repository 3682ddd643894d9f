//! Routes of single logout: the Single Logout URL for the IdP's messages, and
//! the user's own Log out.

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
use crate::login::{self, LoggedOut, LoginRefusal};
use crate::refusal::{self, Flow, Refused, kinds};

pub(super) fn router() -> Router<Portal> {
    Router::new().route("/logout", post(log_out)).route(
        "/webapp/sso/slo/{id}",
        get(receive_by_redirect).post(receive_by_form),
    )
}

/// Logs the user out: ends the session at the portal, then sends a
/// LogoutRequest to the IdP.
async fn log_out(
    State(portal): State<Portal>,
    Address(address): Address,
    headers: HeaderMap,
) -> Response {
    let foreign = headers
        .get(header::ORIGIN)
        .is_some_and(|origin| origin.as_bytes() != portal.origin().as_bytes());
    if foreign {
        let page = pages::message("Request refused", "Log out on a page of the portal itself.");
        return (StatusCode::FORBIDDEN, page).into_response();
    }
    let outcome = match cookie(&headers, SESSION) {
        Some(cookie) => login::log_out(&portal, cookie).await,
        None => Ok(LoggedOut::Here),
    };
    let mut response = to_response(&portal, outcome, &address).await;
    if let Ok(value) = no_session_cookie().parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

async fn receive_by_redirect(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let received = Received::by_redirect(&query, &Limits::default());
    receive_message(&portal, &id, received, &address).await
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

async fn receive_by_form(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    form: Result<Form<Posted>, FormRejection>,
) -> Response {
    let posted = match form {
        Ok(Form(posted)) => posted,
        Err(rejection) => {
            let refused = unreadable_refusal(&portal, &id, rejection.body_text()).await;
            return to_response(&portal, Err(refused), &address).await;
        }
    };
    let (parameter, field) = match (posted.request, posted.response) {
        (Some(request), None) => (Parameter::Request, request),
        (None, Some(response)) => (Parameter::Response, response),
        _ => {
            let reason = "expected exactly one of the fields SAMLRequest and SAMLResponse";
            let refused = unreadable_refusal(&portal, &id, reason).await;
            return to_response(&portal, Err(refused), &address).await;
        }
    };
    let received = Received::by_form(parameter, &field, posted.relay_state, &Limits::default());
    receive_message(&portal, &id, received, &address).await
}

async fn unreadable_refusal(portal: &Portal, id: &str, reason: impl Into<String>) -> LoginRefusal {
    LoginRefusal {
        business_id: login::find_business_of_tenant(portal, id).await,
        refused: Refused::new(&kinds::MALFORMED_FORM, reason),
    }
}

async fn receive_message(
    portal: &Portal,
    tenant_id: &str,
    received: Result<Received, saml::acceptance::Refusal>,
    address: &str,
) -> Response {
    let outcome = match received {
        Ok(received) => login::receive_logout(portal, tenant_id, received, address).await,
        Err(refusal) => Err(LoginRefusal {
            business_id: login::find_business_of_tenant(portal, tenant_id).await,
            refused: Refused::from(refusal),
        }),
    };
    to_response(portal, outcome, address).await
}

async fn to_response(
    portal: &Portal,
    outcome: Result<LoggedOut, LoginRefusal>,
    address: &str,
) -> Response {
    match outcome {
        Ok(LoggedOut::Here) => no_store(pages::farewell("Logged out", "You are logged out.")),
        Ok(LoggedOut::Partly(what)) => {
            let said = format!("You are logged out of the portal. {what}");
            no_store(pages::farewell("Logged out in part", &said))
        }
        Ok(LoggedOut::To(outgoing)) => no_store(sso::to_response(outgoing)),
        Err(away) => refuse(portal, &away, address).await,
    }
}

/// Returns the page for a refused logout message. Such a message ends no
/// session.
async fn refuse(portal: &Portal, away: &LoginRefusal, address: &str) -> Response {
    let business_id = away.business_id.as_deref();
    let refused = &away.refused;
    let reference = refusal::record(portal, business_id, refused, Flow::Logout, address).await;
    let page: Html<String> = pages::logout_refusal_page(refused, &reference);
    no_store((
        sso::status_of(refused),
        AppendHeaders([("x-refusal-reference", reference)]),
        page,
    ))
}
