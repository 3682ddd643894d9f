//! The database: SQLite embedded, or PostgreSQL for several replicas, with
//! the same SQL on both. Nothing outside this folder has SQL.
//!
//! Functions take a connection, so that a domain step can put several of them
//! in one transaction: `store.write()` begins one (on SQLite `IMMEDIATE`, by
//! the one writer there is), `store.read()` lends a reader. To add a kind of
//! data: a migration in `migrations/`, listed in `migrations.rs`, and one file here
//! with plain row structs.

pub mod accounts;
pub mod activations;
pub mod audit;
pub mod domains;
mod group_commit;
pub mod groups;
pub mod licenses;
pub mod locks;
pub mod logins;
pub mod logouts;
pub mod members;
mod migrations;
pub mod people;
pub mod refusals;
pub mod removals;
mod row;
pub mod scim_log;
pub mod selection;
mod server;
pub mod signing_keys;
pub mod snapshot;
pub mod social;
pub mod subscriptions;
pub mod tenants;
pub mod users;

use std::sync::Arc;

use ambient::sqlite_file::{self, SqliteFile};
use jiff::Timestamp;
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _};

pub use group_commit::{MayConflict, Write, with_retry};
use migrations::MIGRATIONS;

/// What SQLite's planner should believe of the tables that SCIM asks, from the
/// first request on: that a business account has many rows, so that the index
/// on what is asked beats the one on the order of the answer. (The documented
/// way is to write them; `ANALYZE` on an empty table would say nothing.)
const SQLITE_STATISTICS: [&str; 5] = [
    // A look at so many rows: no start waits for a large directory, and none
    // of its values are sampled, which would plan statements again for each.
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

/// The longest value that is looked up by an index, in bytes: `PostgreSQL`
/// refuses a row of an index of more than 2,704, and lower case may be longer
/// than what it was made of.
pub const MAX_KEY_BYTES: usize = 1024;

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
    /// The server is gone, or doesn't answer.
    #[error("cannot reach the database: {0}")]
    Unreachable(String),
    /// Another transaction changed what this one had read: run it again.
    #[error("the user was changed by another request meanwhile: try again")]
    Conflict,
    /// What is stored can't be read back.
    #[error("{table} {key}: expected {expected}, stored is something else")]
    Damaged {
        /// The table.
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

impl MayConflict for StoreError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Database(error) => error.is_conflict(),
            Self::Conflict => true,
            Self::Unreachable(_) | Self::Migration(_) | Self::Damaged { .. } => false,
        }
    }
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The database's pools: readers and, on SQLite, the one writer.
#[derive(Debug, Clone)]
pub struct Store {
    readers: AnyPool,
    writers: AnyPool,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// With those who wait for the one writer there is.
    Sqlite(Arc<group_commit::Queue>, Option<SqliteFile>),
    Postgres(Arc<server::Server>),
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
            let writers = pool(1).await?;
            MIGRATIONS.run(&writers).await?;
            for statement in SQLITE_STATISTICS {
                sqlx::query(statement).execute(&writers).await?;
            }
            Self {
                writers,
                readers: pool(8).await?,
                kind: Kind::Sqlite(
                    Arc::default(),
                    SqliteFile::open(url).map_err(sqlx::Error::Io)?,
                ),
            }
        } else {
            let pool = AnyPoolOptions::new()
                .max_connections(20)
                .connect(url)
                .await?;
            migrate_postgres(&mut *pool.acquire().await?).await?;
            Self {
                writers: pool.clone(),
                readers: pool,
                kind: Kind::Postgres(Arc::new(server::Server::at(url))),
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
        let connection = self.readers.acquire();
        match &self.kind {
            Kind::Sqlite(_, file) => {
                check_file(file.as_ref())?;
                Ok(connection.await?)
            }
            Kind::Postgres(server) => server.wait_for(connection).await,
        }
    }

    /// A transaction to write in; dropped without `commit`, nothing happened.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn write(&self) -> Result<Write> {
        Ok(match &self.kind {
            Kind::Sqlite(queue, file) => {
                check_file(file.as_ref())?;
                queue.begin(&self.writers, "BEGIN IMMEDIATE").await?
            }
            Kind::Postgres(server) => Write::alone(server.wait_for(self.writers.begin()).await?),
        })
    }

    /// Whether this is PostgreSQL, for the few places where a row must be locked.
    pub fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres(_))
    }

    /// Whether the database can be written to, found out by writing.
    ///
    /// # Errors
    /// When it can't.
    pub async fn try_write(&self) -> Result<()> {
        let statement = match &self.kind {
            // Writes the file's first page, with what it has.
            Kind::Sqlite(..) => "PRAGMA user_version = 0",
            // A transaction with a number is written to the log at its end.
            Kind::Postgres(_) => "SELECT CAST(pg_current_xact_id() AS TEXT)",
        };
        let mut tx = self.write().await?;
        sqlx::query(statement).fetch_all(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Closes the pools; what was answered is on disk already.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Kind::Sqlite(queue, _) = &self.kind {
            queue.close().await;
        }
        self.writers.close().await;
    }
}

/// Nothing is read from or written to a file that was deleted meanwhile: what
/// is answered from there would be lost with the process.
fn check_file(file: Option<&SqliteFile>) -> Result<()> {
    let checked = file.map_or(Ok(()), SqliteFile::check);
    checked.map_err(|error| StoreError::Unreachable(error.to_string()))
}

/// Brings PostgreSQL's schema up to date, one replica after the other: `IF NOT
/// EXISTS` fails when two create the same thing at the same time.
async fn migrate_postgres(db: &mut AnyConnection) -> Result<()> {
    // Of the session: migrations have transactions of their own.
    const LOCK: &str = "(hashtextextended('rehearsal portal schema', 0))";
    let run = format!("SELECT CAST(pg_advisory_lock{LOCK} AS TEXT)");
    db.execute(sqlx::AssertSqlSafe(run)).await?;
    let migrated = async {
        db.execute("CREATE COLLATION IF NOT EXISTS \"binary\" FROM \"C\"")
            .await?;
        MIGRATIONS.run(&mut *db).await?;
        // SQLite's unique index is in the order of bytes already.
        db.execute(
            "CREATE INDEX IF NOT EXISTS users_user_name_order
             ON users (business_id, user_name_key COLLATE \"binary\")",
        )
        .await?;
        Ok(())
    }
    .await;
    let release = format!("SELECT CAST(pg_advisory_unlock{LOCK} AS TEXT)");
    db.execute(sqlx::AssertSqlSafe(release)).await?;
    migrated
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
