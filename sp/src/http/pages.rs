//! The portal's pages, server-rendered, working without JavaScript.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Json, response::Html};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;
use serde_json::json;

use super::caller::{SESSION, cookie};
use super::no_store;
use super::problem::{Answer, Problem};
use crate::Portal;
use crate::accounts::{self, Identity, Role, Who};
use crate::refusal::Refused;
use crate::roles;
use crate::store::{self, StoreError};

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/", get(async || Redirect::to("/dashboard")))
        .route("/login", get(sign_in))
        .route("/directdownload/pd", get(sign_in))
        .route("/dashboard", get(dashboard))
        .route("/whoami", get(whoami))
}

const STYLE: &str = "
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1c1e21}
main{max-width:34rem;margin:8vh auto;background:#fff;padding:2rem 2.5rem;border-radius:12px;box-shadow:0 1px 4px #0002}
h1{font-size:1.4rem;margin-top:0}label{display:block;margin:.8rem 0 .2rem}
input{width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #9aa0a6;border-radius:6px;font:inherit}
button{margin-top:1rem;padding:.6rem 1.2rem;border:0;border-radius:6px;background:#c8102e;color:#fff;font:inherit;cursor:pointer}
.note{color:#5f6368;font-size:.9rem}code{background:#f1f3f4;padding:.1rem .3rem;border-radius:4px}
";

fn page(title: &str, body: &Markup) -> Html<String> {
    Html(
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " – My Account" }
                    style { (PreEscaped(STYLE)) }
                }
                body { main { h1 { (title) } (body) } }
            }
        }
        .into_string(),
    )
}

/// A page that says one thing.
pub(super) fn message(title: &str, text: &str) -> Html<String> {
    page(title, &html! { p { (text) } })
}

/// The page of someone turned away: no reason beyond the public one, and the
/// reference by which an admin finds the rest.
pub(super) fn refused(refused: &Refused, reference: &str) -> Html<String> {
    page(
        "You could not be logged in",
        &html! {
            p { (refused.public) }
            p { (refused.advice) }
            p.note {
                "Reference number: " code id="reference" { (reference) }
                ". Your administrator can look it up."
            }
            p.note data-code=(refused.public_code()) { a href="/login?sso=1" { "Start again" } }
        },
    )
}

#[derive(Deserialize)]
struct SignInQuery {
    sso: Option<String>,
    experience: Option<String>,
}

async fn sign_in(Query(query): Query<SignInQuery>) -> Response {
    let sso_first = query.sso.is_some() || query.experience.as_deref() == Some("sso");
    no_store(sign_in_page("", None, sso_first))
}

/// The sign-in page once more, saying why.
pub(super) fn sign_in_again(email: &str, why: &str) -> Html<String> {
    sign_in_page(email, Some(why), false)
}

fn sign_in_page(email: &str, why: Option<&str>, sso_first: bool) -> Html<String> {
    page(
        "Sign In",
        &html! {
            @if let Some(why) = why { p role="alert" { (why) } }
            form method="post" action="/login/password" {
                label for="account" { "E-mail" }
                input id="account" name="email" type="email" value=(email) autocomplete="username" required autofocus[!sso_first];
                label for="password" { "Password" }
                input id="password" name="password" type="password" autocomplete="current-password" required;
                button type="submit" { "Sign In" }
            }
            p.note { "Don't enter your corporate password here: your organisation's IdP asks for it." }
            hr;
            form method="post" action="/login/sso" {
                label for="email" { "Work e-mail" }
                input id="email" name="email" type="email" value=(email) autocomplete="email" required autofocus[sso_first];
                button type="submit" { "Continue with SSO" }
            }
        },
    )
}

async fn dashboard(State(portal): State<Portal>, headers: HeaderMap) -> Response {
    let who = match caller(&portal, &headers).await {
        Ok(Some(who)) => who,
        Ok(None) => return Redirect::to("/login?sso=1").into_response(),
        Err(error) => return Problem::from(error).into_response(),
    };
    let workspace = who.workspace();
    no_store(page(
        "Dashboard",
        &html! {
            p { "Signed in as " strong { (who.email()) } " by " (who.via()) "." }
            @if let Some(workspace) = workspace {
                p { "Workspace: " strong { (workspace.name) } " (" (workspace.role.as_str()) ")" }
            } @else {
                p { "You belong to no business account yet: register a licence key." }
            }
        },
    ))
}

async fn caller(portal: &Portal, headers: &HeaderMap) -> Result<Option<Who>, StoreError> {
    match cookie(headers, SESSION) {
        Some(cookie) => accounts::who(portal, cookie).await,
        None => Ok(None),
    }
}

async fn whoami(State(portal): State<Portal>, headers: HeaderMap) -> Answer {
    let who = caller(&portal, &headers)
        .await?
        .ok_or_else(Problem::not_logged_in)?;
    let mut groups = Vec::new();
    let mut roles_held = Vec::new();
    if who
        .workspace()
        .is_some_and(|workspace| workspace.role == Role::Admin)
    {
        roles_held.push("admin");
    }
    if let Identity::Sso(person) = &who.identity {
        let mut db = portal.store.read().await?;
        groups = store::people::groups_of(&mut db, &person.id)
            .await?
            .into_iter()
            .map(|group| group.display_name)
            .collect();
        if let Some(asserted) = store::people::asserted(&mut db, &person.id).await? {
            let came: Vec<String> = serde_json::from_str(&asserted.groups).unwrap_or_default();
            groups.extend(came);
        }
        let tenant = store::tenants::of_business(&mut db, &person.business_id).await?;
        if let Some(tenant) = tenant
            && roles::standing(&mut db, &tenant, &person.id)
                .await?
                .product_user
        {
            roles_held.push("user");
        }
    }
    let body = json!({
        "user": who.id(),
        "email": who.email(),
        "roles": roles_held,
        "groups": groups,
    });
    Ok(no_store((StatusCode::OK, Json(body))))
}
