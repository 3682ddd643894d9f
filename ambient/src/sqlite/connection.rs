//! A connection to SQLite, as `sqlx::Any` uses it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx_core::any::{
    AnyArguments, AnyConnectionBackend, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo,
};
use sqlx_core::connection::LogSettings;
use sqlx_core::error::Error;
use sqlx_core::logger::QueryLogger;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::transaction::{
    begin_ansi_transaction_sql, commit_ansi_transaction_sql, rollback_ansi_transaction_sql,
};
use sqlx_core::{Either, migrate::Migrate};
use tokio::task::spawn_blocking;

use super::engine::{Engine, Request, Step};
use super::error::is_busy;

/// Time to wait for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pauses between the attempts to get the lock, in milliseconds; the last one repeats.
const PAUSES: [u64; 6] = [1, 2, 5, 10, 15, 25];

/// A connection to a SQLite database.
#[derive(Debug)]
pub struct SqliteConnection {
    shared: Arc<Shared>,
    log: LogSettings,
}

#[derive(Debug)]
pub(super) struct Shared {
    engine: Mutex<Engine>,
    /// Number of open transactions: one, and savepoints within it.
    depth: AtomicUsize,
    /// True if a transaction was dropped without its end, and is not rolled back yet.
    is_dropped: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Engine> {
        let held = self.engine.lock();
        held.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the engine unless a canceled request still runs on it.
    fn try_lock(&self) -> Option<MutexGuard<'_, Engine>> {
        match self.engine.try_lock() {
            Ok(engine) => Some(engine),
            Err(TryLockError::Poisoned(held)) => Some(held.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Rolls back a transaction that was dropped.
    fn settle(&self, engine: &mut Engine) {
        if self.is_dropped.swap(false, Ordering::SeqCst)
            && let Err(error) = self.roll_back(engine)
        {
            tracing::warn!(%error, "cannot roll back a transaction");
        }
    }

    /// Does `work` on the engine.
    fn perform<T>(
        &self,
        mut engine: MutexGuard<'_, Engine>,
        work: impl FnOnce(&mut Engine) -> T,
    ) -> T {
        self.settle(&mut engine);
        let done = work(&mut engine);
        drop(engine);
        // Meanwhile a transaction may have been dropped, which found the engine locked.
        if self.is_dropped.load(Ordering::SeqCst)
            && let Some(mut engine) = self.try_lock()
        {
            self.settle(&mut engine);
        }
        done
    }

    fn depth(&self) -> usize {
        self.depth.load(Ordering::SeqCst)
    }

    fn roll_back(&self, engine: &mut Engine) -> Result<(), Error> {
        let depth = self.depth();
        // On a full disk, SQLite itself ends the transaction.
        if engine.is_autocommit() {
            self.depth.store(0, Ordering::SeqCst);
        } else if depth > 0 {
            engine.control_transaction(rollback_ansi_transaction_sql(depth).as_str())?;
            self.depth.store(depth - 1, Ordering::SeqCst);
        }
        Ok(())
    }
}

impl SqliteConnection {
    pub(super) fn new(engine: Engine, log: LogSettings) -> Self {
        let shared = Shared {
            engine: Mutex::new(engine),
            depth: AtomicUsize::new(0),
            is_dropped: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
            log,
        }
    }

    /// Does `work` on this thread, or on a thread for blocking work if it was slow last time. If
    /// the future is dropped there, the work is completed all the same.
    async fn perform<T: Send + 'static>(
        &self,
        is_slow: impl FnOnce(&Engine) -> bool,
        work: impl FnOnce(&Shared, &mut Engine) -> T + Send + 'static,
    ) -> Result<T, Error> {
        if let Some(engine) = self.shared.try_lock()
            && !is_slow(&engine)
        {
            return Ok(self.shared.perform(engine, |it| work(&self.shared, it)));
        }
        let shared = Arc::clone(&self.shared);
        spawn_blocking(move || shared.perform(shared.lock(), |it| work(&shared, it)))
            .await
            .map_err(|_| Error::WorkerCrashed)
    }

    /// The same, and tries again while another process holds the lock of the database.
    pub(super) async fn attempt<T: Send + 'static>(
        &self,
        is_slow: impl Fn(&Engine) -> bool,
        work: impl Fn(&Shared, &mut Engine) -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let mut waited = Duration::ZERO;
        let mut pauses = PAUSES.iter();
        let mut pause = Duration::ZERO;
        loop {
            let done = self.perform(&is_slow, work.clone()).await?;
            // Within a transaction, waiting does not help: it has read what is outdated now.
            let may_retry = self.shared.depth() == 0 && waited < PATIENCE;
            if !matches!(&done, Err(error) if is_busy(error) && may_retry) {
                return done;
            }
            pause = pauses.next().map_or(pause, |&it| Duration::from_millis(it));
            #[allow(clippy::disallowed_methods)]
            // Another process holds the lock, and SQLite does not tell when it is free.
            tokio::time::sleep(pause).await;
            waited += pause;
        }
    }

    async fn run(&self, request: Request) -> Result<Vec<Step>, Error> {
        let mut log = QueryLogger::new(request.sql.clone(), self.log.clone());
        let request = Arc::new(request);
        let sql = request.sql.clone();
        let steps = self
            .attempt(
                move |engine| engine.is_slow(sql.as_str()),
                move |_, engine| engine.run(&request),
            )
            .await?;
        for step in &steps {
            match step {
                Either::Left(result) => log.increase_rows_affected(result.rows_affected),
                Either::Right(_) => log.increment_rows_returned(),
            }
        }
        Ok(steps)
    }
}

impl AnyConnectionBackend for SqliteConnection {
    fn name(&self) -> &str {
        "SQLite"
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(async move {
            let closed = spawn_blocking(move || drop(self)).await;
            closed.map_err(|_| Error::WorkerCrashed)
        })
    }

    fn close_hard(self: Box<Self>) -> BoxFuture<'static, Result<(), Error>> {
        self.close()
    }

    fn ping(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        // Waits until a canceled request has ended.
        Box::pin(self.perform(|_| false, |_, _| ()))
    }

    fn begin(&mut self, statement: Option<SqlStr>) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let depth = self.shared.depth();
            if depth > 0 && statement.is_some() {
                return Err(Error::InvalidSavePointStatement);
            }
            let sql = statement.unwrap_or_else(|| begin_ansi_transaction_sql(depth));
            let begin = move |shared: &Shared, engine: &mut Engine| {
                engine.control_transaction(sql.as_str())?;
                shared.depth.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            self.attempt(|_| false, begin).await
        })
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let depth = self.shared.depth();
            if depth == 0 {
                return Ok(());
            }
            let is_slow = move |engine: &Engine| depth == 1 && engine.is_commit_slow();
            let commit = move |shared: &Shared, engine: &mut Engine| {
                engine.commit(commit_ansi_transaction_sql(depth).as_str())?;
                shared.depth.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            };
            self.perform(is_slow, commit).await?
        })
    }

    fn rollback(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.perform(|_| false, Shared::roll_back).await? })
    }

    fn start_rollback(&mut self) {
        self.shared.is_dropped.store(true, Ordering::SeqCst);
        if let Some(mut engine) = self.shared.try_lock() {
            self.shared.settle(&mut engine);
        }
    }

    fn get_transaction_depth(&self) -> usize {
        self.shared.depth()
    }

    fn cached_statements_size(&self) -> usize {
        let engine = self.shared.try_lock();
        engine.map_or(0, |engine| engine.known_statements())
    }

    fn clear_cached_statements(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.perform(|_| false, |_, engine| engine.forget_statements()))
    }

    fn shrink_buffers(&mut self) {}

    fn flush(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn should_flush(&self) -> bool {
        false
    }

    fn as_migrate(&mut self) -> Result<&mut (dyn Migrate + Send + 'static), Error> {
        Ok(self)
    }

    fn fetch_many(
        &mut self,
        sql: SqlStr,
        persistent: bool,
        arguments: Option<AnyArguments>,
    ) -> BoxStream<'_, Result<Either<AnyQueryResult, AnyRow>, Error>> {
        let request = Request {
            sql,
            is_kept: persistent,
            arguments,
            limit: usize::MAX,
        };
        let steps = stream::once(self.run(request));
        let steps = steps.map_ok(|steps| stream::iter(steps.into_iter().map(Ok)));
        steps.try_flatten().boxed()
    }

    fn fetch_optional(
        &mut self,
        sql: SqlStr,
        persistent: bool,
        arguments: Option<AnyArguments>,
    ) -> BoxFuture<'_, Result<Option<AnyRow>, Error>> {
        let request = Request {
            sql,
            is_kept: persistent,
            arguments,
            limit: 1,
        };
        Box::pin(async move {
            let steps = self.run(request).await?;
            Ok(steps.into_iter().find_map(|step| match step {
                Either::Right(row) => Some(row),
                Either::Left(_) => None,
            }))
        })
    }

    fn prepare_with<'c, 'q: 'c>(
        &'c mut self,
        _: SqlStr,
        _: &[AnyTypeInfo],
    ) -> BoxFuture<'c, Result<AnyStatement, Error>> {
        let why = "statements cannot be prepared beforehand: run the query";
        Box::pin(async move { Err(Error::Protocol(why.to_owned())) })
    }
}
