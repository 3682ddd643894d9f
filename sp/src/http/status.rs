//! The endpoints `/healthz` (the process runs), `/readyz` (the database accepts
//! writes) and `/metrics` (Prometheus).

use std::sync::OnceLock;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Portal;

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(check_readiness))
        .route("/metrics", get(render))
}

async fn check_readiness(State(portal): State<Portal>) -> Response {
    match portal.store.try_write().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            let text = format!("cannot write to the database: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// Returns the metrics recorder. A process has only one; in a simulation the
/// party that starts first installs it.
fn recorder() -> &'static Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok())
}

async fn render() -> Response {
    match recorder() {
        Some(handle) => handle.render().into_response(),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "metrics are not available: another party in this process has installed the recorder",
        )
            .into_response(),
    }
}

/// Counts requests by route, method and status.
pub(super) async fn count(request: Request, next: Next) -> Response {
    recorder();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none".to_owned(), |path| path.as_str().to_owned());
    // An invented method name must not create a new time series, which would
    // never be deleted.
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("sp_http_requests_total", "route" => route, "method" => method, "status" => status)
        .increment(1);
    response
}
