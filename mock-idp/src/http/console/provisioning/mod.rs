//! Pages Connections → Provisioning: the connections and rules. **+** → New connection or New
//! rule; each kind has its own file.

mod connections;
mod mappings;
mod rules;
mod status;
mod users;

use axum::Router;
use axum::routing::get;
use maud::html;

use super::layout::{Console, Here, Sheet, Shown};
use super::parts::{self, badge};
use crate::Idp;
use crate::directory::{reference, text};
use crate::store::resources::{Kind, Resource};

/// Path of the connection pages within an environment.
const CONNECTIONS: &str = "/provisioning/connections";

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/provisioning", get(list))
        .merge(connections::router())
        .merge(rules::router())
        .merge(mappings::router())
        .merge(users::router())
}

/// True for a SCIM target, false for the directory itself.
fn is_target(store: &Resource) -> bool {
    text(&store.document, "type") == Some("scim")
}

fn is_active_store(store: &Resource) -> bool {
    text(&store.document, "status") != Some("INACTIVE")
}

fn is_active_rule(rule: &Resource) -> bool {
    rule.document.get("active") == Some(&true.into())
}

/// True if an active rule provisions this target.
async fn has_active_rule(console: &Console, store: &Resource) -> crate::refusal::Result<bool> {
    let rules = console.idp.list(console.env_id(), Kind::Rule, None).await?;
    Ok(rules.iter().any(|rule| {
        is_active_rule(rule) && reference(&rule.document, "targetStore") == Some(store.id.as_str())
    }))
}

/// Returns a member of a store's configuration as text.
fn setting(store: &Resource, key: &str) -> String {
    let value = store.document.get("configuration").map(|all| &all[key]);
    match value {
        Some(serde_json::Value::String(text)) => text.clone(),
        None | Some(serde_json::Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Returns the SCIM targets of the environment.
async fn list_targets(console: &Console) -> crate::refusal::Result<Vec<Resource>> {
    let mut all = console
        .idp
        .list(console.env_id(), Kind::Store, None)
        .await?;
    all.retain(is_target);
    Ok(all)
}

async fn list(console: Console) -> Shown {
    let stores = list_targets(&console).await?;
    let rules = console.idp.list(console.env_id(), Kind::Rule, None).await?;
    let mut states = Vec::new();
    for store in &stores {
        states.push(console.idp.sync_status(store).await?);
    }
    let target_of = |rule: &Resource| {
        let id = reference(&rule.document, "targetStore").unwrap_or_default();
        stores.iter().find(|store| store.id == id)
    };
    let needs_rule = |store: &Resource| {
        !rules.iter().any(|rule| {
            let target = target_of(rule);
            is_active_rule(rule) && target.is_some_and(|target| target.id == store.id)
        })
    };
    let new_connection = console.at("/provisioning/connections/new");
    let actions = html! {
        div.popped {
            button.plus type="button" popovertarget="new" title="Add" {
                span aria-hidden="true" { "+" } span.visually-hidden { "Add to Provisioning" }
            }
            ul #new popover {
                li { a href=(new_connection) { "New connection" } }
                li { a href=(console.at("/provisioning/rules/new")) { "New rule" } }
            }
        }
    };
    let body = html! {
        section.card aria-labelledby="connections" {
            h2 #connections { "Connections" }
            @if stores.is_empty() {
                p.none { "No connection yet. A connection is the SCIM endpoint of a service provider, to which users and groups are sent." }
            } @else {
                table {
                    thead { tr { th scope="col" { "Connection" } th scope="col" { "SCIM Base URL" } th scope="col" { "State" } th scope="col" { "Sync" } } }
                    tbody {
                        @for (store, state) in stores.iter().zip(&states) {
                            tr {
                                th scope="row" { a href=(console.at(&format!("/provisioning/connections/{}", store.id))) { (store.name) } }
                                td { code { (setting(store, "SCIM_URL")) } }
                                td { @if is_active_store(store) { (badge("good", "Enabled")) } @else { (badge("off", "Disabled")) } }
                                td {
                                    @if needs_rule(store) { (badge("wait", "Needs a rule")) }
                                    @else { (status::word(state)) }
                                }
                            }
                        }
                    }
                }
            }
        }
        section.card aria-labelledby="rules" {
            h2 #rules { "Rules" }
            @if rules.is_empty() {
                p.none { "No rule yet. A rule says which users and groups are sent to a connection." }
            } @else {
                table {
                    thead { tr { th scope="col" { "Rule" } th scope="col" { "Connection" } th scope="col" { "State" } } }
                    tbody {
                        @for rule in &rules {
                            tr {
                                th scope="row" { a href=(console.at(&format!("/provisioning/rules/{}", rule.id))) { (rule.name) } }
                                td data-name="Connection" { (target_of(rule).map_or("", |store| &store.name)) }
                                td { @if is_active_rule(rule) { (badge("good", "Enabled")) } @else { (badge("off", "Disabled")) } }
                            }
                        }
                    }
                }
            }
        }
        @if stores.is_empty() {
            (parts::empty("Begin with a connection, then add a rule to it.",
                &html! { a.button.primary href=(new_connection) { "New connection" } }))
        }
    };
    Ok(console.show(&Sheet {
        here: Here::Provisioning,
        title: "Provisioning",
        actions,
        body,
        ..Sheet::default()
    }))
}
