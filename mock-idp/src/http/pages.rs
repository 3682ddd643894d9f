//! Pages for users: the sign-on form, other forms of a sign-on, and errors.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::Idp;
use crate::sso::Denied;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2733;--paper:#fff;--ground:#eef1f5;--line:#8593a3;--act:#2b5fc7;--bad:#a3261b}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf3;--paper:#1a222c;--ground:#10161d;--line:#7d8b9b;--act:#7fa8ff;--bad:#ff9489}}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{background:var(--paper);padding:2rem;border-radius:.75rem;width:min(24rem,calc(100vw - 2rem));box-sizing:border-box;box-shadow:0 1px 12px #0002}
h1{font-size:1.4rem;margin:0 0 .25rem}label{display:block;margin-top:1rem;font-weight:600}
input{width:100%;box-sizing:border-box;font:inherit;padding:.6rem;border:1px solid var(--line);border-radius:.4rem;background:var(--paper);color:inherit}
button{margin-top:1.5rem;width:100%;font:inherit;font-weight:600;padding:.7rem;border:0;border-radius:.4rem;background:var(--act);color:var(--paper);cursor:pointer}
.idp{margin:0 0 1rem;font-size:.9rem;opacity:.8}.back{margin:1.25rem 0 0;font-size:.95rem}a{color:var(--act)}
:focus-visible{outline:3px solid var(--act);outline-offset:2px}.bad{color:var(--bad);font-weight:600}
";

/// Returns the content security policy of the pages: only the style in the page is allowed.
/// There is no `form-action`, because browsers apply it to redirects after a form too, and a
/// sign-on ends at any registered service provider.
pub(super) fn policy() -> HeaderValue {
    let style = BASE64.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Name of the identity provider on its pages, so that users do not take them for pages of the
/// application.
const NAME: &str = "Rehearsal Identity Provider";

/// The application that a user signs on to, and the link back to it.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    /// Name of the application.
    pub(super) application: String,
    /// Origin of its assertion consumer service URL.
    pub(super) home: Option<String>,
}

impl Destination {
    /// Returns the destination for an application with this assertion consumer service URL.
    pub(super) fn of(application: String, acs_url: &str) -> Self {
        let home = url::Url::parse(acs_url).ok();
        let home = home.map(|url| url.origin().ascii_serialization());
        Self {
            application,
            home: home.filter(|origin| origin.starts_with("http")),
        }
    }

    fn way_back(&self) -> Markup {
        html! {
            @if let Some(home) = &self.home {
                p.back { a href=(home) { "Back to " (self.application) } }
            }
        }
    }
}

fn render_page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { p.idp { (NAME) } h1 { (title) } (content) } }
        }
    }
}

/// Renders the sign-on form.
pub(super) fn render_sign_on(
    action: &str,
    to: &Destination,
    username: &str,
    wrong: Option<&str>,
) -> Response {
    let form = html! {
        p { "to continue to " strong { (to.application) } }
        @if let Some(wrong) = wrong { p.bad role="alert" { (wrong) } }
        form method="post" action=(action) {
            label for="username" { "Username" }
            input id="username" name="username" type="text" value=(username) autocomplete="username" autocapitalize="none" required autofocus;
            label for="password" { "Password" }
            input id="password" name="password" type="password" autocomplete="current-password" required;
            button type="submit" { "Sign On" }
        }
        (to.way_back())
    };
    let status = if wrong.is_some() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    (status, Html(render_page("Sign On", &form).into_string())).into_response()
}

/// Renders the form for a user who must change the password.
pub(super) fn render_new_password(action: &str, username: &str, wrong: Option<&str>) -> Response {
    let form = html! {
        p { "Your password must be changed before you can go on." }
        @if let Some(wrong) = wrong { p.bad role="alert" { (wrong) } }
        form method="post" action=(action) {
            input name="username" type="hidden" value=(username);
            label for="currentPassword" { "Current Password" }
            input id="currentPassword" name="currentPassword" type="password" autocomplete="current-password" required autofocus;
            label for="newPassword" { "New Password" }
            input id="newPassword" name="newPassword" type="password" autocomplete="new-password" minlength="8" required;
            button type="submit" { "Save" }
        }
    };
    let status = if wrong.is_some() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    (
        status,
        Html(render_page("Change Password", &form).into_string()),
    )
        .into_response()
}

/// Renders the form for a user who must verify the e-mail address.
pub(super) fn render_verification(action: &str, username: &str) -> Response {
    let form = html! {
        p { "We sent a code to your e-mail address. Enter it to verify your account." }
        form method="post" action=(action) {
            input name="username" type="hidden" value=(username);
            label for="code" { "Verification Code" }
            input id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required autofocus;
            button type="submit" { "Verify" }
        }
    };
    Html(render_page("Verify Your Account", &form).into_string()).into_response()
}

/// Renders the last page of a logout.
pub(super) fn render_signed_off(whole: bool) -> Response {
    let content = html! {
        p { "You are signed off." }
        @if !whole {
            p.bad role="alert" {
                "You may still be logged in at some applications. Close your browser to be sure."
            }
        }
    };
    Html(render_page("Signed off", &content).into_string()).into_response()
}

/// Renders an error page, with a reference that the log contains too.
pub(super) fn render_denied(idp: &Idp, denied: &Denied) -> Response {
    let reference = idp.ambient.rng().hex(4);
    let (status, message) = match denied {
        Denied::Page(message) => (StatusCode::BAD_REQUEST, message.clone()),
        Denied::Refused(refused @ crate::refusal::Refused::NotFound { .. }) => {
            (StatusCode::NOT_FOUND, refused.to_string())
        }
        Denied::Refused(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The identity provider cannot do this because of an internal error.".to_owned(),
        ),
    };
    tracing::warn!(reference, %denied, "a sign-on ended in a page");
    let content = html! {
        p.bad role="alert" { (message) }
        p { "Reference " code { (reference) } ". The administrator of this identity provider finds it in its log." }
        p.back { "Go back to the application that sent you here, and start again." }
    };
    let body = render_page("You can't sign on right now", &content).into_string();
    (status, Html(body)).into_response()
}

/// Renders the page for an unknown path.
pub(super) async fn show_not_found() -> Response {
    let content = html! { p { "There is nothing at this address." } };
    let body = render_page("Not found", &content).into_string();
    (StatusCode::NOT_FOUND, Html(body)).into_response()
}
