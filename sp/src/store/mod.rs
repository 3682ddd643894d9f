//! The database: SQLite embedded, or PostgreSQL for several replicas, with
//! the same SQL on both. Nothing outside this folder has SQL.
//!
//! Functions take a connection, so that a domain step can put several of them
//! in one transaction: `store.write()` begins one (on SQLite `IMMEDIATE`, by
//! the one writer there is), `store.read()` lends a reader. To add a kind of
//! data: a migration in `migrations/`, one file here with plain row structs.

pub mod accounts;
pub mod activations;
pub mod audit;
pub mod domains;
pub mod groups;
pub mod licenses;
pub mod logins;
pub mod logouts;
pub mod members;
pub mod people;
pub mod refusals;
pub mod scim_log;
pub mod selection;
pub mod signing_keys;
pub mod snapshot;
pub mod social;
pub mod subscriptions;
pub mod tenants;
pub mod users;
mod writing;

use jiff::Timestamp;
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Executor as _};

pub use writing::Write;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// What SQLite's planner should believe of the tables that SCIM asks, from the
/// first request on: that a business account has many rows, so that the index
/// on what is asked beats the one on the order of the answer. (The documented
/// way is to write them; `ANALYZE` on an empty table would say nothing.)
const SQLITE_STATISTICS: [&str; 5] = [
    // A look at so many rows: no start waits for a large directory, and none
    // of its values are sampled, which would plan statements anew for each.
    "PRAGMA analysis_limit = 100",
    "ANALYZE",
    "DELETE FROM sqlite_stat1
     WHERE tbl IN ('users', 'groups', 'memberships', 'user_emails')",
    "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
        ('users', 'sqlite_autoindex_users_1', '100000 1'),
        ('users', 'sqlite_autoindex_users_2', '100000 50000 1'),
        ('users', 'users_email', '100000 50000 2'),
        ('users', 'users_external_id', '100000 50000 2'),
        ('users', 'users_created', '100000 50000 2 1'),
        ('users', 'users_last_modified', '100000 50000 2 1'),
        ('users', 'users_display_name', '100000 50000 2'),
        ('users', 'users_active', '100000 50000 25000 2 1'),
        ('user_emails', 'sqlite_autoindex_user_emails_1', '100000 2 1'),
        ('user_emails', 'user_emails_value', '100000 50000 2 1'),
        ('groups', 'sqlite_autoindex_groups_1', '10000 1'),
        ('groups', 'groups_display_name', '10000 5000 2'),
        ('groups', 'groups_external_id', '10000 5000 2'),
        ('groups', 'groups_created', '10000 5000 2 1'),
        ('groups', 'groups_last_modified', '10000 5000 2 1'),
        ('memberships', 'sqlite_autoindex_memberships_1', '1000000 1000 1'),
        ('memberships', 'memberships_member', '1000000 10')",
    "ANALYZE sqlite_schema",
];

/// A connection or an open transaction.
pub type Db = AnyConnection;

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
    #[error("{table} {key}: expected {expected}, stored is something else")]
    Damaged {
        /// Where.
        table: &'static str,
        /// Which row.
        key: String,
        /// What should stand there.
        expected: &'static str,
    },
}

impl StoreError {
    /// Whether a row with this key was there already.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The database's pools: readers and, on SQLite, the one writer.
#[derive(Debug, Clone)]
pub struct Store {
    readers: AnyPool,
    writers: AnyPool,
    /// Who waits for the one writer there is; on PostgreSQL nobody does.
    queue: Option<std::sync::Arc<writing::Queue>>,
}

impl Store {
    /// Opens the database and brings its schema up to date. A `durable`
    /// SQLite waits for the disk at every commit.
    ///
    /// # Errors
    /// When it can't be reached, or its schema is not ours.
    pub async fn open(url: &str, durable: bool) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let store = if url.starts_with("sqlite:") {
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
            let writers = pool(1).await?;
            MIGRATIONS.run(&writers).await?;
            for statement in SQLITE_STATISTICS {
                sqlx::query(statement).execute(&writers).await?;
            }
            Self {
                writers,
                readers: pool(8).await?,
                queue: Some(std::sync::Arc::default()),
            }
        } else {
            let pool = AnyPoolOptions::new()
                .max_connections(20)
                .connect(url)
                .await?;
            // Another replica may be making it at this very moment.
            let made = sqlx::query("CREATE COLLATION IF NOT EXISTS \"binary\" FROM \"C\"")
                .execute(&pool)
                .await;
            if let Err(error) = made {
                tracing::debug!(%error, "the collation was made by another replica");
            }
            MIGRATIONS.run(&pool).await?;
            // SQLite's unique index is in the order of bytes already.
            sqlx::query(
                "CREATE INDEX IF NOT EXISTS users_user_name_order
                 ON users (business_id, user_name_key COLLATE \"binary\")",
            )
            .execute(&pool)
            .await?;
            Self {
                writers: pool.clone(),
                readers: pool,
                queue: None,
            }
        };
        loop {
            let mut tx = store.write().await?;
            let keyed = users::key_old_rows(&mut tx, 500).await?;
            tx.commit().await?;
            if keyed == 0 {
                break;
            }
        }
        Ok(store)
    }

    /// A connection to read with.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn read(&self) -> Result<PoolConnection<Any>> {
        Ok(self.readers.acquire().await?)
    }

    /// A transaction to write in; dropped without `commit`, nothing happened.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn write(&self) -> Result<Write> {
        Ok(match &self.queue {
            Some(queue) => queue.begin(&self.writers, "BEGIN IMMEDIATE").await?,
            None => Write::alone(self.writers.begin().await?),
        })
    }

    /// Whether this is PostgreSQL, for the few places where a row must be locked.
    pub fn is_postgres(&self) -> bool {
        self.queue.is_none()
    }

    /// Closes the pools; what was answered is on disk already.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(queue) = &self.queue {
            queue.close().await;
        }
        self.writers.close().await;
    }
}

/// An instant as it is stored.
pub fn stored(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A stored instant.
pub fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// A token or secret as it is stored: SHA-256, hexadecimal.
pub fn fingerprint(secret: &str) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;
    sha2::Sha256::digest(secret.as_bytes()).iter().fold(
        String::with_capacity(64),
        |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        },
    )
}
