//! The audit log, append-only.

use super::row::from_row;
use super::{Db, Result};

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Opaque identifier.
    pub id: String,
    /// Whose log it stands in.
    pub business_id: Option<String>,
    /// Time of the event, in microseconds since the Unix epoch.
    pub happened: i64,
    /// The person or program that did it.
    pub actor: String,
    /// Did what.
    pub action: String,
    /// To what.
    pub target: String,
    /// The particulars.
    pub detail: String,
    /// From where.
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

/// Appends to the log.
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

/// The newest events of a business account.
///
/// # Errors
/// When the database fails.
pub async fn of_business(db: &mut Db, business_id: &str, limit: i64) -> Result<Vec<AuditRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM audit WHERE business_id = $1 ORDER BY place DESC LIMIT ($2 + 0)",
    )
    .bind(business_id.to_owned())
    .bind(limit)
    .fetch_all(db)
    .await?)
}
