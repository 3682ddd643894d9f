//! Business Profile: General and Users.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::caller::Address;
use super::super::no_store;
use super::super::problem::Problem;
use super::dashboard::{at, details};
use super::form::{self, Attempt, Posted};
use super::shell::{self, AdminVisitor};
use crate::Portal;
use crate::accounts::{self, Listed};
use crate::store::{self, StoreError};

const USERS: &str = "/profile/business/users";

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/profile/business/general", get(general))
        .route(USERS, get(users).post(add_user))
}

async fn general(State(portal): State<Portal>, admin: AdminVisitor) -> Response {
    let read = async {
        let mut db = portal.store.read().await?;
        store::members::business(&mut db, &admin.workspace.id).await
    };
    let business = match read.await {
        Ok(business) => business,
        Err(error) => return Problem::from(error).into_response(),
    };
    let content = html! {
        p.lead { "Your organisation, as it was registered with the licence key." }
        @if let Some(business) = business {
            div.card {
                h2 { (business.name) }
                dl.facts {
                    @for (name, value) in details(&business.details) { dt.name { (name) } dd { (value) } }
                    dt { "Business account" } dd { code { (business.id) } }
                    dt { "Since" } dd { (at(business.created)) }
                }
            }
        }
        (ways_in(&portal, &admin))
        div.card {
            h2 { "More of the business account" }
            ul {
                li { a href=(USERS) { "Users" } " – who reaches it, with role, status and source" }
                @if admin.visitor.integration {
                    li { a href="/profile/business/idp_integration" { "IdP Integration" } " – single sign-on and provisioning" }
                }
                li { a href="/subscriptions" { "Subscriptions" } " – seats used and free" }
            }
        }
    };
    no_store(shell::page(
        &admin.visitor,
        "/profile/business/general",
        "Business Profile",
        &content,
    ))
}

/// How people sign in, and where that is chosen.
fn ways_in(portal: &Portal, admin: &AdminVisitor) -> Markup {
    let social = &portal.config.social;
    let names: Vec<&str> = social.iter().map(|one| one.name.as_str()).collect();
    html! {
        div.card {
            h2 { "How people sign in" }
            dl.facts {
                dt { "Single sign-on" } dd {
                    @if admin.visitor.integration { "Set up and activated on " a href="/profile/business/idp_integration" { "IdP Integration" } }
                    @else { "With a per-user Business Edition key" }
                }
                dt { "Password" } dd { "Local users; once single sign-on is active, the backup login only" }
                dt { "Social identity" } dd {
                    @if names.is_empty() { "None" } @else { (names.join(", ")) }
                    p.hint { "Whoever runs this portal sets these up: a " code { "[[social]]" } " table each in the file of "
                        code { "sp serve --config" } ", with " code { "id" } ", " code { "name" } ", " code { "issuer" } ", "
                        code { "client_id" } " and " code { "client_secret" } "." }
                }
            }
        }
    }
}

#[derive(Deserialize, Default)]
struct Filters {
    role: Option<String>,
    status: Option<String>,
    done: Option<String>,
}

async fn users(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Query(filters): Query<Filters>,
) -> Response {
    match everybody(&portal, &admin).await {
        Ok(all) => no_store(users_page(&admin, &all, &filters, &Attempt::default())),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn everybody(portal: &Portal, admin: &AdminVisitor) -> Result<Vec<Listed>, StoreError> {
    let mut db = portal.store.read().await?;
    accounts::everybody(&mut db, &admin.workspace.id).await
}

async fn add_user(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: AdminVisitor,
    posted: Posted,
) -> Response {
    let added = accounts::add_member(
        &portal,
        admin.by(&address),
        posted.get("email"),
        posted.given("new_role").unwrap_or("member"),
    )
    .await;
    let error = match added {
        Ok(_) => return shell::onward(&format!("{USERS}?done=member-added")),
        Err(error) => error,
    };
    match everybody(&portal, &admin).await {
        Ok(all) => {
            let attempt = Attempt::failed(posted, error);
            let page = users_page(&admin, &all, &Filters::default(), &attempt);
            shell::answer(attempt.status(), page)
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

fn source_of(source: &str) -> &'static str {
    match source {
        "scim" => "SCIM",
        "sso" => "SSO",
        _ => "local",
    }
}

fn users_page(
    admin: &AdminVisitor,
    all: &[Listed],
    filters: &Filters,
    attempt: &Attempt,
) -> Html<String> {
    let chosen = |filter: &Option<String>| filter.clone().unwrap_or_else(|| "All".to_owned());
    let (role, status) = (chosen(&filters.role), chosen(&filters.status));
    let fits = |filter: &str, value: &str| filter == "All" || filter == value;
    let shown: Vec<&Listed> = all
        .iter()
        .filter(|user| fits(&role, user.role) && fits(&status, user.status))
        .collect();
    let content = html! {
        (shell::done(filters.done.as_deref()))
        p.lead { "Who belongs to the business account: from the directory by SCIM, from a login by SSO, or local, with a portal password." }
        form.filters method="get" action=(USERS) {
            div { label for="role" { "Role" } select id="role" name="role" data-submit {
                @for one in ["All", "admin", "member"] { option selected[one == role] { (one) } }
            } }
            div { label for="status" { "Status" } select id="status" name="status" data-submit {
                @for one in ["All", "active", "disabled"] { option selected[one == status] { (one) } }
            } }
            button.plain.nojs type="submit" { "Filter" }
        }
        div.card.scroll tabindex="0" role="region" aria-label="Users" {
            table.stack {
                caption { (shown.len()) " of " (all.len()) " users" }
                thead { tr { th { "User" } th { "Role" } th { "Status" } th { "Source" } th { "Groups" } th { "Licence" } th { "Last sign-in" } } }
                tbody { @for user in shown { tr {
                    td {
                        strong { (user.name.as_deref().unwrap_or(&user.email)) }
                        @if user.name.is_some() { br; (user.email) }
                        @for note in &user.notes { p.error { (note) } }
                    }
                    td data-name="Role" { (user.role) }
                    td data-name="Status" { (shell::badge(user.status)) }
                    td data-name="Source" { (source_of(&user.source)) }
                    td data-name="Groups" { @for group in &user.groups { (group) br; } }
                    td data-name="Licence" { @if let Some(license) = &user.license { "since " (at(license.granted)) } @else { "–" } }
                    td data-name="Last sign-in" { @if let Some(last) = user.last_login { (at(last)) } @else { "never" } }
                } } }
            }
        }
        div.card {
            h2 { "Add a user" }
            p { "For somebody with a portal password, such as another backup login. Users of your directory come by SCIM or by their first sign-in." }
            form method="post" action=(USERS) {
                (form::hidden(&admin.visitor.token))
                (attempt.alert(&["email"]))
                (attempt.field("email", "email", "E-mail", "", ""))
                label for="new_role" { "Role" }
                select id="new_role" name="new_role" { option value="admin" { "admin" } option value="member" { "member" } }
                div.row { button type="submit" { "Add User" } }
            }
        }
    };
    shell::page(&admin.visitor, USERS, "Users", &content)
}
