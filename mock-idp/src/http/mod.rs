//! The HTTP layer: handlers decode the request, call the domain and encode the answer.

mod console;
mod control;
mod hal;
mod management;
mod multipart;
mod pages;
mod saml;
mod socket;
mod token;
mod transport;

pub(crate) use control::router as control_router;
pub(crate) use socket::Breakable;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::Idp;

/// Maximum size of a request body in bytes. It is larger than usual requests and metadata.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// Returns all routes except those of the control port.
pub(crate) fn router(idp: Idp) -> Router {
    let fixed = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    Router::new()
        .nest("/v1", management::router(idp.clone()))
        .merge(transport::around(saml::router(), idp.clone()))
        .nest("/console", console::router(idp.clone()))
        .route("/", get(async || Redirect::to("/console")))
        .merge(token::router())
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(check_readiness))
        .route("/metrics", get(show_metrics))
        .fallback(pages::show_not_found)
        .layer((
            // The first is the outermost. They are one layer, because the router allocates memory
            // for each of its layers at each request, and again for all layers within.
            ambient::telemetry::trace_requests(),
            CatchPanicLayer::custom(|_| hal::Problem::internal().into_response()),
            DefaultBodyLimit::max(LARGEST_BODY),
            SetResponseHeaderLayer::if_not_present(
                header::CONTENT_SECURITY_POLICY,
                pages::policy(),
            ),
            fixed("cache-control", "no-store"),
            fixed("referrer-policy", "same-origin"),
            fixed("x-frame-options", "DENY"),
            fixed("x-content-type-options", "nosniff"),
            axum::middleware::from_fn_with_state(
                idp.config
                    .simulation_url
                    .as_ref()
                    .map(|url| url.as_str().into()),
                ambient::with_simulation_link,
            ),
        ))
        .with_state(idp)
}

async fn check_readiness(State(idp): State<Idp>) -> Response {
    match idp.store.try_write().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("cannot write to the database: {error}\n"),
            )
                .into_response()
        }
    }
}

/// Returns the metrics in Prometheus' text format. They are counted at each request.
async fn show_metrics(State(idp): State<Idp>) -> Response {
    let environments = idp.list_environments().await.unwrap_or_default();
    let mut users = 0;
    for environment in &environments {
        users += idp.count_users(&environment.id).await.unwrap_or_default();
    }
    let text = format!(
        "# TYPE mock_idp_environments gauge\nmock_idp_environments {}\n\
         # TYPE mock_idp_users gauge\nmock_idp_users {users}\n",
        environments.len()
    );
    ([("content-type", "text/plain; version=0.0.4")], text).into_response()
}
