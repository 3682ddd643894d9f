//! The authorization server of an environment: the token endpoint for workers (OAuth client
//! credentials, RFC 6749 §4.4), its metadata (RFC 8414) and its keys.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::hal::{Answer, Problem};
use crate::Idp;
use crate::applications::workers::{ClientProof, TokenRefused, TokenRequest};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/as/token", post(issue_token))
        .route("/{env}/as/jwks", get(show_keys))
        // RFC 8414 §3.1 inserts the well-known part before the path of the issuer; OpenID
        // Connect appends it, and PingOne serves only that.
        .route(
            "/.well-known/oauth-authorization-server/{env}/as",
            get(show_metadata),
        )
        .route(
            "/{env}/as/.well-known/oauth-authorization-server",
            get(show_metadata),
        )
        .route(
            "/{env}/as/.well-known/openid-configuration",
            get(show_metadata),
        )
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion_type: Option<String>,
    client_assertion: Option<String>,
    scope: Option<String>,
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

fn refusal(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({"error": error, "error_description": description});
    let uncached = [(header::CACHE_CONTROL, "no-store")];
    let mut answer = (status, uncached, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            header::HeaderValue::from_static("Basic"),
        );
    }
    answer
}

/// The type of a client assertion that is a JWT (RFC 7523 §2.2).
const JWT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Returns how the client authenticates. It must not use more than one way (RFC 6749 §2.3).
fn request(headers: &HeaderMap, asked: Asked) -> Result<TokenRequest, &'static str> {
    let basic = basic(headers);
    let ways = [
        headers.contains_key(header::AUTHORIZATION),
        asked.client_secret.is_some(),
        asked.client_assertion.is_some(),
    ];
    if ways.into_iter().filter(|is_used| *is_used).count() > 1 {
        return Err("Expected one way of client authentication.");
    }
    let scope = asked.scope.filter(|scope| !scope.is_empty());
    if let Some(assertion) = asked.client_assertion {
        if asked.client_assertion_type.as_deref() != Some(JWT_ASSERTION) {
            return Err("Expected the client_assertion_type of a JWT (RFC 7523).");
        }
        return Ok(TokenRequest {
            client: asked.client_id,
            proof: ClientProof::Assertion(assertion),
            scope,
        });
    }
    let (client, secret) = match basic {
        Some((client, secret)) => (Some(client), secret),
        None => (asked.client_id, asked.client_secret.unwrap_or_default()),
    };
    Ok(TokenRequest {
        client,
        proof: ClientProof::Secret(secret),
        scope,
    })
}

async fn issue_token(
    State(idp): State<Idp>,
    Path(env): Path<String>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    let bad_request =
        |error: &str, description: &str| refusal(StatusCode::BAD_REQUEST, error, description);
    match asked.grant_type.as_deref() {
        Some("client_credentials") => {}
        None => return bad_request("invalid_request", "Expected grant_type."),
        Some(_) => {
            return bad_request(
                "unsupported_grant_type",
                "Expected grant_type=client_credentials.",
            );
        }
    }
    let request = match request(&headers, asked) {
        Ok(request) => request,
        Err(why) => return bad_request("invalid_request", why),
    };
    match idp.issue_token(&env, &request).await {
        Ok(Ok(issued)) => {
            let mut body = json!({
                "access_token": issued.token,
                "token_type": "Bearer",
                "expires_in": issued.lifetime,
            });
            if let Some(scope) = issued.scope {
                body["scope"] = scope.into();
            }
            // Required with tokens (RFC 6749 §5.1).
            let uncached = [
                (header::CACHE_CONTROL, "no-store"),
                (header::PRAGMA, "no-cache"),
            ];
            (uncached, Json(body)).into_response()
        }
        Ok(Err(TokenRefused::InvalidClient(why))) => {
            refusal(StatusCode::UNAUTHORIZED, "invalid_client", &why)
        }
        Ok(Err(TokenRefused::UnauthorizedClient)) => {
            bad_request("unauthorized_client", "The worker is disabled.")
        }
        Ok(Err(TokenRefused::InvalidScope(scope))) => bad_request(
            "invalid_scope",
            &format!("The worker may not have the scope {scope}."),
        ),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn show_metadata(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    Ok(Json(idp.oauth_metadata(&env).await?).into_response())
}

async fn show_keys(State(idp): State<Idp>, Path(env): Path<String>) -> Answer {
    Ok(Json(idp.oauth_keys(&env).await?).into_response())
}
