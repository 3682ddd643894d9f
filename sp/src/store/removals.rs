//! The times of changes and deletions in the directory: Responses issued before
//! them must not restore what was removed.

use super::{Db, Result};

/// Number of IDs in one statement.
const AT_ONCE: usize = 500;

/// Stores the time at which SCIM changed these users or their groups.
///
/// # Errors
/// When the database fails.
pub async fn record_directory_change(db: &mut Db, user_ids: &[String], at: i64) -> Result<()> {
    for ids in user_ids.chunks(AT_ONCE) {
        let places: Vec<String> = (2..ids.len() + 2).map(|n| format!("${n}")).collect();
        let sql = format!(
            "UPDATE users SET directory_changed = $1 WHERE id IN ({})",
            places.join(", ")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(at);
        for id in ids {
            query = query.bind(id.clone());
        }
        query.execute(&mut *db).await?;
    }
    Ok(())
}

/// Stores the time at which SCIM deleted this user.
///
/// # Errors
/// When the database fails.
pub async fn record_deletion(
    db: &mut Db,
    business_id: &str,
    user_name: &str,
    external_id: Option<&str>,
    at: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO deleted_users (business_id, user_name_key, external_id, deleted)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (business_id, user_name_key)
         DO UPDATE SET external_id = excluded.external_id, deleted = excluded.deleted",
    )
    .bind(business_id.to_owned())
    .bind(user_name.to_lowercase())
    .bind(external_id.map(str::to_owned))
    .bind(at)
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the time at which SCIM last deleted a user with this user name
/// or `externalId`.
///
/// # Errors
/// When the database fails.
pub async fn find_last_deletion(
    db: &mut Db,
    business_id: &str,
    user_name: &str,
    external_id: &str,
) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar(
        "SELECT deleted FROM deleted_users
         WHERE business_id = $1 AND (user_name_key = $2 OR external_id = $3)
         ORDER BY deleted DESC LIMIT 1",
    )
    .bind(business_id.to_owned())
    .bind(user_name.to_lowercase())
    .bind(external_id.to_owned())
    .fetch_optional(db)
    .await?)
}

/// Deletes the deletions before this time; Responses that old are not
/// accepted anyway.
///
/// # Errors
/// When the database fails.
pub async fn forget(db: &mut Db, before: i64) -> Result<()> {
    sqlx::query("DELETE FROM deleted_users WHERE deleted < $1")
        .bind(before)
        .execute(db)
        .await?;
    Ok(())
}
