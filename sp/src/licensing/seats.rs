//! Grants and revokes seats: one per user, never more than the subscription
//! has, revoked at once when the user loses the right.

use super::{Status, mapping};
use crate::Portal;
use crate::audit::{self, Event};
use crate::roles;
use crate::store::licenses::{DeviceRow, LicenseRow};
use crate::store::people::PersonRow;
use crate::store::subscriptions::SubscriptionRow;
use crate::store::tenants::TenantRow;
use crate::store::{self, Db, StoreError, fingerprint, instant, to_microseconds};
use jiff::Timestamp;

/// Why no seat can be granted.
#[derive(Debug, thiserror::Error)]
pub enum SeatError {
    /// All seats are in use; contains their number.
    #[error("no seat is left: all {0} seats of the active subscriptions are in use")]
    NoSeatLeft(i64),
    /// All subscriptions have ended; contains the latest end.
    #[error("every subscription of the organization has ended; the last one on {0}")]
    SubscriptionExpired(Timestamp),
    /// The user has activated the maximum number of devices.
    #[error(
        "the user has activated all {0} devices that the subscription allows; deactivate one of them first"
    )]
    TooManyDevices(i64),
    /// No subscription has started.
    #[error("no per-user subscription of the organization has started yet")]
    NotStarted,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A seat of a user, newly granted or held before.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The license.
    pub license: LicenseRow,
    /// The subscription that the seat belongs to.
    pub subscription: SubscriptionRow,
    /// License token, which the device stores to prove that it has this
    /// license.
    pub token: String,
    /// The device.
    pub device: DeviceRow,
}

/// Grants the user a seat for this device, or keeps the one that the user has.
///
/// # Errors
/// See [`SeatError`].
pub async fn grant(
    portal: &Portal,
    db: &mut Db,
    person: &PersonRow,
    device_id: &str,
    device_name: &str,
) -> Result<Granted, SeatError> {
    let now = portal.now();
    store::locks::lock_subscriptions(db, &person.business_id).await?;
    let subscriptions = mapping::list_usable_subscriptions(db, person).await?;
    let held = store::licenses::find_by_user(db, &person.business_id, &person.id).await?;
    let kept = held.as_ref().and_then(|license| {
        subscriptions
            .iter()
            .filter(|subscription| Status::of(subscription, now).holds())
            .find(|subscription| subscription.id == license.subscription_id)
    });
    let (license, subscription) = match (held.clone(), kept) {
        (Some(license), Some(subscription)) => (license, subscription.clone()),
        (held, _) => {
            let subscription = find_free_seat(db, &subscriptions, now).await?.clone();
            let license = take_seat(portal, db, person, held, &subscription, now).await?;
            (license, subscription)
        }
    };
    let others = store::licenses::list_devices(db, &license.id)
        .await?
        .into_iter()
        .filter(|device| device.device_id != device_id)
        .count();
    if i64::try_from(others).unwrap_or(i64::MAX) >= subscription.devices {
        return Err(SeatError::TooManyDevices(subscription.devices));
    }
    let token = portal.ambient.rng().token(32);
    let device = DeviceRow {
        license_id: license.id.clone(),
        device_id: device_id.to_owned(),
        name: device_name.to_owned(),
        token_hash: fingerprint(&token),
        activated: to_microseconds(now),
        validated: to_microseconds(now),
    };
    store::licenses::upsert_device(db, &device).await?;
    Ok(Granted {
        license,
        subscription,
        token,
        device,
    })
}

async fn find_free_seat<'s>(
    db: &mut Db,
    subscriptions: &'s [SubscriptionRow],
    now: Timestamp,
) -> Result<&'s SubscriptionRow, SeatError> {
    let mut seats = 0;
    let mut any_running = false;
    for subscription in subscriptions {
        if Status::of(subscription, now) != Status::Active {
            continue;
        }
        any_running = true;
        seats += subscription.seats;
        if store::licenses::count_used_seats(db, &subscription.id).await? < subscription.seats {
            return Ok(subscription);
        }
    }
    if any_running {
        return Err(SeatError::NoSeatLeft(seats));
    }
    let last_end = subscriptions
        .iter()
        .map(|subscription| subscription.ends)
        .max();
    match last_end {
        Some(end) if instant(end) <= now => Err(SeatError::SubscriptionExpired(instant(end))),
        _ => Err(SeatError::NotStarted),
    }
}

async fn take_seat(
    portal: &Portal,
    db: &mut Db,
    person: &PersonRow,
    held: Option<LicenseRow>,
    subscription: &SubscriptionRow,
    now: Timestamp,
) -> Result<LicenseRow, SeatError> {
    // A seat of an ended subscription, or of a subscription for another group,
    // moves to this subscription with all its devices.
    if let Some(held) = held {
        store::licenses::move_to(db, &held.id, &subscription.id).await?;
        let event = Event::new("portal", "license-moved", &person.user_name)
            .with_detail(format!("to the subscription {}", subscription.name));
        audit::record(portal, db, Some(&person.business_id), event).await?;
        return Ok(LicenseRow {
            subscription_id: subscription.id.clone(),
            ..held
        });
    }
    let license = LicenseRow {
        id: portal.ambient.rng().uuid().to_string(),
        business_id: person.business_id.clone(),
        subscription_id: subscription.id.clone(),
        user_id: person.id.clone(),
        granted: to_microseconds(now),
        revoked: None,
        revoked_because: None,
    };
    store::licenses::insert(db, &license).await?;
    let event = Event::new("portal", "license-granted", &person.user_name)
        .with_detail(format!("subscription {}", subscription.name));
    audit::record(portal, db, Some(&person.business_id), event).await?;
    Ok(license)
}

/// Call it in the transaction of every change in the directory. Revokes the
/// seats of users who are disabled or no longer product users, and ends the
/// sessions of users who are disabled or in neither group.
///
/// # Errors
/// When the database fails.
pub async fn update_access(
    portal: &Portal,
    db: &mut Db,
    business_id: &str,
    user_ids: &[String],
) -> Result<(), StoreError> {
    let Some(tenant) = store::tenants::find_by_business(db, business_id).await? else {
        return Ok(());
    };
    for user_id in user_ids {
        let Some(person) = store::people::find_by_id(db, user_id).await? else {
            revoke_access(portal, db, business_id, user_id, "deleted in the directory").await?;
            continue;
        };
        roles::prefer_directory(db, &tenant, user_id).await?;
        apply_roles(portal, db, &tenant, &person).await?;
    }
    Ok(())
}

/// Revokes the seat of a user who is disabled or no longer a product user, and ends the sessions of
/// one who is disabled or in neither group. Call it in the transaction that changed the roles.
///
/// # Errors
/// When the database fails.
pub async fn apply_roles(
    portal: &Portal,
    db: &mut Db,
    tenant: &TenantRow,
    person: &PersonRow,
) -> Result<(), StoreError> {
    let roles = roles::find_roles(db, tenant, &person.id).await?;
    let because = if person.active == 0 {
        Some("disabled in the directory")
    } else if !roles.product_user {
        Some("no longer in the product users group")
    } else {
        None
    };
    if let Some(because) = because {
        let (business_id, name) = (&tenant.business_id, &person.user_name);
        release(portal, db, business_id, &person.id, name, because).await?;
    }
    if person.active == 0 || !(roles.admin || roles.product_user) {
        store::accounts::end_sessions_of_user(db, &person.id).await?;
    }
    Ok(())
}

/// Call it when a user was deleted: revokes the seat and ends the sessions.
///
/// # Errors
/// When the database fails.
pub async fn revoke_access(
    portal: &Portal,
    db: &mut Db,
    business_id: &str,
    user_id: &str,
    because: &str,
) -> Result<(), StoreError> {
    release(portal, db, business_id, user_id, user_id, because).await?;
    store::people::forget_asserted(db, user_id).await?;
    store::accounts::end_sessions_of_user(db, user_id).await?;
    Ok(())
}

async fn release(
    portal: &Portal,
    db: &mut Db,
    business_id: &str,
    user_id: &str,
    name: &str,
    because: &str,
) -> Result<(), StoreError> {
    let Some(license) = store::licenses::find_by_user(db, business_id, user_id).await? else {
        return Ok(());
    };
    store::licenses::revoke(db, &license.id, to_microseconds(portal.now()), because).await?;
    let event = Event::new("portal", "license-revoked", name).with_detail(because);
    audit::record(portal, db, Some(business_id), event).await
}

/// Result of a license check.
#[derive(Debug, Clone)]
pub enum Validation {
    /// The license is valid.
    Valid(Box<(DeviceRow, LicenseRow, SubscriptionRow)>),
    /// The license was revoked or its subscription ended; contains the reason.
    Revoked(String),
    /// The device has no such license token.
    Unknown,
}

/// Checks whether a device's license is still valid (G-25).
///
/// # Errors
/// When the database fails.
pub async fn validate(
    portal: &Portal,
    token: &str,
    device_id: &str,
) -> Result<Validation, StoreError> {
    let now = portal.now();
    let hash = fingerprint(token);
    let mut tx = portal.store.write().await?;
    let Some((device, license)) = store::licenses::find_by_token(&mut tx, &hash).await? else {
        return Ok(Validation::Unknown);
    };
    if device.device_id != device_id {
        return Ok(Validation::Unknown);
    }
    if license.revoked.is_some() {
        let because = license.revoked_because.unwrap_or_default();
        return Ok(Validation::Revoked(because));
    }
    let subscriptions =
        store::subscriptions::list_by_business(&mut tx, &license.business_id).await?;
    let subscription = subscriptions
        .into_iter()
        .find(|subscription| subscription.id == license.subscription_id)
        .filter(|subscription| Status::of(subscription, now).holds());
    let Some(subscription) = subscription else {
        return Ok(Validation::Revoked("the subscription has ended".to_owned()));
    };
    store::licenses::record_validation(&mut tx, &hash, to_microseconds(now)).await?;
    tx.commit().await?;
    Ok(Validation::Valid(Box::new((device, license, subscription))))
}
