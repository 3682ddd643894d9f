//! Reads JSON request bodies of the API, and protects against cross-site
//! requests.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;

use super::nul_character;
use super::problem::Problem;
use super::{largest_body, too_large};
use crate::Portal;

/// A JSON request body. An empty body is read as `{}`.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Portal> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, portal: &Portal) -> Result<Self, Problem> {
        let limit = largest_body(request.uri().path());
        let bytes = Bytes::from_request(request, portal)
            .await
            .map_err(|error| match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    let detail = format!("the body was not read: {}", too_large(limit));
                    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
                }
                status => Problem::new(status, "unreadable-body", error.body_text()),
            })?;
        if nul_character::is_in_json(&bytes) {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-body",
                "invalid body: a string contains the character NUL (\\u0000); remove it",
            ));
        }
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        // serde would otherwise accept an array with the values of the struct's
        // members.
        if text.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-body",
                "invalid body: expected a JSON object, got an array",
            ));
        }
        let malformed = |error: &serde_json::Error| {
            Problem::new(StatusCode::BAD_REQUEST, "malformed-json", error.to_string())
        };
        let mut json = serde_json::Deserializer::from_slice(text);
        let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            match error.inner().is_data() {
                true => {
                    let detail = describe(&error.path().to_string(), error.inner());
                    Problem::new(StatusCode::BAD_REQUEST, "invalid-body", detail)
                }
                false => malformed(error.inner()),
            }
        })?;
        json.end().map_err(|error| malformed(&error))?;
        Ok(Self(body))
    }
}

/// Describes a wrong value by the member that contains it, without line and column: programs write a
/// body in one line.
fn describe(path: &str, error: &serde_json::Error) -> String {
    let error = error.to_string();
    let what = error.split(" at line ").next().unwrap_or(&error);
    match path {
        "." => format!("invalid body: {what}"),
        path => format!("invalid {path}: {what}"),
    }
}

/// Prevents cross-site request forgery. Requests with unsafe methods need a
/// JSON body, which HTML forms cannot send; if they have an `Origin` header, it
/// must be the portal's origin.
pub(super) async fn require_same_origin(
    State(portal): State<Portal>,
    request: Request,
    next: Next,
) -> Response {
    let is_safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if !is_safe && let Err(problem) = judge(&portal, &request) {
        return problem.into_response();
    }
    next.run(request).await
}

fn judge(portal: &Portal, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    if let Some(origin) = headers.get(header::ORIGIN)
        && origin.as_bytes() != portal.origin().as_bytes()
    {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "foreign-origin",
            format!(
                "requests from other sites are refused: the Origin must be {}",
                portal.origin()
            ),
        ));
    }
    let has_body = headers
        .get(header::CONTENT_LENGTH)
        .is_some_and(|length| length != "0")
        || headers.contains_key(header::TRANSFER_ENCODING);
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| {
            kind.split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
    if has_body && !is_json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "json-wanted",
            "send the body as Content-Type: application/json",
        ));
    }
    Ok(())
}
