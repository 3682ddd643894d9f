//! Tab Users of a connection: the state of each user at the target, the target's last answer,
//! and a button for another attempt.

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::CONNECTIONS;
use super::connections::{find_connection, tab};
use super::status::retry;
use crate::Idp;
use crate::http::console::layout::{Console, Shown};
use crate::http::console::parts::{self, badge};
use crate::http::console::session::Submitted;
use crate::provisioning::status::{Again, State, SyncedUser};

pub(super) fn router() -> Router<Idp> {
    Router::new()
        .route("/{env}/provisioning/connections/{id}/users", get(list))
        .route(
            "/{env}/provisioning/connections/{id}/again",
            post(synchronize_again),
        )
}

/// Number of users per page.
const PAGE: usize = 50;

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: usize,
}

const STATES: [(&str, &str); 4] = [
    ("", "All"),
    ("SYNCED", "In sync"),
    ("PENDING", "Waiting"),
    ("FAILED", "Failed"),
];

fn word(state: State) -> Markup {
    match state {
        State::Synced => badge("good", "In sync"),
        State::Pending => badge("wait", "Waiting"),
        State::Failed => badge("bad", "Failed"),
    }
}

fn display_name(user: &SyncedUser) -> String {
    let deleted = || format!("{} (deleted)", user.id);
    user.username.clone().unwrap_or_else(deleted)
}

/// Renders the time of the last synchronization and of the next attempt.
fn when(user: &SyncedUser) -> Markup {
    let shown_time = |at: jiff::Timestamp| at.strftime("%F %H:%M:%S UTC").to_string();
    html! {
        @match user.last_sync_at {
            Some(at) => (shown_time(at)),
            None => span.none { "Never yet" },
        }
        @if let Some(at) = user.next_attempt_at {
            p.small { "Next attempt " (shown_time(at)) @if user.attempts > 0 { ", after " (user.attempts) } }
        }
    }
}

async fn list(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Shown {
    let store = find_connection(&console, &id).await?;
    let mut all = console.idp.list_synced_users(console.env_id(), &id).await?;
    let total = all.len();
    let known = STATES.iter().find(|(state, _)| *state == wanted.state);
    let state = known.map_or("", |(state, _)| *state);
    all.retain(|user| state.is_empty() || user.state.name() == state);
    let pages = all.len().div_ceil(PAGE).max(1);
    let page = wanted.page.min(pages - 1);
    let path = console.at(&format!("{CONNECTIONS}/{id}/users"));
    let at_page = |page: usize| format!("{path}?state={state}&page={page}");
    let content = html! {
        form.filter method="get" action=(path) {
            div {
                label for="state" { "State" }
                select id="state" name="state" {
                    @for (value, words) in STATES { option value=(value) selected[value == state] { (words) } }
                }
            }
            button type="submit" { "Show" }
        }
        @if total == 0 {
            (parts::empty("No user was sent to this target yet. A rule says which users and groups are sent.",
                &html! { a.button href=(console.at("/provisioning/rules/new")) { "New rule" } }))
        } @else if all.is_empty() { p.none { "No user is in this state." } }
        @else {
            table {
                thead { tr {
                    th scope="col" { "User" } th scope="col" { "State" } th scope="col" { "Last synchronized" }
                    th scope="col" { "What the target answered" } th scope="col" { span.visually-hidden { "Actions" } }
                } }
                tbody {
                    @for user in all.iter().skip(page * PAGE).take(PAGE) {
                        tr {
                            th scope="row" {
                                @if user.username.is_some() {
                                    a href=(console.at(&format!("/users/{}", user.id))) { (display_name(user)) }
                                } @else { (display_name(user)) }
                            }
                            td { (word(user.state)) }
                            td data-name="Last synchronized" { (when(user)) }
                            td.long data-name="Answer" {
                                @match (&user.error, &user.remote_id) {
                                    (Some(error), _) => (error),
                                    (None, Some(id)) => { "Stored with the id " code { (id) } },
                                    (None, None) => span.none { "Nothing yet" },
                                }
                            }
                            td.actions { (retry(&console, &store, &user.id, &display_name(user))) }
                        }
                    }
                }
            }
            @if pages > 1 {
                nav.pages aria-label="Pages" {
                    @if page > 0 { a.button href=(at_page(page - 1)) { "Previous" } }
                    span { "Page " (page + 1) " of " (pages) " · " (all.len()) " users" }
                    @if page + 1 < pages { a.button href=(at_page(page + 1)) { "Next" } }
                }
            }
        }
    };
    Ok(tab(&console, &store, "Users", None, &content))
}

async fn synchronize_again(
    console: Console,
    Path((_, id)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Shown {
    let again = match form.text("user") {
        "" => Again::Failed,
        user => Again::User(user.to_owned()),
    };
    console
        .idp
        .synchronize_again(console.env_id(), &id, &again)
        .await?;
    let tail = if again == Again::Failed { "" } else { "/users" };
    Ok(console.done(&format!("{CONNECTIONS}/{id}{tail}"), "again"))
}
