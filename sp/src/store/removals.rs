//! When the directory took something from a person: what an identity provider
//! said before that no longer counts.

use super::{Db, Result};

/// How many ids one statement names.
const AT_ONCE: usize = 500;

/// SCIM changed these users, or the groups that they are in.
///
/// # Errors
/// When the database fails.
pub async fn directory_changed(db: &mut Db, user_ids: &[String], at: i64) -> Result<()> {
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

/// When SCIM last changed the user or their groups; 0 when it never did.
///
/// # Errors
/// When the database fails.
pub async fn last_change(db: &mut Db, user_id: &str) -> Result<i64> {
    let at: Option<i64> = sqlx::query_scalar("SELECT directory_changed FROM users WHERE id = $1")
        .bind(user_id.to_owned())
        .fetch_optional(db)
        .await?;
    Ok(at.unwrap_or_default())
}

/// SCIM deleted this user.
///
/// # Errors
/// When the database fails.
pub async fn deleted(
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

/// When SCIM last deleted a user of this name or this id of the identity
/// provider.
///
/// # Errors
/// When the database fails.
pub async fn last_deletion(
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

/// Forgets deletions from before: no Response that old is accepted.
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
