//! `/api/license-keys` and `/api/business`, without the configurator.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::Body;
use super::caller::{Address, Admin, Caller};
use super::no_store;
use super::problem::{Answer, Problem};
use crate::Portal;
use crate::accounts::{self, Role};
use crate::audit::{self, Event};
use crate::configurator::By;
use crate::licensing::{self, Organization, Status};
use crate::roles;
use crate::store::members::MemberRow;
use crate::store::subscriptions::SubscriptionRow;
use crate::store::{self, Db, StoreError, instant, stored};

pub(super) fn router() -> Router<Portal> {
    Router::new()
        .route("/api/license-keys", post(register_key))
        .route("/api/business", get(show))
        .route("/api/business/users", get(users).post(add_member))
        .route("/api/business/subscriptions", get(subscriptions))
        .route("/api/business/subscriptions/{id}", put(change_subscription))
        .route(
            "/api/business/licenses/{id}/devices/{device}",
            delete(release_device),
        )
        .route("/api/business/licenses", get(licenses))
        .route("/api/business/audit", get(audit_log))
        .route("/api/business/refusals/{reference}", get(refusal))
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
        "subscription": subscription_shown(&portal, &registered.subscription, used),
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn show(State(portal): State<Portal>, Caller(who): Caller) -> Answer {
    let workspace = who.workspace().ok_or_else(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "no-workspace",
            "you belong to no business account yet: register a licence key",
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

async fn users(State(portal): State<Portal>, admin: Admin) -> Answer {
    let business_id = &admin.workspace.id;
    let mut db = portal.store.read().await?;
    let tenant = store::tenants::of_business(&mut db, business_id).await?;
    let licenses: HashMap<String, Value> = store::licenses::of_business(&mut db, business_id)
        .await?
        .into_iter()
        .map(|license| {
            let shown = json!({
                "id": license.id,
                "subscription_id": license.subscription_id,
                "granted_at": instant(license.granted),
            });
            (license.user_id, shown)
        })
        .collect();
    let mut users = Vec::new();
    for member in store::members::of_business(&mut db, business_id).await? {
        users.push(json!({
            "id": member.account_id,
            "email": member.email,
            "name": member.name,
            "role": member.role,
            "status": "active",
            "source": "local",
            "external_id": null,
            "groups": [],
            "license": null,
            "last_login": member.last_login.map(instant),
        }));
    }
    for person in store::people::of_business(&mut db, business_id).await? {
        let standing = match &tenant {
            Some(tenant) => roles::standing(&mut db, tenant, &person.id).await?,
            None => roles::Standing::default(),
        };
        users.push(json!({
            "id": person.id,
            "email": person.email.as_ref().unwrap_or(&person.user_name),
            "user_name": person.user_name,
            "name": person.display_name,
            "role": if standing.admin { "admin" } else { "member" },
            "status": if person.active == 1 { "active" } else { "disabled" },
            "source": person.source,
            "external_id": person.external_id,
            "groups": groups_of(&mut db, &person.id).await?,
            "notes": standing.near_misses,
            "license": licenses.get(&person.id),
            "last_login": person.last_login.map(instant),
        }));
    }
    Ok(no_store(Json(json!({"users": users}))))
}

/// The names of a user's groups, or what the last Response called them.
async fn groups_of(db: &mut Db, user_id: &str) -> Result<Vec<String>, StoreError> {
    let groups = store::people::groups_of(db, user_id).await?;
    if groups.is_empty()
        && let Some(asserted) = store::people::asserted(db, user_id).await?
    {
        return Ok(serde_json::from_str(&asserted.groups).unwrap_or_default());
    }
    Ok(groups.into_iter().map(|group| group.display_name).collect())
}

#[derive(Deserialize)]
struct NewMember {
    email: String,
    role: Option<String>,
}

/// Adds someone with a portal password, so that they can become the backup
/// login once they have logged in (G-14).
async fn add_member(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Body(new): Body<NewMember>,
) -> Answer {
    let Some(email) = accounts::normalized(&new.email) else {
        return Err(accounts::AccountError::InvalidEmail(new.email).into());
    };
    let role = new.role.unwrap_or_else(|| "member".to_owned());
    if !matches!(role.as_str(), "admin" | "member") {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-role",
            format!("`{role}` is no role: expected admin or member"),
        ));
    }
    let row = MemberRow {
        business_id: admin.workspace.id.clone(),
        email,
        role,
        added: stored(portal.now()),
        last_login: None,
    };
    let mut tx = portal.store.write().await?;
    match store::members::insert(&mut tx, &row).await {
        Err(error) if error.is_unique_violation() => {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "already-a-member",
                format!("{} is a member already", row.email),
            ));
        }
        other => other?,
    }
    let event = Event::new(admin.who.email(), "member-added", &row.email)
        .saying(row.role.clone())
        .from(&address);
    audit::record(&portal, &mut tx, Some(&row.business_id), event).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let body = json!({"email": row.email, "role": row.role});
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn subscriptions(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let mut shown = Vec::new();
    for row in store::subscriptions::of_business(&mut db, &admin.workspace.id).await? {
        let used = store::licenses::used_seats(&mut db, &row.id).await?;
        shown.push(subscription_shown(&portal, &row, used));
    }
    Ok(no_store(Json(json!({"subscriptions": shown}))))
}

/// `group` null: everybody's; left out: as it is.
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
    let by = By {
        business_id: &admin.workspace.id,
        actor: admin.who.email(),
        address: &address,
    };
    let group = change
        .group
        .as_ref()
        .map(|group| group.as_ref().map(|it| (it.name.as_str(), it.id.as_str())));
    let row =
        licensing::change_subscription(&portal, by, &id, change.name.as_deref(), group).await?;
    let mut db = portal.store.read().await?;
    let used = store::licenses::used_seats(&mut db, &row.id).await?;
    Ok(no_store(Json(subscription_shown(&portal, &row, used))))
}

async fn release_device(
    State(portal): State<Portal>,
    Address(address): Address,
    admin: Admin,
    Path((license, device)): Path<(String, String)>,
) -> Answer {
    let by = By {
        business_id: &admin.workspace.id,
        actor: admin.who.email(),
        address: &address,
    };
    licensing::release_device(&portal, by, &license, &device).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn subscription_shown(portal: &Portal, row: &SubscriptionRow, used: i64) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "key_masked": licensing::masked(&row.license_key),
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

async fn licenses(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let mut shown = Vec::new();
    for license in store::licenses::of_business(&mut db, &admin.workspace.id).await? {
        let person = store::people::by_id(&mut db, &license.user_id).await?;
        let email = person.map(|person| person.email.unwrap_or(person.user_name));
        let devices: Vec<Value> = store::licenses::devices(&mut db, &license.id)
            .await?
            .into_iter()
            .map(|device| {
                json!({
                    "id": device.device_id,
                    "name": device.name,
                    "activated_at": instant(device.activated),
                    "validated_at": instant(device.validated),
                })
            })
            .collect();
        shown.push(json!({
            "id": license.id,
            "user": {"id": license.user_id, "email": email},
            "subscription_id": license.subscription_id,
            "granted_at": instant(license.granted),
            "devices": devices,
        }));
    }
    Ok(no_store(Json(json!({"licenses": shown}))))
}

async fn audit_log(State(portal): State<Portal>, admin: Admin) -> Answer {
    let mut db = portal.store.read().await?;
    let events: Vec<Value> = store::audit::of_business(&mut db, &admin.workspace.id, 500)
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

async fn refusal(
    State(portal): State<Portal>,
    admin: Admin,
    Path(reference): Path<String>,
) -> Result<Response, Problem> {
    let mut db = portal.store.read().await?;
    let row = store::audit::refusal(&mut db, &admin.workspace.id, &reference)
        .await?
        .ok_or_else(|| {
            Problem::not_found(format!(
                "your organisation has no refusal with the reference {reference}"
            ))
        })?;
    Ok(no_store(Json(json!({
        "reference": row.reference,
        "at": instant(row.refused),
        "code": row.code,
        "public": row.public_text,
        "private": row.private_text,
        "next": row.next_text,
    }))))
}
