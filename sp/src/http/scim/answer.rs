//! Encodes resources, lists and errors as SCIM answers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scim::schema::ResourceType;
use scim::{ListResponse, MEDIA_TYPE, Projection};

use crate::directory::{Answered, DirectoryError, Precondition, apply_projection, etag, names};

/// A SCIM error and an additional header.
pub(super) struct Failure {
    error: scim::Error,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    /// 401: missing or invalid bearer token (RFC 6750 §3).
    pub(super) fn unauthorized(detail: &str, challenge: &'static str) -> Self {
        Self {
            error: scim::Error::new(401, detail),
            header: Some((
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(challenge),
            )),
        }
    }

    /// 405, with the supported methods in `Allow`.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            error: scim::Error::new(
                405,
                format!("method not supported at this path; supported: {allow}"),
            ),
            header: Some((header::ALLOW, HeaderValue::from_static(allow))),
        }
    }

    /// 429, with the seconds to wait in `Retry-After` (RFC 6585 §4).
    pub(super) fn too_many_requests(seconds: i64) -> Self {
        Self {
            error: scim::Error::new(
                429,
                format!("too many requests: try again in {seconds} seconds"),
            ),
            header: Some((header::RETRY_AFTER, HeaderValue::from(seconds))),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = scim_response(status, self.error.to_json().to_string());
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<scim::Error> for Failure {
    fn from(error: scim::Error) -> Self {
        Self {
            error,
            header: None,
        }
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Scim(error) => error.into(),
            DirectoryError::Store(error) => {
                tracing::error!(%error, "the directory's database failed");
                scim::Error::new(500, "internal error of the directory: try again later").into()
            }
        }
    }
}

pub(super) type Outcome = Result<Response, Failure>;

pub(super) fn scim_response(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for value in headers.get_all(name) {
        let value = value.to_str().ok()?;
        all.extend(value.split(',').map(|tag| tag.trim().to_owned()));
    }
    (!all.is_empty()).then_some(all)
}

/// Reads the `If-Match` and `If-None-Match` headers of a request that changes a resource. The
/// latter, too, forbids the change (RFC 9110 §13.1.2).
pub(super) fn precondition(headers: &HeaderMap) -> Precondition {
    Precondition {
        one_of: tags(headers, header::IF_MATCH),
        none_of: tags(headers, header::IF_NONE_MATCH),
    }
}

fn add_headers(mut response: Response, answered: &Answered) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ETAG, etag(answered.version)),
        (header::CONTENT_LOCATION, answered.location.clone()),
        (header::LOCATION, answered.location.clone()),
    ] {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    response
}

/// Encodes a resource with ETag and Location.
pub(super) fn resource(
    status: StatusCode,
    answered: Answered,
    projection: &Projection,
    of: &ResourceType,
) -> Response {
    let text = apply_projection(answered.text.clone(), projection, of);
    add_headers(scim_response(status, text), &answered)
}

/// Creates a 204 answer with ETag and Location.
pub(super) fn done(answered: &Answered) -> Response {
    add_headers(StatusCode::NO_CONTENT.into_response(), answered)
}

/// Returns 304 if `If-None-Match` names the current version (RFC 7644 §3.14).
pub(super) fn unless_known(headers: &HeaderMap, answered: &Answered) -> Option<Response> {
    let known = tags(headers, header::IF_NONE_MATCH)?;
    names(&known, answered.version)
        .then(|| add_headers(StatusCode::NOT_MODIFIED.into_response(), answered))
}

/// Encodes a list.
pub(super) fn list_response(response: &ListResponse) -> Response {
    scim_response(StatusCode::OK, response.to_text())
}
