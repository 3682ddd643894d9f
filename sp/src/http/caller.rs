//! Reads the session cookie, and restricts the business routes to
//! administrators.

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use std::net::SocketAddr;

use super::problem::Problem;
use crate::Portal;
use crate::accounts::{self, Role, Who, Workspace};
use crate::configurator::By;

/// Name of the session cookie.
pub(super) const SESSION: &str = "portal_session";

/// Returns the value of this cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Returns the `Set-Cookie` value that sets the session cookie.
pub(super) fn session_cookie(portal: &Portal, token: &str) -> String {
    let secure = if portal.is_https() { "; Secure" } else { "" };
    format!("{SESSION}={token}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

/// Returns the `Set-Cookie` value that deletes the session cookie.
pub(super) fn no_session_cookie() -> String {
    format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// The network address of the caller, for the audit log.
#[derive(Debug, Clone)]
pub(super) struct Address(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(
            address.map_or_else(String::new, |info| info.0.ip().to_string()),
        ))
    }
}

/// The user of a valid session.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub Who);

impl FromRequestParts<Portal> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Problem> {
        let cookie = cookie(&parts.headers, SESSION).ok_or_else(Problem::not_logged_in)?;
        let who = accounts::use_session(portal, cookie).await?;
        who.map(Self).ok_or_else(Problem::not_logged_in)
    }
}

/// A user who is an administrator of the selected business account.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    /// The user and the session.
    pub who: Who,
    /// The selected business account.
    pub workspace: Workspace,
    /// True if the request has `?confirm=true`.
    pub confirmed: bool,
}

impl Admin {
    /// Returns the actor of a change, as the domain modules expect it.
    pub(super) fn by<'a>(&'a self, address: &'a str) -> By<'a> {
        By {
            business_id: &self.workspace.id,
            actor: self.who.email(),
            address,
            who: Some(&self.who),
            confirmed: self.confirmed,
        }
    }
}

/// Returns the token of `Authorization: Bearer` (RFC 6750 §2.1).
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| token.trim())
}

/// True if the query has `confirm=true`: the client has seen the warnings and
/// wants the change.
fn is_confirmed(parts: &Parts) -> Result<bool, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let mut confirmed = false;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        confirmed |= match (&*name, &*value) {
            ("confirm", "true" | "1") => true,
            ("confirm", "false" | "0") => false,
            ("confirm", other) => {
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "invalid-query",
                    format!("invalid confirm: expected true or false, got {other:?}"),
                ));
            }
            _ => false,
        };
    }
    Ok(confirmed)
}

impl FromRequestParts<Portal> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> Result<Self, Problem> {
        let Caller(who) = Caller::from_request_parts(parts, portal).await?;
        let Some(workspace) = who.workspace().cloned() else {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "no-workspace",
                "no business account is selected: register a license key, or choose one with PUT /api/session/workspace",
            ));
        };
        if workspace.role != Role::Admin {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "not-an-admin",
                format!(
                    "only admins of {} may do this: ask one of them",
                    workspace.name
                ),
            ));
        }
        Ok(Self {
            who,
            workspace,
            confirmed: is_confirmed(parts)?,
        })
    }
}
