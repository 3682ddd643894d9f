//! Route of Universal Logout: the identity provider ends all sessions of a person
//! (draft-parecki-oauth-global-token-revocation).

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Map, Value};

use super::body::Body;
use super::caller::{Address, bearer_token};
use super::problem::Problem;
use crate::Portal;
use crate::login::{self, RevocationRefusal, SubjectId};

pub(super) fn router() -> Router<Portal> {
    Router::new().route("/webapp/sso/revocation/{id}", post(revoke))
}

/// Reads the Subject Identifier `sub_id` (RFC 9493 §3.2) of a body.
fn read_subject(body: &Map<String, Value>) -> Result<SubjectId, String> {
    let id = body.get("sub_id").unwrap_or(&Value::Null);
    let text = |name: &str| {
        let text = id[name].as_str().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| format!("invalid sub_id.{name}: expected a text"));
        text.map(str::to_owned)
    };
    match id["format"].as_str() {
        Some("email") => Ok(SubjectId::Email(text("email")?)),
        Some("iss_sub") => Ok(SubjectId::IssSub {
            issuer: text("iss")?,
            subject: text("sub")?,
        }),
        _ => Err("invalid sub_id: expected an object with the format email or iss_sub".to_owned()),
    }
}

async fn revoke(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<Map<String, Value>>,
) -> Response {
    let Some(token) = bearer_token(&headers) else {
        let detail = "missing header: expected Authorization: Bearer with a JWT of an authorization server that step 5 of the configurator accepts";
        return unauthorized("token-missing", detail.to_owned(), "Bearer");
    };
    let person = match read_subject(&body) {
        Ok(person) => person,
        Err(detail) => {
            return Problem::new(StatusCode::BAD_REQUEST, "invalid-body", detail).into_response();
        }
    };
    match login::revoke(&portal, &id, token, &person, &address).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refuse(refusal),
    }
}

fn refuse(refusal: RevocationRefusal) -> Response {
    let detail = refusal.to_string();
    let invalid = |code| unauthorized(code, detail.clone(), "Bearer error=\"invalid_token\"");
    match refusal {
        RevocationRefusal::NoTenant => Problem::not_found(detail).into_response(),
        RevocationRefusal::Token(refusal) => invalid(refusal.code()),
        RevocationRefusal::UnknownPerson => {
            Problem::new(StatusCode::NOT_FOUND, "user-unknown", detail).into_response()
        }
        RevocationRefusal::Store(error) => Problem::from(error).into_response(),
    }
}

fn unauthorized(code: &str, detail: String, challenge: &'static str) -> Response {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, code, detail);
    (
        AppendHeaders([(header::WWW_AUTHENTICATE, challenge)]),
        problem,
    )
        .into_response()
}
