//! The directory as logins and licenses see it: who is in which group.
//! Writing users and groups by SCIM is for `users` and `groups`.

use super::row::from_row;
use super::{Db, Result};

/// A user of the directory, without the SCIM resource.
#[derive(Debug, Clone)]
pub struct PersonRow {
    /// Opaque identifier.
    pub id: String,
    /// The business account that it belongs to.
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
    /// Time of the last login, in microseconds since the Unix epoch.
    pub last_login: Option<i64>,
}

from_row!(PersonRow {
    id,
    business_id,
    user_name,
    email,
    external_id,
    display_name,
    active,
    source,
    last_login
});

const PERSON: &str =
    "id, business_id, user_name, email, external_id, display_name, active, source, last_login";

/// A group of the directory, as the mapping of step 3 compares it.
#[derive(Debug, Clone)]
pub struct GroupNameRow {
    /// Opaque identifier.
    pub id: String,
    /// As the IdP spells it.
    pub display_name: String,
    /// The IdP's id of the group.
    pub external_id: Option<String>,
}

from_row!(GroupNameRow {
    id,
    display_name,
    external_id
});

/// What the last Response said of a user's groups.
#[derive(Debug, Clone)]
pub struct AssertedRow {
    /// The user that it belongs to.
    pub user_id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// In the admins group.
    pub in_admins: i64,
    /// In the product users group.
    pub in_users: i64,
    /// JSON array, as they came.
    pub groups: String,
    /// Time of the assertion, in microseconds since the Unix epoch.
    pub asserted: i64,
}

from_row!(AssertedRow {
    user_id,
    business_id,
    in_admins,
    in_users,
    groups,
    asserted
});

/// The user with this id.
///
/// # Errors
/// When the database fails.
pub async fn by_id(db: &mut Db, id: &str) -> Result<Option<PersonRow>> {
    let sql = format!("SELECT {PERSON} FROM users WHERE id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// The user of this name, whatever its letter case.
///
/// # Errors
/// When the database fails.
pub async fn by_user_name(
    db: &mut Db,
    business_id: &str,
    user_name: &str,
) -> Result<Option<PersonRow>> {
    let sql = format!("SELECT {PERSON} FROM users WHERE business_id = $1 AND user_name_key = $2");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .bind(user_name.to_lowercase())
        .fetch_optional(db)
        .await?)
}

/// The user whom the IdP knows by this id.
///
/// # Errors
/// When the database fails.
pub async fn by_external_id(
    db: &mut Db,
    business_id: &str,
    external_id: &str,
) -> Result<Option<PersonRow>> {
    let sql = format!(
        "SELECT {PERSON} FROM users WHERE business_id = $1 AND external_id = $2 ORDER BY id LIMIT 1"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .bind(external_id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// All users of a business account.
///
/// # Errors
/// When the database fails.
pub async fn of_business(db: &mut Db, business_id: &str) -> Result<Vec<PersonRow>> {
    let sql = format!("SELECT {PERSON} FROM users WHERE business_id = $1 ORDER BY created, id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .fetch_all(db)
        .await?)
}

/// A user made by a first login (G-28), with the SCIM resource that a
/// provisioning would have made.
///
/// False when another login or SCIM was first.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &PersonRow, resource: &str, now: i64) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO users (id, business_id, user_name, user_name_key, email, external_id,
                            display_name, active, source, resource, version, created,
                            last_modified, last_login, display_name_key, keyed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11, $11, $12, 1)
         ON CONFLICT (business_id, user_name_key) DO NOTHING",
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
    .bind(resource.to_owned())
    .bind(now)
    .bind(row.display_name.as_deref().map(str::to_lowercase))
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    super::users::key_emails(db, &row.business_id, &row.id, resource).await?;
    Ok(true)
}

/// Remembers a login.
///
/// # Errors
/// When the database fails.
pub async fn logged_in(db: &mut Db, user_id: &str, at: i64) -> Result<()> {
    sqlx::query("UPDATE users SET last_login = $2 WHERE id = $1")
        .bind(user_id.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}

/// All groups of a business account that could be this mapped one: by id, or
/// by name whatever its letter case.
///
/// # Errors
/// When the database fails.
pub async fn groups_like(
    db: &mut Db,
    business_id: &str,
    name: &str,
    external_id: &str,
) -> Result<Vec<GroupNameRow>> {
    Ok(sqlx::query_as(
        "SELECT id, display_name, external_id FROM groups
         WHERE business_id = $1 AND (display_name_key = $2 OR external_id = $3) ORDER BY created, id",
    )
    .bind(business_id.to_owned())
    .bind(name.to_lowercase())
    .bind(external_id.to_owned())
    .fetch_all(db)
    .await?)
}

/// Names of the groups that SCIM brought, the first of them, and how many.
///
/// # Errors
/// When the database fails.
pub async fn group_names(
    db: &mut Db,
    business_id: &str,
    limit: i64,
) -> Result<(Vec<GroupNameRow>, i64)> {
    let rows = sqlx::query_as(
        "SELECT id, display_name, external_id FROM groups WHERE business_id = $1
         ORDER BY created, id LIMIT ($2 + 0)",
    )
    .bind(business_id.to_owned())
    .bind(limit)
    .fetch_all(&mut *db)
    .await?;
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM groups WHERE business_id = $1")
        .bind(business_id.to_owned())
        .fetch_one(db)
        .await?;
    Ok((rows, count))
}

/// What the last Responses called users' groups: JSON arrays, each once.
///
/// # Errors
/// When the database fails.
pub async fn asserted_groups(db: &mut Db, business_id: &str, limit: i64) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT groups FROM asserted_roles WHERE business_id = $1 LIMIT ($2 + 0)",
    )
    .bind(business_id.to_owned())
    .bind(limit)
    .fetch_all(db)
    .await?)
}

/// The groups a user is in, directly or by nested groups.
///
/// # Errors
/// When the database fails.
pub async fn groups_of(db: &mut Db, user_id: &str) -> Result<Vec<GroupNameRow>> {
    Ok(sqlx::query_as(
        "WITH RECURSIVE held (group_id) AS (
            SELECT group_id FROM memberships WHERE member_id = $1
            UNION SELECT m.group_id FROM memberships m JOIN held h ON m.member_id = h.group_id)
         SELECT id, display_name, external_id FROM groups
         WHERE id IN (SELECT group_id FROM held) ORDER BY display_name, id",
    )
    .bind(user_id.to_owned())
    .fetch_all(db)
    .await?)
}

/// What the last Response said of this user.
///
/// # Errors
/// When the database fails.
pub async fn asserted(db: &mut Db, user_id: &str) -> Result<Option<AssertedRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM asserted_roles WHERE user_id = $1")
            .bind(user_id.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Remembers what a Response said, or what is left of it.
///
/// # Errors
/// When the database fails.
pub async fn assert_roles(db: &mut Db, row: &AssertedRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO asserted_roles (user_id, business_id, in_admins, in_users, groups, asserted)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (user_id) DO UPDATE SET in_admins = excluded.in_admins,
            in_users = excluded.in_users, groups = excluded.groups, asserted = excluded.asserted",
    )
    .bind(row.user_id.clone())
    .bind(row.business_id.clone())
    .bind(row.in_admins)
    .bind(row.in_users)
    .bind(row.groups.clone())
    .bind(row.asserted)
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what a Response said of a user.
///
/// # Errors
/// When the database fails.
pub async fn forget_asserted(db: &mut Db, user_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM asserted_roles WHERE user_id = $1")
        .bind(user_id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}
