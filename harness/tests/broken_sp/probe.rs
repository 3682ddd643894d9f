//! The page that shows who is logged in.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Redirect, Response};

use super::{Broken, Switch, cookie};

/// Escapes a text for HTML.
fn escape_html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// Answers the probe.
pub(super) async fn whoami(State(sp): State<Broken>, headers: HeaderMap) -> Response {
    let user = {
        let memory = sp.memory.lock().unwrap();
        let name = if sp.is_flawed("fixed-session") {
            "browser"
        } else {
            "session"
        };
        let session = cookie(&headers, name);
        let session = session.and_then(|session| memory.sessions.get(session));
        let now = sp.ambient.now();
        let session = session.filter(|it| it.ends.is_none_or(|end| now < end));
        match &memory.last {
            Some(last) if sp.is_flawed("global-user") => session.map(|_| last.clone()),
            _ => session.map(|it| it.shown.clone()),
        }
    };
    let is_page = sp.has(|it| matches!(it, Switch::HtmlProbe));
    match user {
        Some(_) if sp.is_flawed("probe-moves") => Redirect::to("/welcome").into_response(),
        Some(user) if is_page => Html(format!(
            "<h1>Home</h1><p>Logged in as {}</p>",
            escape_html(&user)
        ))
        .into_response(),
        Some(user) => format!("user={user};").into_response(),
        None if sp.has(|it| matches!(it, Switch::RedirectsProbe)) => {
            Redirect::to("/login").into_response()
        }
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}
