//! `/api/license-keys` and `/api/business`, without the configurator: keys,
//! users, subscriptions, licenses, logs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::caller::{Address, Admin, Caller};
use super::no_store;
use super::openapi::{QueryParameter, Route};
use super::parameters::{Path, Query};
use super::problem::{Answer, Problem};
use crate::Portal;
use crate::accounts::{self, Role};
use crate::directory::sync_log;
use crate::licensing::{self, Organization, Status};
use crate::refusal;
use crate::store::subscriptions::SubscriptionRow;
use crate::store::{self, instant};

const REFUSALS: &[QueryParameter] = &[
    QueryParameter {
        name: "q",
        kind: "string",
        description: "A reference number, or a part of an e-mail address, domain or code",
    },
    QueryParameter {
        name: "page",
        kind: "integer",
        description: "Page number, from 1",
    },
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/license-keys", register_key)
            .summary("Register a license key; the first one creates a business account")
            .session()
            .body("NewLicenseKey")
            .creates("RegisteredLicenseKey")
            .refuses(&[404, 409, 410, 422]),
        Route::get("/api/business", show)
            .summary("Read the selected business account")
            .session()
            .returns("Business")
            .refuses(&[409]),
        Route::get("/api/business/users", list_users)
            .summary("List members and directory users")
            .admin()
            .returns("Users"),
        Route::post("/api/business/users", add_member)
            .summary("Add a member by e-mail address")
            .admin()
            .body("NewMember")
            .creates("Member"),
        Route::get("/api/business/subscriptions", list_subscriptions)
            .summary("List the subscriptions")
            .admin()
            .returns("Subscriptions"),
        Route::put("/api/business/subscriptions/{id}", change_subscription)
            .summary("Change the name or the group of a subscription")
            .admin()
            .body("SubscriptionChange")
            .returns("Subscription")
            .refuses(&[404]),
        Route::delete(
            "/api/business/licenses/{id}/devices/{device}",
            release_device,
        )
        .summary("Release a device from a license")
        .admin()
        .refuses(&[404]),
        Route::get("/api/business/licenses", list_licenses)
            .summary("List the licenses, with their devices")
            .admin()
            .returns("Licenses"),
        Route::get("/api/business/audit", show_audit_log)
            .summary("List the last 500 entries of the audit log")
            .admin()
            .returns("AuditLog"),
        Route::get("/api/business/scim-log", show_scim_log)
            .summary("List the last 500 SCIM requests")
            .admin()
            .returns("ScimLog"),
        Route::get("/api/business/refusals", list_refusals)
            .summary("List sign-in problems, page by page")
            .admin()
            .query(REFUSALS)
            .returns("Refusals"),
        Route::get("/api/business/refusals/{reference}", show_refusal)
            .summary("Read a sign-in problem")
            .admin()
            .returns("Refusal")
            .refuses(&[404]),
    ]
}

#[derive(Deserialize)]
struct NewKey {
    key: String,
    subscription_name: Option<String>,
    organization: Option<NewOrganization>,
}

#[derive(Deserialize)]
struct NewOrganization {
    name: String,
    #[serde(flatten)]
    details: Map<String, Value>,
}

async fn register_key(
    State(portal): State<Portal>,
    Address(address): Address,
    Caller(who): Caller,
    Body(new): Body<NewKey>,
) -> Answer {
    let organization = new.organization.map(|organization| Organization {
        name: organization.name,
        details: organization.details,
    });
    let registered = licensing::register_key(
        &portal,
        &who,
        &new.key,
        new.subscription_name,
        organization,
        &address,
    )
    .await?;
    let used = 0;
    let body = json!({
        "business_account": {"id": registered.business.id, "name": registered.business.name},
        "subscription": subscription_to_json(&portal, &registered.subscription, used),
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn show(State(portal): State<Portal>, Caller(who): Caller) -> Answer {
    let workspace = who.workspace().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "no-workspace",
            "you belong to no business account yet: register a license key",
        )
    })?;
    let mut db = portal.store.read().await?;
    let available = store::subscriptions::has_per_user(&mut db, &workspace.id).await?;
    Ok(no_store(Json(json!({
        "id": workspace.id,
        "name": workspace.name,
        "role": workspace.role,
        "idp_integration_available": available && workspace.role == Role::Admin,
    }))))
}

async fn list_users(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let users: Vec<Value> = accounts::list_users(&mut db, &admin.workspace.id)
        .await?
        .into_iter()
        .map(|user| {
            json!({
                "id": user.id,
                "email": user.email,
                "user_name": user.user_name,
                "name": user.name,
                "role": user.role,
                "status": user.status,
                "source": user.source,
                "external_id": user.external_id,
                "groups": user.groups,
                "notes": user.notes,
                "license": user.license.map(|license| json!({
                    "id": license.id,
                    "subscription_id": license.subscription_id,
                    "granted_at": instant(license.granted),
                })),
                "last_login": user.last_login.map(instant),
            })
        })
        .collect();
    Ok(no_store(Json(json!({"users": users}))))
}

#[derive(Deserialize)]
struct NewMember {
    email: String,
    role: Option<String>,
}

async fn add_member(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewMember>,
) -> Answer {
    let role = new.role.as_deref().unwrap_or("member");
    let row = accounts::add_member(&portal, admin.by(&address), &new.email, role).await?;
    let body = json!({"email": row.email, "role": row.role});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn list_subscriptions(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let mut shown = Vec::new();
    for row in store::subscriptions::list_by_business(&mut db, &admin.workspace.id).await? {
        let used = store::licenses::count_used_seats(&mut db, &row.id).await?;
        shown.push(subscription_to_json(&portal, &row, used));
    }
    Ok(no_store(Json(json!({"subscriptions": shown}))))
}

/// Change of a subscription. `group`: null removes the group, so that the
/// subscription serves all users; a missing member changes nothing.
#[derive(Deserialize)]
struct SubscriptionChange {
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    group: Option<Option<ServedGroup>>,
}

#[derive(Deserialize)]
struct ServedGroup {
    name: String,
    #[serde(default)]
    id: String,
}

fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<ServedGroup>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn change_subscription(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Path(id): Path<String>,
    Body(change): Body<SubscriptionChange>,
) -> Answer {
    let by = admin.by(&address);
    let group = change
        .group
        .as_ref()
        .map(|group| group.as_ref().map(|it| (it.name.as_str(), it.id.as_str())));
    let row =
        licensing::change_subscription(&portal, by, &id, change.name.as_deref(), group).await?;
    let mut db = portal.store.read().await?;
    let used = store::licenses::count_used_seats(&mut db, &row.id).await?;
    Ok(no_store(Json(subscription_to_json(&portal, &row, used))))
}

async fn release_device(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Path((license, device)): Path<(String, String)>,
) -> Answer {
    let by = admin.by(&address);
    licensing::release_device(&portal, by, &license, &device).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn subscription_to_json(portal: &Portal, row: &SubscriptionRow, used: i64) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "key_masked": licensing::mask_key(&row.license_key),
        "licensing": row.licensing,
        "seats": row.seats,
        "used": used,
        "free": row.seats - used,
        "starts": instant(row.starts),
        "ends": instant(row.ends),
        "status": Status::of(row, portal.now()).as_str(),
        "devices_per_user": row.devices,
        "holds_until": licensing::holds_until(row),
        "cancelled": row.cancelled,
        "group": row.group_name.as_ref().map(|name| json!({"name": name, "id": row.group_id})),
    })
}

async fn list_licenses(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let shown: Vec<Value> = licensing::list_held_licenses(&mut db, &admin.workspace.id)
        .await?
        .into_iter()
        .map(|held| {
            let devices = held.devices.into_iter().map(|device| {
                json!({
                    "id": device.device_id,
                    "name": device.name,
                    "activated_at": instant(device.activated),
                    "validated_at": instant(device.validated),
                })
            });
            json!({
                "id": held.license.id,
                "user": {"id": held.license.user_id, "email": held.email},
                "subscription_id": held.license.subscription_id,
                "granted_at": instant(held.license.granted),
                "devices": devices.collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(no_store(Json(json!({"licenses": shown}))))
}

async fn show_scim_log(State(portal): State<Portal>, admin: Admin) -> Answer {
    let requests: Vec<Value> = sync_log::list_by_business(&portal, &admin.workspace.id, 500)
        .await?
        .into_iter()
        .map(|row| {
            json!({
                "at": instant(row.happened),
                "method": row.method,
                "path": row.path,
                "status": row.status,
                "detail": row.detail,
                "took_ms": row.took_ms,
            })
        })
        .collect();
    Ok(no_store(Json(json!({"requests": requests}))))
}

async fn show_audit_log(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let events: Vec<Value> = store::audit::list_by_business(&mut db, &admin.workspace.id, 500)
        .await?
        .into_iter()
        .map(|row| {
            json!({
                "at": instant(row.happened),
                "actor": row.actor,
                "action": row.action,
                "target": row.target,
                "detail": row.detail,
                "address": row.address,
            })
        })
        .collect();
    Ok(no_store(Json(json!({"events": events}))))
}

#[derive(Deserialize)]
struct RefusalQuery {
    #[serde(default)]
    q: String,
    page: Option<i64>,
}

async fn list_refusals(
    State(portal): State<Portal>,
    admin: Admin,
    Query(query): Query<RefusalQuery>,
) -> Answer {
    let query = refusal::Query {
        search: query.q,
        page: query.page.unwrap_or(1),
    };
    let page = refusal::list(&portal, &admin.workspace.id, &query).await?;
    let listed: Vec<Value> = page
        .problems
        .iter()
        .map(|problem| refusal_to_json(&portal, problem))
        .collect();
    Ok(no_store(Json(json!({
        "refusals": listed,
        "page": page.number,
        "pages": page.pages,
        "total": page.total,
    }))))
}

async fn show_refusal(
    State(portal): State<Portal>,
    admin: Admin,
    Path(reference): Path<String>,
) -> Answer {
    let found = refusal::find_by_reference(&portal, &admin.workspace.id, &reference).await?;
    let problem = found.ok_or_else(|| {
        Problem::not_found(format!(
            "refusal {reference} not found in your organization; it may be older than the portal keeps"
        ))
    })?;
    Ok(no_store(Json(refusal_to_json(&portal, &problem))))
}

fn refusal_to_json(portal: &Portal, problem: &refusal::Problem) -> Value {
    json!({
        "reference": problem.reference,
        "at": problem.at,
        "code": problem.code,
        "flow": problem.flow.name(),
        "who": problem.who,
        "who_verified": problem.who_verified,
        "domain": problem.domain,
        "public": problem.public,
        "private": problem.private,
        "next": problem.remedy,
        "look_at": {
            "label": problem.place.label(),
            "url": format!("{}{}", portal.base_url, problem.place.path()),
        },
        "facts": problem.facts,
        "address": problem.address,
        "page": format!("{}{}", portal.base_url, refusal::path(&problem.reference)),
    })
}
