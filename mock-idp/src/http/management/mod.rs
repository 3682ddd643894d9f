//! The management API, with PingOne's resource names, below `/v1`.
//!
//! Each file has the routes of one resource. [`routes`] collects them, and the OpenAPI document
//! is generated from the same list.

mod applications;
mod certificates;
mod environments;
mod expressions;
mod groups;
mod keys;
mod openapi;
mod passwords;
mod propagation;
mod route;
mod synchronization;
mod users;
mod validation;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};

use super::hal::{self, Problem};
use crate::Idp;
use crate::applications::workers::Caller;
use route::Route;

/// Returns all routes of the management API.
fn routes() -> Vec<Route> {
    [
        environments::routes(),
        users::routes(),
        groups::routes(),
        applications::routes(),
        keys::routes(),
        certificates::routes(),
        propagation::routes(),
        synchronization::routes(),
        expressions::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the router of the management API. All routes need an access token, except the
/// OpenAPI document.
pub(super) fn router(idp: Idp) -> Router<Idp> {
    let mut router = Router::new();
    for route in routes() {
        let answers = match validation::schema_of(&route) {
            Some(schema) => route
                // `route_layer` does not run for methods that the path does not have: these are
                // answered with 405.
                .answers
                .route_layer(middleware::from_fn_with_state(schema, validation::check)),
            None => route.answers,
        };
        router = router.route(&route.path, answers);
    }
    router
        .fallback(async || Problem::not_found("Resource not found.").into_response())
        .layer(middleware::from_fn_with_state(idp, refuse_unknown_callers))
        .route("/openapi.json", get(show_openapi_document))
}

/// Returns the OpenAPI document. It is made when it is read, because it takes a considerable part
/// of a start.
async fn show_openapi_document(State(idp): State<Idp>) -> Json<serde_json::Value> {
    Json(openapi::document(&idp.base_url, &routes()))
}

/// Returns the id of the environment in a path below `/v1`.
fn environment_of(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let id = path.strip_prefix("/environments/")?.split('/').next()?;
    Some(id).filter(|id| !id.is_empty())
}

async fn refuse_unknown_callers(
    State(idp): State<Idp>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map_or("", |(_, token)| token.trim());
    let refused = match idp.find_caller(token).await {
        Err(error) => Problem::from(error).into_response(),
        Ok(None) => {
            let mut refused = Problem::new(
                StatusCode::UNAUTHORIZED,
                "ACCESS_FAILED",
                "The request could not be completed. Send the admin token or the access token of a worker: Authorization: Bearer <token>.",
            )
            .into_response();
            refused.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                header::HeaderValue::from_static("Bearer"),
            );
            refused
        }
        Ok(Some(Caller::Worker { environment }))
            if environment_of(request.uri().path()).is_some_and(|asked| asked != environment)
                || environment_of(request.uri().path()).is_none()
                    && request.method() != axum::http::Method::GET =>
        {
            Problem::new(
                StatusCode::FORBIDDEN,
                "ACCESS_FAILED",
                format!("This worker can access its own environment {environment} only."),
            )
            .into_response()
        }
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    };
    hal::add_error_id(refused, || idp.new_id()).await
}

/// Returns the URL of a resource in an environment.
fn href(idp: &Idp, environment: &str, path: &str) -> String {
    format!("{}/v1/environments/{environment}{path}", idp.base_url)
}
