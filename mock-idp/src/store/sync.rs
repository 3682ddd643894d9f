//! Database: the provisioning queue, and the known state of each subject at each target.
//!
//! A job refers to a subject (a user or group), not to a change. The difference is computed
//! from the directory when the job runs, so that a crash neither loses nor repeats a change.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, Result, instant, to_microseconds};

/// A user or group at a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub environment: String,
    pub store: String,
    /// `user` or `group`.
    pub kind: String,
    pub id: String,
}

/// A job: a subject in the queue.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub subject: Subject,
    /// Number of changes of the subject. If it changed while the job ran, the job stays in the
    /// queue.
    pub change: i64,
    pub attempts: i64,
    pub due_at: Timestamp,
    /// True: a subject that no rule covers is removed from the target, even if the store has no
    /// rule at all.
    pub deprovision: bool,
}

/// The known state of a subject at a target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub remote_id: Option<String>,
    /// The resource as it was last sent, as JSON. Without `remote_id`, it was sent in a
    /// creation that has no answer yet.
    pub pushed: Option<String>,
    /// Error of the last operation.
    pub error: Option<String>,
}

fn subject(row: &AnyRow) -> Result<Subject> {
    Ok(Subject {
        environment: row.try_get("environment")?,
        store: row.try_get("store")?,
        kind: row.try_get("kind")?,
        id: row.try_get("subject")?,
    })
}

/// Adds a subject to the queue, due at once.
pub(crate) async fn enqueue(db: &mut Db, subject: &Subject, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO sync_jobs (environment, store, kind, subject, change, attempts, due_at)
         VALUES ($1, $2, $3, $4, 1, 0, $5)
         ON CONFLICT (environment, store, kind, subject) DO UPDATE SET
           change = sync_jobs.change + 1, attempts = 0, due_at = excluded.due_at",
    )
    .bind(&subject.environment)
    .bind(&subject.store)
    .bind(&subject.kind)
    .bind(&subject.id)
    .bind(to_microseconds(now))
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a subject to the queue, to be removed from the target unless a rule covers it.
pub(crate) async fn enqueue_removal(db: &mut Db, subject: &Subject, now: Timestamp) -> Result<()> {
    enqueue(&mut *db, subject, now).await?;
    sqlx::query(
        "UPDATE sync_jobs SET deprovision = 1
         WHERE environment = $1 AND store = $2 AND kind = $3 AND subject = $4",
    )
    .bind(&subject.environment)
    .bind(&subject.store)
    .bind(&subject.kind)
    .bind(&subject.id)
    .execute(db)
    .await?;
    Ok(())
}

/// Pauses the provisioning of a store, or resumes it.
pub(crate) async fn pause(db: &mut Db, environment: &str, store: &str, paused: bool) -> Result<()> {
    let statement = if paused {
        "INSERT INTO sync_pauses (environment, store) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM sync_pauses WHERE environment = $1 AND store = $2"
    };
    sqlx::query(statement)
        .bind(environment)
        .bind(store)
        .execute(db)
        .await?;
    Ok(())
}

/// Returns the jobs of a kind in the queue of a store: subject, number of attempts, due time,
/// error of the last attempt.
pub(crate) async fn list_pending(
    db: &mut Db,
    environment: &str,
    store: &str,
    kind: &str,
) -> Result<Vec<(String, i64, Timestamp, Option<String>)>> {
    sqlx::query(
        "SELECT subject, attempts, due_at, error FROM sync_jobs
         WHERE environment = $1 AND store = $2 AND kind = $3",
    )
    .bind(environment)
    .bind(store)
    .bind(kind)
    .fetch_all(db)
    .await?
    .iter()
    .map(|row| {
        Ok((
            row.try_get("subject")?,
            row.try_get("attempts")?,
            instant(row.try_get("due_at")?),
            row.try_get("error")?,
        ))
    })
    .collect()
}

/// Returns the next jobs, due or not: at most `users` users, or one group. Users come before
/// groups, because a group needs its members at the target. If none is due, returns the one that
/// is due first. Skips paused stores.
pub(crate) async fn next(db: &mut Db, now: Timestamp, users: usize) -> Result<Vec<Job>> {
    // `+due_at` makes SQLite use the index on the order, so that it reads only the first of
    // thousands of due jobs. `$2 + 0`, because SQLite prepares the statement again whenever a
    // plain `LIMIT $2` gets a new value.
    let mut due = sqlx::query(
        "SELECT * FROM sync_jobs
         WHERE +due_at <= $1
           AND NOT EXISTS (SELECT 1 FROM sync_pauses
                           WHERE sync_pauses.environment = sync_jobs.environment
                             AND sync_pauses.store = sync_jobs.store)
         ORDER BY kind DESC, subject LIMIT ($2 + 0)",
    )
    .bind(to_microseconds(now))
    .bind(i64::try_from(users.max(1)).unwrap_or(i64::MAX))
    .fetch_all(&mut *db)
    .await?
    .iter()
    .map(job)
    .collect::<Result<Vec<_>>>()?;
    if let Some(first) = due.first() {
        let is_user = |job: &Job| job.subject.kind == "user";
        let length = match is_user(first) {
            true => due.iter().take_while(|job| is_user(job)).count(),
            false => 1,
        };
        due.truncate(length);
        return Ok(due);
    }
    let later = sqlx::query(
        "SELECT * FROM sync_jobs
         WHERE NOT EXISTS (SELECT 1 FROM sync_pauses
                           WHERE sync_pauses.environment = sync_jobs.environment
                             AND sync_pauses.store = sync_jobs.store)
         ORDER BY due_at LIMIT 1",
    )
    .fetch_optional(db)
    .await?;
    later.iter().map(job).collect()
}

fn job(row: &AnyRow) -> Result<Job> {
    Ok(Job {
        subject: subject(row)?,
        change: row.try_get("change")?,
        attempts: row.try_get("attempts")?,
        due_at: instant(row.try_get("due_at")?),
        deprovision: row.try_get::<i64, _>("deprovision")? != 0,
    })
}

/// Removes a job from the queue, unless its subject has changed meanwhile.
pub(crate) async fn remove_done(db: &mut Db, job: &Job) -> Result<()> {
    sqlx::query(
        "DELETE FROM sync_jobs WHERE environment = $1 AND store = $2 AND kind = $3
         AND subject = $4 AND change = $5",
    )
    .bind(&job.subject.environment)
    .bind(&job.subject.store)
    .bind(&job.subject.kind)
    .bind(&job.subject.id)
    .bind(job.change)
    .execute(db)
    .await?;
    Ok(())
}

/// Postpones a failed job.
pub(crate) async fn put_off(db: &mut Db, job: &Job, until: Timestamp, error: &str) -> Result<()> {
    sqlx::query(
        "UPDATE sync_jobs SET attempts = attempts + 1, due_at = $6, error = $7
         WHERE environment = $1 AND store = $2 AND kind = $3 AND subject = $4 AND change = $5",
    )
    .bind(&job.subject.environment)
    .bind(&job.subject.store)
    .bind(&job.subject.kind)
    .bind(&job.subject.id)
    .bind(job.change)
    .bind(to_microseconds(until))
    .bind(error)
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the number of jobs in the queue of a store, and the due time of the last one.
pub(crate) async fn count_waiting(
    db: &mut Db,
    environment: &str,
    store: &str,
) -> Result<(i64, Option<Timestamp>)> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS jobs, MIN(due_at) AS due_at FROM sync_jobs
         WHERE environment = $1 AND store = $2",
    )
    .bind(environment)
    .bind(store)
    .fetch_one(db)
    .await?;
    let due: Option<i64> = row.try_get("due_at")?;
    Ok((row.try_get("jobs")?, due.map(instant)))
}

/// Removes all jobs of a store from the queue and ends its pause.
pub(crate) async fn clear(db: &mut Db, environment: &str, store: &str) -> Result<()> {
    sqlx::query("DELETE FROM sync_jobs WHERE environment = $1 AND store = $2")
        .bind(environment)
        .bind(store)
        .execute(&mut *db)
        .await?;
    pause(db, environment, store, false).await
}

/// True if the queue of a store has any job.
pub(crate) async fn is_waiting(db: &mut Db, environment: &str, store: &str) -> Result<bool> {
    let one = sqlx::query("SELECT 1 FROM sync_jobs WHERE environment = $1 AND store = $2 LIMIT 1")
        .bind(environment)
        .bind(store)
        .fetch_optional(db)
        .await?;
    Ok(one.is_some())
}

/// Returns the ids at the target of those users who exist there.
pub(crate) async fn find_remote_ids(
    db: &mut Db,
    environment: &str,
    store: &str,
    users: impl Iterator<Item = &String>,
) -> Result<Vec<String>> {
    const AT_ONCE: usize = 500;
    let users: Vec<&String> = users.collect();
    let mut found = Vec::new();
    for users in users.chunks(AT_ONCE) {
        let places: Vec<String> = (3..users.len() + 3).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT remote_id FROM synced WHERE environment = $1 AND store = $2 AND kind = 'user'
               AND remote_id IS NOT NULL AND subject IN ({})",
            places.join(", ")
        );
        let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(environment)
            .bind(store);
        for user in users {
            query = query.bind(*user);
        }
        found.extend(query.fetch_all(&mut *db).await?);
    }
    Ok(found)
}

/// Returns the known state of a subject at the target.
pub(crate) async fn find_known(db: &mut Db, subject: &Subject) -> Result<Known> {
    let row = sqlx::query(
        "SELECT * FROM synced WHERE environment = $1 AND store = $2 AND kind = $3 AND subject = $4",
    )
    .bind(&subject.environment)
    .bind(&subject.store)
    .bind(&subject.kind)
    .bind(&subject.id)
    .fetch_optional(db)
    .await?;
    match row {
        None => Ok(Known::default()),
        Some(row) => Ok(Known {
            remote_id: row.try_get("remote_id")?,
            pushed: row.try_get("pushed")?,
            error: row.try_get("error")?,
        }),
    }
}

/// Stores the state of a subject at the target.
pub(crate) async fn note(
    db: &mut Db,
    subject: &Subject,
    known: &Known,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO synced (environment, store, kind, subject, remote_id, pushed, error, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (environment, store, kind, subject) DO UPDATE SET
           remote_id = excluded.remote_id, pushed = excluded.pushed,
           error = excluded.error, at = excluded.at",
    )
    .bind(&subject.environment)
    .bind(&subject.store)
    .bind(&subject.kind)
    .bind(&subject.id)
    .bind(known.remote_id.as_deref())
    .bind(known.pushed.as_deref())
    .bind(known.error.as_deref())
    .bind(to_microseconds(now))
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes the state of a subject that no longer exists at the target.
pub(crate) async fn forget(db: &mut Db, subject: &Subject) -> Result<()> {
    sqlx::query(
        "DELETE FROM synced WHERE environment = $1 AND store = $2 AND kind = $3 AND subject = $4",
    )
    .bind(&subject.environment)
    .bind(&subject.store)
    .bind(&subject.kind)
    .bind(&subject.id)
    .execute(db)
    .await?;
    Ok(())
}

/// Returns the known states of all users or all groups at a store.
pub(crate) async fn list_known(
    db: &mut Db,
    environment: &str,
    store: &str,
    kind: &str,
) -> Result<Vec<(String, Known, Timestamp)>> {
    let rows = sqlx::query(
        "SELECT * FROM synced WHERE environment = $1 AND store = $2 AND kind = $3 ORDER BY subject",
    )
    .bind(environment)
    .bind(store)
    .bind(kind)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let known = Known {
                remote_id: row.try_get("remote_id")?,
                pushed: row.try_get("pushed")?,
                error: row.try_get("error")?,
            };
            Ok((row.try_get("subject")?, known, instant(row.try_get("at")?)))
        })
        .collect()
}

/// Deletes all data of a store that was deleted.
pub(crate) async fn forget_store(db: &mut Db, environment: &str, store: &str) -> Result<()> {
    for statement in [
        "DELETE FROM sync_jobs WHERE environment = $1 AND store = $2",
        "DELETE FROM synced WHERE environment = $1 AND store = $2",
        "DELETE FROM sync_pauses WHERE environment = $1 AND store = $2",
    ] {
        sqlx::query(statement)
            .bind(environment)
            .bind(store)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Deletes the last sent resources, so that all are sent again. Those of creations without an
/// answer are kept, because they are needed to find the resource at the target.
pub(crate) async fn clear_pushed(db: &mut Db, environment: &str, store: &str) -> Result<()> {
    sqlx::query(
        "UPDATE synced SET pushed = NULL WHERE environment = $1 AND store = $2
                 AND remote_id IS NOT NULL",
    )
    .bind(environment)
    .bind(store)
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn several_users_come_before_one_group() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("queue.db");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let store = Store::open(&url, false).await.unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let mut tx = store.write_aside().await.unwrap();
        for (kind, id) in [
            ("group", "a"),
            ("user", "c"),
            ("user", "b"),
            ("group", "d"),
            ("user", "e"),
        ] {
            let subject = Subject {
                environment: "env".to_owned(),
                store: "store".to_owned(),
                kind: kind.to_owned(),
                id: id.to_owned(),
            };
            enqueue(&mut tx, &subject, now).await.unwrap();
        }
        let ids = |jobs: &[Job]| -> Vec<String> {
            let ids = jobs.iter().map(|job| job.subject.id.clone());
            ids.collect()
        };
        let jobs = next(&mut tx, now, 2).await.unwrap();
        assert_eq!(ids(&jobs), ["b", "c"]);
        let jobs = next(&mut tx, now, 4).await.unwrap();
        assert_eq!(ids(&jobs), ["b", "c", "e"], "no group with the last users");
        for job in &jobs {
            remove_done(&mut tx, job).await.unwrap();
        }
        let jobs = next(&mut tx, now, 4).await.unwrap();
        assert_eq!(ids(&jobs), ["a"], "one group at a time");
        tx.commit().await.unwrap();
        store.close().await;
    }
}
