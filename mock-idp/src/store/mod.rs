//! The database: SQLite by `sqlx::Any`. Only this folder contains SQL.
//!
//! The functions take a connection, so that one transaction can contain several of them.
//! [`Store::write`] begins a write transaction (`IMMEDIATE`; there is only one writer),
//! [`Store::read`] returns a connection for reading.

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

use ambient::sqlite::{Opening, Reader, Readers};
use ambient::sqlite_file::{self, DatabaseFileError, SqliteFile};
use jiff::Timestamp;
use sqlx::migrate::MigrateError;
use sqlx::{AnyConnection, Executor as _};

use group_commit::Queue;
pub(crate) use group_commit::Writing;
use migrations::MIGRATIONS;

/// A connection or an open transaction.
pub(crate) type Db = AnyConnection;

/// A failure of the database, which the caller did not cause.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database returned an error, or cannot be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The database schema cannot be migrated to this version.
    #[error("cannot migrate the database schema: {0}")]
    Migration(#[source] MigrateError),
    /// The file of the database cannot be used.
    #[error(transparent)]
    File(#[from] DatabaseFileError),
    /// Another program has written the database.
    #[error(
        "cannot use the database: another program, or a changed version of this one, wrote it; name another file with --database-url"
    )]
    Foreign,
    /// A newer version of the program has written the database.
    #[error(
        "cannot use the database: a newer version wrote it (its schema has version {found}, this program supports up to {known}); start that version, or use a copy of the database from before the upgrade"
    )]
    Newer {
        /// Version of the first migration that this program does not have.
        found: i64,
        /// Version of the last migration that it has.
        known: i64,
    },
    /// A stored JSON document cannot be parsed.
    #[error("invalid JSON in the database: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A snapshot contains a table that this version does not have.
    #[error("invalid snapshot: unknown table `{0}`; use a snapshot of the same version")]
    SnapshotTable(String),
    /// A row of a snapshot cannot be read.
    #[error(
        "invalid snapshot: expected {expected} in {key} of table `{table}`, got {got}; use a snapshot of the same version"
    )]
    Snapshot {
        /// Name of the table.
        table: &'static str,
        /// Which part of the table, for example a column.
        key: String,
        /// What the snapshot should contain there.
        expected: &'static str,
        /// What it contains there: a JSON type, or a name.
        got: String,
    },
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(found) => Self::Newer {
                found,
                known: MIGRATIONS.iter().map(|it| it.version).max().unwrap_or(0),
            },
            MigrateError::VersionMismatch(_) => Self::Foreign,
            other => Self::Migration(other),
        }
    }
}

impl StoreError {
    /// True if a row with this key exists already.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

/// Result of a database operation.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// The database: a pool of connections for reading and the only one for writing.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    readers: Readers,
    queue: Arc<Queue>,
    file: Option<SqliteFile>,
    edition: Arc<AtomicU64>,
    users_edition: Arc<AtomicU64>,
}

impl Store {
    /// Opens the database and migrates its schema. Creates the file if the URL says so.
    pub(crate) async fn open(url: &str, durable: bool) -> Result<Self> {
        let opened = Self::open_database(url, durable).await;
        opened.map_err(|error| match error {
            StoreError::Database(_) | StoreError::Migration(_) => {
                sqlite_file::cause_of_failure(url).map_or(error, StoreError::File)
            }
            error => error,
        })
    }

    async fn open_database(url: &str, durable: bool) -> Result<Self> {
        ambient::sqlite::install_drivers();
        sqlite_file::create_private_database(url).map_err(sqlx::Error::Io)?;
        let opening = Opening::new(url, durable);
        let queue = Queue::new(opening.clone());
        queue.migrate(&MIGRATIONS).await?;
        Ok(Self {
            readers: Readers::new(opening, 4),
            queue: Arc::new(queue),
            file: SqliteFile::open(url).map_err(sqlx::Error::Io)?,
            edition: Arc::default(),
            users_edition: Arc::default(),
        })
    }

    /// Returns a connection for reading.
    pub(crate) async fn read(&self) -> Result<Reader> {
        self.check_file()?;
        Ok(self.readers.acquire().await?)
    }

    /// Begins a write transaction. If it is dropped without `commit`, its changes are
    /// discarded.
    pub(crate) async fn write(&self) -> Result<Writing> {
        self.check_file()?;
        let transaction = self.queue.begin().await?;
        Ok(Writing::of(transaction, Some(Arc::clone(&self.edition))))
    }

    /// Begins a write transaction for changes of users that leave everything else as it is, such
    /// as a sign-on. Only the users edition changes.
    pub(crate) async fn write_user(&self) -> Result<Writing> {
        self.check_file()?;
        let transaction = self.queue.begin().await?;
        let edition = Arc::clone(&self.users_edition);
        Ok(Writing::of(transaction, Some(edition)))
    }

    /// Begins a write transaction for changes that do not affect cached data, such as a new
    /// session, a new flow or a provisioning result. The edition stays the same.
    pub(crate) async fn write_aside(&self) -> Result<Writing> {
        self.check_file()?;
        let transaction = self.queue.begin().await?;
        Ok(Writing::of(transaction, None))
    }

    /// Fails if the database file was deleted or replaced: answers and changes would be lost
    /// when the process ends.
    fn check_file(&self) -> Result<()> {
        let checked = self.file.as_ref().map_or(Ok(()), SqliteFile::check);
        Ok(checked.map_err(sqlx::Error::Io)?)
    }

    /// Checks by writing that the database can be written.
    pub(crate) async fn try_write(&self) -> Result<()> {
        let mut tx = self.write_aside().await?;
        // Writes the first page of the file without changing it.
        tx.execute("PRAGMA user_version = 0").await?;
        tx.commit().await
    }

    /// Returns the edition: a number that changes after each [`Store::write`]. Data that was
    /// read under the current edition is still valid. (Only one process writes to a database.)
    pub(crate) fn edition(&self) -> u64 {
        self.edition.load(Ordering::SeqCst)
    }

    /// Returns the edition of users: a number that changes after each [`Store::write_user`].
    /// A cached user is valid if both editions are those under which it was read.
    pub(crate) fn users_edition(&self) -> u64 {
        self.users_edition.load(Ordering::SeqCst)
    }

    /// Closes the pools. All answered changes are on the disk already.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.queue.close().await;
    }
}

/// Converts a timestamp to the stored form: microseconds since 1970, UTC.
pub(crate) fn to_microseconds(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Converts a stored number of microseconds since 1970 to a timestamp.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}
