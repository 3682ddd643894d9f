//! The database: SQLite by `sqlx::Any`. Nothing outside this folder has SQL.
//!
//! Functions take a connection, so that a domain step can put several of them
//! in one transaction: [`Store::write`] begins one (`IMMEDIATE`, by the one
//! writer there is), [`Store::read`] lends a reader.

pub(crate) mod console;
pub(crate) mod keys;
pub(crate) mod logins;
pub(crate) mod logouts;
pub(crate) mod resources;
pub(crate) mod snapshot;
pub(crate) mod sync;
pub(crate) mod users;
pub(crate) mod workers;

mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Executor as _};

pub(crate) use writing::Writing;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// A connection or an open transaction.
pub(crate) type Db = AnyConnection;

/// The database could not do it: nothing the caller did wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database answered with an error, or not at all.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// What is stored can't be read back.
    #[error("a stored document is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A snapshot isn't one of this version.
    #[error("{table} {key}: expected {expected} in the snapshot")]
    Snapshot {
        /// Where.
        table: &'static str,
        /// Which.
        key: String,
        /// What should stand there.
        expected: &'static str,
    },
}

impl StoreError {
    /// Whether a row with this key was there already.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

/// What the store answers.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// The database's pools: readers and the one writer.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    readers: AnyPool,
    writers: AnyPool,
    edition: Arc<AtomicU64>,
}

impl Store {
    /// Opens the database and brings its schema up to date.
    pub(crate) async fn open(url: &str, durable: bool) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let pool = |connections| {
            AnyPoolOptions::new()
                .max_connections(connections)
                // A file does not go away as a server may.
                .test_before_acquire(false)
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        connection
                            .execute(
                                "PRAGMA journal_mode = WAL;
                                 PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON;",
                            )
                            .await?;
                        let synchronous = if durable {
                            "PRAGMA synchronous = FULL"
                        } else {
                            "PRAGMA synchronous = OFF"
                        };
                        connection.execute(synchronous).await?;
                        Ok(())
                    })
                })
                .connect(url)
        };
        let store = Self {
            writers: pool(1).await?,
            readers: pool(4).await?,
            edition: Arc::default(),
        };
        MIGRATIONS.run(&store.writers).await?;
        Ok(store)
    }

    /// A connection to read with.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Any>> {
        Ok(self.readers.acquire().await?)
    }

    /// A transaction to write in; dropped without `commit`, nothing happened.
    pub(crate) async fn write(&self) -> Result<Writing> {
        let transaction = self.writers.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Writing::of(transaction, Some(Arc::clone(&self.edition))))
    }

    /// The same for what leaves every answer as it is: somebody comes, a
    /// request waits, a target was told. The edition stays.
    pub(crate) async fn write_aside(&self) -> Result<Writing> {
        let transaction = self.writers.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Writing::of(transaction, None))
    }

    /// Another number after each [`Store::write`]: what was read under this
    /// one is still so while it stays. (One process writes to a database.)
    pub(crate) fn edition(&self) -> u64 {
        self.edition.load(Ordering::SeqCst)
    }

    /// Closes the pools; what was answered is on disk already.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

/// An instant as it is stored.
pub(crate) fn stored(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A stored instant.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}
