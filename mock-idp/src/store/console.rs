//! Database: the administrator's sessions at the console.

use jiff::Timestamp;
use sqlx::Row as _;

use super::{Db, Result, to_microseconds};

/// Stores a session and deletes those that have expired.
pub(crate) async fn open(
    db: &mut Db,
    token: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query("DELETE FROM console_sessions WHERE expires_at <= $1")
        .bind(to_microseconds(now))
        .execute(&mut *db)
        .await?;
    sqlx::query("INSERT INTO console_sessions (token, opened_at, expires_at) VALUES ($1, $2, $3)")
        .bind(token)
        .bind(to_microseconds(now))
        .bind(to_microseconds(expires_at))
        .execute(db)
        .await?;
    Ok(())
}

/// True if the session exists and has not expired.
pub(crate) async fn is_open(db: &mut Db, token: &str, now: Timestamp) -> Result<bool> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS alive FROM console_sessions WHERE token = $1 AND expires_at > $2",
    )
    .bind(token)
    .bind(to_microseconds(now))
    .fetch_one(db)
    .await?;
    Ok(row.try_get::<i64, _>("alive")? > 0)
}

/// Deletes a session.
pub(crate) async fn close(db: &mut Db, token: &str) -> Result<()> {
    sqlx::query("DELETE FROM console_sessions WHERE token = $1")
        .bind(token)
        .execute(db)
        .await?;
    Ok(())
}
