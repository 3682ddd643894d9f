//! Records the outcome of each SCIM request for the sync log.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::Portal;
use crate::directory::sync_log::{self, Noted};

/// Maximum length of the stored detail, in characters.
const LONGEST: usize = 2000;

pub(super) async fn note_exchange(
    State(portal): State<Portal>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().as_str().to_owned();
    let target = request.uri().path_and_query().map(ToString::to_string);
    let target = target.unwrap_or_default();
    let began = portal.now();
    let response = next.run(request).await;
    let mut parts = target.trim_start_matches("/scim/").splitn(3, '/');
    let (Some(tenant), Some(_version)) = (parts.next(), parts.next()) else {
        return response;
    };
    let tenant_id = tenant.to_owned();
    let path = format!("/{}", parts.next().unwrap_or_default());
    let status = response.status();
    let (response, detail) = if status.is_client_error() || status.is_server_error() {
        with_detail(response).await
    } else {
        (response, String::new())
    };
    let took = portal.now().duration_since(began).as_millis();
    let noted = Noted {
        tenant_id,
        method,
        path,
        status: status.as_u16(),
        detail,
        took_ms: i64::try_from(took).unwrap_or(i64::MAX),
    };
    sync_log::note(&portal, noted);
    response
}

/// Returns the `detail` of a SCIM error (RFC 7644 §3.12) and the unchanged
/// answer.
async fn with_detail(response: Response) -> (Response, String) {
    let (parts, body) = response.into_parts();
    // No limit: errors are created by the portal itself and are small.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return (Response::from_parts(parts, Body::empty()), String::new());
    };
    let error: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let detail = error["detail"].as_str().unwrap_or_default();
    let detail = detail.chars().take(LONGEST).collect();
    (Response::from_parts(parts, Body::from(bytes)), detail)
}
