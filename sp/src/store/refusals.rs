//! What the reference numbers of refusals mean.

use super::row::from_row;
use super::{Db, Result};

/// The audit log's word for a refused sign-in; its target is the reference.
pub const AUDIT_ACTION: &str = "sign-in-refused";

/// A refused sign-in.
#[derive(Debug, Clone)]
pub struct RefusalRow {
    /// The number that the person saw.
    pub reference: String,
    /// Whose administrators may read it; none when nobody is known.
    pub business_id: Option<String>,
    /// Stable, kebab-case.
    pub code: String,
    /// What the person saw.
    pub public_text: String,
    /// The whole reason.
    pub private_text: String,
    /// What to do.
    pub next_text: String,
    /// Microseconds since the Unix epoch.
    pub refused: i64,
    /// The domain of an address that names no business account.
    pub domain: Option<String>,
    /// Whom it concerns.
    pub who: Option<String>,
    /// Whether that is proven, 0 or 1.
    pub who_verified: i64,
    /// What they tried.
    pub flow: String,
    /// The path of the page on which the cause is removed.
    pub place: String,
    /// JSON array of facts.
    pub facts: String,
    /// The network address.
    pub address: String,
    /// Order within one instant; given by [`insert`].
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

/// Whose refusals a business account's administrators list: their own, and
/// those of no business account at a domain that they have entered. `$2` is
/// the oldest instant, `$3` what is searched for, in lower case.
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

/// `LIKE`'s wildcards as themselves.
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

/// How many refusals there are to list.
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

/// The refusals to list, the newest first; `limit` after `offset`.
///
/// # Errors
/// When the database fails.
pub async fn of_business(
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

/// The refusal of this reference: of this business account, or of none.
///
/// # Errors
/// When the database fails.
pub async fn by_reference(
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

/// Deletes refusals before this instant, and their entries in the audit log:
/// anybody can have refusals recorded, so neither may grow without bound.
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

/// Deletes the refusals before this instant, and all but the newest `most` of
/// this business account, or of none.
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
