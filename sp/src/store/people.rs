//! Directory users and their groups, for logins and licenses. SCIM writes them
//! with `users` and `groups`.

use sqlx::{FromRow as _, Row as _};

use super::row::from_row;
use super::{Db, Result};

/// A user of the directory, without the SCIM resource.
#[derive(Debug, Clone)]
pub struct PersonRow {
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
    /// What created the user: `scim` or `sso` (a first login).
    pub source: String,
    /// Time of the last login, in microseconds since the Unix epoch.
    pub last_login: Option<i64>,
    /// Time at which SCIM last changed the user or the user's groups, in
    /// microseconds since the Unix epoch; 0 if never.
    pub directory_changed: i64,
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
    last_login,
    directory_changed
});

const PERSON: &str = "id, business_id, user_name, email, external_id, display_name, active, source, last_login, directory_changed";

/// A group of the directory, as compared with the mapping of step 3.
#[derive(Debug, Clone)]
pub struct GroupNameRow {
    /// Opaque identifier.
    pub id: String,
    /// Display name, as sent by the IdP.
    pub display_name: String,
    /// ID of the group at the IdP (`externalId`).
    pub external_id: Option<String>,
}

from_row!(GroupNameRow {
    id,
    display_name,
    external_id
});

/// The groups and roles in the last Response of a user.
#[derive(Debug, Clone)]
pub struct AssertedRow {
    /// ID of the user.
    pub user_id: String,
    /// The business account that it belongs to.
    pub business_id: String,
    /// 1 if the user is in the admins group, else 0.
    pub in_admins: i64,
    /// 1 if the user is in the product users group, else 0.
    pub in_users: i64,
    /// The received groups, as a JSON array.
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

/// Finds the user with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_by_id(db: &mut Db, id: &str) -> Result<Option<PersonRow>> {
    let sql = format!("SELECT {PERSON} FROM users WHERE id = $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Finds the user with this user name, ignoring letter case.
///
/// # Errors
/// When the database fails.
pub async fn find_by_user_name(
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

/// Returns the IDs of the users with this user name or this e-mail address, ignoring letter case.
///
/// # Errors
/// When the database fails.
pub async fn list_ids_by_name_or_email(
    db: &mut Db,
    business_id: &str,
    name: &str,
) -> Result<Vec<String>> {
    // One for each index.
    let sql = "SELECT id FROM users WHERE business_id = $1 AND user_name_key = $2
               UNION SELECT id FROM users WHERE business_id = $1 AND email = $2";
    Ok(sqlx::query_scalar(sql)
        .bind(business_id.to_owned())
        .bind(name.to_lowercase())
        .fetch_all(db)
        .await?)
}

/// Finds the user with this ID at the IdP (`externalId`).
///
/// # Errors
/// When the database fails.
pub async fn find_by_external_id(
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

/// Returns all users of a business account.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(db: &mut Db, business_id: &str) -> Result<Vec<PersonRow>> {
    let sql = format!("SELECT {PERSON} FROM users WHERE business_id = $1 ORDER BY created, id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(business_id.to_owned())
        .fetch_all(db)
        .await?)
}

/// Adds a user at the first login (G-28), with the SCIM resource that
/// provisioning would have created.
///
/// Returns false if SCIM or another login has already added the user.
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
    super::users::insert_emails(db, &row.business_id, &row.id, resource).await?;
    Ok(true)
}

/// Stores the time of a login.
///
/// # Errors
/// When the database fails.
pub async fn record_login(db: &mut Db, user_id: &str, at: i64) -> Result<()> {
    sqlx::query("UPDATE users SET last_login = $2 WHERE id = $1")
        .bind(user_id.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}

/// Returns the groups of a business account that may be one of two mapped
/// groups: with one of the IDs, or with one of the names in any letter case.
///
/// # Errors
/// When the database fails.
pub async fn list_groups_like_either(
    db: &mut Db,
    business_id: &str,
    names: [&str; 2],
    external_ids: [&str; 2],
) -> Result<Vec<GroupNameRow>> {
    let [first_name, second_name] = names.map(str::to_lowercase);
    let [first_id, second_id] = external_ids.map(str::to_owned);
    Ok(sqlx::query_as(
        "SELECT id, display_name, external_id FROM groups
         WHERE business_id = $1 AND (display_name_key = $2 OR display_name_key = $3
                                     OR external_id = $4 OR external_id = $5)
         ORDER BY created, id",
    )
    .bind(business_id.to_owned())
    .bind(first_name)
    .bind(second_name)
    .bind(first_id)
    .bind(second_id)
    .fetch_all(db)
    .await?)
}

/// Returns the groups of a business account that may be this mapped group: with
/// this ID, or with this name in any letter case.
///
/// # Errors
/// When the database fails.
pub async fn list_groups_like(
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

/// Returns the first groups provisioned by SCIM, and their total number.
///
/// # Errors
/// When the database fails.
pub async fn list_and_count_groups(
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

/// Returns the group lists of the users' last Responses, as JSON arrays
/// without duplicates.
///
/// # Errors
/// When the database fails.
pub async fn list_asserted_groups(
    db: &mut Db,
    business_id: &str,
    limit: i64,
) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT DISTINCT groups FROM asserted_roles WHERE business_id = $1 LIMIT ($2 + 0)",
    )
    .bind(business_id.to_owned())
    .bind(limit)
    .fetch_all(db)
    .await?)
}

/// Returns the groups of a user, direct and through nested groups.
///
/// # Errors
/// When the database fails.
pub async fn list_groups_of_user(db: &mut Db, user_id: &str) -> Result<Vec<GroupNameRow>> {
    let rows = sqlx::query(
        "SELECT g.id, g.display_name, g.external_id,
                (SELECT COUNT(*) FROM memberships n WHERE n.member_id = g.id) AS parents
         FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.member_id = $1 ORDER BY g.display_name, g.id",
    )
    .bind(user_id.to_owned())
    .fetch_all(&mut *db)
    .await?;
    let mut is_nested = false;
    for row in &rows {
        is_nested |= row.try_get::<i64, _>("parents")? > 0;
    }
    if !is_nested {
        let groups = rows.iter().map(GroupNameRow::from_row);
        return Ok(groups.collect::<sqlx::Result<_>>()?);
    }
    // Nested groups are rare, and a recursive statement takes as long as four others.
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

/// Finds the groups and roles in the last Response of this user.
///
/// # Errors
/// When the database fails.
pub async fn find_asserted_roles(db: &mut Db, user_id: &str) -> Result<Option<AssertedRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM asserted_roles WHERE user_id = $1")
            .bind(user_id.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Stores the groups and roles of a Response.
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

/// Deletes the groups and roles of a user's last Response.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_user_is_in_the_groups_that_contain_their_groups() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/db?mode=rwc", folder.path().display());
        let store = Store::open(&url, false).await.unwrap();
        let mut tx = store.write().await.unwrap();
        let business =
            "INSERT INTO business_accounts (id, name, details, created) VALUES ('b', 'B', '{}', 0)";
        sqlx::query(business).execute(&mut *tx).await.unwrap();
        for name in ["alone", "inner", "middle", "outer", "other"] {
            sqlx::query(
                "INSERT INTO groups (id, business_id, display_name, display_name_key, resource, version, created, last_modified)
                 VALUES ($1, 'b', $1, $1, '{}', 1, 0, 0)",
            )
            .bind(name)
            .execute(&mut *tx)
            .await
            .unwrap();
        }
        for (group, member, kind) in [
            ("alone", "jo", "User"),
            ("alone", "kim", "User"),
            ("inner", "kim", "User"),
            ("middle", "inner", "Group"),
            ("outer", "middle", "Group"),
        ] {
            sqlx::query("INSERT INTO memberships (group_id, member_id, kind) VALUES ($1, $2, $3)")
                .bind(group)
                .bind(member)
                .bind(kind)
                .execute(&mut *tx)
                .await
                .unwrap();
        }
        for (user, expected) in [
            ("jo", vec!["alone"]),
            ("kim", vec!["alone", "inner", "middle", "outer"]),
            ("max", vec![]),
        ] {
            let groups = list_groups_of_user(&mut tx, user).await.unwrap();
            let names: Vec<_> = groups.iter().map(|it| it.display_name.as_str()).collect();
            assert_eq!(names, expected, "{user}");
        }
    }
}
