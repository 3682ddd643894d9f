//! Users of the directory and their SCIM resources.

use super::row::from_row;
use super::selection::{Condition, Field, Selection, Source, Statement, Table, bound};
use super::{Db, Result};

/// A user with the SCIM resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Opaque identifier.
    pub id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// User name, as sent by the IdP.
    pub user_name: String,
    /// Primary e-mail address, in lower case.
    pub email: Option<String>,
    /// ID of the user at the IdP (`externalId`).
    pub external_id: Option<String>,
    /// Display name.
    pub display_name: Option<String>,
    /// 0 if disabled, else 1.
    pub active: i64,
    /// What created or last changed the user: `scim` or `sso` (a first login).
    pub source: String,
    /// The SCIM resource as JSON, without the attributes that the portal adds.
    pub resource: String,
    /// Version, counted from 1.
    pub version: i64,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Time of the last change, in microseconds since the Unix epoch.
    pub last_modified: i64,
    /// 1 if the user is a direct member of a group, else 0.
    pub grouped: i64,
}

from_row!(UserRow {
    id,
    business_id,
    user_name,
    email,
    external_id,
    display_name,
    active,
    source,
    resource,
    version,
    created,
    last_modified,
    grouped
});

const USER: &str =
    "users.id, users.business_id, user_name, email, external_id, display_name, active,
    source, resource, version, created, last_modified,
    CAST(CASE WHEN EXISTS (SELECT 1 FROM memberships WHERE memberships.member_id = users.id)
         THEN 1 ELSE 0 END AS BIGINT) AS grouped";

static TABLE: Table = Table {
    name: "users",
    columns: USER,
    source: |field| {
        Some(match field {
            Field::Id => Source::Column("id", false),
            Field::UserName => Source::Column("user_name_key", false),
            Field::ExternalId => Source::Column("external_id", true),
            Field::DisplayName => Source::Column("display_name_key", true),
            Field::Active => Source::Column("active", false),
            Field::Created => Source::Column("created", false),
            Field::LastModified => Source::Column("last_modified", false),
            Field::Email => Source::Elsewhere("user_emails", "user_id", "value_key", true),
            Field::Group => Source::Memberships,
            Field::Member => return None,
        })
    },
};

/// Returns the values of `emails` in a resource, in lower case,
/// without duplicates.
fn emails(resource: &str) -> std::collections::BTreeSet<String> {
    let resource: serde_json::Value = serde_json::from_str(resource).unwrap_or_default();
    let all = resource["emails"].as_array();
    all.into_iter()
        .flatten()
        .filter_map(|one| Some(one["value"].as_str()?.to_lowercase()))
        .collect()
}

/// Stores the e-mail addresses in the table that filters use.
pub(super) async fn insert_emails(
    db: &mut Db,
    business_id: &str,
    id: &str,
    resource: &str,
) -> Result<()> {
    for value in emails(resource) {
        sqlx::query(
            "INSERT INTO user_emails (business_id, user_id, value_key) VALUES ($1, $2, $3)",
        )
        .bind(business_id.to_owned())
        .bind(id.to_owned())
        .bind(value)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Fills the key columns of rows that an older version has stored; returns
/// their number.
pub(super) async fn fill_key_columns(db: &mut Db, at_once: i64) -> Result<usize> {
    let sql = format!("SELECT {USER} FROM users WHERE keyed = 0 ORDER BY users.id LIMIT ($1 + 0)");
    let rows: Vec<UserRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(at_once)
        .fetch_all(&mut *db)
        .await?;
    for row in &rows {
        sqlx::query("UPDATE users SET keyed = 1, display_name_key = $2 WHERE id = $1")
            .bind(row.id.clone())
            .bind(row.display_name.as_deref().map(str::to_lowercase))
            .execute(&mut *db)
            .await?;
        insert_emails(db, &row.business_id, &row.id, &row.resource).await?;
    }
    Ok(rows.len())
}

/// Adds a user.
///
/// # Errors
/// A unique violation if the user name is taken, ignoring letter case.
pub async fn insert(db: &mut Db, row: &UserRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO users (id, business_id, user_name, user_name_key, email, external_id,
                            display_name, active, source, resource, version, created, last_modified,
                            display_name_key, keyed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1)",
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
    .bind(row.display_name.as_deref().map(str::to_lowercase))
    .execute(&mut *db)
    .await?;
    insert_emails(db, &row.business_id, &row.id, &row.resource).await
}

/// Updates a user if the stored version is still that of `before`; `false` if
/// another request has changed it.
///
/// # Errors
/// A unique violation if the user name is taken, ignoring letter case.
pub async fn update(db: &mut Db, row: &UserRow, before: &UserRow) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE users SET user_name = $3, user_name_key = $4, email = $5, external_id = $6,
            display_name = $7, active = $8, source = $9, resource = $10, version = $11,
            last_modified = $12, display_name_key = $13
         WHERE id = $1 AND version = $2",
    )
    .bind(row.id.clone())
    .bind(before.version)
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
    .bind(row.display_name.as_deref().map(str::to_lowercase))
    .execute(&mut *db)
    .await?;
    if emails(&row.resource) != emails(&before.resource) {
        forget_emails(db, &row.id).await?;
        insert_emails(db, &row.business_id, &row.id, &row.resource).await?;
    }
    Ok(done.rows_affected() == 1)
}

async fn forget_emails(db: &mut Db, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM user_emails WHERE user_id = $1")
        .bind(id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes a user and all memberships.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut Db, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM memberships WHERE member_id = $1")
        .bind(id.to_owned())
        .execute(&mut *db)
        .await?;
    forget_emails(db, id).await?;
    sqlx::query("DELETE FROM users WHERE id = $1")
        .bind(id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Finds the user with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_by_id(db: &mut Db, business_id: &str, id: &str) -> Result<Option<UserRow>> {
    let sql = format!("SELECT {USER} FROM users WHERE users.id = $1 AND users.business_id = $2");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.to_owned())
        .bind(business_id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Returns the users that match a selection.
///
/// # Errors
/// When the database fails.
pub async fn select(db: &mut Db, selection: &Selection<'_>) -> Result<Vec<UserRow>> {
    let statement = Statement::rows(&TABLE, selection);
    let query = sqlx::query_as(sqlx::AssertSqlSafe(statement.text));
    Ok(bound!(query, statement).fetch_all(db).await?)
}

/// Counts the users that meet a condition.
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
