//! Serves the style sheet and the script, which are compiled into the binary.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::Portal;
use crate::store::fingerprint;

const STYLE: &str = include_str!("portal.css");
const SCRIPT: &str = include_str!("portal.js");

/// URLs with a hash of the content, so that browsers may cache the
/// files forever.
pub(super) static STYLE_AT: LazyLock<String> = LazyLock::new(|| at("portal.css", STYLE));
pub(super) static SCRIPT_AT: LazyLock<String> = LazyLock::new(|| at("portal.js", SCRIPT));

fn at(name: &str, content: &str) -> String {
    format!("/assets/{name}?{}", &fingerprint(content)[..12])
}

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route(
            "/assets/portal.css",
            get(async || serve_asset("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/assets/portal.js",
            get(async || serve_asset("text/javascript; charset=utf-8", SCRIPT)),
        )
}

fn serve_asset(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}
