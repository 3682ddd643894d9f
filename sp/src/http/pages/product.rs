//! The pages Subscriptions (with their seats) and Licenses (with users
//! and devices).

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::html;

use super::super::caller::Address;
use super::super::no_store;
use super::super::problem::Problem;
use super::dashboard::{Done, at, licensing_in_words};
use super::form::{Attempt, Posted};
use super::form_token;
use super::shell::{self, AdminVisitor};
use crate::Portal;
use crate::licensing::{self, HeldLicense, Status};
use crate::store::subscriptions::SubscriptionRow;
use crate::store::{self, StoreError};

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/subscriptions", get(show_subscriptions).post(change))
        .route("/licenses", get(show_licenses))
        .route("/licenses/release", post(release))
}

async fn list_seats(
    portal: &Portal,
    business_id: &str,
) -> Result<Vec<(SubscriptionRow, i64)>, StoreError> {
    let mut db = portal.store.read().await?;
    let mut all = Vec::new();
    for row in store::subscriptions::list_by_business(&mut db, business_id).await? {
        let used = store::licenses::count_used_seats(&mut db, &row.id).await?;
        all.push((row, used));
    }
    Ok(all)
}

async fn show_subscriptions(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Query(query): Query<Done>,
) -> Response {
    match list_seats(&portal, &admin.workspace.id).await {
        Ok(all) => no_store(seats_page(
            &portal,
            &admin,
            &all,
            &Attempt::default(),
            query.done.as_deref(),
        )),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn change(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: AdminVisitor,
    posted: Posted,
) -> Response {
    let group = posted
        .given("group_name")
        .map(|name| (name, posted.get("group_id")));
    let changed = licensing::change_subscription(
        &portal,
        admin.by(&address),
        posted.get("subscription"),
        Some(posted.get("subscription_name")),
        Some(group),
    )
    .await;
    let error = match changed {
        Ok(_) => return shell::onward("/subscriptions?done=subscription-changed"),
        Err(error) => error,
    };
    match list_seats(&portal, &admin.workspace.id).await {
        Ok(all) => {
            let attempt = Attempt::with_problem(posted, error);
            let page = seats_page(&portal, &admin, &all, &attempt, None);
            shell::answer(attempt.status(), page)
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

fn seats_page(
    portal: &Portal,
    admin: &AdminVisitor,
    all: &[(SubscriptionRow, i64)],
    attempt: &Attempt,
    done: Option<&str>,
) -> Html<String> {
    let now = portal.now();
    let content = html! {
        (shell::done(done))
        (attempt.alert(&["subscription_name", "group_name"]))
        p.lead { "What your organization has registered. A seat is taken by a user at the first activation and free again when the user leaves the group, is disabled or deleted." }
        @for (row, used) in all {
            @let id = &row.id[..8];
            @let tried = attempt.typed.get("subscription") == row.id;
            div.card {
                h2 { (row.name) " " (shell::badge(Status::of(row, now).as_str())) }
                dl.facts {
                    dt { "Seats" } dd { strong { (used) } " in use, " strong { (row.seats - used) } " free of " (row.seats) }
                    dt { "Licensing" } dd { (licensing_in_words(&row.licensing)) ", up to " (row.devices) " devices a user" }
                    dt { "Runs" } dd { (at(row.starts)) " to " (at(row.ends))
                        @if row.grace > 0 { ", licenses hold until " (shell::instant(licensing::holds_until(row))) } }
                    dt { "Key" } dd { code { (licensing::mask_key(&row.license_key)) } }
                    dt { "Serves" } dd { (row.group_name.as_deref().unwrap_or("everyone who isn’t in a group that has its own subscription")) }
                    @if let Some(reason) = &row.cancelled { dt { "Cancelled" } dd { (reason) } }
                }
                progress.seats value=(used) max=(row.seats) aria-label=(format!("Seats of {} in use", row.name)) {}
                details.more open[tried] {
                    summary { "Change name or group" }
                    form method="post" action="/subscriptions" {
                        (form_token::hidden(&admin.visitor.token))
                        input type="hidden" name="subscription" value=(row.id);
                        label for=(format!("name-{id}")) { "Subscription name" }
                        input id=(format!("name-{id}")) name="subscription_name" value=(if tried { attempt.typed.get("subscription_name") } else { row.name.as_str() });
                        @if tried { @if let Some(error) = attempt.error_at("subscription_name") { p.error { (error) } } }
                        label for=(format!("group-{id}")) { "Group that uses it (optional; empty: everybody)" }
                        input id=(format!("group-{id}")) name="group_name" value=(if tried { attempt.typed.get("group_name") } else { row.group_name.as_deref().unwrap_or_default() });
                        @if tried { @if let Some(error) = attempt.error_at("group_name") { p.error { (error) } } }
                        label for=(format!("gid-{id}")) { "That group’s ID (optional)" }
                        input id=(format!("gid-{id}")) name="group_id" value=(if tried { attempt.typed.get("group_id") } else { row.group_id.as_deref().unwrap_or_default() });
                        div.row { button type="submit" { "Save" } }
                    }
                }
            }
        }
        a.button href="/register-key" { "Register Key" }
    };
    shell::page(&admin.visitor, "/subscriptions", "Subscriptions", &content)
}

async fn show_licenses(
    State(portal): State<Portal>,
    admin: AdminVisitor,
    Query(query): Query<Done>,
) -> Response {
    let held = async {
        let mut db = portal.store.read().await?;
        licensing::list_held_licenses(&mut db, &admin.workspace.id).await
    };
    match held.await {
        Ok(held) => {
            let link = format!("{}/directdownload/pd?experience=sso", portal.origin());
            no_store(licenses_page(&admin, &held, &link, query.done.as_deref()))
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

fn licenses_page(
    admin: &AdminVisitor,
    held: &[HeldLicense],
    download_link: &str,
    done: Option<&str>,
) -> Html<String> {
    let content = html! {
        (shell::done(done))
        p.lead { "Who holds a license, since when, and on which devices." }
        div.card {
            p { @if held.is_empty() { "No license is in use. " } "Send your users this link to download Parallels Desktop for activation with single sign-on:" }
            (shell::copyable("download-link", "Download link", download_link))
        }
        @if !held.is_empty() {
            div.card.scroll tabindex="0" role="region" aria-label="Licenses" {
                table.stack {
                    thead { tr { th { "User" } th { "Since" } th { "Device" } th { "Activated" } th { "Last seen" } th { "" } } }
                    tbody { @for one in held {
                        @for device in &one.devices { tr {
                            td { (one.email.as_deref().unwrap_or(&one.license.user_id)) }
                            td data-name="Since" { (at(one.license.granted)) }
                            td data-name="Device" { strong { (device.name) } br; code { (device.device_id) } }
                            td data-name="Activated" { (at(device.activated)) }
                            td data-name="Last seen" { (at(device.validated)) }
                            td { (shell::confirmation_form("/licenses/release", "Release",
                                &format!("Parallels Desktop stops working on {} at its next check, and the user can activate another device.", device.name),
                                &html! {
                                    (form_token::hidden(&admin.visitor.token))
                                    input type="hidden" name="license" value=(one.license.id);
                                    input type="hidden" name="device" value=(device.device_id);
                                })) }
                        } }
                        @if one.devices.is_empty() { tr {
                            td { (one.email.as_deref().unwrap_or(&one.license.user_id)) }
                            td data-name="Since" { (at(one.license.granted)) } td colspan="4" { "no device" }
                        } }
                    } }
                }
            }
        }
    };
    shell::page(&admin.visitor, "/licenses", "Licenses", &content)
}

async fn release(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: AdminVisitor,
    posted: Posted,
) -> Response {
    let by = admin.by(&address);
    match licensing::release_device(&portal, by, posted.get("license"), posted.get("device")).await
    {
        Ok(()) => shell::onward("/licenses?done=device-released"),
        Err(error) => Problem::from(error).into_response(),
    }
}
