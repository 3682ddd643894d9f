//! Opens the simulation page for a browser: the address with the secret sets a cookie and leads to
//! the address without it. Without the cookie, a page says where to find the address.

use std::sync::Arc;

use ambient::{SECRET_CHALLENGE, SECRET_WANTED};
use axum::Router;
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::post;
use maud::html;
use serde::Deserialize;
use serde_json::json;

use super::site::Site;
use super::view;

/// Name of the cookie. An id follows, because browsers share cookies between the ports of a host: a
/// second simulation must not replace the cookie of the first.
const COOKIE: &str = "rehearsal-simulation";

pub(super) fn router() -> Router<Arc<Site>> {
    Router::new().route("/unlock", post(unlock))
}

fn cookie_name(site: &Site) -> String {
    format!("{COOKIE}-{}", site.cookie_id)
}

/// True for requests that need no secret: of a browser that has the cookie, and for what the page
/// without it consists of.
pub(super) fn is_open(site: &Site, request: &Request) -> bool {
    let path = request.uri().path();
    matches!(path, "/style.css" | "/unlock") || !is_api(path) && has_cookie(site, request.headers())
}

/// Programs use the API with the secret: a cookie, which browsers send by themselves, is not enough.
fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

fn has_cookie(site: &Site, headers: &HeaderMap) -> bool {
    let wanted = cookie_name(site);
    let all = headers.get_all(header::COOKIE).iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .any(|(name, value)| name == wanted && site.session.is(value))
}

/// Sets the cookie and leads to the page.
pub(super) fn open(site: &Site) -> Response {
    let cookie = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Strict",
        cookie_name(site),
        site.session.reveal()
    );
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

/// Answers a request without the secret.
pub(super) fn refuse(site: &Site, request: &Request) -> Response {
    let mut response = if is_api(request.uri().path()) {
        let status = StatusCode::UNAUTHORIZED;
        let problem = json!({
            "status": status.as_u16(),
            "code": "control-secret-missing",
            "detail": SECRET_WANTED,
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, kind, axum::Json(problem)).into_response()
    } else {
        show_locked(site, None)
    };
    let challenge = HeaderValue::from_static(SECRET_CHALLENGE);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

#[derive(Deserialize)]
struct Entered {
    #[serde(default)]
    secret: String,
}

/// Reads the secret, or the whole address with it, from the form of the locked page.
async fn unlock(State(site): State<Arc<Site>>, Form(entered): Form<Entered>) -> Response {
    let text = entered.secret.trim().trim_end_matches('/');
    let secret = text.rsplit('/').next().unwrap_or(text);
    if site.secret.is(secret) {
        open(&site)
    } else {
        show_locked(
            &site,
            Some("This is not the secret of this simulation. It changes at each start."),
        )
    }
}

fn show_locked(site: &Site, problem: Option<&str>) -> Response {
    let body = html! {
        div.title { h1 { "Simulation" } }
        section.card aria-labelledby="locked-title" {
            h2 id="locked-title" { "This page needs its secret" }
            p {
                "It controls license keys, DNS records, the clock and faults, so not every program "
                "of this machine may use it. Open the address that was printed at the start:"
            }
            ul {
                li { code { "rehearsal up" } " prints it beside “Simulation”, and writes it as " code { "simulation.url" } " into the ready file." }
                li { "With Docker Compose, " code { "docker compose logs simulation" } " shows it." }
            }
            @if let Some(problem) = problem { p.problems role="alert" { (problem) } }
            form method="post" action="/unlock" {
                div.row {
                    div.field.wide {
                        label for="secret" { "Address or secret" }
                        input id="secret" name="secret" type="password" required autocomplete="off" autocapitalize="off" spellcheck="false";
                    }
                    div.buttons { button.primary type="submit" { "Open" } }
                }
            }
        }
    };
    let document = view::frame(site, "Simulation", &body);
    (StatusCode::UNAUTHORIZED, Html(document.into_string())).into_response()
}
