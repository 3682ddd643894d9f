//! Database: access tokens of worker applications.

use jiff::Timestamp;
use sqlx::Row as _;

use super::{Db, Result, instant, to_microseconds};

/// A stored access token.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    /// SHA-256 of the token.
    pub token: String,
    pub environment: String,
    pub application: String,
    pub expires_at: Timestamp,
}

/// Stores a token and deletes those that have expired.
pub(crate) async fn add(db: &mut Db, token: &TokenRow, now: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM worker_tokens WHERE expires_at <= $1")
        .bind(to_microseconds(now))
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "INSERT INTO worker_tokens (token, environment, application, expires_at)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(&token.token)
    .bind(&token.environment)
    .bind(&token.application)
    .bind(to_microseconds(token.expires_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns a token, if it has not expired.
pub(crate) async fn get(db: &mut Db, token: &str, now: Timestamp) -> Result<Option<TokenRow>> {
    sqlx::query("SELECT * FROM worker_tokens WHERE token = $1 AND expires_at > $2")
        .bind(token)
        .bind(to_microseconds(now))
        .fetch_optional(db)
        .await?
        .map(|row| {
            Ok(TokenRow {
                token: row.try_get("token")?,
                environment: row.try_get("environment")?,
                application: row.try_get("application")?,
                expires_at: instant(row.try_get("expires_at")?),
            })
        })
        .transpose()
}

/// Deletes all tokens of an application.
pub(crate) async fn revoke(db: &mut Db, environment: &str, application: &str) -> Result<()> {
    sqlx::query("DELETE FROM worker_tokens WHERE environment = $1 AND application = $2")
        .bind(environment)
        .bind(application)
        .execute(db)
        .await?;
    Ok(())
}

/// Stores that a client used an assertion, and deletes those that have expired. Returns false if
/// the client has used it before.
pub(crate) async fn spend(
    db: &mut Db,
    worker: (&str, &str),
    digest: &str,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<bool> {
    sqlx::query("DELETE FROM client_assertions WHERE expires_at <= $1")
        .bind(to_microseconds(now))
        .execute(&mut *db)
        .await?;
    let (environment, application) = worker;
    let added = sqlx::query(
        "INSERT INTO client_assertions (environment, application, digest, expires_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(environment)
    .bind(application)
    .bind(digest)
    .bind(to_microseconds(expires_at))
    .execute(db)
    .await?;
    Ok(added.rows_affected() > 0)
}
