//! The console: the administrator's pages, with the names and in the order of
//! the guide. Server-rendered; works without JavaScript.
//!
//! | navigation | file |
//! | --- | --- |
//! | Start page: environments | `start` |
//! | Connections → Applications | `applications/` |
//! | Connections → Provisioning | `provisioning/` |
//! | Identities → Users, Groups, Populations | `users`, `groups`, `populations` |
//! | Settings → Environment Properties, Certificates & Key Pairs | `environment`, `certificates` |
//! | Settings → Misbehavior | `misbehavior` |
//!
//! A page is a handler that asks the domain and a function that writes the
//! page from a [`form::Form`]: a form that the domain refuses is written again
//! with what was typed and what was wrong beside each field. To add a page: a
//! file with `router()`, a line in [`router`], and where it belongs in the
//! navigation a line in [`layout::Here`].

mod applications;
mod attributes;
mod certificates;
mod document;
mod environment;
mod form;
mod groups;
mod layout;
mod misbehavior;
mod parts;
mod populations;
mod provisioning;
mod session;
mod start;
mod tabbed;
mod users;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use maud::html;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::Idp;

/// Nothing but the console's own style sheet and script; forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Every page, guarded.
pub(super) fn router(idp: Idp) -> Router<Idp> {
    let guarded = Router::new()
        .merge(start::router())
        .merge(applications::router())
        .merge(provisioning::router())
        .merge(users::router())
        .merge(groups::router())
        .merge(populations::router())
        .merge(certificates::router())
        .merge(misbehavior::router())
        .merge(environment::router())
        .route("/sign-off", post(session::sign_off))
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(idp, session::guard));
    Router::new()
        .merge(session::router())
        .route("/assets/console.css", get(style))
        .route("/assets/console.js", get(script))
        .merge(guarded)
        .layer(SetResponseHeaderLayer::overriding(
            HeaderName::from_static("content-security-policy"),
            HeaderValue::from_static(POLICY),
        ))
}

async fn nothing_here(State(_): State<Idp>) -> Response {
    document::alone(
        StatusCode::NOT_FOUND,
        "Not found",
        &html! {
            p { "There is nothing at this address." }
            p { a href="/console" { "Back to the start page" } }
        },
    )
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "private, max-age=300"),
    ];
    (headers, text).into_response()
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", crate::CONSOLE_STYLE)
}

/// What is better with a script: copy buttons.
async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("console.js"))
}
