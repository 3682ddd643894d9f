//! The portal's LogoutRequests that wait for the IdP's LogoutResponse.

use super::row::from_row;
use super::{Db, Result};

/// A sent LogoutRequest.
#[derive(Debug, Clone)]
pub struct LogoutRow {
    /// RelayState, which the IdP returns with the LogoutResponse.
    pub relay_state: String,
    /// ID of the tenant.
    pub tenant_id: String,
    /// The LogoutRequest's ID.
    pub request_id: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Expiry time, in microseconds since the Unix epoch.
    pub expires: i64,
}

from_row!(LogoutRow {
    relay_state,
    tenant_id,
    request_id,
    created,
    expires
});

/// Stores a sent LogoutRequest.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &LogoutRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO logout_requests (relay_state, tenant_id, request_id, created, expires)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row.relay_state.clone())
    .bind(row.tenant_id.clone())
    .bind(row.request_id.clone())
    .bind(row.created)
    .bind(row.expires)
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the unexpired LogoutRequest with this RelayState.
///
/// # Errors
/// When the database fails.
pub async fn find_unexpired(
    db: &mut Db,
    tenant_id: &str,
    relay_state: &str,
    now: i64,
) -> Result<Option<LogoutRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM logout_requests
         WHERE relay_state = $1 AND tenant_id = $2 AND expires > $3",
    )
    .bind(relay_state.to_owned())
    .bind(tenant_id.to_owned())
    .bind(now)
    .fetch_optional(db)
    .await?)
}

/// Deletes an answered LogoutRequest; false if another request has already
/// done so.
///
/// # Errors
/// When the database fails.
pub async fn delete_answered(db: &mut Db, relay_state: &str) -> Result<bool> {
    Ok(
        sqlx::query("DELETE FROM logout_requests WHERE relay_state = $1")
            .bind(relay_state.to_owned())
            .execute(db)
            .await?
            .rows_affected()
            == 1,
    )
}
