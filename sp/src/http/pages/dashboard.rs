//! The pages Dashboard and Register Key, with the form for the
//! organization's details.

use std::collections::BTreeMap;

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
use super::form::{Attempt, Posted};
use super::form_token;
use super::shell::{self, Visitor};
use crate::Portal;
use crate::configurator;
use crate::licensing::{self, KeyError, Organization, Status};
use crate::store::{self, StoreError, instant};
use crate::words::sentence;

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/dashboard", get(show_dashboard))
        .route("/register-key", get(register_key_page).post(register_key))
}

/// Query parameter `done`: the code of the action that was just completed.
#[derive(Deserialize)]
pub(super) struct Done {
    pub(super) done: Option<String>,
}

async fn show_dashboard(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(query): Query<Done>,
) -> Response {
    match render_overview(&portal, &visitor).await {
        Ok(content) => {
            let content = html! { (shell::done(query.done.as_deref())) (content) };
            no_store(shell::page(&visitor, "/dashboard", "Dashboard", &content))
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn render_overview(portal: &Portal, visitor: &Visitor) -> Result<Markup, StoreError> {
    let who = &visitor.who;
    let Some(workspace) = who.workspace() else {
        return Ok(html! {
            p.lead { "Signed in as " strong { (who.email()) } "." }
            div.card {
                h2 { "Register your license key" }
                p { "You have no business account yet. Register the key of your Business Edition subscription, and we create the business account of your organization with it." }
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
                p { "Install the app by your organization’s link and enter your work e-mail when it asks for it." }
                a.button href="/directdownload/pd?experience=sso" { "Download" }
            }
            (sessions(visitor))
        });
    }
    let now = portal.now();
    let mut db = portal.store.read().await?;
    // Do not add up seats of different kinds: a per-user seat cannot be used
    // for a device.
    let mut seats: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in store::subscriptions::list_by_business(&mut db, &workspace.id).await? {
        if Status::of(&row, now).holds() {
            let used = store::licenses::count_used_seats(&mut db, &row.id).await?;
            let kind = seats.entry(row.licensing).or_default();
            kind.0 += used;
            kind.1 += row.seats;
        }
    }
    let entered = match configurator::load_entered_values(&mut db, &workspace.id).await? {
        Some(entered) => Some(configurator::review(&mut db, entered).await?),
        None => None,
    };
    drop(db);
    Ok(html! {
        p.lead { "Signed in as " strong { (who.email()) } @if who.via() == "sso" { " by single sign-on" } ", an administrator of " strong { (workspace.name) } "." }
        div.cards {
            div.card {
                h2 { "Seats" }
                @if seats.is_empty() { p { "No subscription is active." } }
                @for (kind, (used, all)) in seats.iter().rev() {
                    div.big { (used) " of " (all) }
                    p.hint { (licensing_in_words(kind)) " in use; " (all - used) " free" }
                }
                a href="/subscriptions" { "Subscriptions" }
            }
            @if visitor.integration {
                div.card {
                    h2 { "IdP Integration" }
                    @match &entered {
                        None => {
                            p { "Let your users sign in and activate with single sign-on." }
                            a href="/profile/business/idp_integration" { "Start Configuring" }
                        },
                        Some(entered) => {
                            div.big { (entered.green(now)) " of 7" }
                            p.hint { "steps green " (shell::badge(entered.status(now))) }
                            @for warning in &entered.warnings { p.say.warn { (shell::prose(&sentence(&warning.message))) } }
                            a href="/profile/business/idp_integration" {
                                @if entered.status(now) == "active" { "Look at the integration" } @else { "Continue configuring" }
                            }
                        },
                    }
                }
            }
            div.card {
                h2 { "Users" }
                p { "Who belongs to the business account, and who holds a license." }
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
            p { "Are you still signed in on another computer? End all sessions of this account." }
            (shell::confirmation_form("/logout-everywhere", "Sign Out Everywhere",
                "You are signed out here too, and on every other computer.", &form_token::hidden(&visitor.token)))
        }
    }
}

/// Returns the kind of a seat in words, to be followed by "in use".
pub(super) fn licensing_in_words(licensing: &str) -> &str {
    match licensing {
        "per-user" => "per-user seats",
        "per-device" => "per-device seats",
        other => other,
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
                p.say.warn { "You have no business account yet. Tell us about your organization; we create the account and register the key in it." }
            }
            @if !is_only_organization_missing(attempt) { (attempt.alert(&fields)) }
            form method="post" action="/register-key" {
                (form_token::hidden(&visitor.token))
                (attempt.field("text", "key", "License key", "", "Five groups of six letters or digits."))
                (attempt.field("text", "subscription_name", "Subscription name (optional)", "", "Its name in your lists."))
                @if ask_organization {
                    h3 { "Your organization" }
                    (attempt.field("text", "organization", "Organization name", "", ""))
                    (attempt.field("text", "country", "Country", "", "Optional."))
                    (attempt.field("text", "city", "City", "", "Optional."))
                    (attempt.field("text", "website", "Website", "", "Optional."))
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
    let organization = posted.is_ticked("with_organization").then(|| {
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
    if let Some(organization) = &organization {
        let wrong = [licensing::check_key(&key).err(), organization.check().err()];
        if let Some(problem) = Problem::several(wrong.into_iter().flatten().map(Problem::from)) {
            let attempt = Attempt::with_problem(posted, problem);
            return shell::answer(attempt.status(), key_page(&visitor, &attempt, true));
        }
    }
    let registered =
        licensing::register_key(&portal, &visitor.who, &key, name, organization, &address).await;
    match registered {
        Ok(_) => shell::onward("/dashboard?done=registered-key"),
        Err(error) => {
            let ask = asked || matches!(error, KeyError::OrganizationRequired);
            let attempt = Attempt::with_problem(posted, error);
            shell::answer(
                attempt.status(),
                key_page(
                    &visitor,
                    &attempt,
                    ask && (is_only_organization_missing(&attempt) || asked),
                ),
            )
        }
    }
}

/// True if the only problem is that the organization's data is missing.
fn is_only_organization_missing(attempt: &Attempt) -> bool {
    attempt
        .problem
        .as_ref()
        .is_some_and(|problem| problem.code() == "organization-required")
}

/// Returns the further data of the organization as names and values.
pub(super) fn organization_details(text: &str) -> Vec<(String, String)> {
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

/// Formats a stored timestamp (microseconds) for a page.
pub(super) fn at(micros: i64) -> Markup {
    shell::instant(instant(micros))
}
