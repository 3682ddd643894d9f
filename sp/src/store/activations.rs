//! Desktop activations that wait for a Response.

use super::row::from_row;
use super::{Db, Result};

/// A desktop activation.
#[derive(Debug, Clone)]
pub struct ActivationRow {
    /// Opaque identifier.
    pub id: String,
    /// ID of the tenant that the AuthnRequest belongs to.
    pub tenant_id: String,
    /// SHA-256 of the secret that only this app knows.
    pub secret_hash: String,
    /// The corporate e-mail address, in lower case.
    pub email: String,
    /// ID of the device.
    pub device_id: String,
    /// Name of the device.
    pub device_name: String,
    /// Version of the app.
    pub app_version: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Expiry time, in microseconds since the Unix epoch.
    pub expires: i64,
    /// 1 if the activation was completed, else 0.
    pub spent: i64,
}

from_row!(ActivationRow {
    id,
    tenant_id,
    secret_hash,
    email,
    device_id,
    device_name,
    app_version,
    created,
    expires,
    spent
});

/// Stores a new activation.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &ActivationRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO activations (id, tenant_id, secret_hash, email, device_id, device_name,
                                  app_version, created, expires, spent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
    )
    .bind(row.id.clone())
    .bind(row.tenant_id.clone())
    .bind(row.secret_hash.clone())
    .bind(row.email.clone())
    .bind(row.device_id.clone())
    .bind(row.device_name.clone())
    .bind(row.app_version.clone())
    .bind(row.created)
    .bind(row.expires)
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the activation with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_by_id(db: &mut Db, id: &str) -> Result<Option<ActivationRow>> {
    Ok(sqlx::query_as("SELECT * FROM activations WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Marks the activation as completed; false if it already was.
///
/// # Errors
/// When the database fails.
pub async fn spend(db: &mut Db, id: &str) -> Result<bool> {
    Ok(
        sqlx::query("UPDATE activations SET spent = 1 WHERE id = $1 AND spent = 0")
            .bind(id.to_owned())
            .execute(db)
            .await?
            .rows_affected()
            == 1,
    )
}
