//! All HTTP routes. A handler decodes the request, calls the domain and encodes
//! the answer.

mod accounts;
mod body;
mod business;
mod caller;
mod configurator;
mod control;
mod desktop;
mod login;
mod logout;
mod nul_character;
mod openapi;
mod pages;
mod parameters;
pub mod problem;
mod revocation;
pub mod scim;
mod scim_log;
mod status;

pub use control::router as control_router;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use saml::binding::repost;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::Portal;
use problem::Problem;

/// Maximum body size in bytes; larger than usual Responses and SCIM resources.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Maximum body size in bytes for routes that take metadata: JSON and forms
/// escape quotes and angle brackets, and a form may contain both a file and a
/// text.
const LARGEST_METADATA_BODY: usize = 2 * saml::metadata::MAX_METADATA_BYTES;

/// Returns the maximum body size at this path, in bytes.
fn largest_body(path: &str) -> usize {
    if path == configurator::METADATA_PATH || pages::METADATA_PATHS.contains(&path) {
        LARGEST_METADATA_BODY
    } else {
        LARGEST_BODY
    }
}

/// Returns the reason for refusing a body above the limit.
fn too_large(limit: usize) -> String {
    format!(
        "it is larger than the limit of {} MB; if it is the metadata of a federation, save only the entity of your identity provider",
        limit / 1024 / 1024
    )
}

/// Returns all routes of the public listener.
pub fn router(portal: Portal) -> Router {
    let api = openapi::router(openapi::guarded_routes()).layer(middleware::from_fn_with_state(
        portal.clone(),
        body::require_same_origin,
    ));
    let strict_transport = portal
        .is_https()
        .then(|| fixed_header("strict-transport-security", "max-age=31536000"));
    Router::new()
        .merge(api)
        .merge(openapi::router(desktop::routes()))
        .route("/api/openapi.json", get(show_openapi_document))
        .merge(login::router())
        .merge(logout::router())
        .merge(revocation::router())
        .merge(pages::router())
        .merge(status::router())
        .merge(scim::router().layer(middleware::from_fn_with_state(
            portal.clone(),
            scim_log::note_exchange,
        )))
        .fallback(answer_not_found)
        .method_not_allowed_fallback(answer_wrong_method)
        .layer((
            // The first is the outermost. They are one layer, because the router allocates memory
            // for each of its layers at each request, and again for all layers within.
            ambient::telemetry::trace_requests(),
            CatchPanicLayer::custom(|_| {
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "internal error of the portal: see its log",
                )
                .into_response()
            }),
            middleware::from_fn(limit_body),
            tower::util::option_layer(strict_transport),
            fixed_header(
                "content-security-policy",
                // No form-action: browsers apply it to the redirects after a form
                // as well, and Continue with SSO redirects to an IdP that is not
                // known here.
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
            ),
            fixed_header("referrer-policy", "same-origin"),
            fixed_header("x-frame-options", "DENY"),
            fixed_header("x-content-type-options", "nosniff"),
            middleware::from_fn_with_state(
                portal.config.simulation_url.as_ref().map(|url| url.as_str().into()),
                ambient::with_simulation_link,
            ),
            middleware::from_fn(status::count),
            middleware::from_fn(nul_character::refuse),
        ))
        .with_state(portal)
}

/// Returns the OpenAPI document. It is made when it is read, because it takes a
/// considerable part of a start.
async fn show_openapi_document(State(portal): State<Portal>) -> Json<serde_json::Value> {
    Json(openapi::document(&portal.base_url))
}

/// Sets the maximum body size of a request according to its path.
async fn limit_body(mut request: Request, next: Next) -> Response {
    let limit = largest_body(request.uri().path());
    DefaultBodyLimit::max(limit).apply(&mut request);
    next.run(request).await
}

fn fixed_header(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

async fn answer_not_found(uri: Uri) -> Response {
    if is_for_programs(uri.path()) {
        Problem::not_found(format!("resource not found: {}", uri.path())).into_response()
    } else {
        (
            StatusCode::NOT_FOUND,
            pages::message("Not found", "There is no such page here."),
        )
            .into_response()
    }
}

async fn answer_wrong_method(uri: Uri) -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        format!("method not allowed at {}", uri.path()),
    )
    .into_response()
}

fn is_for_programs(path: &str) -> bool {
    ["/api/", "/desktop/", "/scim/", "/control/"]
        .iter()
        .any(|prefix| path.starts_with(prefix))
}

/// True if a page of another site made the browser post this request. The
/// browser then does not send `SameSite=Lax` cookies.
fn is_posted_across_sites(portal: &Portal, headers: &HeaderMap) -> bool {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let site = value(HeaderName::from_static("sec-fetch-site"));
    repost::is_posted_across_sites(value(header::ORIGIN), site, &portal.origin())
}

/// Adds `Cache-Control: no-store` to the answer.
fn no_store(response: impl axum::response::IntoResponse) -> Response {
    let mut response = response.into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
