//! Refused sign-ins, found by their reference numbers.

use super::row::from_row;
use super::{Db, Result};

/// Action code in the audit log for a refused sign-in; the target is the
/// reference number.
pub const AUDIT_ACTION: &str = "sign-in-refused";

/// A refused sign-in.
#[derive(Debug, Clone)]
pub struct RefusalRow {
    /// Reference number, which the refused user sees.
    pub reference: String,
    /// ID of the business account whose administrators may read it, if known.
    pub business_id: Option<String>,
    /// Stable code in kebab case.
    pub code: String,
    /// Text that the refused user saw.
    pub public_text: String,
    /// The complete reason, for administrators.
    pub private_text: String,
    /// Remedy for the administrator.
    pub next_text: String,
    /// Time of the refusal, in microseconds since the Unix epoch.
    pub refused: i64,
    /// The e-mail domain, if it belongs to no business account.
    pub domain: Option<String>,
    /// E-mail address or NameID of the user, if known.
    pub who: Option<String>,
    /// 1 if `who` is verified, else 0.
    pub who_verified: i64,
    /// What the user tried to do.
    pub flow: String,
    /// Path of the page on which the administrator applies the remedy.
    pub place: String,
    /// Further facts, as a JSON array.
    pub facts: String,
    /// Network address of the client.
    pub address: String,
    /// Order of refusals with the same time; set by [`insert`].
    pub position: i64,
}

from_row!(RefusalRow {
    reference,
    business_id,
    code,
    public_text,
    private_text,
    next_text,
    refused,
    domain,
    who,
    who_verified,
    flow,
    place,
    facts,
    address,
    position
});

/// Stores a refusal.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &RefusalRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO refusals
         (reference, business_id, code, public_text, private_text, next_text, refused,
          domain, who, who_verified, flow, place, facts, address, position)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                 (SELECT COALESCE(MAX(position), 0) + 1 FROM refusals WHERE refused = $7))",
    )
    .bind(row.reference.clone())
    .bind(row.business_id.clone())
    .bind(row.code.clone())
    .bind(row.public_text.clone())
    .bind(row.private_text.clone())
    .bind(row.next_text.clone())
    .bind(row.refused)
    .bind(row.domain.clone())
    .bind(row.who.clone())
    .bind(row.who_verified)
    .bind(row.flow.clone())
    .bind(row.place.clone())
    .bind(row.facts.clone())
    .bind(row.address.clone())
    .execute(db)
    .await?;
    Ok(())
}

/// Selects the refusals that a business account's administrators may list:
/// those of the account, and those without an account whose domain the account
/// has entered. `$2` is the oldest time, `$3` the search text in lower case.
macro_rules! listed {
    ($select:literal) => {
        concat!(
            $select,
            " FROM refusals
              WHERE (business_id = $1 OR (business_id IS NULL
                     AND domain IN (SELECT domain FROM domains WHERE business_id = $1)))
                AND refused >= $2
                AND ($3 = '' OR LOWER(reference) LIKE '%' || $4 || '%' ESCAPE '!'
                     OR LOWER(code) LIKE '%' || $4 || '%' ESCAPE '!'
                     OR LOWER(COALESCE(who, '')) LIKE '%' || $4 || '%' ESCAPE '!'
                     OR LOWER(facts) LIKE '%' || $4 || '%' ESCAPE '!')"
        )
    };
}

/// Escapes the wildcards of `LIKE`.
fn literal(search: &str) -> String {
    let mut escaped = String::with_capacity(search.len());
    for letter in search.chars() {
        if matches!(letter, '%' | '_' | '!') {
            escaped.push('!');
        }
        escaped.push(letter);
    }
    escaped
}

/// Counts the refusals to list.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &mut Db, business_id: &str, since: i64, search: &str) -> Result<i64> {
    Ok(sqlx::query_scalar(listed!("SELECT COUNT(*)"))
        .bind(business_id.to_owned())
        .bind(since)
        .bind(search.to_owned())
        .bind(literal(search))
        .fetch_one(db)
        .await?)
}

/// Returns the refusals to list, newest first: `limit` of them after `offset`.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(
    db: &mut Db,
    business_id: &str,
    since: i64,
    search: &str,
    (limit, offset): (i64, i64),
) -> Result<Vec<RefusalRow>> {
    Ok(sqlx::query_as(concat!(
        listed!("SELECT *"),
        " ORDER BY refused DESC, position DESC, reference LIMIT ($5 + 0) OFFSET ($6 + 0)"
    ))
    .bind(business_id.to_owned())
    .bind(since)
    .bind(search.to_owned())
    .bind(literal(search))
    .bind(limit)
    .bind(offset)
    .fetch_all(db)
    .await?)
}

/// Finds the refusal with this reference number, of this business account or
/// of none.
///
/// # Errors
/// When the database fails.
pub async fn find_by_reference(
    db: &mut Db,
    business_id: &str,
    since: i64,
    reference: &str,
) -> Result<Option<RefusalRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM refusals
         WHERE reference = $1 AND (business_id = $2 OR business_id IS NULL) AND refused >= $3",
    )
    .bind(reference.to_owned())
    .bind(business_id.to_owned())
    .bind(since)
    .fetch_optional(db)
    .await?)
}

/// Deletes refusals before this time and their entries in the audit log.
/// Anybody can cause refusals, so their number must be limited.
///
/// # Errors
/// When the database fails.
pub async fn delete_before(db: &mut Db, oldest: i64) -> Result<()> {
    sqlx::query("DELETE FROM refusals WHERE refused < $1")
        .bind(oldest)
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM audit WHERE action = $2 AND happened < $1")
        .bind(oldest)
        .bind(AUDIT_ACTION)
        .execute(&mut *db)
        .await?;
    Ok(())
}

/// Deletes the refusals before this time, and all but the newest `most` of this
/// business account (or of those without one).
///
/// # Errors
/// When the database fails.
pub async fn delete_old(
    db: &mut Db,
    business_id: Option<&str>,
    oldest: i64,
    most: i64,
) -> Result<()> {
    delete_before(db, oldest).await?;
    let business_id = business_id.unwrap_or_default().to_owned();
    sqlx::query(
        "DELETE FROM audit WHERE action = $3 AND target IN
         (SELECT reference FROM refusals WHERE COALESCE(business_id, '') = $1
          ORDER BY refused DESC, position DESC, reference LIMIT 1000 OFFSET ($2 + 0))",
    )
    .bind(business_id.clone())
    .bind(most)
    .bind(AUDIT_ACTION)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM refusals WHERE reference IN
         (SELECT reference FROM refusals WHERE COALESCE(business_id, '') = $1
          ORDER BY refused DESC, position DESC, reference LIMIT 1000 OFFSET ($2 + 0))",
    )
    .bind(business_id)
    .bind(most)
    .execute(&mut *db)
    .await?;
    Ok(())
}
