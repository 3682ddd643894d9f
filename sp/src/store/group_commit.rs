//! Write transactions. SQLite has one writer, and the cost of a commit is
//! waiting for the disk. So concurrent transactions share one commit
//! (group commit).
//!
//! The transactions of a batch share one open SQLite transaction. Each of them
//! is a savepoint, except the first: nothing precedes it, so rolling it back
//! rolls back the whole batch. A transaction that is done while others wait lets
//! the others run first and then queues again. The first one that gets its turn
//! while the batch is still uncommitted commits it for all. `commit` returns only
//! after the data is on the disk, and no transaction waits for ones that came
//! later.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use ambient::sqlite::{Opening, Writer};
use futures::poll;
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyConnection, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use super::StoreError;

/// An error that may be caused by a concurrent transaction.
pub trait MayConflict {
    /// True if the transaction may succeed when it is run again.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for sqlx::Error {
    /// True for PostgreSQL's `deadlock_detected` and `serialization_failure`.
    fn is_conflict(&self) -> bool {
        let code = self.as_database_error().and_then(|error| error.code());
        matches!(code.as_deref(), Some("40P01" | "40001"))
    }
}

/// Maximum number of attempts for a transaction.
const ATTEMPTS: usize = 5;

/// Runs a transaction, and runs it again after a conflict. [`locks`] prevents
/// known conflicts; the database may still report others.
///
/// [`locks`]: super::locks
///
/// # Errors
/// The error of the last attempt.
pub async fn with_retry<T, E, F>(mut transaction: impl FnMut() -> F) -> Result<T, E>
where
    E: MayConflict + std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    for attempt in 1..ATTEMPTS {
        match transaction().await {
            Err(error) if error.is_conflict() => {
                tracing::info!(attempt, %error, "conflict with another transaction: trying again");
            }
            outcome => return outcome,
        }
    }
    transaction().await
}

/// A write transaction. Dropping it without [`Write::commit`] rolls it back.
pub struct Write(Kind);

enum Kind {
    /// A separate transaction (PostgreSQL).
    Alone(Transaction<'static, Any>),
    /// A part of a transaction that is shared with others (SQLite).
    Shared(Shared),
}

struct Shared {
    batch: Option<OwnedMutexGuard<Batch>>,
    queue: Arc<Queue>,
}

/// The queue of write transactions.
#[derive(Debug)]
pub(super) struct Queue {
    batch: Arc<Mutex<Batch>>,
    /// Number of transactions that wait to begin.
    waiting: AtomicUsize,
    /// Number of transactions that could not begin.
    failures: AtomicUsize,
    /// The reason of the last such failure.
    last_failure: std::sync::Mutex<String>,
}

/// The transactions that share one commit.
#[derive(Debug)]
struct Batch {
    writer: Writer,
    /// True if the shared transaction is open.
    is_open: bool,
    /// True if the current transaction is a savepoint; false if it is the first
    /// of the batch.
    has_savepoint: bool,
    /// True if a transaction was dropped without commit: it must be rolled back.
    spoiled: bool,
    /// Transactions that are done and wait for the commit.
    done: Vec<oneshot::Sender<Result<(), String>>>,
}

/// Increments a counter while it exists, even if the waiting task is cancelled.
struct Waiting<'q>(&'q AtomicUsize);

impl<'q> Waiting<'q> {
    fn new(count: &'q AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn run(open: &mut AnyConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(open).await?;
    Ok(())
}

impl Batch {
    /// Rolls back a dropped transaction.
    async fn roll_back_dropped(&mut self) -> Result<(), sqlx::Error> {
        if !self.spoiled {
            return Ok(());
        }
        if !self.has_savepoint {
            self.spoiled = false;
            return match std::mem::take(&mut self.is_open) {
                true => self.writer.rollback().await,
                false => Ok(()),
            };
        }
        if self.is_open {
            let mended = async {
                run(&mut self.writer, "ROLLBACK TO one").await?;
                run(&mut self.writer, "RELEASE one").await
            };
            if let Err(error) = mended.await {
                self.give_up(&error);
                return Err(error);
            }
        }
        self.spoiled = false;
        Ok(())
    }

    /// Rolls back what is not committed.
    fn end(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.writer.give_up();
        }
    }

    /// Rolls back the whole batch and reports the error to all
    /// its transactions.
    fn give_up(&mut self, why: &sqlx::Error) {
        self.end();
        self.spoiled = false;
        for done in self.done.drain(..) {
            let _ = done.send(Err(why.to_string()));
        }
    }

    /// Commits the batch and reports the result to all its transactions.
    async fn close(&mut self) -> Result<(), sqlx::Error> {
        self.roll_back_dropped().await?;
        if !self.is_open {
            return Ok(());
        }
        let committed = self.writer.commit().await;
        if let Err(error) = &committed {
            self.give_up(error);
        }
        self.is_open = false;
        for done in self.done.drain(..) {
            let _ = done.send(Ok(()));
        }
        committed
    }
}

/// Commits the batch. If it has to wait, it does so in a task of its own, so
/// that it completes even if the caller is cancelled.
async fn commit_batch(mut batch: OwnedMutexGuard<Batch>) -> Result<(), sqlx::Error> {
    let mut closing = Box::pin(async move { batch.close().await });
    // A task wakes another thread, which takes longer than a commit that does
    // not wait for the disk.
    if let Poll::Ready(closed) = poll!(&mut closing) {
        return closed;
    }
    tokio::spawn(closing)
        .await
        .unwrap_or_else(|error| Err(sqlx::Error::Protocol(error.to_string())))
}

impl Queue {
    pub(super) fn new(opening: Opening) -> Self {
        let batch = Batch {
            writer: Writer::new(opening),
            is_open: false,
            has_savepoint: false,
            spoiled: false,
            done: Vec::new(),
        };
        Self {
            batch: Arc::new(Mutex::new(batch)),
            waiting: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            last_failure: std::sync::Mutex::default(),
        }
    }

    /// Waits for the turn and begins a transaction.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<Write, sqlx::Error> {
        let failures = self.failures.load(Ordering::SeqCst);
        let mut batch = {
            let _waiting = Waiting::new(&self.waiting);
            Arc::clone(&self.batch).lock_owned().await
        };
        if self.failures.load(Ordering::SeqCst) != failures {
            // Transactions that queued behind a failed one fail with it: if
            // each tried for itself, the timeouts would add up to minutes.
            return Err(sqlx::Error::Protocol(self.last_failure().clone()));
        }
        // If the rollback fails, the batch has ended and a new one begins.
        if let Err(error) = batch.roll_back_dropped().await {
            tracing::warn!(%error, "cannot roll back an unfinished transaction");
        }
        batch.has_savepoint = batch.is_open;
        if !batch.is_open {
            if let Err(error) = batch.writer.begin().await {
                *self.last_failure() = error.to_string();
                self.failures.fetch_add(1, Ordering::SeqCst);
                return Err(error);
            }
            batch.is_open = true;
        }
        if batch.has_savepoint
            && let Err(error) = run(&mut batch.writer, "SAVEPOINT one").await
        {
            batch.give_up(&error);
            return Err(error);
        }
        Ok(Write(Kind::Shared(Shared {
            batch: Some(batch),
            queue: Arc::clone(self),
        })))
    }

    fn last_failure(&self) -> std::sync::MutexGuard<'_, String> {
        let held = self.last_failure.lock();
        held.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs the migrations, and other statements of a start.
    pub(super) async fn prepare(
        &self,
        migrator: &Migrator,
        statements: &[&'static str],
    ) -> Result<(), StoreError> {
        let mut batch = self.batch.lock().await;
        let connection = batch.writer.get_or_open_connection().await?;
        migrator.run(&mut *connection).await?;
        for statement in statements {
            run(connection, statement).await?;
        }
        Ok(())
    }

    /// Closes the connection; an uncommitted batch is rolled back.
    pub(super) async fn close(&self) {
        let mut batch = self.batch.lock().await;
        batch.end();
        batch.writer.close().await;
    }
}

impl Write {
    pub(super) fn alone(transaction: Transaction<'static, Any>) -> Self {
        Self(Kind::Alone(transaction))
    }

    /// Commits; returns when the data is on the disk.
    ///
    /// # Errors
    /// If the commit fails; the transaction is then rolled back.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self.0 {
            Kind::Alone(transaction) => transaction.commit().await,
            Kind::Shared(shared) => shared.commit().await,
        }
    }
}

impl Shared {
    async fn commit(mut self) -> Result<(), sqlx::Error> {
        let gone = || sqlx::Error::Protocol("the transaction ended before its commit".into());
        let batch = self.batch.as_mut().ok_or_else(gone)?;
        if batch.has_savepoint
            && batch.is_open
            && let Err(error) = run(&mut batch.writer, "RELEASE one").await
        {
            batch.give_up(&error);
            self.batch = None;
            return Err(error);
        }
        let mut batch = self.batch.take().ok_or_else(gone)?;
        if self.queue.waiting.load(Ordering::SeqCst) == 0 {
            return commit_batch(batch).await;
        }
        let (sender, mut receiver) = oneshot::channel();
        batch.done.push(sender);
        drop(batch);
        let read = |receiver: Result<(), String>| receiver.map_err(sqlx::Error::Protocol);
        tokio::select! {
            biased;
            heard = &mut receiver => read(heard.unwrap_or_else(|_| Err("the batch was lost".into()))),
            batch = Arc::clone(&self.queue.batch).lock_owned() => {
                if let Ok(heard) = receiver.try_recv() {
                    return read(heard);
                }
                commit_batch(batch).await?;
                read(receiver.try_recv().unwrap_or_else(|_| Err("the batch was lost".into())))
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The next transaction rolls it back.
        if let Some(batch) = &mut self.batch {
            batch.spoiled = true;
        }
    }
}

impl Deref for Write {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match &self.0 {
            Kind::Alone(transaction) => transaction,
            Kind::Shared(shared) => {
                match shared.batch.as_ref() {
                    Some(batch) => &batch.writer,
                    // Only `commit`, which consumes `self`, takes it.
                    None => unreachable!("a writer without a transaction"),
                }
            }
        }
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.0 {
            Kind::Alone(transaction) => transaction,
            Kind::Shared(shared) => match shared.batch.as_mut() {
                Some(batch) => &mut batch.writer,
                None => unreachable!("a writer without a transaction"),
            },
        }
    }
}
