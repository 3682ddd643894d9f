//! The audit log. Entries are only appended.

use super::row::from_row;
use super::{Db, Result};

/// An entry of the audit log.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Opaque identifier.
    pub id: String,
    /// ID of the business account, if the event belongs to one.
    pub business_id: Option<String>,
    /// Time of the event, in microseconds since the Unix epoch.
    pub happened: i64,
    /// The user or program that acted.
    pub actor: String,
    /// Code of the action.
    pub action: String,
    /// Target of the action.
    pub target: String,
    /// Details of the event.
    pub detail: String,
    /// Network address of the client.
    pub address: String,
}

from_row!(AuditRow {
    id,
    business_id,
    happened,
    actor,
    action,
    target,
    detail,
    address
});

/// Appends an entry to the log.
///
/// # Errors
/// When the database fails.
pub async fn append(db: &mut Db, row: &AuditRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit (id, business_id, place, happened, actor, action, target, detail, address)
         VALUES ($1, $2, (SELECT COALESCE(MAX(place), 0) + 1 FROM audit WHERE business_id = $2),
                 $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.id.clone())
    .bind(row.business_id.clone())
    .bind(row.happened)
    .bind(row.actor.clone())
    .bind(row.action.clone())
    .bind(row.target.clone())
    .bind(row.detail.clone())
    .bind(row.address.clone())
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the newest entries of a business account.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(db: &mut Db, business_id: &str, limit: i64) -> Result<Vec<AuditRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM audit WHERE business_id = $1 ORDER BY place DESC LIMIT ($2 + 0)",
    )
    .bind(business_id.to_owned())
    .bind(limit)
    .fetch_all(db)
    .await?)
}
