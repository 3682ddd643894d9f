//! The pages Business Profile: General and Users.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::caller::Address;
use super::super::no_store;
use super::super::problem::Problem;
use super::dashboard::{at, organization_details};
use super::form::{Attempt, Posted};
use super::form_token;
use super::shell::{self, AdminVisitor};
use crate::Portal;
use crate::accounts::{self, Listed};
use crate::store::{self, StoreError};
use crate::words::sentence;

const USERS: &str = "/profile/business/users";

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/profile/business/general", get(show_general))
        .route(USERS, get(show_users).post(add_user))
}

async fn show_general(State(portal): State<Portal>, admin: AdminVisitor) -> Response {
    let read = async {
        let mut db = portal.store.read().await?;
        store::members::find_business(&mut db, &admin.workspace.id).await
    };
    let business = match read.await {
        Ok(business) => business,
        Err(error) => return Problem::from(error).into_response(),
    };
    let content = html! {
        p.lead { "Your organization, as it was registered with the license key." }
        @if let Some(business) = business {
            div.card {
                h2 { (business.name) }
                dl.facts {
                    @for (name, value) in organization_details(&business.details) { dt.name { (name) } dd { (value) } }
                    dt { "Business account" } dd { code { (business.id) } }
                    dt { "Since" } dd { (at(business.created)) }
                }
            }
        }
        (ways_in(&portal, &admin))
        div.card {
            h2 { "More of the business account" }
            ul {
                li { a href=(USERS) { "Users" } " – who belongs to it, with role, status and source" }
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

/// The card that lists the ways to sign in.
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
                    p.hint { "Ask the operator of this portal to add or remove providers." }
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

async fn show_users(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Query(filters): Query<Filters>,
) -> Response {
    match load_users(&portal, &admin).await {
        Ok((all, backup)) => no_store(users_page(
            &admin,
            (&all, backup.as_deref()),
            &filters,
            &Attempt::default(),
        )),
        Err(error) => Problem::from(error).into_response(),
    }
}

/// Returns all users, and the backup login if the integration is active.
async fn load_users(
    portal: &Portal,
    admin: &AdminVisitor,
) -> Result<(Vec<Listed>, Option<String>), StoreError> {
    let mut db = portal.store.read().await?;
    let all = accounts::list_users(&mut db, &admin.workspace.id).await?;
    let tenant = store::tenants::find_by_business(&mut db, &admin.workspace.id).await?;
    let backup = tenant
        .filter(|tenant| tenant.active == 1)
        .and_then(|tenant| tenant.backup_login);
    Ok((all, backup))
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
    match load_users(&portal, &admin).await {
        Ok((all, backup)) => {
            let attempt = Attempt::with_problem(posted, error);
            let people = (all.as_slice(), backup.as_deref());
            let page = users_page(&admin, people, &Filters::default(), &attempt);
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

/// A row of the list. A directory user who also has a portal password is
/// one row.
struct Person<'l> {
    user: &'l Listed,
    local: Option<&'l Listed>,
}

fn as_people(all: &[Listed]) -> Vec<Person<'_>> {
    let same = |one: &Listed, other: &Listed| one.email.eq_ignore_ascii_case(&other.email);
    let (locals, others): (Vec<&Listed>, Vec<&Listed>) =
        all.iter().partition(|one| one.source == "local");
    let alone = locals
        .iter()
        .filter(|local| !others.iter().any(|other| same(local, other)))
        .map(|user| Person { user, local: None });
    let known = others.iter().map(|user| Person {
        user,
        local: locals.iter().find(|local| same(local, user)).copied(),
    });
    alone.chain(known).collect()
}

fn users_page(
    admin: &AdminVisitor,
    (all, backup): (&[Listed], Option<&str>),
    filters: &Filters,
    attempt: &Attempt,
) -> Html<String> {
    let chosen = |filter: &Option<String>| filter.clone().unwrap_or_else(|| "All".to_owned());
    let (role, status) = (chosen(&filters.role), chosen(&filters.status));
    let fits = |filter: &str, value: &str| filter == "All" || filter == value;
    let people = as_people(all);
    let shown: Vec<&Person<'_>> = people
        .iter()
        .filter(|one| fits(&role, one.user.role) && fits(&status, one.user.status))
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
                caption { (shown.len()) " of " (people.len()) " users" }
                thead { tr { th { "User" } th { "Role" } th { "Status" } th { "Source" } th { "Groups" } th { "License" } th { "Last sign-in" } } }
                tbody { @for Person { user, local } in shown { tr {
                    td {
                        strong { (user.name.as_deref().unwrap_or(&user.email)) }
                        @if user.name.is_some() { br; (user.email) }
                        @if backup == Some(user.email.as_str()) { br; (shell::badge("Backup login")) }
                        @for note in &user.notes { p.error { (sentence(note)) } }
                    }
                    td data-name="Role" {
                        (user.role)
                        @if let Some(local) = local { @if local.role != user.role { br; span.hint { (local.role) " with a password" } } }
                    }
                    td data-name="Status" { (shell::badge(user.status)) }
                    td data-name="Source" {
                        (source_of(&user.source))
                        @if local.is_some() { " and local" }
                    }
                    td data-name="Groups" { @for group in &user.groups { (group) br; } }
                    td data-name="License" { @if let Some(license) = &user.license { "since " (at(license.granted)) } @else { "–" } }
                    td data-name="Last sign-in" {
                        @let last = user.last_login.max(local.and_then(|local| local.last_login));
                        @if let Some(last) = last { (at(last)) } @else { "never" }
                    }
                } } }
            }
        }
        div.card {
            h2 { "Add a user" }
            p { "For a person with a portal password, such as another backup login. Users of your directory are added by SCIM or at their first sign-in." }
            form method="post" action=(USERS) {
                (form_token::hidden(&admin.visitor.token))
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
