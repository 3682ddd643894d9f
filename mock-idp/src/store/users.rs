//! Database: users with their passwords, and the members of groups.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::resources::Kind;
use super::{Db, Result, instant, to_microseconds};

/// A stored user.
#[derive(Debug, Clone)]
pub(crate) struct UserRow {
    pub environment: String,
    pub id: String,
    /// User name in lower case, because user names are unique in any letter case.
    pub username_key: String,
    pub document: Map<String, Value>,
    /// Argon2 hash of the password, as a PHC string.
    pub password: Option<String>,
    pub must_change: bool,
    /// Number of wrong passwords in a row.
    pub failures: i64,
    /// Time at which the account was locked.
    pub locked_at: Option<Timestamp>,
    /// Code to verify the e-mail address.
    pub verification_code: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Place in the list; later users have greater ones.
    pub place: i64,
}

fn read(row: &AnyRow) -> Result<UserRow> {
    Ok(UserRow {
        environment: row.try_get("environment")?,
        id: row.try_get("id")?,
        username_key: row.try_get("username_key")?,
        document: serde_json::from_str(&row.try_get::<String, _>("document")?)?,
        password: row.try_get("password")?,
        must_change: row.try_get::<i64, _>("must_change")? != 0,
        failures: row.try_get("failures")?,
        locked_at: row.try_get::<Option<i64>, _>("locked_at")?.map(instant),
        verification_code: row.try_get("verification_code")?,
        place: row.try_get("place")?,
        created_at: instant(row.try_get("created_at")?),
        updated_at: instant(row.try_get("updated_at")?),
    })
}

/// Stores a user, or replaces the one with this id.
pub(crate) async fn put(db: &mut Db, user: &UserRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO users (environment, id, username_key, document, password, must_change,
                            failures, locked_at, verification_code, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (environment, id) DO UPDATE SET
           username_key = excluded.username_key, document = excluded.document,
           password = excluded.password, must_change = excluded.must_change,
           failures = excluded.failures, locked_at = excluded.locked_at,
           verification_code = excluded.verification_code, updated_at = excluded.updated_at",
    )
    .bind(&user.environment)
    .bind(&user.id)
    .bind(&user.username_key)
    .bind(serde_json::to_string(&user.document)?)
    .bind(user.password.as_deref())
    .bind(i64::from(user.must_change))
    .bind(user.failures)
    .bind(user.locked_at.map(to_microseconds))
    .bind(user.verification_code.as_deref())
    .bind(to_microseconds(user.created_at))
    .bind(to_microseconds(user.updated_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the number of wrong passwords of a user, and the time of the lock.
pub(crate) async fn set_attempts(
    db: &mut Db,
    environment: &str,
    id: &str,
    failures: i64,
    locked_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query(
        "UPDATE users SET failures = $3, locked_at = $4 WHERE environment = $1 AND id = $2",
    )
    .bind(environment)
    .bind(id)
    .bind(failures)
    .bind(locked_at.map(to_microseconds))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the user with this id.
pub(crate) async fn get(db: &mut Db, environment: &str, id: &str) -> Result<Option<UserRow>> {
    sqlx::query("SELECT rowid AS place, * FROM users WHERE environment = $1 AND id = $2")
        .bind(environment)
        .bind(id)
        .fetch_optional(db)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// Returns the user with this user name, given in lower case.
pub(crate) async fn find_by_username(
    db: &mut Db,
    environment: &str,
    username_key: &str,
) -> Result<Option<UserRow>> {
    sqlx::query("SELECT rowid AS place, * FROM users WHERE environment = $1 AND username_key = $2")
        .bind(environment)
        .bind(username_key)
        .fetch_optional(db)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// Returns all users, the oldest first.
pub(crate) async fn list(db: &mut Db, environment: &str) -> Result<Vec<UserRow>> {
    sqlx::query("SELECT rowid AS place, * FROM users WHERE environment = $1 ORDER BY rowid")
        .bind(environment)
        .fetch_all(db)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Returns at most `limit` users after a place, and the total number of users.
pub(crate) async fn list_page(
    db: &mut Db,
    environment: &str,
    after: i64,
    limit: usize,
) -> Result<(Vec<UserRow>, usize)> {
    // `$3 + 0`, because SQLite prepares the statement again whenever a plain `LIMIT $3` gets a
    // new value.
    let found = sqlx::query(
        "SELECT rowid AS place, * FROM users WHERE environment = $1 AND rowid > $2
         ORDER BY rowid LIMIT ($3 + 0)",
    )
    .bind(environment)
    .bind(after)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(&mut *db)
    .await?;
    let found = found.iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok((found, count(db, environment).await?))
}

/// Returns the number of users.
pub(crate) async fn count(db: &mut Db, environment: &str) -> Result<usize> {
    let row = sqlx::query("SELECT COUNT(*) AS users FROM users WHERE environment = $1")
        .bind(environment)
        .fetch_one(db)
        .await?;
    Ok(usize::try_from(row.try_get::<i64, _>("users")?).unwrap_or(0))
}

/// Deletes a user with its memberships and sessions. Returns false if there was none.
pub(crate) async fn delete(db: &mut Db, environment: &str, id: &str) -> Result<bool> {
    for statement in [
        "DELETE FROM memberships WHERE environment = $1 AND member_kind = 'user' AND member_id = $2",
        "DELETE FROM sessions WHERE environment = $1 AND user_id = $2",
    ] {
        sqlx::query(statement)
            .bind(environment)
            .bind(id)
            .execute(&mut *db)
            .await?;
    }
    let gone = sqlx::query("DELETE FROM users WHERE environment = $1 AND id = $2")
        .bind(environment)
        .bind(id)
        .execute(db)
        .await?;
    Ok(gone.rows_affected() > 0)
}

/// The membership of a user or a group in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    pub group: String,
    /// True if the member is a group, false if it is a user.
    pub nested: bool,
    pub member: String,
}

fn kind(nested: bool) -> &'static str {
    if nested { "group" } else { "user" }
}

/// Adds a membership. Does nothing if it exists.
pub(crate) async fn join(db: &mut Db, environment: &str, membership: &Membership) -> Result<()> {
    sqlx::query(
        "INSERT INTO memberships (environment, group_id, member_kind, member_id)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(environment)
    .bind(&membership.group)
    .bind(kind(membership.nested))
    .bind(&membership.member)
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes a membership. Returns false if there was none.
pub(crate) async fn leave(db: &mut Db, environment: &str, membership: &Membership) -> Result<bool> {
    let gone = sqlx::query(
        "DELETE FROM memberships
         WHERE environment = $1 AND group_id = $2 AND member_kind = $3 AND member_id = $4",
    )
    .bind(environment)
    .bind(&membership.group)
    .bind(kind(membership.nested))
    .bind(&membership.member)
    .execute(db)
    .await?;
    Ok(gone.rows_affected() > 0)
}

/// A group that contains a user, directly or through nested groups.
pub(crate) struct ContainingGroup {
    pub id: String,
    pub name: String,
    /// True if it contains the user itself.
    pub direct: bool,
}

/// Returns the groups that contain a user, by name: those of its memberships, those in
/// `by_filter`, and all in which one of these groups is nested.
pub(crate) async fn list_containing_groups(
    db: &mut Db,
    environment: &str,
    user: &str,
    by_filter: &[String],
) -> Result<Vec<ContainingGroup>> {
    let rows = sqlx::query(
        "WITH RECURSIVE direct (id) AS (
            SELECT group_id FROM memberships
            WHERE environment = $1 AND member_kind = 'user' AND member_id = $2
            UNION SELECT value FROM json_each($3)),
         reached (id) AS (
            SELECT id FROM direct
            UNION SELECT m.group_id FROM reached r JOIN memberships m
                ON m.environment = $1 AND m.member_kind = 'group' AND m.member_id = r.id)
         SELECT g.id, g.name, g.id IN (SELECT id FROM direct) AS is_direct
         FROM reached JOIN resources g
            ON g.environment = $1 AND g.kind = $4 AND g.id = reached.id
         ORDER BY g.name, g.id",
    )
    .bind(environment)
    .bind(user)
    .bind(serde_json::to_string(by_filter)?)
    .bind(Kind::Group.name())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(ContainingGroup {
                id: row.try_get("id")?,
                name: row.try_get("name")?,
                direct: row.try_get::<i64, _>("is_direct")? != 0,
            })
        })
        .collect()
}

/// Returns the ids of the groups that contain the member directly.
pub(crate) async fn list_groups_of(
    db: &mut Db,
    environment: &str,
    nested: bool,
    member: &str,
) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT group_id FROM memberships
         WHERE environment = $1 AND member_kind = $2 AND member_id = $3 ORDER BY group_id",
    )
    .bind(environment)
    .bind(kind(nested))
    .bind(member)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| Ok(row.try_get("group_id")?))
        .collect()
}

/// Returns the ids of the direct members of a group.
pub(crate) async fn list_members_of(
    db: &mut Db,
    environment: &str,
    nested: bool,
    group: &str,
) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT member_id FROM memberships
         WHERE environment = $1 AND member_kind = $2 AND group_id = $3 ORDER BY member_id",
    )
    .bind(environment)
    .bind(kind(nested))
    .bind(group)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| Ok(row.try_get("member_id")?))
        .collect()
}

/// Deletes all memberships in a group, and those of the group in others.
pub(crate) async fn delete_memberships(db: &mut Db, environment: &str, group: &str) -> Result<()> {
    sqlx::query(
        "DELETE FROM memberships WHERE environment = $1
         AND (group_id = $2 OR (member_kind = 'group' AND member_id = $2))",
    )
    .bind(environment)
    .bind(group)
    .execute(db)
    .await?;
    Ok(())
}
