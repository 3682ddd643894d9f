//! The SCIM service provider's routes, under `/scim/{tenant}/v2` (RFC 7644).
//!
//! - [`caller`]: who asks, how often, and what they can read.
//! - [`answer`]: resources, lists and errors on their way out.
//! - [`resources`]: users and groups; [`search`]: both at once;
//!   [`bulk`]: several operations in one; [`discovery`].

mod answer;
mod body;
mod bulk;
mod caller;
mod discovery;
mod resources;
mod search;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, get, post};

use crate::Portal;
use answer::Failure;
use caller::Caller;

/// A group of 50,000 members, replaced as a whole, has its place.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// A SCIM error without a keyword.
pub(super) fn error(status: StatusCode, detail: &str) -> Response {
    Failure::from(scim::Error::new(status.as_u16(), detail)).into_response()
}

/// The SCIM routes.
pub fn router() -> Router<Portal> {
    let at = |path: &str| format!("/scim/{{tenant}}/v2{path}");
    Router::new()
        .merge(resources::router())
        .route(&at("/.search"), closed("POST", post(search::everything)))
        .route(&at("/Bulk"), closed("POST", post(bulk::carry_out)))
        .route(&at("/Me"), any(nobody))
        .route(
            &at("/ServiceProviderConfig"),
            closed("GET, HEAD", get(discovery::service_provider_config)),
        )
        .route(
            &at("/ResourceTypes"),
            closed("GET, HEAD", get(discovery::resource_types)),
        )
        .route(
            &at("/ResourceTypes/{name}"),
            closed("GET, HEAD", get(discovery::resource_type)),
        )
        .route(
            &at("/Schemas"),
            closed("GET, HEAD", get(discovery::schemas)),
        )
        .route(
            &at("/Schemas/{id}"),
            closed("GET, HEAD", get(discovery::schema)),
        )
        .route(&at("/{*rest}"), any(nothing_here))
        .route(&at(""), any(nothing_here))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// A path that takes these methods; others get SCIM's own error.
fn closed(allow: &'static str, methods: MethodRouter<Portal>) -> MethodRouter<Portal> {
    methods.fallback(async move |_: Caller| Failure::method_not_allowed(allow))
}

/// `/Me` (RFC 7644 §3.11): the token is the identity provider's, which is no
/// user of the directory.
async fn nobody(_: Caller) -> Failure {
    scim::Error::new(
        501,
        "this bearer token stands for an identity provider, not for a user: /Me means nobody",
    )
    .into()
}

async fn nothing_here(_: Caller) -> Failure {
    scim::Error::new(
        404,
        "there is no such endpoint: GET /ResourceTypes has them all",
    )
    .into()
}
