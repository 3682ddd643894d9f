//! Sign-ins with social identities: unfinished ones, and the links of
//! identities to accounts.

use super::row::from_row;
use super::{Db, Result};

/// A sign-in that was started at a provider.
#[derive(Debug, Clone)]
pub struct SocialLoginRow {
    /// SHA-256 of `state`.
    pub state_hash: String,
    /// ID of the provider.
    pub provider: String,
    /// SHA-256 of the cookie of the browser that started it.
    pub browser_hash: String,
    /// Nonce that the ID token must contain.
    pub nonce: String,
    /// PKCE code verifier (RFC 7636).
    pub verifier: String,
    /// Expiry time, in microseconds since the Unix epoch.
    pub expires: i64,
}

from_row!(SocialLoginRow {
    state_hash,
    provider,
    browser_hash,
    nonce,
    verifier,
    expires
});

/// Stores a started sign-in.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &SocialLoginRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO social_logins (state_hash, provider, browser_hash, nonce, verifier, expires)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.state_hash.clone())
    .bind(row.provider.clone())
    .bind(row.browser_hash.clone())
    .bind(row.nonce.clone())
    .bind(row.verifier.clone())
    .bind(row.expires)
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a sign-in, because each `state` can be used once. Deletes expired ones
/// as well.
///
/// # Errors
/// When the database fails.
pub async fn take(db: &mut Db, state_hash: &str, now: i64) -> Result<Option<SocialLoginRow>> {
    let row: Option<SocialLoginRow> =
        sqlx::query_as("SELECT * FROM social_logins WHERE state_hash = $1")
            .bind(state_hash.to_owned())
            .fetch_optional(&mut *db)
            .await?;
    let taken = sqlx::query("DELETE FROM social_logins WHERE state_hash = $1")
        .bind(state_hash.to_owned())
        .execute(&mut *db)
        .await?
        .rows_affected();
    sqlx::query("DELETE FROM social_logins WHERE expires < $1")
        .bind(now)
        .execute(db)
        .await?;
    Ok(row.filter(|row| taken == 1 && row.expires >= now))
}

/// Returns the ID of the account that is linked to this identity.
///
/// # Errors
/// When the database fails.
pub async fn find_account_id(db: &mut Db, provider: &str, subject: &str) -> Result<Option<String>> {
    let found: Option<(String,)> = sqlx::query_as(
        "SELECT account_id FROM social_identities WHERE provider = $1 AND subject = $2",
    )
    .bind(provider.to_owned())
    .bind(subject.to_owned())
    .fetch_optional(db)
    .await?;
    Ok(found.map(|(id,)| id))
}

/// Links this identity to an account.
///
/// # Errors
/// A unique violation if the identity is already linked.
pub async fn link(
    db: &mut Db,
    provider: &str,
    subject: &str,
    account_id: &str,
    now: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO social_identities (provider, subject, account_id, linked)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(provider.to_owned())
    .bind(subject.to_owned())
    .bind(account_id.to_owned())
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}
