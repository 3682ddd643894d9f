//! License keys and the subscriptions they were registered as.

use super::row::from_row;
use super::{Db, Result};

/// A key that the vendor sold.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// The key itself.
    pub license_key: String,
    /// `business`.
    pub edition: String,
    /// `per-user` or `per-device`.
    pub licensing: String,
    /// How many may use it.
    pub seats: i64,
    /// Start time, in microseconds since the Unix epoch.
    pub starts: i64,
    /// End time, in microseconds since the Unix epoch.
    pub ends: i64,
    /// Whether it was registered.
    pub used: i64,
    /// Macs per user.
    pub devices: i64,
    /// How long licenses hold after the end, in microseconds.
    pub grace: i64,
    /// Why the vendor withdrew it, once it did.
    pub cancelled: Option<String>,
}

from_row!(KeyRow {
    license_key,
    edition,
    licensing,
    seats,
    starts,
    ends,
    used,
    devices,
    grace,
    cancelled
});

/// A key registered by a business account.
#[derive(Debug, Clone)]
pub struct SubscriptionRow {
    /// Opaque identifier.
    pub id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// The key.
    pub license_key: String,
    /// Display name.
    pub name: String,
    /// `per-user` or `per-device`.
    pub licensing: String,
    /// How many may use it.
    pub seats: i64,
    /// Start time, in microseconds since the Unix epoch.
    pub starts: i64,
    /// End time, in microseconds since the Unix epoch.
    pub ends: i64,
    /// Time of the registration, in microseconds since the Unix epoch.
    pub registered: i64,
    /// Macs per user.
    pub devices: i64,
    /// How long licenses hold after the end, in microseconds.
    pub grace: i64,
    /// Why the vendor withdrew its key, once it did.
    pub cancelled: Option<String>,
    /// The group of the IdP that it serves, when it isn't everybody's.
    pub group_name: Option<String>,
    /// That group's id.
    pub group_id: Option<String>,
}

from_row!(SubscriptionRow {
    id,
    business_id,
    license_key,
    name,
    licensing,
    seats,
    starts,
    ends,
    registered,
    devices,
    grace,
    cancelled,
    group_name,
    group_id
});

/// Stores a key that can be registered.
///
/// # Errors
/// When the database fails.
pub async fn insert_key(db: &mut Db, row: &KeyRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO license_keys
         (license_key, edition, licensing, seats, starts, ends, used, devices, grace)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(row.license_key.clone())
    .bind(row.edition.clone())
    .bind(row.licensing.clone())
    .bind(row.seats)
    .bind(row.starts)
    .bind(row.ends)
    .bind(row.used)
    .bind(row.devices)
    .bind(row.grace)
    .execute(db)
    .await?;
    Ok(())
}

/// This key.
///
/// # Errors
/// When the database fails.
pub async fn key(db: &mut Db, license_key: &str) -> Result<Option<KeyRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM license_keys WHERE license_key = $1")
            .bind(license_key.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Marks the key as used; false when someone else was first.
///
/// # Errors
/// When the database fails.
pub async fn take_key(db: &mut Db, license_key: &str) -> Result<bool> {
    Ok(sqlx::query(
        "UPDATE license_keys SET used = 1
             WHERE license_key = $1 AND used = 0 AND cancelled IS NULL",
    )
    .bind(license_key.to_owned())
    .execute(db)
    .await?
    .rows_affected()
        == 1)
}

/// Stores a subscription.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &SubscriptionRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO subscriptions
         (id, business_id, license_key, name, licensing, seats, starts, ends, registered,
          devices, grace)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(row.id.clone())
    .bind(row.business_id.clone())
    .bind(row.license_key.clone())
    .bind(row.name.clone())
    .bind(row.licensing.clone())
    .bind(row.seats)
    .bind(row.starts)
    .bind(row.ends)
    .bind(row.registered)
    .bind(row.devices)
    .bind(row.grace)
    .execute(db)
    .await?;
    Ok(())
}

/// The subscriptions of a business account, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_business(db: &mut Db, business_id: &str) -> Result<Vec<SubscriptionRow>> {
    Ok(
        sqlx::query_as(
            "SELECT * FROM subscriptions WHERE business_id = $1 ORDER BY registered, id",
        )
        .bind(business_id.to_owned())
        .fetch_all(db)
        .await?,
    )
}

/// Whether a per-user key was ever registered here (G-05).
///
/// # Errors
/// When the database fails.
pub async fn has_per_user(db: &mut Db, business_id: &str) -> Result<bool> {
    let found: Option<(String,)> = sqlx::query_as(
        "SELECT id FROM subscriptions WHERE business_id = $1 AND licensing = 'per-user' LIMIT 1",
    )
    .bind(business_id.to_owned())
    .fetch_optional(db)
    .await?;
    Ok(found.is_some())
}

/// The vendor withdraws a key, and the subscription that it became.
///
/// # Errors
/// When the database fails.
pub async fn cancel_key(db: &mut Db, license_key: &str, reason: &str) -> Result<bool> {
    let cancelled = sqlx::query(
        "UPDATE license_keys SET cancelled = $2 WHERE license_key = $1 AND cancelled IS NULL",
    )
    .bind(license_key.to_owned())
    .bind(reason.to_owned())
    .execute(&mut *db)
    .await?
    .rows_affected()
        == 1;
    sqlx::query("UPDATE subscriptions SET cancelled = $2 WHERE license_key = $1")
        .bind(license_key.to_owned())
        .bind(reason.to_owned())
        .execute(db)
        .await?;
    Ok(cancelled)
}

/// The subscription that a key became.
///
/// # Errors
/// When the database fails.
pub async fn of_key(db: &mut Db, license_key: &str) -> Result<Option<SubscriptionRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM subscriptions WHERE license_key = $1")
            .bind(license_key.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Names a subscription and the group that it serves; false when it isn't
/// this business account's.
///
/// # Errors
/// When the database fails.
pub async fn update(db: &mut Db, row: &SubscriptionRow) -> Result<bool> {
    Ok(sqlx::query(
        "UPDATE subscriptions SET name = $3, group_name = $4, group_id = $5
         WHERE id = $1 AND business_id = $2",
    )
    .bind(row.id.clone())
    .bind(row.business_id.clone())
    .bind(row.name.clone())
    .bind(row.group_name.clone())
    .bind(row.group_id.clone())
    .execute(db)
    .await?
    .rows_affected()
        == 1)
}
