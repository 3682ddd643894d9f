//! Dashboard, and Register Key with the organisation's details.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::caller::Address;
use super::super::no_store;
use super::super::problem::Problem;
use super::form::{self, Attempt, Posted};
use super::shell::{self, Visitor};
use crate::Portal;
use crate::configurator::{self, Step};
use crate::licensing::{self, KeyError, Organization, Status};
use crate::store::{self, StoreError, instant};

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/dashboard", get(dashboard))
        .route("/register-key", get(register_key_page).post(register_key))
}

/// What was just done.
#[derive(Deserialize)]
pub(super) struct Done {
    pub(super) done: Option<String>,
}

async fn dashboard(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(query): Query<Done>,
) -> Response {
    match overview(&portal, &visitor).await {
        Ok(content) => {
            let content = html! { (shell::done(query.done.as_deref())) (content) };
            no_store(shell::page(&visitor, "/dashboard", "Dashboard", &content))
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn overview(portal: &Portal, visitor: &Visitor) -> Result<Markup, StoreError> {
    let who = &visitor.who;
    let Some(workspace) = who.workspace() else {
        return Ok(html! {
            p.lead { "Signed in as " strong { (who.email()) } "." }
            div.card {
                h2 { "Register your licence key" }
                p { "You belong to no business account yet. Register the key of your Business Edition subscription, and the business account of your organisation is created with it." }
                a.button href="/register-key" { "Register Key" }
            }
            (sessions(visitor))
        });
    };
    if visitor.admin_of().is_none() {
        return Ok(html! {
            p.lead { "Signed in as " strong { (who.email()) } ", a member of " strong { (workspace.name) } "." }
            div.card {
                h2 { "Parallels Desktop" }
                p { "Install the app by your organisation’s link and enter your work e-mail when it asks for it." }
                a.button href="/directdownload/pd?experience=sso" { "Download" }
            }
            (sessions(visitor))
        });
    }
    let now = portal.now();
    let mut db = portal.store.read().await?;
    let mut seats = (0, 0);
    for row in store::subscriptions::of_business(&mut db, &workspace.id).await? {
        if Status::of(&row, now).holds() {
            seats.0 += store::licenses::used_seats(&mut db, &row.id).await?;
            seats.1 += row.seats;
        }
    }
    let entered = configurator::entered(&mut db, &workspace.id).await?;
    drop(db);
    let green = entered
        .as_ref()
        .map_or(0, |entered| Step::ALL.len() - entered.grey(now).len());
    let status = entered
        .as_ref()
        .map_or("not started", |entered| entered.status(now));
    Ok(html! {
        p.lead { "Signed in as " strong { (who.email()) } @if who.via() == "sso" { " by single sign-on" } ", an administrator of " strong { (workspace.name) } "." }
        div.cards {
            div.card {
                h2 { "Seats" }
                div.big { (seats.0) " of " (seats.1) }
                p.hint { "in use; " (seats.1 - seats.0) " free" }
                a href="/subscriptions" { "Subscriptions" }
            }
            @if visitor.integration {
                div.card {
                    h2 { "IdP Integration" }
                    div.big { (green) " of 7" }
                    p.hint { "steps are green " (shell::badge(status)) }
                    a href="/profile/business/idp_integration" {
                        @if status == "active" { "Look at the integration" } @else { "Continue configuring" }
                    }
                }
            }
            div.card {
                h2 { "Users" }
                p { "Who belongs to the business account, and who holds a licence." }
                a href="/profile/business/users" { "Users" }
            }
        }
        br;
        (sessions(visitor))
    })
}

fn sessions(visitor: &Visitor) -> Markup {
    html! {
        div.card {
            h2 { "Your sessions" }
            p { "Left yourself signed in on another computer? End every session of this account, this one too." }
            form method="post" action="/logout-everywhere" {
                (form::hidden(&visitor.token))
                button.plain type="submit" { "Sign Out Everywhere" }
            }
        }
    }
}

async fn register_key_page(visitor: Visitor) -> Response {
    no_store(key_page(&visitor, &Attempt::default(), false))
}

fn key_page(visitor: &Visitor, attempt: &Attempt, ask_organization: bool) -> Html<String> {
    let fields = ["key", "organization"];
    let content = html! {
        p.lead { "Enter the key of your subscription. You find it in the order confirmation." }
        div.card role="group" aria-labelledby="register-title" {
            h2 id="register-title" { "License key registration" }
            @if ask_organization {
                p.say.warn role="alert" { "You belong to no business account yet. Tell us about your organisation, and it is created with the key in it." }
            } @else { (attempt.alert(&fields)) }
            form method="post" action="/register-key" {
                (form::hidden(&visitor.token))
                (attempt.field("text", "key", "License key", "", "Five groups of six letters or digits."))
                (attempt.field("text", "subscription_name", "Subscription name (optional)", "", "How the subscription is called in your lists."))
                @if ask_organization {
                    h3 { "Your organisation" }
                    (attempt.field("text", "organization", "Organisation name", "", ""))
                    (attempt.field("text", "country", "Country", "", ""))
                    (attempt.field("text", "city", "City", "", ""))
                    (attempt.field("text", "website", "Website", "", ""))
                    input type="hidden" name="with_organization" value="1";
                }
                div.row {
                    button type="submit" { "Register" }
                    a.button.plain href="/dashboard" { "Cancel" }
                }
            }
        }
    };
    shell::page(visitor, "/register-key", "Register Key", &content)
}

async fn register_key(
    State(portal): State<Portal>,
    Address(address): Address,
    visitor: Visitor,
    posted: Posted,
) -> Response {
    let organization = posted.ticked("with_organization").then(|| {
        let details: Map<String, Value> = ["country", "city", "website"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), posted.given(name)?.into())))
            .collect();
        Organization {
            name: posted.get("organization").to_owned(),
            details,
        }
    });
    let asked = organization.is_some();
    let name = posted.given("subscription_name").map(str::to_owned);
    let key = posted.get("key").to_owned();
    let registered =
        licensing::register_key(&portal, &visitor.who, &key, name, organization, &address).await;
    match registered {
        Ok(_) => shell::onward("/dashboard?done=registered-key"),
        Err(error) => {
            let ask = asked || matches!(error, KeyError::OrganizationRequired);
            let attempt = Attempt::failed(posted, error);
            shell::answer(
                attempt.status(),
                key_page(&visitor, &attempt, ask && (asked_only(&attempt) || asked)),
            )
        }
    }
}

/// Whether nothing but the organisation was missing.
fn asked_only(attempt: &Attempt) -> bool {
    attempt
        .problem
        .as_ref()
        .is_some_and(|problem| problem.code() == "organization-required")
}

/// Country and what else the organisation told.
pub(super) fn details(text: &str) -> Vec<(String, String)> {
    let details: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    details
        .into_iter()
        .map(|(name, value)| {
            let shown = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name, shown)
        })
        .collect()
}

/// An instant of the store, for people.
pub(super) fn at(micros: i64) -> Markup {
    shell::instant(instant(micros))
}
