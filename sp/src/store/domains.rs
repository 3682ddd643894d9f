//! The e-mail domains of organizations (step 1).

use super::row::from_row;
use super::{Db, Result};

/// A domain in the list of a business account.
#[derive(Debug, Clone)]
pub struct DomainRow {
    /// Domain name in lower case.
    pub domain: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// Value that the TXT record must have.
    pub txt_value: String,
    /// Status: `pending`, `verified`, `failed` or `timed-out`.
    pub status: String,
    /// Result of the last look-up, as text.
    pub detail: String,
    /// Time when it was added, in microseconds since the Unix epoch.
    pub added: i64,
    /// Time of the last look-up, in microseconds since the Unix epoch.
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

/// Adds a domain to a business account.
///
/// # Errors
/// A unique violation if the business account already has the domain.
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

/// Finds the business account that has verified the domain; if none has, the
/// one that added it first.
///
/// # Errors
/// When the database fails.
pub async fn find_by_name(db: &mut Db, domain: &str) -> Result<Option<DomainRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM domains WHERE domain = $1
         ORDER BY CASE WHEN status = 'verified' THEN 0 ELSE 1 END, added, business_id LIMIT 1",
    )
    .bind(domain.to_owned())
    .fetch_optional(db)
    .await?)
}

/// Finds a domain of this business account.
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

/// Returns all domains of a business account, in the order in which they
/// were added.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(db: &mut Db, business_id: &str) -> Result<Vec<DomainRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM domains WHERE business_id = $1 ORDER BY added, domain")
            .bind(business_id.to_owned())
            .fetch_all(db)
            .await?,
    )
}

/// Stores the result of a look-up.
///
/// # Errors
/// A unique violation if another business account has verified the domain.
pub async fn record_check(
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

/// Removes a domain; false if the business account does not have it.
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
