//! The queue for the only writer of the database, and write transactions that change the
//! edition number when they commit.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::Mutex;

use super::{Result, StoreError};

/// The queue of tasks that wait to write.
#[derive(Debug, Default)]
pub(super) struct Queue {
    turn: Mutex<()>,
    /// Number of transactions that could not begin.
    failures: AtomicU64,
    /// Error of the last one.
    last_failure: std::sync::Mutex<String>,
}

impl Queue {
    /// Waits for the turn to write and begins a transaction. If a transaction cannot begin, all
    /// tasks that already wait behind it fail with the same error: one attempt each, one after
    /// the other, would take minutes.
    pub(super) async fn begin(&self, pool: &AnyPool) -> Result<Transaction<'static, Any>> {
        let failures = self.failures.load(Ordering::SeqCst);
        let _turn = self.turn.lock().await;
        if self.failures.load(Ordering::SeqCst) != failures {
            return Err(sqlx::Error::Protocol(self.last_failure().clone()).into());
        }
        let begun = pool.begin_with("BEGIN IMMEDIATE").await;
        if let Err(error) = &begun {
            *self.last_failure() = error.to_string();
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
        Ok(begun?)
    }

    fn last_failure(&self) -> std::sync::MutexGuard<'_, String> {
        let held = self.last_failure.lock();
        held.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// An open write transaction. If it is dropped without [`Writing::commit`], its changes are
/// discarded.
pub(crate) struct Writing {
    transaction: Transaction<'static, Any>,
    edition: Option<Arc<AtomicU64>>,
}

impl Writing {
    pub(super) fn of(
        transaction: Transaction<'static, Any>,
        edition: Option<Arc<AtomicU64>>,
    ) -> Self {
        Self {
            transaction,
            edition,
        }
    }

    /// Commits the changes. When it returns, every reader sees them.
    pub(crate) async fn commit(self) -> Result<()> {
        let Self {
            transaction,
            edition,
        } = self;
        let Some(edition) = edition else {
            return Ok(transaction.commit().await?);
        };
        // In a separate task, because the caller may be canceled in the middle: the edition
        // must not change before the changes can be read.
        let committed = tokio::spawn(async move {
            let outcome = transaction.commit().await;
            edition.fetch_add(1, Ordering::SeqCst);
            outcome
        });
        let outcome = committed
            .await
            .map_err(|error| StoreError::Database(sqlx::Error::Io(std::io::Error::other(error))))?;
        Ok(outcome?)
    }
}

impl Deref for Writing {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.transaction
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}
