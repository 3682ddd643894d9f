//! The organizations' e-mail domains (step 1).

use super::row::from_row;
use super::{Db, Result};

/// A domain that an organization claims.
#[derive(Debug, Clone)]
pub struct DomainRow {
    /// Lower case.
    pub domain: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// What the TXT record must say.
    pub txt_value: String,
    /// `pending`, `verified`, `failed` or `timed-out`.
    pub status: String,
    /// What the last look-up found.
    pub detail: String,
    /// Time when it was added, in microseconds since the Unix epoch.
    pub added: i64,
    /// Instant of the last look-up.
    pub checked: Option<i64>,
}

from_row!(DomainRow {
    domain,
    business_id,
    txt_value,
    status,
    detail,
    added,
    checked
});

/// Claims a domain.
///
/// # Errors
/// A unique violation when this business account claims it already.
pub async fn insert(db: &mut Db, row: &DomainRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO domains (domain, business_id, txt_value, status, detail, added)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.domain.clone())
    .bind(row.business_id.clone())
    .bind(row.txt_value.clone())
    .bind(row.status.clone())
    .bind(row.detail.clone())
    .bind(row.added)
    .execute(db)
    .await?;
    Ok(())
}

/// Whoever proved it; while nobody did, whoever claimed it first.
///
/// # Errors
/// When the database fails.
pub async fn by_name(db: &mut Db, domain: &str) -> Result<Option<DomainRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM domains WHERE domain = $1
         ORDER BY CASE WHEN status = 'verified' THEN 0 ELSE 1 END, added, business_id LIMIT 1",
    )
    .bind(domain.to_owned())
    .fetch_optional(db)
    .await?)
}

/// The claim of this business account.
///
/// # Errors
/// When the database fails.
pub async fn claim(db: &mut Db, business_id: &str, domain: &str) -> Result<Option<DomainRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM domains WHERE business_id = $1 AND domain = $2")
            .bind(business_id.to_owned())
            .bind(domain.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// All of a business account, in the order they were added.
///
/// # Errors
/// When the database fails.
pub async fn of_business(db: &mut Db, business_id: &str) -> Result<Vec<DomainRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM domains WHERE business_id = $1 ORDER BY added, domain")
            .bind(business_id.to_owned())
            .fetch_all(db)
            .await?,
    )
}

/// Remembers what a look-up found.
///
/// # Errors
/// A unique violation when another business account proved the domain before.
pub async fn checked(
    db: &mut Db,
    business_id: &str,
    domain: &str,
    status: &str,
    detail: &str,
    at: i64,
) -> Result<()> {
    sqlx::query(
        "UPDATE domains SET status = $3, detail = $4, checked = $5
         WHERE business_id = $1 AND domain = $2",
    )
    .bind(business_id.to_owned())
    .bind(domain.to_owned())
    .bind(status.to_owned())
    .bind(detail.to_owned())
    .bind(at)
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a domain up; false when it wasn't this business account's.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut Db, business_id: &str, domain: &str) -> Result<bool> {
    Ok(
        sqlx::query("DELETE FROM domains WHERE business_id = $1 AND domain = $2")
            .bind(business_id.to_owned())
            .bind(domain.to_owned())
            .execute(db)
            .await?
            .rows_affected()
            == 1,
    )
}
