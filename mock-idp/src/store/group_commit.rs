//! The queue for the one writer there is, and a transaction that tells, when it
//! is over, that something may have changed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::Mutex;

use super::{Result, StoreError};

/// Those who want to write.
#[derive(Debug, Default)]
pub(super) struct Queue {
    turn: Mutex<()>,
    /// Counts transactions that could not begin.
    failures: AtomicU64,
    /// Why the last one could not.
    last_failure: std::sync::Mutex<String>,
}

impl Queue {
    /// Waits for the turn to write. Whoever queued behind an attempt that
    /// failed fails with it: attempts of their own, one after the other, would
    /// add up to minutes.
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

/// An open transaction; dropped without [`Writing::commit`], nothing happened.
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

    /// Keeps what was written. When this returns, whoever looks finds it.
    pub(crate) async fn commit(self) -> Result<()> {
        let Self {
            transaction,
            edition,
        } = self;
        let Some(edition) = edition else {
            return Ok(transaction.commit().await?);
        };
        // Apart, because whoever waits for it may go away in the middle: the
        // edition must not change before what was written can be read.
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
