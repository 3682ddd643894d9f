//! The token endpoint for workers: OAuth client credentials (RFC 6749 §4.4).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::hal::Problem;
use crate::Idp;
use crate::applications::workers::TokenRefused;

pub(super) fn router() -> Router<Idp> {
    Router::new().route("/{env}/as/token", post(token))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

/// Returns the credentials of `Authorization: Basic`, which are form-encoded inside (RFC 6749
/// §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let plain = |text: &str| {
        url::form_urlencoded::parse(text.as_bytes())
            .next()
            .map_or_else(String::new, |(name, _)| name.into_owned())
    };
    Some((plain(id), plain(secret)))
}

fn refused(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    let mut answer = (status, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            header::HeaderValue::from_static("Basic"),
        );
    }
    answer
}

async fn token(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    if asked.grant_type != "client_credentials" {
        return refused(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "Expected grant_type=client_credentials.",
        );
    }
    let (client, secret) = basic(&headers).unwrap_or((asked.client_id, asked.client_secret));
    match idp.issue_token(&env, &client, &secret).await {
        Ok(Ok((token, seconds))) => Json(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": seconds,
        }))
        .into_response(),
        Ok(Err(TokenRefused::InvalidClient)) => refused(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Expected the client id and secret of a worker of this environment.",
        ),
        Ok(Err(TokenRefused::UnauthorizedClient)) => refused(
            StatusCode::BAD_REQUEST,
            "unauthorized_client",
            "The worker is disabled.",
        ),
        Err(error) => Problem::from(error).into_response(),
    }
}
