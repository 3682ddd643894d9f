//! Licenses (occupied seats) and the devices that are activated with them.

use super::row::from_row;
use super::{Db, Result};

/// A license of a user; it occupies one seat of a subscription.
#[derive(Debug, Clone)]
pub struct LicenseRow {
    /// Opaque identifier.
    pub id: String,
    /// ID of the business account.
    pub business_id: String,
    /// ID of the subscription.
    pub subscription_id: String,
    /// ID of the user.
    pub user_id: String,
    /// Time when it was granted, in microseconds since the Unix epoch.
    pub granted: i64,
    /// Time when it was revoked, in microseconds since the Unix epoch.
    pub revoked: Option<i64>,
    /// The reason of the revocation.
    pub revoked_because: Option<String>,
}

from_row!(LicenseRow {
    id,
    business_id,
    subscription_id,
    user_id,
    granted,
    revoked,
    revoked_because
});

/// A device that was activated with a license.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    /// ID of the license.
    pub license_id: String,
    /// ID of the device.
    pub device_id: String,
    /// Name of the device.
    pub name: String,
    /// SHA-256 of the device's license token.
    pub token_hash: String,
    /// Time of the activation, in microseconds since the Unix epoch.
    pub activated: i64,
    /// Time of the last license check, in microseconds since the Unix epoch.
    pub validated: i64,
}

from_row!(DeviceRow {
    license_id,
    device_id,
    name,
    token_hash,
    activated,
    validated
});

/// Finds the license of this user that is not revoked.
///
/// # Errors
/// When the database fails.
pub async fn find_by_user(
    db: &mut Db,
    business_id: &str,
    user_id: &str,
) -> Result<Option<LicenseRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM licenses WHERE business_id = $1 AND user_id = $2 AND revoked IS NULL",
    )
    .bind(business_id.to_owned())
    .bind(user_id.to_owned())
    .fetch_optional(db)
    .await?)
}

/// Returns the licenses of a business account that are not revoked,
/// oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(db: &mut Db, business_id: &str) -> Result<Vec<LicenseRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM licenses WHERE business_id = $1 AND revoked IS NULL ORDER BY granted, id",
    )
    .bind(business_id.to_owned())
    .fetch_all(db)
    .await?)
}

/// Counts the occupied seats of a subscription.
///
/// # Errors
/// When the database fails.
pub async fn count_used_seats(db: &mut Db, subscription_id: &str) -> Result<i64> {
    let (used,): (i64,) = sqlx::query_as(
        "SELECT COUNT(*) FROM licenses WHERE subscription_id = $1 AND revoked IS NULL",
    )
    .bind(subscription_id.to_owned())
    .fetch_one(db)
    .await?;
    Ok(used)
}

/// Stores a license.
///
/// # Errors
/// A unique violation if the user already has a license.
pub async fn insert(db: &mut Db, row: &LicenseRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO licenses (id, business_id, subscription_id, user_id, granted)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row.id.clone())
    .bind(row.business_id.clone())
    .bind(row.subscription_id.clone())
    .bind(row.user_id.clone())
    .bind(row.granted)
    .execute(db)
    .await?;
    Ok(())
}

/// Revokes a license.
///
/// # Errors
/// When the database fails.
pub async fn revoke(db: &mut Db, license_id: &str, at: i64, because: &str) -> Result<()> {
    sqlx::query("UPDATE licenses SET revoked = $2, revoked_because = $3 WHERE id = $1")
        .bind(license_id.to_owned())
        .bind(at)
        .bind(because.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Adds a device to a license, or replaces its name and token.
///
/// # Errors
/// When the database fails.
pub async fn upsert_device(db: &mut Db, row: &DeviceRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO devices (license_id, device_id, name, token_hash, activated, validated)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (license_id, device_id)
         DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash,
                       activated = excluded.activated, validated = excluded.validated",
    )
    .bind(row.license_id.clone())
    .bind(row.device_id.clone())
    .bind(row.name.clone())
    .bind(row.token_hash.clone())
    .bind(row.activated)
    .bind(row.validated)
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the devices of a license.
///
/// # Errors
/// When the database fails.
pub async fn list_devices(db: &mut Db, license_id: &str) -> Result<Vec<DeviceRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM devices WHERE license_id = $1 ORDER BY activated, device_id")
            .bind(license_id.to_owned())
            .fetch_all(db)
            .await?,
    )
}

/// Finds the device with this token, and its license, even if it is revoked.
///
/// # Errors
/// When the database fails.
pub async fn find_by_token(
    db: &mut Db,
    token_hash: &str,
) -> Result<Option<(DeviceRow, LicenseRow)>> {
    let device: Option<DeviceRow> = sqlx::query_as("SELECT * FROM devices WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .fetch_optional(&mut *db)
        .await?;
    let Some(device) = device else {
        return Ok(None);
    };
    let license: Option<LicenseRow> = sqlx::query_as("SELECT * FROM licenses WHERE id = $1")
        .bind(device.license_id.clone())
        .fetch_optional(db)
        .await?;
    Ok(license.map(|license| (device, license)))
}

/// Stores the time of a license check.
///
/// # Errors
/// When the database fails.
pub async fn record_validation(db: &mut Db, token_hash: &str, at: i64) -> Result<()> {
    sqlx::query("UPDATE devices SET validated = $2 WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}

/// Returns the licenses of a subscription that are not revoked.
///
/// # Errors
/// When the database fails.
pub async fn list_by_subscription(db: &mut Db, subscription_id: &str) -> Result<Vec<LicenseRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM licenses WHERE subscription_id = $1 AND revoked IS NULL")
            .bind(subscription_id.to_owned())
            .fetch_all(db)
            .await?,
    )
}

/// Moves a license to another subscription.
///
/// # Errors
/// When the database fails.
pub async fn move_to(db: &mut Db, license_id: &str, subscription_id: &str) -> Result<()> {
    sqlx::query("UPDATE licenses SET subscription_id = $2 WHERE id = $1")
        .bind(license_id.to_owned())
        .bind(subscription_id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Removes a device from a license; false if it is not there or the license
/// belongs to another business account.
///
/// # Errors
/// When the database fails.
pub async fn release_device(
    db: &mut Db,
    business_id: &str,
    license_id: &str,
    device_id: &str,
) -> Result<bool> {
    Ok(sqlx::query(
        "DELETE FROM devices WHERE license_id = $1 AND device_id = $2
         AND EXISTS (SELECT 1 FROM licenses WHERE id = $1 AND business_id = $3)",
    )
    .bind(license_id.to_owned())
    .bind(device_id.to_owned())
    .bind(business_id.to_owned())
    .execute(db)
    .await?
    .rows_affected()
        == 1)
}
