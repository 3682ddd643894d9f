//! Sessions of the console: the sign-on page, and the guard in front of all other pages. Only
//! the guard reads posted forms, so that no form is read before its session, its origin and its
//! token are checked.

use axum::extract::{FromRequestParts, OriginalUri, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use maud::html;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::document::{self, Lost};
use super::form::Form;
use super::parts::Field;
use crate::Idp;
use crate::administrator::form_token;

const COOKIE: &str = "CONSOLE";

/// The signed-on administrator. Only the guard creates this value.
#[derive(Debug, Clone)]
pub(super) struct Administrator {
    /// Token that every form of this session must contain, against cross-site request forgery.
    pub form_token: String,
    session: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Administrator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        Extension::<Self>::from_request_parts(parts, state)
            .await
            .map(|Extension(who)| who)
            .map_err(axum::response::IntoResponse::into_response)
    }
}

/// A posted form that the guard has checked.
#[derive(Debug, Clone)]
pub(super) struct Submitted(pub Form);

impl<S: Send + Sync> FromRequestParts<S> for Submitted {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        Extension::<Self>::from_request_parts(parts, state)
            .await
            .map(|Extension(form)| form)
            .map_err(axum::response::IntoResponse::into_response)
    }
}

/// Returns the routes that need no sign-on.
pub(super) fn router() -> Router<Idp> {
    Router::new().route("/sign-on", get(show_login_page).post(sign_on))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// True if a page of this console sent the request. Browsers send `Sec-Fetch-Site`, and
/// `Origin` with every POST.
fn same_origin(idp: &Idp, headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if site.is_some_and(|site| site != b"same-origin") {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else {
        return site.is_some();
    };
    let here = url::Url::parse(&idp.base_url).map(|url| url.origin().ascii_serialization());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    here.is_ok_and(|here| here == origin)
        || (authority.is_some() && authority == text(header::HOST))
}

fn foreign() -> Response {
    document::alone(
        StatusCode::FORBIDDEN,
        "This form was not sent by this console",
        &html! {
            p { "Nothing was changed. The form came from another page, or from a session that has ended." }
            p { a href="/console" { "Open the console" } " and try again." }
        },
    )
}

/// Lets a request pass only if an administrator is signed on and, for a form, if a page of the
/// same session sent it.
pub(super) async fn guard(
    State(idp): State<Idp>,
    OriginalUri(uri): OriginalUri,
    mut request: Request,
    next: Next,
) -> Response {
    let session = cookie(request.headers()).unwrap_or_default().to_owned();
    match idp.is_console_open(&session).await {
        Ok(true) => {}
        Ok(false) => {
            let mut to = "/console/sign-on".to_owned();
            if request.method() == Method::GET {
                let query: String = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("to", uri.path())
                    .finish();
                to = format!("{to}?{query}");
            }
            return Redirect::to(&to).into_response();
        }
        Err(error) => return Lost(error).into_response(),
    }
    let who = Administrator {
        form_token: form_token(&session),
        session,
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        if !same_origin(&idp, request.headers()) {
            return foreign();
        }
        let (parts, body) = request.into_parts();
        let copy = Request::from_parts(parts.clone(), body);
        let form = match Form::read(copy).await {
            Ok(form) => form,
            Err(refused) => return refused.into_response(),
        };
        let sent = form.raw_text("form_token").as_bytes();
        if !bool::from(sent.ct_eq(who.form_token.as_bytes())) {
            return foreign();
        }
        request = Request::from_parts(parts, axum::body::Body::empty());
        request.extensions_mut().insert(Submitted(form));
    }
    request.extensions_mut().insert(who);
    next.run(request).await
}

#[derive(Deserialize)]
struct Wanted {
    to: Option<String>,
}

/// Returns the page to open after the sign-on. Accepts only paths of this console, so that a
/// link cannot lead to another site.
fn destination(wanted: &str) -> &str {
    if wanted == "/console" || wanted.starts_with("/console/") {
        wanted
    } else {
        "/console"
    }
}

fn login_page(form: &Form) -> Response {
    let body = html! {
        p.lead { "Sign on as " code { (ADMINISTRATOR) } ", the administrator of this identity provider." }
        form method="post" action="/console/sign-on" novalidate {
            @if !form.text("to").is_empty() { input type="hidden" name="to" value=(form.text("to")); }
            (Field::new(form, "username", "Username").required().input("text"))
            (Field::new(form, "password", "Password").required()
                .hint(PASSWORD_HINT).input("password"))
            div.buttons { button.primary type="submit" { "Sign On" } }
        }
    };
    let status = if form.is_refused() {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    document::alone(status, "Sign On", &body)
}

async fn show_login_page(Query(wanted): Query<Wanted>) -> Response {
    let form = Form::default()
        .with("username", ADMINISTRATOR)
        .with("to", wanted.to.unwrap_or_default());
    login_page(&form)
}

/// Hint on where to find the password.
const PASSWORD_HINT: &str = "The admin token of the management API. rehearsal up prints it and writes it to the ready file as idp.admin_token; with docker compose, `docker compose logs simulation` prints it, unless you set MOCK_IDP_ADMIN_TOKEN.";

/// User name of the only account.
const ADMINISTRATOR: &str = "administrator";

async fn sign_on(State(idp): State<Idp>, request: Request) -> Result<Response, Lost> {
    if !same_origin(&idp, request.headers()) {
        return Ok(foreign());
    }
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(refused) => return Ok(refused.into_response()),
    };
    let known = form.text("username").eq_ignore_ascii_case(ADMINISTRATOR);
    let opened = match known {
        true => idp.open_console(form.text("password")).await?,
        false => None,
    };
    let Some(token) = opened else {
        let again = Form::default()
            .with("username", form.text("username"))
            .with("to", form.text("to"));
        // The page shows the only user name, so this message reveals nothing to an attacker.
        let wrong = if known {
            crate::refusal::Refused::invalid(
                "password",
                "Incorrect username or password. Please try again",
            )
        } else {
            crate::refusal::Refused::invalid(
                "username",
                format!("User not found: the only user of the console is {ADMINISTRATOR}"),
            )
        };
        return Ok(login_page(&again.add_refusal(wrong)?));
    };
    let secure = if idp.base_url.starts_with("https:") {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!("{COOKIE}={token}; Path=/console; HttpOnly; SameSite=Lax{secure}");
    let to = destination(form.text("to"));
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response())
}

/// Ends the session and deletes its cookie.
pub(super) async fn sign_off(
    State(idp): State<Idp>,
    who: Administrator,
    _: Submitted,
) -> Result<Response, Lost> {
    idp.close_console(&who.session).await?;
    let cookie = format!("{COOKIE}=; Path=/console; Max-Age=0; HttpOnly; SameSite=Lax");
    let to = Redirect::to("/console/sign-on");
    Ok(([(header::SET_COOKIE, cookie)], to).into_response())
}
