//! AuthnRequests that wait for a Response, and assertions that were used.

use super::row::from_row;
use super::{Db, Result};

/// A sent AuthnRequest.
#[derive(Debug, Clone)]
pub struct SsoRequestRow {
    /// RelayState, which the IdP returns with the Response.
    pub relay_state: String,
    /// ID of the tenant.
    pub tenant_id: String,
    /// The AuthnRequest's ID.
    pub request_id: String,
    /// SHA-256 of the browser's cookie; `None` for a desktop activation.
    pub browser_hash: Option<String>,
    /// ID of the desktop activation.
    pub activation_id: Option<String>,
    /// Path to redirect to after the login.
    pub return_to: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
    /// Expiry time, in microseconds since the Unix epoch.
    pub expires: i64,
    /// 1 if a Response has answered it, else 0.
    pub spent: i64,
}

from_row!(SsoRequestRow {
    relay_state,
    tenant_id,
    request_id,
    browser_hash,
    activation_id,
    return_to,
    created,
    expires,
    spent
});

/// Stores a sent AuthnRequest.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &SsoRequestRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO sso_requests (relay_state, tenant_id, request_id, browser_hash,
                                   activation_id, return_to, created, expires, spent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
    )
    .bind(row.relay_state.clone())
    .bind(row.tenant_id.clone())
    .bind(row.request_id.clone())
    .bind(row.browser_hash.clone())
    .bind(row.activation_id.clone())
    .bind(row.return_to.clone())
    .bind(row.created)
    .bind(row.expires)
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the AuthnRequest of this browser that a Response answers: the one with
/// this RelayState, else the latest unanswered one, else the latest. Answered
/// ones are included, so that a replay is reported as such.
///
/// # Errors
/// When the database fails.
pub async fn find_by_browser(
    db: &mut Db,
    tenant_id: &str,
    browser_hash: &str,
    relay_state: &str,
    now: i64,
) -> Result<Option<SsoRequestRow>> {
    // By the key: a browser that logs in often has many AuthnRequests.
    let asked = sqlx::query_as(
        "SELECT * FROM sso_requests
         WHERE relay_state = $1 AND tenant_id = $2 AND browser_hash = $3 AND expires > $4",
    )
    .bind(relay_state.to_owned())
    .bind(tenant_id.to_owned())
    .bind(browser_hash.to_owned())
    .bind(now)
    .fetch_optional(&mut *db)
    .await?;
    if asked.is_some() {
        return Ok(asked);
    }
    Ok(sqlx::query_as(
        "SELECT * FROM sso_requests
         WHERE tenant_id = $1 AND browser_hash = $2 AND expires > $3
         ORDER BY spent, created DESC LIMIT 1",
    )
    .bind(tenant_id.to_owned())
    .bind(browser_hash.to_owned())
    .bind(now)
    .fetch_optional(db)
    .await?)
}

/// Finds the AuthnRequest of a desktop activation.
///
/// # Errors
/// When the database fails.
pub async fn find_by_activation(db: &mut Db, activation_id: &str) -> Result<Option<SsoRequestRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM sso_requests WHERE activation_id = $1")
            .bind(activation_id.to_owned())
            .fetch_optional(db)
            .await?,
    )
}

/// Marks an AuthnRequest as answered; false if it already was.
///
/// # Errors
/// When the database fails.
pub async fn spend(db: &mut Db, relay_state: &str) -> Result<bool> {
    Ok(
        sqlx::query("UPDATE sso_requests SET spent = 1 WHERE relay_state = $1 AND spent = 0")
            .bind(relay_state.to_owned())
            .execute(db)
            .await?
            .rows_affected()
            == 1,
    )
}

/// Stores the ID of an assertion until it expires; false if it was stored
/// before, by any replica.
///
/// # Errors
/// When the database fails.
pub async fn see_assertion(
    db: &mut Db,
    issuer: &str,
    assertion_id: &str,
    expires: i64,
) -> Result<bool> {
    Ok(sqlx::query(
        "INSERT INTO seen_assertions (issuer, assertion_id, expires) VALUES ($1, $2, $3)
         ON CONFLICT (issuer, assertion_id) DO NOTHING",
    )
    .bind(issuer.to_owned())
    .bind(assertion_id.to_owned())
    .bind(expires)
    .execute(db)
    .await?
    .rows_affected()
        == 1)
}

/// Deletes expired rows: assertions, AuthnRequests, logout requests,
/// activations and sessions.
///
/// # Errors
/// When the database fails.
pub async fn forget_expired(db: &mut Db, before: i64) -> Result<()> {
    for statement in [
        "DELETE FROM seen_assertions WHERE expires < $1",
        "DELETE FROM sso_requests WHERE expires < $1",
        "DELETE FROM logout_requests WHERE expires < $1",
        "DELETE FROM activations WHERE expires < $1",
        "DELETE FROM sessions WHERE expires < $1",
    ] {
        sqlx::query(statement)
            .bind(before)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
