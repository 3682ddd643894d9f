//! Route of Universal Logout: the identity provider ends all sessions of a person
//! (draft-parecki-oauth-global-token-revocation).

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use axum::routing::post;
use serde::Deserialize;

use super::body::Body;
use super::caller::{Address, bearer_token};
use super::problem::Problem;
use crate::Portal;
use crate::login::{self, RevocationRefusal, SubjectId};

pub(super) fn router() -> Router<Portal> {
    Router::new().route("/webapp/sso/revocation/{id}", post(revoke))
}

#[derive(Deserialize)]
struct Revocation {
    sub_id: SubId,
}

/// The accepted formats of a Subject Identifier (RFC 9493 §3.2).
#[derive(Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
enum SubId {
    Email { email: String },
    IssSub { iss: String, sub: String },
}

impl From<SubId> for SubjectId {
    fn from(id: SubId) -> Self {
        match id {
            SubId::Email { email } => Self::Email(email),
            SubId::IssSub { iss, sub } => Self::IssSub {
                issuer: iss,
                subject: sub,
            },
        }
    }
}

async fn revoke(
    State(portal): State<Portal>,
    Address(address): Address,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(revocation): Body<Revocation>,
) -> Response {
    let Some(token) = bearer_token(&headers) else {
        let detail = "missing header: expected Authorization: Bearer with a JWT of an authorization server that step 5 of the configurator accepts";
        return unauthorized("token-missing", detail.to_owned(), "Bearer");
    };
    let person = revocation.sub_id.into();
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
        RevocationRefusal::Used => invalid("token-used"),
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
