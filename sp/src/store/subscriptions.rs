//! Licence keys and the subscriptions they were registered as.

use sqlx::FromRow;

use super::{Db, Result};

/// A key that the vendor sold.
#[derive(Debug, Clone, FromRow)]
pub struct KeyRow {
    /// The key itself.
    pub license_key: String,
    /// `business`.
    pub edition: String,
    /// `per-user` or `per-device`.
    pub licensing: String,
    /// How many may use it.
    pub seats: i64,
    /// Instant.
    pub starts: i64,
    /// Instant.
    pub ends: i64,
    /// Whether it was registered.
    pub used: i64,
}

/// A key registered by a business account.
#[derive(Debug, Clone, FromRow)]
pub struct SubscriptionRow {
    /// Opaque.
    pub id: String,
    /// Whose.
    pub business_id: String,
    /// The key.
    pub license_key: String,
    /// Display name.
    pub name: String,
    /// `per-user` or `per-device`.
    pub licensing: String,
    /// How many may use it.
    pub seats: i64,
    /// Instant.
    pub starts: i64,
    /// Instant.
    pub ends: i64,
    /// Instant.
    pub registered: i64,
}

/// Stores a key that can be registered.
///
/// # Errors
/// When the database fails.
pub async fn insert_key(db: &mut Db, row: &KeyRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO license_keys (license_key, edition, licensing, seats, starts, ends, used)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(row.license_key.clone())
    .bind(row.edition.clone())
    .bind(row.licensing.clone())
    .bind(row.seats)
    .bind(row.starts)
    .bind(row.ends)
    .bind(row.used)
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
    Ok(
        sqlx::query("UPDATE license_keys SET used = 1 WHERE license_key = $1 AND used = 0")
            .bind(license_key.to_owned())
            .execute(db)
            .await?
            .rows_affected()
            == 1,
    )
}

/// Stores a subscription.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &SubscriptionRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO subscriptions
         (id, business_id, license_key, name, licensing, seats, starts, ends, registered)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
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
