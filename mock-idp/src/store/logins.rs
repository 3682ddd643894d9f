//! Database: sessions of users who have signed on, and flows of users who are signing on.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, Result, instant, to_microseconds};

/// A stored SSO session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    /// SHA-256 of the cookie value, as hexadecimal.
    pub token: String,
    pub environment: String,
    pub user: String,
    pub index: String,
    pub authenticated_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Stores a session.
pub(crate) async fn open(db: &mut Db, session: &SessionRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO sessions (token, environment, user_id, session_index, authenticated_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&session.token)
    .bind(&session.environment)
    .bind(&session.user)
    .bind(&session.index)
    .bind(to_microseconds(session.authenticated_at))
    .bind(to_microseconds(session.expires_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the session with this token in this environment, if it has not expired.
pub(crate) async fn find_session(
    db: &mut Db,
    environment: &str,
    token: &str,
    now: Timestamp,
) -> Result<Option<SessionRow>> {
    sqlx::query("SELECT * FROM sessions WHERE token = $1 AND environment = $2 AND expires_at > $3")
        .bind(token)
        .bind(environment)
        .bind(to_microseconds(now))
        .fetch_optional(db)
        .await?
        .map(|row| read(&row))
        .transpose()
}

fn read(row: &AnyRow) -> Result<SessionRow> {
    Ok(SessionRow {
        token: row.try_get("token")?,
        environment: row.try_get("environment")?,
        user: row.try_get("user_id")?,
        index: row.try_get("session_index")?,
        authenticated_at: instant(row.try_get("authenticated_at")?),
        expires_at: instant(row.try_get("expires_at")?),
    })
}

/// Returns the sessions of a user that have not expired.
pub(crate) async fn list_sessions_of(
    db: &mut Db,
    environment: &str,
    user: &str,
    now: Timestamp,
) -> Result<Vec<SessionRow>> {
    sqlx::query(
        "SELECT * FROM sessions WHERE environment = $1 AND user_id = $2 AND expires_at > $3
         ORDER BY rowid",
    )
    .bind(environment)
    .bind(user)
    .bind(to_microseconds(now))
    .fetch_all(db)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Deletes one session of a user, by its `SessionIndex`. Returns false if there was none.
pub(crate) async fn close(db: &mut Db, environment: &str, user: &str, index: &str) -> Result<bool> {
    let gone = sqlx::query(
        "DELETE FROM sessions WHERE environment = $1 AND user_id = $2 AND session_index = $3",
    )
    .bind(environment)
    .bind(user)
    .bind(index)
    .execute(db)
    .await?;
    Ok(gone.rows_affected() > 0)
}

/// Deletes all sessions of a user.
pub(crate) async fn close_all(db: &mut Db, environment: &str, user: &str) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE environment = $1 AND user_id = $2")
        .bind(environment)
        .bind(user)
        .execute(db)
        .await?;
    Ok(())
}

/// A sign-on in progress.
#[derive(Debug, Clone)]
pub(crate) struct FlowRow {
    pub id: String,
    pub environment: String,
    /// The sign-on request as JSON.
    pub document: String,
    /// Token of the session that the sign-on created.
    pub session: Option<String>,
    pub expires_at: Timestamp,
}

/// Stores a flow and deletes those that have expired.
pub(crate) async fn start(db: &mut Db, flow: &FlowRow, now: Timestamp) -> Result<()> {
    sqlx::query("DELETE FROM flows WHERE expires_at <= $1")
        .bind(to_microseconds(now))
        .execute(&mut *db)
        .await?;
    sqlx::query(
        "INSERT INTO flows (id, environment, document, session, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&flow.id)
    .bind(&flow.environment)
    .bind(&flow.document)
    .bind(flow.session.as_deref())
    .bind(to_microseconds(flow.expires_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns a flow, if it has not been answered and has not expired.
pub(crate) async fn find_flow(
    db: &mut Db,
    environment: &str,
    id: &str,
    now: Timestamp,
) -> Result<Option<FlowRow>> {
    sqlx::query("SELECT * FROM flows WHERE id = $1 AND environment = $2 AND expires_at > $3")
        .bind(id)
        .bind(environment)
        .bind(to_microseconds(now))
        .fetch_optional(db)
        .await?
        .map(|row| {
            Ok(FlowRow {
                id: row.try_get("id")?,
                environment: row.try_get("environment")?,
                document: row.try_get("document")?,
                session: row.try_get("session")?,
                expires_at: instant(row.try_get("expires_at")?),
            })
        })
        .transpose()
}

/// Stores which session the sign-on created.
pub(crate) async fn set_flow_session(db: &mut Db, flow: &str, session: &str) -> Result<()> {
    sqlx::query("UPDATE flows SET session = $2 WHERE id = $1")
        .bind(flow)
        .bind(session)
        .execute(db)
        .await?;
    Ok(())
}

/// Deletes a flow. Returns false if there was none, so that a flow is answered only once.
pub(crate) async fn finish(db: &mut Db, flow: &str) -> Result<bool> {
    let gone = sqlx::query("DELETE FROM flows WHERE id = $1")
        .bind(flow)
        .execute(db)
        .await?;
    Ok(gone.rows_affected() > 0)
}
