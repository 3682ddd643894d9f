//! The audit log, append-only, and what refusals' reference numbers mean.

use sqlx::FromRow;

use super::{Db, Result};

/// One thing that happened.
#[derive(Debug, Clone, FromRow)]
pub struct AuditRow {
    /// Opaque.
    pub id: String,
    /// Whose log it stands in.
    pub business_id: Option<String>,
    /// Instant.
    pub happened: i64,
    /// Who.
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

/// What a user's reference number means.
#[derive(Debug, Clone, FromRow)]
pub struct RefusalRow {
    /// The number the user saw.
    pub reference: String,
    /// Whose admins may read it.
    pub business_id: Option<String>,
    /// Stable, kebab-case.
    pub code: String,
    /// What the user saw.
    pub public_text: String,
    /// The whole reason.
    pub private_text: String,
    /// What to do.
    pub next_text: String,
    /// Instant.
    pub refused: i64,
}

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

/// Keeps what a reference number means.
///
/// # Errors
/// When the database fails.
pub async fn insert_refusal(db: &mut Db, row: &RefusalRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO refusals
         (reference, business_id, code, public_text, private_text, next_text, refused)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(row.reference.clone())
    .bind(row.business_id.clone())
    .bind(row.code.clone())
    .bind(row.public_text.clone())
    .bind(row.private_text.clone())
    .bind(row.next_text.clone())
    .bind(row.refused)
    .execute(db)
    .await?;
    Ok(())
}

/// What this reference number means, for this business account's admins.
///
/// # Errors
/// When the database fails.
pub async fn refusal(
    db: &mut Db,
    business_id: &str,
    reference: &str,
) -> Result<Option<RefusalRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM refusals WHERE reference = $1 AND business_id = $2")
            .bind(reference.to_owned())
            .bind(business_id.to_owned())
            .fetch_optional(db)
            .await?,
    )
}
