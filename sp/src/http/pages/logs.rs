//! The pages Audit Log and SCIM Sync Log.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::html;

use super::super::no_store;
use super::super::problem::Problem;
use super::dashboard::at;
use super::shell::{self, AdminVisitor};
use crate::Portal;
use crate::directory::sync_log;
use crate::refusal;
use crate::store;
use crate::words;

/// Number of entries on a page.
const LINES: i64 = 500;

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/audit", get(show_audit_log))
        .route("/scim-log", get(show_scim_log))
}

async fn show_audit_log(State(portal): State<Portal>, admin: AdminVisitor) -> Response {
    let read = async {
        let mut db = portal.store.read().await?;
        store::audit::list_by_business(&mut db, &admin.workspace.id, LINES).await
    };
    let rows = match read.await {
        Ok(rows) => rows,
        Err(error) => return Problem::from(error).into_response(),
    };
    let content = html! {
        p.lead { "Security events: who did what, when, and from where. Entries are never changed; refused sign-ins are kept as long as " a href=(refusal::PAGE) { "Sign-in problems" } " keeps them, all other entries are never removed." }
        div.card.scroll tabindex="0" role="region" aria-label="Audit log" {
            table.stack {
                caption { "The newest " (rows.len()) " events" }
                thead { tr { th { "When" } th { "Who" } th { "What" } th { "To what" } th { "From" } } }
                tbody { @for row in &rows { tr {
                    td { (at(row.happened)) }
                    td data-name="Who" { (row.actor) }
                    td data-name="What" { (words::audit_action(&row.action)) }
                    td data-name="To what" {
                        @if row.action == store::refusals::AUDIT_ACTION {
                            a href=(refusal::path(&row.target)) { (row.target) }
                        } @else { (words::audit_target(&row.action, &row.target)) }
                        @if !row.detail.is_empty() { br; span.hint { (row.detail) } }
                    }
                    td data-name="From" { (row.address) }
                } } }
            }
        }
    };
    no_store(shell::page(&admin.visitor, "/audit", "Audit Log", &content))
}

async fn show_scim_log(State(portal): State<Portal>, admin: AdminVisitor) -> Response {
    let rows = match sync_log::list_by_business(&portal, &admin.workspace.id, LINES).await {
        Ok(rows) => rows,
        Err(error) => return Problem::from(error).into_response(),
    };
    let content = html! {
        p.lead { "The requests of your identity provider’s provisioning, and the answers. The newest " (sync_log::MOST) " requests are kept." }
        @if rows.is_empty() {
            div.card { p { "No SCIM request was received yet. Step 5 of IdP Integration has the base URL and the bearer token." } }
        } @else {
            div.card.scroll tabindex="0" role="region" aria-label="SCIM sync log" {
                table.stack {
                    thead { tr { th { "When" } th { "Request" } th { "Outcome" } th { "Detail" } th { "Took" } } }
                    tbody { @for row in &rows { tr {
                        td { (at(row.happened)) }
                        td.path { strong { (row.method) } " " code { (row.path) } }
                        td { span class=(if row.status < 400 { "badge green" } else { "badge red" }) { (row.status) } }
                        td data-name="Detail" { (row.detail) }
                        td data-name="Took" { (row.took_ms) " ms" }
                    } } }
                }
            }
        }
    };
    no_store(shell::page(
        &admin.visitor,
        "/scim-log",
        "SCIM Sync Log",
        &content,
    ))
}
