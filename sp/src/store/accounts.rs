//! Portal accounts and sessions.

use sqlx::{FromRow as _, Row as _};

use super::people::{AssertedRow, PersonRow};
use super::row::from_row;
use super::{Db, Result};

/// A portal account: e-mail and password.
#[derive(Debug, Clone)]
pub struct AccountRow {
    /// Opaque identifier.
    pub id: String,
    /// E-mail address in lower case.
    pub email: String,
    /// Display name, if given.
    pub name: Option<String>,
    /// Password hash as a PHC string; empty if the account has no password.
    pub password_hash: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
}

from_row!(AccountRow {
    id,
    email,
    name,
    password_hash,
    created
});

/// A session, by password or by SSO.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// SHA-256 of the cookie value.
    pub token_hash: String,
    /// ID of the portal account, for a login by password or social identity.
    pub account_id: Option<String>,
    /// ID of the directory user, for a login by SSO.
    pub user_id: Option<String>,
    /// ID of the selected business account.
    pub workspace: Option<String>,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Time of the last use, in microseconds since the Unix epoch.
    pub seen: i64,
    /// Time of the absolute end, in microseconds since the Unix epoch.
    pub expires: i64,
    /// SSO: ID of the tenant.
    pub saml_tenant: Option<String>,
    /// SSO: NameID, in the format of `login/subject.rs`.
    pub saml_subject: Option<String>,
    /// SSO: SessionIndex of the IdP.
    pub saml_session_index: Option<String>,
}

from_row!(SessionRow {
    token_hash,
    account_id,
    user_id,
    workspace,
    created,
    seen,
    expires,
    saml_tenant,
    saml_subject,
    saml_session_index
});

/// What decides the access of a user who logged in by SSO, besides the groups
/// of the directory.
#[derive(Debug, Clone)]
pub struct SsoAccessRow {
    /// The user.
    pub person: PersonRow,
    /// 1 if the integration of the user's business account is active, else 0.
    pub integration_active: i64,
    /// Step 3: name of the admins group.
    pub admins_group_name: Option<String>,
    /// Step 3: ID of the admins group.
    pub admins_group_id: Option<String>,
    /// Step 3: name of the product users group.
    pub users_group_name: Option<String>,
    /// Step 3: ID of the product users group.
    pub users_group_id: Option<String>,
    /// Name of the business account.
    pub business_name: String,
    /// The groups and roles of the user's last Response.
    pub asserted: Option<AssertedRow>,
}

impl SsoAccessRow {
    /// Reads the row of a user with an integration.
    fn of(row: &sqlx::any::AnyRow) -> sqlx::Result<Self> {
        let person = PersonRow::from_row(row)?;
        let asserted = match row.try_get("asserted_groups")? {
            Some(groups) => Some(AssertedRow {
                user_id: person.id.clone(),
                business_id: person.business_id.clone(),
                in_admins: row.try_get("in_admins")?,
                in_users: row.try_get("in_users")?,
                groups,
                asserted: row.try_get("asserted")?,
            }),
            None => None,
        };
        Ok(Self {
            person,
            integration_active: row.try_get("integration_active")?,
            admins_group_name: row.try_get("admins_group_name")?,
            admins_group_id: row.try_get("admins_group_id")?,
            users_group_name: row.try_get("users_group_name")?,
            users_group_id: row.try_get("users_group_id")?,
            business_name: row.try_get("business_name")?,
            asserted,
        })
    }
}

/// Finds the account with this e-mail (lower case).
///
/// # Errors
/// When the database fails.
pub async fn find_by_email(db: &mut Db, email: &str) -> Result<Option<AccountRow>> {
    Ok(sqlx::query_as("SELECT * FROM accounts WHERE email = $1")
        .bind(email.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Finds the account with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_by_id(db: &mut Db, id: &str) -> Result<Option<AccountRow>> {
    Ok(sqlx::query_as("SELECT * FROM accounts WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Stores a new account.
///
/// # Errors
/// A unique violation if the e-mail is taken.
pub async fn insert(db: &mut Db, row: &AccountRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO accounts (id, email, name, password_hash, created) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row.id.clone())
    .bind(row.email.clone())
    .bind(row.name.clone())
    .bind(row.password_hash.clone())
    .bind(row.created)
    .execute(db)
    .await?;
    Ok(())
}

/// Stores a new session.
///
/// # Errors
/// When the database fails.
pub async fn insert_session(db: &mut Db, row: &SessionRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO sessions (token_hash, account_id, user_id, workspace, created, seen, expires,
                               saml_tenant, saml_subject, saml_session_index)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(row.token_hash.clone())
    .bind(row.account_id.clone())
    .bind(row.user_id.clone())
    .bind(row.workspace.clone())
    .bind(row.created)
    .bind(row.seen)
    .bind(row.expires)
    .bind(row.saml_tenant.clone())
    .bind(row.saml_subject.clone())
    .bind(row.saml_session_index.clone())
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the session with this cookie hash, even if it has expired.
///
/// # Errors
/// When the database fails.
pub async fn find_session(db: &mut Db, token_hash: &str) -> Result<Option<SessionRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM sessions WHERE token_hash = $1")
            .bind(token_hash.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Finds the session with this cookie hash, even if it has expired, in one
/// statement with what decides the access of a user who logged in by SSO. That
/// is `None` for an account, and if the user or the integration was deleted.
///
/// # Errors
/// When the database fails.
pub async fn find_session_with_access(
    db: &mut Db,
    token_hash: &str,
) -> Result<Option<(SessionRow, Option<SsoAccessRow>)>> {
    let found = sqlx::query(
        "SELECT s.token_hash, s.account_id, s.user_id, s.workspace, s.created, s.seen, s.expires,
                s.saml_tenant, s.saml_subject, s.saml_session_index,
                u.id, u.business_id, u.user_name, u.email, u.external_id, u.display_name,
                u.active, u.source, u.last_login, u.directory_changed,
                t.active AS integration_active, t.admins_group_name, t.admins_group_id,
                t.users_group_name, t.users_group_id, b.name AS business_name,
                a.in_admins, a.in_users, a.groups AS asserted_groups, a.asserted
         FROM sessions s
         LEFT JOIN users u ON u.id = s.user_id
         LEFT JOIN tenants t ON t.business_id = u.business_id
         LEFT JOIN business_accounts b ON b.id = u.business_id
         LEFT JOIN asserted_roles a ON a.user_id = u.id
         WHERE s.token_hash = $1",
    )
    .bind(token_hash.to_owned())
    .fetch_optional(db)
    .await?;
    let Some(row) = found else { return Ok(None) };
    let session = SessionRow::from_row(&row)?;
    // NULL if there is no integration.
    let active: Option<i64> = row.try_get("integration_active")?;
    let business: Option<String> = row.try_get("business_name")?;
    let access = match (active, business) {
        (Some(_), Some(_)) => Some(SsoAccessRow::of(&row)?),
        _ => None,
    };
    Ok(Some((session, access)))
}

/// Stores the time of the last use.
///
/// # Errors
/// When the database fails.
pub async fn touch_session(db: &mut Db, token_hash: &str, seen: i64) -> Result<()> {
    sqlx::query("UPDATE sessions SET seen = $2 WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .bind(seen)
        .execute(db)
        .await?;
    Ok(())
}

/// Sets the selected business account of the session.
///
/// # Errors
/// When the database fails.
pub async fn select_workspace(db: &mut Db, token_hash: &str, business_id: &str) -> Result<()> {
    sqlx::query("UPDATE sessions SET workspace = $2 WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .bind(business_id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes a session.
///
/// # Errors
/// When the database fails.
pub async fn end_session(db: &mut Db, token_hash: &str) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
        .bind(token_hash.to_owned())
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes all sessions of a directory user; returns their number.
///
/// # Errors
/// When the database fails.
pub async fn end_sessions_of_user(db: &mut Db, user_id: &str) -> Result<u64> {
    Ok(sqlx::query("DELETE FROM sessions WHERE user_id = $1")
        .bind(user_id.to_owned())
        .execute(db)
        .await?
        .rows_affected())
}

/// Deletes the sessions of this NameID: those with this SessionIndex, or all.
/// Returns their number.
///
/// # Errors
/// When the database fails.
pub async fn end_saml_sessions(
    db: &mut Db,
    tenant_id: &str,
    subject: &str,
    session_index: Option<&str>,
) -> Result<u64> {
    let all = "DELETE FROM sessions WHERE saml_tenant = $1 AND saml_subject = $2";
    let one = "DELETE FROM sessions WHERE saml_tenant = $1 AND saml_subject = $2
                  AND saml_session_index = $3";
    let mut query = sqlx::query(if session_index.is_some() { one } else { all })
        .bind(tenant_id.to_owned())
        .bind(subject.to_owned());
    if let Some(index) = session_index {
        query = query.bind(index.to_owned());
    }
    Ok(query.execute(db).await?.rows_affected())
}

/// Returns the IDs of the directory users with a session whose stored NameID begins with this text.
///
/// # Errors
/// When the database fails.
pub async fn list_saml_users(db: &mut Db, tenant_id: &str, start: &str) -> Result<Vec<String>> {
    let length = i64::try_from(start.chars().count()).unwrap_or(i64::MAX);
    let sql = "SELECT DISTINCT user_id FROM sessions
               WHERE saml_tenant = $1 AND substr(saml_subject, 1, CAST($3 AS INTEGER)) = $2 AND user_id IS NOT NULL";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant_id.to_owned())
        .bind(start.to_owned())
        .bind(length)
        .fetch_all(db)
        .await?)
}

/// Deletes all sessions of a portal account; returns their number.
///
/// # Errors
/// When the database fails.
pub async fn end_sessions_of_account(db: &mut Db, account_id: &str) -> Result<u64> {
    Ok(sqlx::query("DELETE FROM sessions WHERE account_id = $1")
        .bind(account_id.to_owned())
        .execute(db)
        .await?
        .rows_affected())
}
