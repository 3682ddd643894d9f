//! The pages Sign In and registration, and Sign Out Everywhere. Sign Out is in
//! `http/logout.rs`, because it may lead to the IdP.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::super::caller::{Address, SESSION, cookie, no_session_cookie, session_cookie};
use super::super::no_store;
use super::super::problem::Problem;
use super::form::{Attempt, Posted};
use super::form_token;
use super::provider_buttons::provider_buttons;
use super::shell::{self, Visitor};
use crate::Portal;
use crate::accounts;
use crate::login;
use crate::refusal::{self, Refused};

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/login", get(sign_in))
        .route("/directdownload/pd", get(sign_in))
        .route("/login/password", post(with_password))
        .route("/forgot-password", get(show_forgot_password))
        .route("/register", get(show_registration).post(register))
        .route("/logout-everywhere", post(sign_out_everywhere))
        .route("/workspace", post(select_workspace))
}

#[derive(Deserialize)]
struct SignInQuery {
    sso: Option<String>,
    experience: Option<String>,
    return_to: Option<String>,
    done: Option<String>,
}

async fn sign_in(
    State(portal): State<Portal>,
    headers: HeaderMap,
    Query(query): Query<SignInQuery>,
) -> Response {
    let downloads = query.experience.as_deref() == Some("sso");
    let sso_first = query.sso.is_some() || downloads;
    before_login(&portal, &headers, |token| {
        let content = html! {
            (shell::done(query.done.as_deref()))
            @if downloads {
                p.say.good { "Parallels Desktop, pre-configured for activation with single sign-on. The app asks for your work e-mail when you start it; to try single sign-on here, choose Continue with SSO." }
            }
            (sign_in_form(&portal, &Attempt::default(), token, sso_first, query.return_to.as_deref()))
        };
        (StatusCode::OK, shell::alone("Sign In", &content))
    })
}

/// Returns a page with a form. If the browser has no session, sets a cookie
/// that the form token is derived from.
fn before_login(
    portal: &Portal,
    headers: &HeaderMap,
    page: impl FnOnce(&str) -> (StatusCode, Html<String>),
) -> Response {
    let known = cookie(headers, SESSION).or(cookie(headers, form_token::VISIT));
    if known.is_some() {
        return no_store(page(&form_token::token(headers)));
    }
    let visit = portal.ambient.rng().token(32);
    let secure = if portal.is_https() { "; Secure" } else { "" };
    let value = format!(
        "{}={visit}; Path=/; HttpOnly; SameSite=Lax{secure}",
        form_token::VISIT
    );
    let set = AppendHeaders([(header::SET_COOKIE, value)]);
    no_store((set, page(&form_token::token_of(&visit))))
}

fn sign_in_form(
    portal: &Portal,
    attempt: &Attempt,
    token: &str,
    sso_first: bool,
    return_to: Option<&str>,
) -> Markup {
    // Only a path of the portal, to prevent open redirects.
    let return_to = return_to.map(|path| login::return_path(Some(path)));
    let return_to = html! {
        @if let Some(path) = &return_to { input type="hidden" name="return_to" value=(path); }
    };
    html! {
        form method="post" action="/login/password" {
            (form_token::hidden(token))
            (return_to)
            (attempt.alert(&["email", "password"]))
            (attempt.field("email", "email", "E-mail", "", ""))
            (attempt.field("password", "password", "Password", "", "Don’t enter your corporate password here: your organization’s IdP asks for it."))
            div.sign {
                a href="/register" { "Register an account" }
                a href="/forgot-password" { "Forgot password?" }
                button type="submit" { "Sign In" }
            }
        }
        (provider_buttons(portal))
        div.sign {
            span.hint { "Your organization signs in with single sign-on?" }
            a.button.plain href="#sso" { "Continue with SSO" }
        }
        section.dialog id="sso" class=[sso_first.then_some("preferred")] role="dialog" aria-labelledby="sso-title" {
            div.card {
                h2 id="sso-title" { "Continue with SSO" }
                p { "Enter your work e-mail address. We take you to your organization’s sign-in page." }
                form method="post" action="/login/sso" {
                    (return_to)
                    label for="work-email" { "Work e-mail" }
                    input id="work-email" name="email" type="email" autocomplete="email" required;
                    div.row {
                        button type="submit" { "Continue" }
                        a.button.plain href="#" { "Cancel" }
                    }
                }
            }
        }
    }
}

/// Handles the sign-in form. If somebody enters corporate credentials, the
/// domain shows it, and the page refers to SSO (G-24).
async fn with_password(
    State(portal): State<Portal>,
    Address(address): Address,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let (email, password) = (
        posted.get("email").to_owned(),
        posted.raw("password").to_owned(),
    );
    match accounts::log_in(&portal, &email, &password, &address).await {
        Ok((token, _)) => {
            let to = login::return_path(posted.given("return_to"));
            enter_at(&portal, &headers, &token, &to).await
        }
        Err(error) => {
            let attempt = Attempt::with_problem(posted, error);
            again(&portal, &headers, &attempt)
        }
    }
}

/// Returns the sign-in page with the error.
pub(super) fn again(portal: &Portal, headers: &HeaderMap, attempt: &Attempt) -> Response {
    before_login(portal, headers, |token| {
        let return_to = attempt.typed.given("return_to");
        let content = sign_in_form(portal, attempt, token, false, return_to);
        (attempt.status(), shell::alone("Sign In", &content))
    })
}

/// Replaces the browser's session by a new one and redirects to the dashboard.
pub(super) async fn enter(portal: &Portal, headers: &HeaderMap, token: &str) -> Response {
    enter_at(portal, headers, token, "/dashboard").await
}

/// Replaces the browser's session by a new one and redirects to this path.
async fn enter_at(portal: &Portal, headers: &HeaderMap, token: &str, to: &str) -> Response {
    if let Some(former) = cookie(headers, SESSION)
        && let Err(error) = accounts::log_out(portal, former).await
    {
        return Problem::from(error).into_response();
    }
    let cookie = AppendHeaders([(header::SET_COOKIE, session_cookie(portal, token))]);
    no_store((cookie, Redirect::to(to)))
}

/// The portal sends no e-mail, so it cannot reset a password; the page says who
/// can help.
async fn show_forgot_password() -> Response {
    let content = html! {
        p { "This portal sends no e-mail, so it can’t reset a password. This is what you can do:" }
        ul {
            li { strong { "Your organization signs in with single sign-on." } " Then you need no password here. " a href="/login?sso=1#sso" { "Continue with SSO" } " and, if you forgot your corporate password, reset it at your identity provider." }
            li { strong { "You signed up with Apple, Google or Facebook." } " Choose its button on the " a href="/login" { "Sign In" } " page." }
            li { strong { "You have a password for this portal only." } " Register another e-mail address, and ask an administrator of your business account to add it under Business Profile, Users." }
            li { strong { "You are the only administrator." } " Ask the operator of this portal. In a simulation, that is the person who started it: they can start again with an empty database or restore a snapshot." }
        }
        a.button.plain href="/login" { "Back to Sign In" }
    };
    no_store(shell::alone("Forgot your password?", &content))
}

async fn show_registration(State(portal): State<Portal>, headers: HeaderMap) -> Response {
    before_login(&portal, &headers, |token| {
        let content = registration_form(&portal, &Attempt::default(), token);
        (
            StatusCode::OK,
            shell::alone("Register an account", &content),
        )
    })
}

fn registration_form(portal: &Portal, attempt: &Attempt, token: &str) -> Markup {
    html! {
        form method="post" action="/register" {
            (form_token::hidden(token))
            (attempt.alert(&["email", "password"]))
            (attempt.field("text", "name", "Your name", "", "Optional."))
            (attempt.field("email", "email", "E-mail", "", ""))
            (attempt.field("password", "password", "Password", "", "At least 10 characters. Not your corporate password: choose a new one for this account."))
            div.sign {
                a href="/login" { "Sign in instead" }
                button type="submit" { "Register" }
            }
        }
        (provider_buttons(portal))
    }
}

async fn register(
    State(portal): State<Portal>,
    Address(address): Address,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let name = posted.given("name").map(str::to_owned);
    let (email, password) = (
        posted.get("email").to_owned(),
        posted.raw("password").to_owned(),
    );
    let wrong = accounts::check_registration(&email, &password).err();
    let wrong = wrong.into_iter().flatten().map(Problem::from);
    if let Some(problem) = Problem::several(wrong) {
        let attempt = Attempt::with_problem(posted, problem);
        return before_login(&portal, &headers, |token| {
            let content = registration_form(&portal, &attempt, token);
            (
                attempt.status(),
                shell::alone("Register an account", &content),
            )
        });
    }
    let registered = accounts::register(&portal, &email, &password, name, &address).await;
    if let Err(error) = registered {
        let attempt = Attempt::with_problem(posted, error);
        return before_login(&portal, &headers, |token| {
            let content = registration_form(&portal, &attempt, token);
            (
                attempt.status(),
                shell::alone("Register an account", &content),
            )
        });
    }
    match accounts::log_in(&portal, &email, &password, &address).await {
        Ok((token, _)) => enter(&portal, &headers, &token).await,
        // The organization uses SSO: the account is registered, and the sign-in
        // page says how to continue.
        Err(_) => shell::onward("/login?done=registered"),
    }
}

async fn sign_out_everywhere(
    State(portal): State<Portal>,
    Address(address): Address,
    visitor: Visitor,
    _: Posted,
) -> Response {
    match accounts::log_out_everywhere(&portal, &visitor.who, &address).await {
        Ok(()) => {
            let gone = AppendHeaders([(header::SET_COOKIE, no_session_cookie())]);
            (gone, shell::onward("/login?done=signed-out-everywhere")).into_response()
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn select_workspace(
    State(portal): State<Portal>,
    visitor: Visitor,
    posted: Posted,
) -> Response {
    match accounts::select_workspace(&portal, &visitor.who, posted.get("workspace")).await {
        Ok(()) => shell::onward("/dashboard"),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Returns the page for a refused login: the public text, and the reference
/// number with which an administrator finds the complete reason.
pub(in crate::http) fn refusal_page(refused: &Refused, reference: &str) -> Html<String> {
    shell::alone(
        "You could not be logged in",
        &html! {
            p { (shell::prose(&refused.public)) }
            @if !refused.advice.is_empty() { p { (refused.advice) } }
            (pass_on(reference))
            div.sign data-code=(refused.public_code()) {
                a href=(refusal::path(reference)) { "Administrators: see why" }
                a.button href="/login?sso=1#sso" { "Start again" }
            }
        },
    )
}

/// Returns the page for a refused logout message.
pub(in crate::http) fn logout_refusal_page(refused: &Refused, reference: &str) -> Html<String> {
    shell::alone(
        "Not logged out",
        &html! {
            p { "This logout could not be carried out. Close your browser to be sure." }
            (pass_on(reference))
            div.sign data-code=(refused.public_code()) {
                a href=(refusal::path(reference)) { "Administrators: see why" }
                a.button.plain href="/dashboard" { "To the dashboard" }
            }
        },
    )
}

/// Returns the sentence with the reference number to give to an administrator.
fn pass_on(reference: &str) -> Markup {
    html! {
        p {
            "Give your administrator "
            a href=(refusal::path(reference)) { code id="reference" { (reference) } }
            "; they find the reason under IdP Integration → Sign-in problems."
        }
    }
}
