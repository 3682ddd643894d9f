//! Groups of the directory, their SCIM resources and members.

use super::row::from_row;
use super::selection::{Condition, Field, Selection, Source, Statement, Table, bound};
use super::{Db, Result};

/// A group without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Opaque identifier.
    pub id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// Display name, as sent by the IdP.
    pub display_name: String,
    /// ID of the group at the IdP (`externalId`).
    pub external_id: Option<String>,
    /// The SCIM resource as JSON, without members and the attributes that the
    /// portal adds.
    pub resource: String,
    /// Version, counted from 1.
    pub version: i64,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Time of the last change, in microseconds since the Unix epoch.
    pub last_modified: i64,
}

from_row!(GroupRow {
    id,
    business_id,
    display_name,
    external_id,
    resource,
    version,
    created,
    last_modified
});

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// ID of the user or group.
    pub member_id: String,
    /// Type of the member: `User` or `Group`.
    pub kind: String,
    /// Display name of the member, if it was read.
    pub display: Option<String>,
}

from_row!(MemberRow {
    member_id,
    kind,
    display
});

/// A group of which a user is a direct or indirect member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// ID of the user.
    pub member_id: String,
    /// ID of the group.
    pub id: String,
    /// Display name of the group.
    pub display_name: String,
    /// 1 for a direct member, 0 for a member through nested groups only.
    pub direct: i64,
}

from_row!(HeldRow {
    member_id,
    id,
    display_name,
    direct
});

const GROUP: &str = "groups.id, groups.business_id, display_name, external_id, resource, version,
    created, last_modified";

static TABLE: Table = Table {
    name: "groups",
    columns: GROUP,
    source: |field| {
        Some(match field {
            Field::Id => Source::Column("id", false),
            Field::DisplayName => Source::Column("display_name_key", false),
            Field::ExternalId => Source::Column("external_id", true),
            Field::Created => Source::Column("created", false),
            Field::LastModified => Source::Column("last_modified", false),
            Field::Member => Source::Elsewhere("memberships", "group_id", "member_id", false),
            Field::UserName | Field::Active | Field::Email | Field::Group => return None,
        })
    },
};

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

/// Updates a group if its stored version is still `before`; `false` if another
/// request has changed it.
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

/// Deletes a group and all memberships that it is part of.
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

/// True if another group than the one with this ID has this display name, ignoring letter case.
///
/// # Errors
/// When the database fails.
pub async fn is_name_taken(db: &mut Db, business_id: &str, name: &str, id: &str) -> Result<bool> {
    let sql = "SELECT id FROM groups
               WHERE business_id = $1 AND display_name_key = $2 AND id <> $3 LIMIT 1";
    let found: Option<String> = sqlx::query_scalar(sql)
        .bind(business_id.to_owned())
        .bind(name.to_lowercase())
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?;
    Ok(found.is_some())
}

/// Finds the group with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_by_id(db: &mut Db, business_id: &str, id: &str) -> Result<Option<GroupRow>> {
    let sql =
        format!("SELECT {GROUP} FROM groups WHERE groups.id = $1 AND groups.business_id = $2");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.to_owned())
        .bind(business_id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Returns the groups that match a selection.
///
/// # Errors
/// When the database fails.
pub async fn select(db: &mut Db, selection: &Selection<'_>) -> Result<Vec<GroupRow>> {
    let statement = Statement::rows(&TABLE, selection);
    let query = sqlx::query_as(sqlx::AssertSqlSafe(statement.text));
    Ok(bound!(query, statement).fetch_all(db).await?)
}

/// Counts the groups that meet a condition.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &mut Db, business_id: &str, condition: &Condition) -> Result<i64> {
    let statement = Statement::count(&TABLE, business_id, condition);
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(statement.text));
    Ok(bound!(query, statement).fetch_one(db).await?)
}

/// Returns SQLite's query plan, for tests of the indexes.
///
/// # Errors
/// If the database fails, or is not SQLite.
pub async fn explain(db: &mut Db, selection: &Selection<'_>) -> Result<Vec<String>> {
    let statement = Statement::rows(&TABLE, selection);
    super::selection::explain(db, statement).await
}

/// Returns `User` or `Group` if this business account has a resource with
/// this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_kind(db: &mut Db, business_id: &str, id: &str) -> Result<Option<String>> {
    Ok(sqlx::query_scalar(
        "SELECT CAST('User' AS TEXT) FROM users WHERE id = $1 AND business_id = $2
         UNION ALL SELECT CAST('Group' AS TEXT) FROM groups WHERE id = $1 AND business_id = $2",
    )
    .bind(id.to_owned())
    .bind(business_id.to_owned())
    .fetch_optional(db)
    .await?)
}

/// Returns the direct members of a group, without display names.
///
/// # Errors
/// When the database fails.
pub async fn list_members(db: &mut Db, group_id: &str) -> Result<Vec<MemberRow>> {
    Ok(sqlx::query_as(
        "SELECT member_id, kind, NULL AS display FROM memberships
         WHERE group_id = $1 ORDER BY member_id",
    )
    .bind(group_id.to_owned())
    .fetch_all(db)
    .await?)
}

/// Returns the direct members of a group, with display names.
///
/// # Errors
/// When the database fails.
pub async fn list_members_with_names(db: &mut Db, group_id: &str) -> Result<Vec<MemberRow>> {
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

/// Returns the IDs of the direct members of a group.
///
/// # Errors
/// When the database fails.
pub async fn list_member_ids(db: &mut Db, group_id: &str) -> Result<Vec<String>> {
    Ok(
        sqlx::query_scalar("SELECT member_id FROM memberships WHERE group_id = $1")
            .bind(group_id.to_owned())
            .fetch_all(db)
            .await?,
    )
}

/// Counts the direct members of a group, up to `limit`.
///
/// # Errors
/// When the database fails.
pub async fn count_members(db: &mut Db, group_id: &str, limit: i64) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(*) FROM
            (SELECT 1 AS one FROM memberships WHERE group_id = $1 LIMIT ($2 + 0)) AS members_seen",
    )
    .bind(group_id.to_owned())
    .bind(limit)
    .fetch_one(db)
    .await?)
}

/// Returns the groups of these users, direct and through nested groups.
///
/// # Errors
/// When the database fails.
pub async fn list_groups_of_users(db: &mut Db, user_ids: &[&str]) -> Result<Vec<HeldRow>> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (1..=user_ids.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        "WITH RECURSIVE held (member_id, group_id, direct) AS (
            SELECT member_id, group_id, CAST(1 AS BIGINT) FROM memberships
            WHERE member_id IN ({})
            UNION SELECT h.member_id, m.group_id, CAST(0 AS BIGINT)
            FROM held h JOIN memberships m ON m.member_id = h.group_id)
         SELECT h.member_id, g.id, g.display_name, MAX(h.direct) AS direct
         FROM held h CROSS JOIN groups g WHERE g.id = h.group_id
         GROUP BY h.member_id, g.id, g.display_name
         ORDER BY h.member_id, g.display_name, g.id",
        places.join(", ")
    );
    let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    for id in user_ids {
        query = query.bind((*id).to_owned());
    }
    Ok(query.fetch_all(db).await?)
}

/// Adds a member to a group; `false` if it was already a member.
///
/// # Errors
/// When the database fails.
pub async fn join(db: &mut Db, group_id: &str, member_id: &str, kind: &str) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO memberships (group_id, member_id, kind) VALUES ($1, $2, $3)
         ON CONFLICT (group_id, member_id) DO NOTHING",
    )
    .bind(group_id.to_owned())
    .bind(member_id.to_owned())
    .bind(kind.to_owned())
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a member from a group; `false` if it was not a member.
///
/// # Errors
/// When the database fails.
pub async fn leave(db: &mut Db, group_id: &str, member_id: &str) -> Result<bool> {
    let done = sqlx::query("DELETE FROM memberships WHERE group_id = $1 AND member_id = $2")
        .bind(group_id.to_owned())
        .bind(member_id.to_owned())
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the ID itself if it is a user; for a group, all direct and indirect
/// members that are users.
///
/// # Errors
/// When the database fails.
pub async fn list_users_beneath(db: &mut Db, id: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "WITH RECURSIVE beneath (id) AS (
            SELECT $1
            UNION SELECT m.member_id FROM memberships m JOIN beneath b ON m.group_id = b.id)
         SELECT id FROM users WHERE id IN (SELECT id FROM beneath) ORDER BY id",
    )
    .bind(id.to_owned())
    .fetch_all(db)
    .await?)
}
