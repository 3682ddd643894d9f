//! `/healthz`, `/readyz` and `/metrics`.

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
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
}

async fn ready(State(portal): State<Portal>) -> Response {
    match portal.store.try_write().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            let text = format!("the database can't be written to: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// One recorder a process, whoever starts it first: in simulations all
/// parties share it.
fn recorder() -> &'static Option<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok())
}

async fn render() -> Response {
    match recorder() {
        Some(handle) => handle.render().into_response(),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "another party of this process keeps the metrics",
        )
            .into_response(),
    }
}

/// Counts requests by route and status.
pub(super) async fn count(request: Request, next: Next) -> Response {
    recorder();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none".to_owned(), |path| path.as_str().to_owned());
    // A name that somebody made up would be a time series of its own, kept for good.
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
