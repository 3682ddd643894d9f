//! Users of the directory, with their SCIM resource.

use sqlx::FromRow;

use super::{Db, Result};

/// A user as SCIM sees it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UserRow {
    /// Opaque.
    pub id: String,
    /// Whose.
    pub business_id: String,
    /// As the IdP spells it.
    pub user_name: String,
    /// The primary one, lower case.
    pub email: Option<String>,
    /// The IdP's id of the user.
    pub external_id: Option<String>,
    /// For people to read.
    pub display_name: Option<String>,
    /// 0 when disabled.
    pub active: i64,
    /// `scim` or `sso`.
    pub source: String,
    /// The resource as JSON, without what the portal adds.
    pub resource: String,
    /// Counts changes, from 1.
    pub version: i64,
    /// Instant.
    pub created: i64,
    /// Instant.
    pub last_modified: i64,
}

const USER: &str = "id, business_id, user_name, email, external_id, display_name, active, source,
    resource, version, created, last_modified";

/// Adds a user.
///
/// # Errors
/// A unique violation when the user name is taken, whatever its letter case.
pub async fn insert(db: &mut Db, row: &UserRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO users (id, business_id, user_name, user_name_key, email, external_id,
                            display_name, active, source, resource, version, created, last_modified)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(row.id.clone())
    .bind(row.business_id.clone())
    .bind(row.user_name.clone())
    .bind(row.user_name.to_lowercase())
    .bind(row.email.clone())
    .bind(row.external_id.clone())
    .bind(row.display_name.clone())
    .bind(row.active)
    .bind(row.source.clone())
    .bind(row.resource.clone())
    .bind(row.version)
    .bind(row.created)
    .bind(row.last_modified)
    .execute(db)
    .await?;
    Ok(())
}

/// Writes a user whose stored version is still `before`; `false` when
/// somebody else was faster.
///
/// # Errors
/// A unique violation when the user name is taken, whatever its letter case.
pub async fn update(db: &mut Db, row: &UserRow, before: i64) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE users SET user_name = $3, user_name_key = $4, email = $5, external_id = $6,
            display_name = $7, active = $8, source = $9, resource = $10, version = $11,
            last_modified = $12
         WHERE id = $1 AND version = $2",
    )
    .bind(row.id.clone())
    .bind(before)
    .bind(row.user_name.clone())
    .bind(row.user_name.to_lowercase())
    .bind(row.email.clone())
    .bind(row.external_id.clone())
    .bind(row.display_name.clone())
    .bind(row.active)
    .bind(row.source.clone())
    .bind(row.resource.clone())
    .bind(row.version)
    .bind(row.last_modified)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a user out, and out of all groups.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut Db, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM memberships WHERE member_id = $1")
        .bind(id.to_owned())
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// By which indexed value users are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Exact.
    Id,
    /// Whatever its letter case.
    UserName,
    /// Exact.
    ExternalId,
}

/// The users with that value: one at most, but for `externalId`.
///
/// # Errors
/// When the database fails.
pub async fn by_key(db: &mut Db, business_id: &str, key: Key, value: &str) -> Result<Vec<UserRow>> {
    let (column, value) = match key {
        Key::Id => ("id", value.to_owned()),
        Key::UserName => ("user_name_key", value.to_lowercase()),
        Key::ExternalId => ("external_id", value.to_owned()),
    };
    let sql = format!(
        "SELECT {USER} FROM users WHERE business_id = $1 AND {column} = $2 ORDER BY created, id"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .bind(value)
        .fetch_all(db)
        .await?)
}

/// A page of a business account's users, in the order of their creation.
///
/// # Errors
/// When the database fails.
pub async fn page(db: &mut Db, business_id: &str, offset: i64, limit: i64) -> Result<Vec<UserRow>> {
    let sql = format!(
        "SELECT {USER} FROM users WHERE business_id = $1 ORDER BY created, id LIMIT $2 OFFSET $3"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .bind(limit)
        .bind(offset)
        .fetch_all(db)
        .await?)
}

/// How many users a business account has.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &mut Db, business_id: &str) -> Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT COUNT(*) FROM users WHERE business_id = $1")
            .bind(business_id.to_owned())
            .fetch_one(db)
            .await?,
    )
}
