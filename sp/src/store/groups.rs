//! Groups of the directory, with their SCIM resource, and who is in them.

use sqlx::FromRow;

use super::{Db, Result};

/// A group as SCIM sees it, without its members.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct GroupRow {
    /// Opaque.
    pub id: String,
    /// Whose.
    pub business_id: String,
    /// As the IdP spells it.
    pub display_name: String,
    /// The IdP's id of the group.
    pub external_id: Option<String>,
    /// The resource as JSON, without members and what the portal adds.
    pub resource: String,
    /// Counts changes, from 1.
    pub version: i64,
    /// Instant.
    pub created: i64,
    /// Instant.
    pub last_modified: i64,
}

/// Someone in a group.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct MemberRow {
    /// A user or a group.
    pub member_id: String,
    /// `User` or `Group`.
    pub kind: String,
    /// The user's or group's name.
    pub display: Option<String>,
}

/// A group that a user is in directly.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct HeldRow {
    /// The group.
    pub id: String,
    /// Its name.
    pub display_name: String,
}

const GROUP: &str =
    "id, business_id, display_name, external_id, resource, version, created, last_modified";

/// Adds a group.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &GroupRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO groups (id, business_id, display_name, display_name_key, external_id,
                             resource, version, created, last_modified)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(row.id.clone())
    .bind(row.business_id.clone())
    .bind(row.display_name.clone())
    .bind(row.display_name.to_lowercase())
    .bind(row.external_id.clone())
    .bind(row.resource.clone())
    .bind(row.version)
    .bind(row.created)
    .bind(row.last_modified)
    .execute(db)
    .await?;
    Ok(())
}

/// Writes a group whose stored version is still `before`; `false` when
/// somebody else was faster.
///
/// # Errors
/// When the database fails.
pub async fn update(db: &mut Db, row: &GroupRow, before: i64) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE groups SET display_name = $3, display_name_key = $4, external_id = $5,
            resource = $6, version = $7, last_modified = $8
         WHERE id = $1 AND version = $2",
    )
    .bind(row.id.clone())
    .bind(before)
    .bind(row.display_name.clone())
    .bind(row.display_name.to_lowercase())
    .bind(row.external_id.clone())
    .bind(row.resource.clone())
    .bind(row.version)
    .bind(row.last_modified)
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a group out, with its memberships either way.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut Db, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM memberships WHERE group_id = $1 OR member_id = $1")
        .bind(id.to_owned())
        .execute(&mut *db)
        .await?;
    sqlx::query("DELETE FROM groups WHERE id = $1")
        .bind(id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// By which indexed value groups are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Exact.
    Id,
    /// Whatever its letter case.
    DisplayName,
    /// Exact.
    ExternalId,
}

/// The groups with that value.
///
/// # Errors
/// When the database fails.
pub async fn by_key(
    db: &mut Db,
    business_id: &str,
    key: Key,
    value: &str,
) -> Result<Vec<GroupRow>> {
    let (column, value) = match key {
        Key::Id => ("id", value.to_owned()),
        Key::DisplayName => ("display_name_key", value.to_lowercase()),
        Key::ExternalId => ("external_id", value.to_owned()),
    };
    let sql = format!(
        "SELECT {GROUP} FROM groups WHERE business_id = $1 AND {column} = $2 ORDER BY created, id"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .bind(value)
        .fetch_all(db)
        .await?)
}

/// A page of a business account's groups, in the order of their creation.
///
/// # Errors
/// When the database fails.
pub async fn page(
    db: &mut Db,
    business_id: &str,
    offset: i64,
    limit: i64,
) -> Result<Vec<GroupRow>> {
    let sql = format!(
        "SELECT {GROUP} FROM groups WHERE business_id = $1 ORDER BY created, id LIMIT $2 OFFSET $3"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .bind(limit)
        .bind(offset)
        .fetch_all(db)
        .await?)
}

/// How many groups a business account has.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &mut Db, business_id: &str) -> Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT COUNT(*) FROM groups WHERE business_id = $1")
            .bind(business_id.to_owned())
            .fetch_one(db)
            .await?,
    )
}

/// Who is in the group directly.
///
/// # Errors
/// When the database fails.
pub async fn members(db: &mut Db, group_id: &str) -> Result<Vec<MemberRow>> {
    Ok(sqlx::query_as(
        "SELECT m.member_id, m.kind, COALESCE(u.display_name, u.user_name, g.display_name) AS display
         FROM memberships m
         LEFT JOIN users u ON u.id = m.member_id
         LEFT JOIN groups g ON g.id = m.member_id
         WHERE m.group_id = $1 ORDER BY m.member_id",
    )
    .bind(group_id.to_owned())
    .fetch_all(db)
    .await?)
}

/// The groups a user is in directly.
///
/// # Errors
/// When the database fails.
pub async fn held_by(db: &mut Db, user_id: &str) -> Result<Vec<HeldRow>> {
    Ok(sqlx::query_as(
        "SELECT g.id, g.display_name FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.member_id = $1 ORDER BY g.display_name, g.id",
    )
    .bind(user_id.to_owned())
    .fetch_all(db)
    .await?)
}

/// Puts a user or group into a group.
///
/// # Errors
/// When the database fails.
pub async fn join(db: &mut Db, group_id: &str, member_id: &str, kind: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO memberships (group_id, member_id, kind) VALUES ($1, $2, $3)
         ON CONFLICT (group_id, member_id) DO NOTHING",
    )
    .bind(group_id.to_owned())
    .bind(member_id.to_owned())
    .bind(kind.to_owned())
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a user or group out of a group.
///
/// # Errors
/// When the database fails.
pub async fn leave(db: &mut Db, group_id: &str, member_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM memberships WHERE group_id = $1 AND member_id = $2")
        .bind(group_id.to_owned())
        .bind(member_id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// The users beneath a user or group: itself, or who is in it directly or by
/// nested groups.
///
/// # Errors
/// When the database fails.
pub async fn users_beneath(db: &mut Db, id: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "WITH RECURSIVE beneath (id) AS (
            SELECT $1
            UNION SELECT m.member_id FROM memberships m JOIN beneath b ON m.group_id = b.id)
         SELECT u.id FROM users u JOIN beneath ON beneath.id = u.id ORDER BY u.id",
    )
    .bind(id.to_owned())
    .fetch_all(db)
    .await?)
}
