//! The SCIM service provider's routes, under `/scim/{tenant}/v2` (RFC 7644).
//!
//! - [`caller`]: authentication, rate limit and the `Accept` header.
//! - [`answer`]: encoding of resources, lists and errors.
//! - [`resources`]: users and groups; [`search`]: search in both; [`bulk`]:
//!   several operations in one request; [`discovery`].

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

/// Maximum body size in bytes; enough to replace a group of 50,000 members.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// Creates a SCIM error without a `scimType`.
pub(super) fn error(status: StatusCode, detail: &str) -> Response {
    Failure::from(scim::Error::new(status.as_u16(), detail)).into_response()
}

/// Returns the SCIM routes.
pub fn router() -> Router<Portal> {
    let at = |path: &str| format!("/scim/{{tenant}}/v2{path}");
    Router::new()
        .merge(resources::router())
        .route(
            &at("/.search"),
            refuse_other_methods("POST", post(search::search_all)),
        )
        .route(
            &at("/Bulk"),
            refuse_other_methods("POST", post(bulk::carry_out)),
        )
        .route(&at("/Me"), any(refuse_me_endpoint))
        .route(
            &at("/ServiceProviderConfig"),
            refuse_other_methods("GET, HEAD", get(discovery::read_service_provider_config)),
        )
        .route(
            &at("/ResourceTypes"),
            refuse_other_methods("GET, HEAD", get(discovery::list_resource_types)),
        )
        .route(
            &at("/ResourceTypes/{name}"),
            refuse_other_methods("GET, HEAD", get(discovery::read_resource_type)),
        )
        .route(
            &at("/Schemas"),
            refuse_other_methods("GET, HEAD", get(discovery::list_schemas)),
        )
        .route(
            &at("/Schemas/{id}"),
            refuse_other_methods("GET, HEAD", get(discovery::read_schema)),
        )
        .route(&at("/{*rest}"), any(answer_not_found))
        .route(&at(""), any(answer_not_found))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// Adds the answer 405, as a SCIM error, for all other methods at a path.
fn refuse_other_methods(
    allow: &'static str,
    methods: MethodRouter<Portal>,
) -> MethodRouter<Portal> {
    methods.fallback(async move |_: Caller| Failure::method_not_allowed(allow))
}

/// Answers 501 at `/Me` (RFC 7644 §3.11): the bearer token belongs to the
/// identity provider, which is not a user of the directory.
async fn refuse_me_endpoint(_: Caller) -> Failure {
    scim::Error::new(
        501,
        "/Me is not supported: this bearer token belongs to an identity provider, not to a user",
    )
    .into()
}

async fn answer_not_found(_: Caller) -> Failure {
    scim::Error::new(
        404,
        "endpoint not found: GET /ResourceTypes lists all endpoints",
    )
    .into()
}
