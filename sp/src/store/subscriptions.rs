//! License keys and subscriptions. A registered key is a subscription.

use super::row::from_row;
use super::{Db, Result};

/// A license key that the vendor issued.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// The license key.
    pub license_key: String,
    /// Edition: `business`.
    pub edition: String,
    /// Licensing: `per-user` or `per-device`.
    pub licensing: String,
    /// Number of seats.
    pub seats: i64,
    /// Start time, in microseconds since the Unix epoch.
    pub starts: i64,
    /// End time, in microseconds since the Unix epoch.
    pub ends: i64,
    /// 1 if it was registered, else 0.
    pub used: i64,
    /// Devices per user.
    pub devices: i64,
    /// How long licenses stay valid after the end, in microseconds.
    pub grace: i64,
    /// Reason for which the vendor cancelled the key.
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

/// A subscription: a key registered by a business account.
#[derive(Debug, Clone)]
pub struct SubscriptionRow {
    /// Opaque identifier.
    pub id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// The license key.
    pub license_key: String,
    /// Display name.
    pub name: String,
    /// Licensing: `per-user` or `per-device`.
    pub licensing: String,
    /// Number of seats.
    pub seats: i64,
    /// Start time, in microseconds since the Unix epoch.
    pub starts: i64,
    /// End time, in microseconds since the Unix epoch.
    pub ends: i64,
    /// Time of the registration, in microseconds since the Unix epoch.
    pub registered: i64,
    /// Devices per user.
    pub devices: i64,
    /// How long licenses stay valid after the end, in microseconds.
    pub grace: i64,
    /// Reason for which the vendor cancelled the key.
    pub cancelled: Option<String>,
    /// Name of the IdP group that it is reserved for; `None`: all users.
    pub group_name: Option<String>,
    /// ID of that group.
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

/// Stores a license key.
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

/// Returns all license keys, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_keys(db: &mut Db) -> Result<Vec<KeyRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM license_keys ORDER BY starts DESC, license_key")
            .fetch_all(db)
            .await?,
    )
}

/// Finds a license key.
///
/// # Errors
/// When the database fails.
pub async fn find_key(db: &mut Db, license_key: &str) -> Result<Option<KeyRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM license_keys WHERE license_key = $1")
            .bind(license_key.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Marks a key as registered; false if it already is or was cancelled.
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

/// Returns the subscriptions of a business account, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(db: &mut Db, business_id: &str) -> Result<Vec<SubscriptionRow>> {
    Ok(
        sqlx::query_as(
            "SELECT * FROM subscriptions WHERE business_id = $1 ORDER BY registered, id",
        )
        .bind(business_id.to_owned())
        .fetch_all(db)
        .await?,
    )
}

/// True if the business account has ever registered a key with per-user
/// licensing (G-05).
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

/// Cancels a key and its subscription; false if the key was already cancelled.
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

/// Finds the subscription of a key.
///
/// # Errors
/// When the database fails.
pub async fn find_by_key(db: &mut Db, license_key: &str) -> Result<Option<SubscriptionRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM subscriptions WHERE license_key = $1")
            .bind(license_key.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Updates display name and group of a subscription; false if it belongs to
/// another business account.
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
