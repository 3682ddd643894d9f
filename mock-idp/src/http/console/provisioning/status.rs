//! The card that shows the state of the synchronization with a target.

use maud::{Markup, html};
use serde_json::Value;

use super::CONNECTIONS;
use crate::http::console::layout::Console;
use crate::http::console::parts::{badge, named_value};
use crate::refusal::Result;
use crate::store::resources::Resource;

/// Renders the state of a store as a badge.
pub(super) fn word(status: &Value) -> Markup {
    match status["syncState"].as_str().unwrap_or_default() {
        "SUCCESS" if status["lastSyncAt"].is_string() => badge("good", "In sync"),
        "SUCCESS" => badge("off", "Nothing yet"),
        "SYNCING" => badge("wait", "Syncing"),
        "PAUSED" => badge("off", "Paused"),
        "FAILED" => badge("bad", "Failed"),
        other => badge("off", other),
    }
}

/// Returns the current name of a user or group that failed.
async fn find_current_name(console: &Console, kind: &str, id: &str) -> String {
    let env = console.env_id();
    let found = match kind {
        "user" => match console.idp.get_user(env, id).await {
            Ok(user) => crate::directory::text(&user.document, "username").map(str::to_owned),
            Err(_) => None,
        },
        _ => {
            let kind = crate::store::resources::Kind::Group;
            console
                .idp
                .get(env, kind, id)
                .await
                .ok()
                .map(|group| group.name)
        }
    };
    found.unwrap_or_else(|| format!("{id} (deleted)"))
}

/// Formats a time for people, in UTC.
fn moment(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.strftime("%F %H:%M:%S UTC").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// Renders the card Synchronization of a connection's page.
pub(super) async fn render_card(console: &Console, store: &Resource) -> Result<Markup> {
    let status = console.idp.sync_status(store).await?;
    let count = |key: &str| status[key].as_u64().unwrap_or_default().to_string();
    let mut failures = Vec::new();
    for failure in status["details"].as_array().into_iter().flatten() {
        let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
        let (kind, id) = (text("type"), text("id"));
        failures.push((
            find_current_name(console, &kind, &id).await,
            kind,
            id,
            text("message"),
        ));
    }
    let last_push = match status["lastSyncAt"].as_str() {
        Some(at) => moment(at),
        None => "Never".to_owned(),
    };
    let has_rule = super::has_active_rule(console, store).await?;
    let new_rule = format!("/provisioning/rules/new?connection={}", store.id);
    let path = format!("/provisioning/connections/{}", store.id);
    Ok(html! {
        @if !has_rule {
            div.callout role="note" {
                p { strong { "Nothing is sent yet: add a rule." } " A rule says which users and groups are sent to this connection. If there is one already, enable it." }
                a.button.primary href=(console.at(&new_rule)) { "New rule" }
            }
        }
        section.card aria-labelledby="sync" {
            div.title {
                h2 #sync { "Synchronization" }
                div.inline {
                    a.button href=(console.at(&path)) { "Refresh" }
                    (console.button(&format!("{path}/sync"), &[], &html! { button type="submit" { "Sync Now" } }))
                }
            }
            dl {
                dt { "State" } dd { (word(&status)) }
                (named_value("Users", &count("userTotal")))
                (named_value("Users in sync", &count("successCount")))
                (named_value("Users failed", &count("failedCount")))
                (named_value("Waiting", &count("pendingCount")))
                (named_value("Last push", &last_push))
            }
            @if !failures.is_empty() {
                div.title {
                    h3 #failures { "Failures" }
                    (again(console, store, &[], &html! { button type="submit" { "Retry All That Failed" } }))
                }
                table aria-labelledby="failures" {
                    thead { tr { th scope="col" { "User or group" } th scope="col" { "Kind" } th scope="col" { "What the target answered" } th scope="col" { span.visually-hidden { "Actions" } } } }
                    tbody {
                        @for (name, kind, id, message) in &failures {
                            tr {
                                th scope="row" { (name) } td { (kind) } td.long { (message) }
                                td.actions { @if kind == "user" { (retry(console, store, id, name)) } }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// Renders a button that starts another attempt.
fn again(console: &Console, store: &Resource, what: &[(&str, &str)], button: &Markup) -> Markup {
    console.button(&format!("{CONNECTIONS}/{}/again", store.id), what, button)
}

/// Renders the button that starts another attempt for a user.
pub(super) fn retry(console: &Console, store: &Resource, id: &str, name: &str) -> Markup {
    let button = html! { button type="submit" { "Retry" span.visually-hidden { " " (name) } } };
    again(console, store, &[("user", id)], &button)
}
