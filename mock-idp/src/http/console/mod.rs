//! The console: the administrator's pages, with the names and the order of the guide. They are
//! rendered on the server and work without JavaScript.
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
//! A page consists of a handler, which calls the domain, and a function, which renders the page
//! from a [`form::Form`]. If the domain refuses a form, the page shows it again with its values
//! and with the error next to each field. To add a page, write a file with `router()`, add a
//! line to [`router`] and, if the navigation should show it, one to [`layout::Here`].

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

/// Content security policy: only the console's own style sheet and script, and forms to the
/// console only.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Returns the routes of all pages. All but the sign-on page need a signed-on administrator.
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
        .fallback(show_not_found)
        .layer(middleware::from_fn_with_state(idp, session::guard));
    Router::new()
        .merge(session::router())
        .route("/assets/console.css", get(serve_style))
        .route("/assets/console.js", get(serve_script))
        .merge(guarded)
        .layer(SetResponseHeaderLayer::overriding(
            HeaderName::from_static("content-security-policy"),
            HeaderValue::from_static(POLICY),
        ))
}

async fn show_not_found(State(_): State<Idp>) -> Response {
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

async fn serve_style() -> Response {
    asset("text/css; charset=utf-8", crate::CONSOLE_STYLE)
}

/// Returns the script of the pages, for the copy buttons.
async fn serve_script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("console.js"))
}
