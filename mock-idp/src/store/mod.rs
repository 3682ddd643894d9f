//! The database: SQLite by `sqlx::Any`. Nothing outside this folder has SQL.
//!
//! Functions take a connection, so that a domain step can put several of them
//! in one transaction: [`Store::write`] begins one (`IMMEDIATE`, by the one
//! writer there is), [`Store::read`] lends a reader.

pub(crate) mod console;
pub(crate) mod keys;
pub(crate) mod logins;
pub(crate) mod logouts;
mod migrations;
pub(crate) mod resources;
pub(crate) mod snapshot;
pub(crate) mod sync;
pub(crate) mod users;
pub(crate) mod workers;

mod group_commit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ambient::sqlite_file::{self, SqliteFile};
use jiff::Timestamp;
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _};

use group_commit::Queue;
pub(crate) use group_commit::Writing;
use migrations::MIGRATIONS;

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
        /// The table.
        table: &'static str,
        /// The primary key of the row.
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
    queue: Arc<Queue>,
    file: Option<SqliteFile>,
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
                .before_acquire(|connection, _| Box::pin(is_clean(connection)))
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        connection
                            .execute(
                                "PRAGMA journal_mode = WAL;
                                 PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;",
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
        // The pool would try for half a minute to open what is no database.
        sqlite_file::create_private_database(url).map_err(sqlx::Error::Io)?;
        let mut first = AnyConnection::connect(url).await?;
        first.execute("PRAGMA schema_version").await?;
        first.close().await?;
        let store = Self {
            writers: pool(1).await?,
            readers: pool(4).await?,
            queue: Arc::default(),
            file: SqliteFile::open(url).map_err(sqlx::Error::Io)?,
            edition: Arc::default(),
        };
        MIGRATIONS.run(&store.writers).await?;
        Ok(store)
    }

    /// A connection to read with.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Any>> {
        self.check_file()?;
        Ok(self.readers.acquire().await?)
    }

    /// A transaction to write in; dropped without `commit`, nothing happened.
    pub(crate) async fn write(&self) -> Result<Writing> {
        self.check_file()?;
        let transaction = self.queue.begin(&self.writers).await?;
        Ok(Writing::of(transaction, Some(Arc::clone(&self.edition))))
    }

    /// The same for what leaves every answer as it is: somebody comes, a
    /// request waits, a target was told. The edition stays.
    pub(crate) async fn write_aside(&self) -> Result<Writing> {
        self.check_file()?;
        let transaction = self.queue.begin(&self.writers).await?;
        Ok(Writing::of(transaction, None))
    }

    /// Nothing is read from or written to a file that was deleted meanwhile:
    /// what is answered from there would be lost with the process.
    fn check_file(&self) -> Result<()> {
        let checked = self.file.as_ref().map_or(Ok(()), SqliteFile::check);
        Ok(checked.map_err(sqlx::Error::Io)?)
    }

    /// Whether the database can be written to, found out by writing.
    pub(crate) async fn try_write(&self) -> Result<()> {
        let mut tx = self.write_aside().await?;
        // Writes the file's first page, with what it has.
        tx.execute("PRAGMA user_version = 0").await?;
        tx.commit().await
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

/// Whether a connection has no transaction open that could not be ended: after
/// a full disk `SQLite` ends the transaction by itself and refuses the ROLLBACK,
/// and every BEGIN from then on would fail. The pool closes such a connection.
async fn is_clean(connection: &mut AnyConnection) -> sqlx::Result<bool> {
    // A rollback under way ends before the answer comes.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// An instant as it is stored.
pub(crate) fn stored(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A stored instant.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}
