//! Business accounts and their members with a portal password.

use super::row::from_row;
use super::{Db, Result};

/// A business account.
#[derive(Debug, Clone)]
pub struct BusinessRow {
    /// Opaque identifier.
    pub id: String,
    /// The organization's name.
    pub name: String,
    /// Further data of the organization, as JSON.
    pub details: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
}

from_row!(BusinessRow {
    id,
    name,
    details,
    created
});

/// A member of a business account, with a portal password.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// The business account that it belongs to.
    pub business_id: String,
    /// E-mail address in lower case.
    pub email: String,
    /// Role: `admin` or `member`.
    pub role: String,
    /// Time when it was added, in microseconds since the Unix epoch.
    pub added: i64,
    /// Time of the last login to this business account, in microseconds since
    /// the Unix epoch.
    pub last_login: Option<i64>,
}

from_row!(MemberRow {
    business_id,
    email,
    role,
    added,
    last_login
});

/// Stores a new business account.
///
/// # Errors
/// When the database fails.
pub async fn insert_business(db: &mut Db, row: &BusinessRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO business_accounts (id, name, details, created) VALUES ($1, $2, $3, $4)",
    )
    .bind(row.id.clone())
    .bind(row.name.clone())
    .bind(row.details.clone())
    .bind(row.created)
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the business account with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_business(db: &mut Db, id: &str) -> Result<Option<BusinessRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM business_accounts WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Adds a member.
///
/// # Errors
/// A unique violation if the e-mail is already a member.
pub async fn insert(db: &mut Db, row: &MemberRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO members (business_id, email, role, added, last_login)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row.business_id.clone())
    .bind(row.email.clone())
    .bind(row.role.clone())
    .bind(row.added)
    .bind(row.last_login)
    .execute(db)
    .await?;
    Ok(())
}

/// Returns all memberships of this e-mail, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_by_email(db: &mut Db, email: &str) -> Result<Vec<MemberRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM members WHERE email = $1 ORDER BY added, business_id")
            .bind(email.to_owned())
            .fetch_all(db)
            .await?,
    )
}

/// Finds a member of a business account.
///
/// # Errors
/// When the database fails.
pub async fn find_member(db: &mut Db, business_id: &str, email: &str) -> Result<Option<MemberRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM members WHERE business_id = $1 AND email = $2")
            .bind(business_id.to_owned())
            .bind(email.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Returns all members of a business account, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(db: &mut Db, business_id: &str) -> Result<Vec<MemberWithName>> {
    Ok(sqlx::query_as(
        "SELECT m.email, m.role, m.last_login, a.name, a.id AS account_id
         FROM members m LEFT JOIN accounts a ON a.email = m.email
         WHERE m.business_id = $1 ORDER BY m.added, m.email",
    )
    .bind(business_id.to_owned())
    .fetch_all(db)
    .await?)
}

/// A member with data of its portal account.
#[derive(Debug, Clone)]
pub struct MemberWithName {
    /// E-mail address in lower case.
    pub email: String,
    /// Role: `admin` or `member`.
    pub role: String,
    /// Time of the last login, in microseconds since the Unix epoch.
    pub last_login: Option<i64>,
    /// Display name of the account.
    pub name: Option<String>,
    /// ID of the account, once it is registered.
    pub account_id: Option<String>,
}

from_row!(MemberWithName {
    email,
    role,
    last_login,
    name,
    account_id
});

/// Stores the time of a login to this business account.
///
/// # Errors
/// When the database fails.
pub async fn record_login(db: &mut Db, business_id: &str, email: &str, at: i64) -> Result<()> {
    sqlx::query("UPDATE members SET last_login = $3 WHERE business_id = $1 AND email = $2")
        .bind(business_id.to_owned())
        .bind(email.to_owned())
        .bind(at)
        .execute(db)
        .await?;
    Ok(())
}
