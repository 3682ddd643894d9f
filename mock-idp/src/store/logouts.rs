//! Database: participants of sessions, logouts in progress, and logout messages that were used.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, Result, instant, to_microseconds};

/// An application to which the user signed on in a session.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    /// SHA-256 of the session cookie value.
    pub session: String,
    pub environment: String,
    pub application: String,
    /// NameID that the application got, as JSON.
    pub name_id: String,
    pub session_index: String,
    /// Time of the first sign-on.
    pub since: Timestamp,
}

fn participant(row: &AnyRow) -> Result<Participant> {
    Ok(Participant {
        session: row.try_get("session")?,
        environment: row.try_get("environment")?,
        application: row.try_get("application")?,
        name_id: row.try_get("name_id")?,
        session_index: row.try_get("session_index")?,
        since: instant(row.try_get("since")?),
    })
}

/// Stores a participant, if it is not stored yet.
pub(crate) async fn take_part(db: &mut Db, it: &Participant) -> Result<()> {
    sqlx::query(
        "INSERT INTO participants (session, environment, application, name_id, session_index, since)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (session, application, name_id) DO NOTHING",
    )
    .bind(&it.session)
    .bind(&it.environment)
    .bind(&it.application)
    .bind(&it.name_id)
    .bind(&it.session_index)
    .bind(to_microseconds(it.since))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the current sessions in which the application got this NameID.
pub(crate) async fn find_sessions_of(
    db: &mut Db,
    environment: &str,
    application: &str,
    name_id: &str,
    now: Timestamp,
) -> Result<Vec<Participant>> {
    let rows = sqlx::query(
        "SELECT participants.* FROM participants JOIN sessions ON sessions.token = participants.session
         WHERE participants.environment = $1 AND application = $2 AND name_id = $3
           AND sessions.expires_at > $4
         ORDER BY since, session",
    )
    .bind(environment)
    .bind(application)
    .bind(name_id)
    .bind(to_microseconds(now))
    .fetch_all(db)
    .await?;
    rows.iter().map(participant).collect()
}

/// Returns all participants of a session, ordered by the time of their sign-on.
pub(crate) async fn list_participants(db: &mut Db, session: &str) -> Result<Vec<Participant>> {
    let rows = sqlx::query(
        "SELECT * FROM participants WHERE session = $1 ORDER BY since, application, name_id",
    )
    .bind(session)
    .fetch_all(db)
    .await?;
    rows.iter().map(participant).collect()
}

/// Deletes a session and its participants.
pub(crate) async fn end_session(db: &mut Db, session: &str) -> Result<()> {
    for statement in [
        "DELETE FROM participants WHERE session = $1",
        "DELETE FROM sessions WHERE token = $1",
    ] {
        sqlx::query(statement)
            .bind(session)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Stores the state of a logout.
pub(crate) async fn keep(
    db: &mut Db,
    (environment, id): (&str, &str),
    document: &str,
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO logouts (id, environment, document, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET document = excluded.document",
    )
    .bind(id)
    .bind(environment)
    .bind(document)
    .bind(to_microseconds(expires_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the state of a logout that is in progress.
pub(crate) async fn find_logout(
    db: &mut Db,
    (environment, id): (&str, &str),
    now: Timestamp,
) -> Result<Option<String>> {
    let row = sqlx::query(
        "SELECT document FROM logouts WHERE id = $1 AND environment = $2 AND expires_at > $3",
    )
    .bind(id)
    .bind(environment)
    .bind(to_microseconds(now))
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.try_get("document")).transpose()?)
}

/// Deletes the state of a logout that is complete.
pub(crate) async fn delete_logout(db: &mut Db, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM logouts WHERE id = $1")
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// Stores the ID of a message until it expires. Returns false if it is stored already, which
/// means a replay. Deletes expired ones.
pub(crate) async fn see(
    db: &mut Db,
    environment: &str,
    (issuer, id): (&str, &str),
    until: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    for statement in [
        "DELETE FROM seen_messages WHERE expires_at <= $1",
        "DELETE FROM logouts WHERE expires_at <= $1",
    ] {
        sqlx::query(statement)
            .bind(to_microseconds(now))
            .execute(&mut *db)
            .await?;
    }
    let seen = sqlx::query(
        "INSERT INTO seen_messages (environment, issuer, id, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (environment, issuer, id) DO NOTHING",
    )
    .bind(environment)
    .bind(issuer)
    .bind(id)
    .bind(to_microseconds(until))
    .execute(db)
    .await?;
    Ok(seen.rows_affected() == 1)
}
