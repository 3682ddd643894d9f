//! The SCIM sync log: the newest requests and their results.

use super::row::from_row;
use super::{Db, Result};

/// A SCIM request and its result.
#[derive(Debug, Clone)]
pub struct ScimLogRow {
    /// Opaque identifier.
    pub id: String,
    /// ID of the business account.
    pub business_id: String,
    /// Time of the event, in microseconds since the Unix epoch.
    pub happened: i64,
    /// Order of requests with the same time.
    pub place: i64,
    /// The HTTP method.
    pub method: String,
    /// The path below the SCIM base URL, with its query.
    pub path: String,
    /// The HTTP status.
    pub status: i64,
    /// `detail` of a SCIM error; empty otherwise.
    pub detail: String,
    /// Duration in milliseconds.
    pub took_ms: i64,
}

from_row!(ScimLogRow {
    id,
    business_id,
    happened,
    place,
    method,
    path,
    status,
    detail,
    took_ms
});

/// Appends requests to the log.
///
/// # Errors
/// When the database fails.
pub async fn append(db: &mut Db, rows: &[ScimLogRow]) -> Result<()> {
    const COLUMNS: usize = 9;
    /// Rows per statement. SQLite's cost for a numbered parameter grows with
    /// their number.
    const AT_ONCE: usize = 32;
    for rows in rows.chunks(AT_ONCE) {
        let places = (0..rows.len()).map(|row| {
            let row = (1..=COLUMNS).map(|column| format!("${}", row * COLUMNS + column));
            format!("({})", row.collect::<Vec<_>>().join(", "))
        });
        let sql = format!(
            "INSERT INTO scim_log
             (id, business_id, happened, place, method, path, status, detail, took_ms)
             VALUES {}",
            places.collect::<Vec<_>>().join(", ")
        );
        // Cache only statements with the full number of rows; others are
        // rarely repeated.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(rows.len() == AT_ONCE);
        for row in rows {
            query = query
                .bind(row.id.clone())
                .bind(row.business_id.clone())
                .bind(row.happened)
                .bind(row.place)
                .bind(row.method.clone())
                .bind(row.path.clone())
                .bind(row.status)
                .bind(row.detail.clone())
                .bind(row.took_ms);
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Returns the newest requests of a business account.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(
    db: &mut Db,
    business_id: &str,
    limit: i64,
) -> Result<Vec<ScimLogRow>> {
    Ok(sqlx::query_as(
        "SELECT * FROM scim_log WHERE business_id = $1
         ORDER BY happened DESC, place DESC LIMIT ($2 + 0)",
    )
    .bind(business_id.to_owned())
    .bind(limit)
    .fetch_all(db)
    .await?)
}

/// True if the log contains a request that is not GET.
///
/// # Errors
/// When the database fails.
pub async fn has_write(db: &mut Db, business_id: &str) -> Result<bool> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT happened FROM scim_log WHERE business_id = $1 AND method <> 'GET' LIMIT 1",
    )
    .bind(business_id.to_owned())
    .fetch_optional(db)
    .await?;
    Ok(found.is_some())
}

/// Deletes all but the newest `most` requests.
///
/// # Errors
/// When the database fails.
pub async fn keep_newest(db: &mut Db, business_id: &str, most: i64) -> Result<()> {
    sqlx::query(
        "DELETE FROM scim_log WHERE business_id = $1 AND (happened, place) <=
         (SELECT happened, place FROM scim_log WHERE business_id = $1
          ORDER BY happened DESC, place DESC LIMIT 1 OFFSET ($2 + 0))",
    )
    .bind(business_id.to_owned())
    .bind(most)
    .execute(db)
    .await?;
    Ok(())
}
