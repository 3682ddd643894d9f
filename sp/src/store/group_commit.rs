//! Transactions that write. On SQLite there is one writer, and what a commit
//! costs is the wait for the disk: writers who queue share one.
//!
//! Each has a savepoint of its own within the open transaction. Who is done
//! while others wait lets them go first, and queues again: whoever then comes
//! to a batch that is not on the disk yet commits it for all that are in it.
//! Nobody is told of success before the disk has it, and nobody waits for
//! writers who came later.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

/// An error that may say: another transaction was in the way, try again.
pub trait MayConflict {
    /// Whether the same transaction may well succeed when it is run again.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for sqlx::Error {
    /// PostgreSQL's `deadlock_detected` and `serialization_failure`.
    fn is_conflict(&self) -> bool {
        let code = self.as_database_error().and_then(|error| error.code());
        matches!(code.as_deref(), Some("40P01" | "40001"))
    }
}

/// How often a transaction that others were in the way of is run.
const ATTEMPTS: usize = 5;

/// Runs a transaction, again when another one was in its way. [`locks`] keeps
/// that from happening between transactions that know of each other; the
/// database may still decide otherwise.
///
/// [`locks`]: super::locks
///
/// # Errors
/// Those of the last run.
pub async fn with_retry<T, E, F>(mut transaction: impl FnMut() -> F) -> Result<T, E>
where
    E: MayConflict + std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    for attempt in 1..ATTEMPTS {
        match transaction().await {
            Err(error) if error.is_conflict() => {
                tracing::info!(attempt, %error, "another transaction was in the way: again");
            }
            outcome => return outcome,
        }
    }
    transaction().await
}

/// A transaction to write in; dropped without [`Write::commit`], nothing happened.
pub struct Write(Kind);

enum Kind {
    /// A transaction of its own.
    Alone(Transaction<'static, Any>),
    /// A savepoint in one that others are in, too.
    Shared(Shared),
}

struct Shared {
    batch: Option<OwnedMutexGuard<Batch>>,
    queue: Arc<Queue>,
}

/// Those who want to write.
#[derive(Debug, Default)]
pub(super) struct Queue {
    batch: Arc<Mutex<Batch>>,
    /// How many wait to begin.
    waiting: AtomicUsize,
    /// Counts transactions that could not begin.
    failures: AtomicUsize,
    /// Why the last one could not.
    last_failure: std::sync::Mutex<String>,
}

/// What goes to the disk at once.
#[derive(Debug, Default)]
struct Batch {
    open: Option<Transaction<'static, Any>>,
    /// A writer left in the middle: its savepoint is still to be undone.
    spoiled: bool,
    /// Those who are done and wait for the disk.
    done: Vec<oneshot::Sender<Result<(), String>>>,
}

/// Counts itself while it waits, also when it gives up.
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

async fn run(open: &mut Transaction<'static, Any>, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(&mut **open).await?;
    Ok(())
}

impl Batch {
    /// Undoes what a writer left behind.
    async fn mend(&mut self) -> Result<(), sqlx::Error> {
        if !self.spoiled {
            return Ok(());
        }
        if let Some(open) = &mut self.open {
            let mended = async {
                run(open, "ROLLBACK TO one").await?;
                run(open, "RELEASE one").await
            };
            if let Err(error) = mended.await {
                self.give_up(&error);
                return Err(error);
            }
        }
        self.spoiled = false;
        Ok(())
    }

    /// Nothing of the batch happened.
    fn give_up(&mut self, why: &sqlx::Error) {
        self.open = None;
        self.spoiled = false;
        for done in self.done.drain(..) {
            let _ = done.send(Err(why.to_string()));
        }
    }

    /// Brings the batch to the disk and tells all that are in it.
    async fn close(&mut self) -> Result<(), sqlx::Error> {
        self.mend().await?;
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let committed = open.commit().await;
        if let Err(error) = &committed {
            self.give_up(error);
        }
        for done in self.done.drain(..) {
            let _ = done.send(Ok(()));
        }
        committed
    }
}

/// Closes the batch, also when the one who waits for it gives up midway.
async fn closed(mut batch: OwnedMutexGuard<Batch>) -> Result<(), sqlx::Error> {
    let closing = tokio::spawn(async move { batch.close().await });
    closing
        .await
        .unwrap_or_else(|error| Err(sqlx::Error::Protocol(error.to_string())))
}

impl Queue {
    /// Waits for the turn to write.
    pub(super) async fn begin(
        self: &Arc<Self>,
        pool: &AnyPool,
        begin: &'static str,
    ) -> Result<Write, sqlx::Error> {
        let failures = self.failures.load(Ordering::SeqCst);
        let mut batch = {
            let _waiting = Waiting::new(&self.waiting);
            Arc::clone(&self.batch).lock_owned().await
        };
        if self.failures.load(Ordering::SeqCst) != failures {
            // Whoever queued behind a failed attempt fails with it: attempts
            // of their own, one after the other, would add up to minutes.
            return Err(sqlx::Error::Protocol(self.last_failure().clone()));
        }
        // An undo that fails has ended the batch: the next one begins.
        if let Err(error) = batch.mend().await {
            tracing::warn!(%error, "an unfinished transaction could not be undone");
        }
        if batch.open.is_none() {
            match pool.begin_with(begin).await {
                Ok(open) => batch.open = Some(open),
                Err(error) => {
                    *self.last_failure() = error.to_string();
                    self.failures.fetch_add(1, Ordering::SeqCst);
                    return Err(error);
                }
            }
        }
        if let Some(open) = &mut batch.open
            && let Err(error) = run(open, "SAVEPOINT one").await
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

    /// Gives the connection back; what nobody was told of did not happen.
    pub(super) async fn close(&self) {
        self.batch.lock().await.open = None;
    }
}

impl Write {
    pub(super) fn alone(transaction: Transaction<'static, Any>) -> Self {
        Self(Kind::Alone(transaction))
    }

    /// Returns once the disk has it.
    ///
    /// # Errors
    /// When it may not: then nothing happened.
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
        if let Some(open) = &mut batch.open
            && let Err(error) = run(open, "RELEASE one").await
        {
            batch.give_up(&error);
            self.batch = None;
            return Err(error);
        }
        let mut batch = self.batch.take().ok_or_else(gone)?;
        if self.queue.waiting.load(Ordering::SeqCst) == 0 {
            return closed(batch).await;
        }
        let (tell, mut told) = oneshot::channel();
        batch.done.push(tell);
        drop(batch);
        let read = |told: Result<(), String>| told.map_err(sqlx::Error::Protocol);
        tokio::select! {
            biased;
            heard = &mut told => read(heard.unwrap_or_else(|_| Err("the batch was lost".into()))),
            batch = Arc::clone(&self.queue.batch).lock_owned() => {
                if let Ok(heard) = told.try_recv() {
                    return read(heard);
                }
                closed(batch).await?;
                read(told.try_recv().unwrap_or_else(|_| Err("the batch was lost".into())))
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Whoever comes next undoes it.
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
                match shared.batch.as_ref().and_then(|batch| batch.open.as_ref()) {
                    Some(open) => open,
                    // `begin` opened it, and only `commit`, which consumes the
                    // writer, takes it away.
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
            Kind::Shared(shared) => {
                match shared.batch.as_mut().and_then(|batch| batch.open.as_mut()) {
                    Some(open) => open,
                    None => unreachable!("a writer without a transaction"),
                }
            }
        }
    }
}
