//! Locks on PostgreSQL, where several transactions write at once. SQLite has
//! one writer: there each of these does nothing.
//!
//! Every transaction takes what it needs in this one order, so that no two can
//! wait for each other:
//!
//! 1. the directory of the business account: *shared* by whoever changes or
//!    admits one user, *alone* by whoever changes groups, which may concern
//!    any user below them
//! 2. the user's row
//! 3. the subscriptions, by id
//!
//! What a decision rests on (`active`, groups, free seats) is read after the
//! lock: a read before it may be outdated once the lock is there.

use super::{Db, Result};

fn has_locks(db: &Db) -> bool {
    db.backend_name() == "PostgreSQL"
}

async fn run(db: &mut Db, sql: &'static str, id: &str) -> Result<()> {
    sqlx::query(sql).bind(id.to_owned()).fetch_all(db).await?;
    Ok(())
}

/// Lets others change other users until the transaction ends, and nobody
/// change groups.
///
/// # Errors
/// When the database fails.
pub async fn share_directory(db: &mut Db, business_id: &str) -> Result<()> {
    if !has_locks(db) {
        return Ok(());
    }
    // The cast: `sqlx::Any` knows no type for `void`.
    let sql = "SELECT CAST(pg_advisory_xact_lock_shared(hashtextextended($1, 0)) AS TEXT)";
    run(db, sql, business_id).await
}

/// Lets nobody else change or admit a user of this business account until the
/// transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn own_directory(db: &mut Db, business_id: &str) -> Result<()> {
    if !has_locks(db) {
        return Ok(());
    }
    let sql = "SELECT CAST(pg_advisory_xact_lock(hashtextextended($1, 0)) AS TEXT)";
    run(db, sql, business_id).await
}

/// Lets nobody else change or admit this user until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn user(db: &mut Db, user_id: &str) -> Result<()> {
    if !has_locks(db) {
        return Ok(());
    }
    run(db, "SELECT id FROM users WHERE id = $1 FOR UPDATE", user_id).await
}

/// Holds the subscriptions until the transaction ends, so that two grants
/// can't both see the last seat free.
///
/// # Errors
/// When the database fails.
pub async fn subscriptions(db: &mut Db, business_id: &str) -> Result<()> {
    if !has_locks(db) {
        return Ok(());
    }
    let sql = "SELECT id FROM subscriptions WHERE business_id = $1 ORDER BY id FOR UPDATE";
    run(db, sql, business_id).await
}
