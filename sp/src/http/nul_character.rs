//! Refuses requests with the character NUL in the URL or in a form, before they
//! are parsed. No valid value contains it, and PostgreSQL cannot store it.
//! (JSON bodies: [`super::body::Body`]; SCIM: its schemas.)

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;
use super::{is_for_programs, largest_body, pages, scim};

const REASON: &str = "invalid request: it contains the character NUL (%00); remove it";

pub(super) async fn refuse(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().contains("%00")) {
        return refusal(&path, StatusCode::BAD_REQUEST, REASON);
    }
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_form = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let limit = largest_body(&path);
    let Ok(bytes) = to_bytes(body, limit).await else {
        let reason =
            format!("invalid request: the form is longer than {limit} bytes or incomplete");
        return refusal(&path, StatusCode::PAYLOAD_TOO_LARGE, &reason);
    };
    let has_nul = bytes.contains(&0) || memchr::memmem::find(&bytes, b"%00").is_some();
    if has_nul {
        return refusal(&path, StatusCode::BAD_REQUEST, REASON);
    }
    next.run(Request::from_parts(parts, Body::from(bytes)))
        .await
}

fn refusal(path: &str, status: StatusCode, reason: &str) -> Response {
    if path.starts_with("/scim/") {
        scim::error(status, reason)
    } else if is_for_programs(path) {
        Problem::new(status, "invalid-request", reason).into_response()
    } else {
        (status, pages::message("Invalid request", reason)).into_response()
    }
}

/// True if a string of the JSON text contains NUL, escaped or literally.
pub(super) fn is_in_json(text: &[u8]) -> bool {
    let escape = br"\u0000";
    text.contains(&0)
        || memchr::memmem::find_iter(text, escape).any(|at| {
            let before = text[..at].iter().rev();
            // After an odd number of backslashes, the backslash of `\u0000`
            // itself is escaped.
            before.take_while(|&&byte| byte == b'\\').count() % 2 == 0
        })
}

#[cfg(test)]
mod tests {
    use super::is_in_json;

    #[test]
    fn nul_is_found_by_its_escape_only() {
        assert!(is_in_json(br#"{"a":"b\u0000"}"#));
        assert!(is_in_json(br#"{"a":"b\\\u0000"}"#));
        assert!(is_in_json(b"\"\0\""));
        assert!(!is_in_json(br#"{"a":"b\\u0000"}"#));
        assert!(!is_in_json(br#"{"a":"\u0001 u0000"}"#));
    }
}
