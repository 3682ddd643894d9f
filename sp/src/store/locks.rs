//! Row and advisory locks on PostgreSQL, where several transactions write at
//! once. SQLite has one writer, so these functions do nothing there.
//!
//! Every transaction takes the locks that it needs in this order, so that there
//! are no deadlocks:
//!
//! 1. the directory of the business account: *shared* to change or admit one
//!    user, *exclusive* to change groups, because that may affect any member
//! 2. the user's row
//! 3. the subscriptions, by ID
//!
//! Values that a decision depends on (`active`, groups, free seats) must be
//! read after taking the lock; a value read before may be outdated.

use super::{Db, Result};

fn has_locks(db: &Db) -> bool {
    db.backend_name() == "PostgreSQL"
}

async fn run(db: &mut Db, sql: &'static str, id: &str) -> Result<()> {
    sqlx::query(sql).bind(id.to_owned()).fetch_all(db).await?;
    Ok(())
}

/// Takes the directory lock in shared mode until the transaction ends: others
/// may change other users, but no groups.
///
/// # Errors
/// When the database fails.
pub async fn share_directory(db: &mut Db, business_id: &str) -> Result<()> {
    if !has_locks(db) {
        return Ok(());
    }
    // The cast is necessary because `sqlx::Any` has no type for `void`.
    let sql = "SELECT CAST(pg_advisory_xact_lock_shared(hashtextextended($1, 0)) AS TEXT)";
    run(db, sql, business_id).await
}

/// Takes the directory lock exclusively until the transaction ends: nobody else
/// can change the directory or admit a user of this business account.
///
/// # Errors
/// When the database fails.
pub async fn lock_directory(db: &mut Db, business_id: &str) -> Result<()> {
    if !has_locks(db) {
        return Ok(());
    }
    let sql = "SELECT CAST(pg_advisory_xact_lock(hashtextextended($1, 0)) AS TEXT)";
    run(db, sql, business_id).await
}

/// Locks the row of this user until the transaction ends. Returns true if
/// others may have changed the row before it was locked: then a value read
/// before must be read again. On SQLite it is false, because this transaction
/// is the only one that writes.
///
/// # Errors
/// When the database fails.
pub async fn lock_user(db: &mut Db, user_id: &str) -> Result<bool> {
    if !has_locks(db) {
        return Ok(false);
    }
    run(db, "SELECT id FROM users WHERE id = $1 FOR UPDATE", user_id).await?;
    Ok(true)
}

/// Locks the subscriptions until the transaction ends, so that two concurrent
/// grants cannot take the same last seat.
///
/// # Errors
/// When the database fails.
pub async fn lock_subscriptions(db: &mut Db, business_id: &str) -> Result<()> {
    if !has_locks(db) {
        return Ok(());
    }
    let sql = "SELECT id FROM subscriptions WHERE business_id = $1 ORDER BY id FOR UPDATE";
    run(db, sql, business_id).await
}
