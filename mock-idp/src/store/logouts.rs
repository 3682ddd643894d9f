//! Who takes part in a session, logouts on their way, messages that were used.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, Result, instant, stored};

/// An application that a session signed on to.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    /// SHA-256 of the session's cookie.
    pub session: String,
    pub environment: String,
    pub application: String,
    /// The NameID that it was told, as JSON.
    pub name_id: String,
    pub session_index: String,
    /// When it signed on first.
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

/// Notes that the session signed on there, if it wasn't noted before.
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
    .bind(stored(it.since))
    .execute(db)
    .await?;
    Ok(())
}

/// The live sessions that signed on to the application under that name.
pub(crate) async fn sessions_of(
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
    .bind(stored(now))
    .fetch_all(db)
    .await?;
    rows.iter().map(participant).collect()
}

/// Everybody who takes part in a session, in the order they came.
pub(crate) async fn of_session(db: &mut Db, session: &str) -> Result<Vec<Participant>> {
    let rows = sqlx::query(
        "SELECT * FROM participants WHERE session = $1 ORDER BY since, application, name_id",
    )
    .bind(session)
    .fetch_all(db)
    .await?;
    rows.iter().map(participant).collect()
}

/// Ends a session, for everybody in it.
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

/// Keeps how far a logout has come.
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
    .bind(stored(expires_at))
    .execute(db)
    .await?;
    Ok(())
}

/// A logout on its way.
pub(crate) async fn waiting(
    db: &mut Db,
    (environment, id): (&str, &str),
    now: Timestamp,
) -> Result<Option<String>> {
    let row = sqlx::query(
        "SELECT document FROM logouts WHERE id = $1 AND environment = $2 AND expires_at > $3",
    )
    .bind(id)
    .bind(environment)
    .bind(stored(now))
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| row.try_get("document")).transpose()?)
}

/// A logout that is over.
pub(crate) async fn over(db: &mut Db, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM logouts WHERE id = $1")
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

/// Remembers a message until it is too old; false when it came before. What is
/// too old already is forgotten.
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
            .bind(stored(now))
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
    .bind(stored(until))
    .execute(db)
    .await?;
    Ok(seen.rows_affected() == 1)
}
