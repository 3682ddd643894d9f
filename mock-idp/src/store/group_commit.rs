//! The queue for the only writer of the database, and write transactions that change the
//! edition number when they commit.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use ambient::sqlite::{Opening, Writer};
use futures::poll;
use sqlx::AnyConnection;
use sqlx::migrate::Migrator;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Result, StoreError};

/// The queue of tasks that wait to write.
#[derive(Debug)]
pub(super) struct Queue {
    writer: Arc<Mutex<Writer>>,
    /// Number of transactions that could not begin.
    failures: AtomicU64,
    /// Error of the last one.
    last_failure: std::sync::Mutex<String>,
}

impl Queue {
    pub(super) fn new(opening: Opening) -> Self {
        Self {
            writer: Arc::new(Mutex::new(Writer::new(opening))),
            failures: AtomicU64::new(0),
            last_failure: std::sync::Mutex::default(),
        }
    }

    /// Runs the migrations.
    pub(super) async fn migrate(&self, migrator: &Migrator) -> Result<()> {
        let mut writer = self.writer.lock().await;
        migrator.run(writer.get_or_open_connection().await?).await?;
        Ok(())
    }

    /// Closes the connection.
    pub(super) async fn close(&self) {
        self.writer.lock().await.close().await;
    }

    /// Waits for the turn to write and begins a transaction. If a transaction cannot begin, all
    /// tasks that already wait behind it fail with the same error: one attempt each, one after
    /// the other, would take minutes.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        let failures = self.failures.load(Ordering::SeqCst);
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if self.failures.load(Ordering::SeqCst) != failures {
            return Err(sqlx::Error::Protocol(self.last_failure().clone()).into());
        }
        if let Err(error) = writer.begin().await {
            *self.last_failure() = error.to_string();
            self.failures.fetch_add(1, Ordering::SeqCst);
            return Err(error.into());
        }
        Ok(Transaction {
            writer,
            is_open: true,
        })
    }

    fn last_failure(&self) -> std::sync::MutexGuard<'_, String> {
        let held = self.last_failure.lock();
        held.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// An open transaction. If it is dropped without a commit, it is rolled back.
pub(super) struct Transaction {
    writer: OwnedMutexGuard<Writer>,
    is_open: bool,
}

impl Transaction {
    async fn commit(mut self) -> std::result::Result<(), sqlx::Error> {
        self.writer.commit().await?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open {
            self.writer.give_up();
        }
    }
}

/// An open write transaction. If it is dropped without [`Writing::commit`], its changes are
/// discarded.
pub(crate) struct Writing {
    transaction: Transaction,
    edition: Option<Arc<AtomicU64>>,
}

impl Writing {
    pub(super) fn of(transaction: Transaction, edition: Option<Arc<AtomicU64>>) -> Self {
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
        let mut committing = Box::pin(async move {
            let outcome = transaction.commit().await;
            edition.fetch_add(1, Ordering::SeqCst);
            outcome
        });
        // A task wakes another thread, which takes longer than a commit that does not wait for the
        // disk.
        if let Poll::Ready(outcome) = poll!(&mut committing) {
            return Ok(outcome?);
        }
        // In a separate task, because the caller may be canceled in the middle: the edition
        // must not change before the changes can be read.
        let outcome = tokio::spawn(committing)
            .await
            .map_err(|error| StoreError::Database(sqlx::Error::Io(std::io::Error::other(error))))?;
        Ok(outcome?)
    }
}

impl Deref for Writing {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.transaction.writer
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.transaction.writer
    }
}
