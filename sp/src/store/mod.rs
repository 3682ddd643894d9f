//! The database: SQLite embedded, or PostgreSQL for several replicas, with the
//! same SQL for both. Only this folder contains SQL.
//!
//! Functions take a connection, so that the caller can combine several of them
//! in one transaction. `store.write()` begins a write transaction (on SQLite
//! `IMMEDIATE`; there is one writer), `store.read()` returns a connection for
//! reading. To add a kind of data, add a migration in `migrations/`, list it in
//! `migrations.rs`, and add a file here with plain row structs.

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
pub mod scim_issuers;
pub mod scim_log;
pub mod selection;
mod server;
pub mod signing_keys;
pub mod snapshot;
pub mod social;
pub mod subscriptions;
pub mod tenants;
pub mod users;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use ambient::sqlite::{Content, Opening, Reader, Readers, Template};
use ambient::sqlite_file::{self, DatabaseFileError, SqliteFile};
use jiff::Timestamp;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Executor as _};

pub use group_commit::{MayConflict, Write, with_retry};
use migrations::MIGRATIONS;

/// Statistics for SQLite's query planner: a business account has many rows,
/// so the index for the filter is better than the one for the sort order.
/// Writing them is the documented way; `ANALYZE` on an empty table would
/// produce nothing.
const SQLITE_STATISTICS: [&str; 5] = [
    // `ANALYZE` reads only this many rows, so that a start with a large
    // directory is fast. With a limit it samples no values; sampled values
    // would make SQLite plan a statement again for each parameter.
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

/// Maximum length of a value with a database index, in bytes. PostgreSQL
/// refuses index rows above 2,704 bytes, and converting to lower case can make
/// a text longer.
pub const MAX_KEY_BYTES: usize = 1024;

/// A connection or an open transaction.
pub type Db = AnyConnection;

/// The database failed; the caller did nothing wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database returned an error or no answer.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("cannot update the database schema: {0}")]
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
    /// The database server cannot be reached, or the SQLite file was deleted.
    #[error("cannot reach the database: {0}")]
    Unreachable(String),
    /// Another transaction has changed data that this one had read: run
    /// it again.
    #[error("the data was changed by another request at the same time: try again")]
    Conflict,
    /// Data of a table or snapshot is invalid.
    #[error("invalid data in {table} ({key}): expected {expected}")]
    Damaged {
        /// Name of the table.
        table: &'static str,
        /// Key of the row, or name of the column.
        key: String,
        /// What is expected there.
        expected: &'static str,
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
    /// True if a row with this key already exists.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

impl MayConflict for StoreError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Database(error) => error.is_conflict(),
            Self::Conflict => true,
            Self::Unreachable(_)
            | Self::File(_)
            | Self::Foreign
            | Self::Migration(_)
            | Self::Newer { .. }
            | Self::Damaged { .. } => false,
        }
    }
}

/// Result of store functions.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The connections to the database.
#[derive(Debug, Clone)]
pub struct Store(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// Connections for reading, the queue of the one writer, and the database
    /// file.
    Sqlite(Readers, Arc<group_commit::Queue>, Option<SqliteFile>),
    Postgres(AnyPool, Arc<server::Server>),
}

/// A connection for reading.
#[derive(Debug)]
pub enum Read {
    /// To a SQLite file.
    Sqlite(Reader),
    /// To a PostgreSQL server.
    Postgres(PoolConnection<Any>),
}

impl Deref for Read {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match self {
            Self::Sqlite(connection) => connection,
            Self::Postgres(connection) => connection,
        }
    }
}

impl DerefMut for Read {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match self {
            Self::Sqlite(connection) => connection,
            Self::Postgres(connection) => connection,
        }
    }
}

impl Store {
    /// Opens the database and runs the migrations. If `durable` is true, SQLite
    /// waits for the disk at every commit.
    ///
    /// # Errors
    /// If the database cannot be reached, or the schema does not match
    /// the migrations.
    pub async fn open(url: &str, durable: bool) -> Result<Self> {
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
        let store = Self(if url.starts_with("sqlite:") {
            sqlite_file::create_private_database(url).map_err(sqlx::Error::Io)?;
            let opening = Opening::new(url, durable);
            let queue = open_queue(url, &opening, durable).await?;
            let file = SqliteFile::open(url).map_err(sqlx::Error::Io)?;
            Kind::Sqlite(Readers::new(opening, 8), Arc::new(queue), file)
        } else {
            server::wait_at_start(url).await?;
            let pool = AnyPoolOptions::new()
                .max_connections(20)
                .connect(url)
                .await?;
            migrate_postgres(&mut *pool.acquire().await?).await?;
            Kind::Postgres(pool, Arc::new(server::Server::at(url)))
        });
        loop {
            let mut tx = store.write().await?;
            let keyed = users::fill_key_columns(&mut tx, 500).await?;
            tx.commit().await?;
            if keyed == 0 {
                break;
            }
        }
        Ok(store)
    }

    /// Returns a connection for reading.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn read(&self) -> Result<Read> {
        Ok(match &self.0 {
            Kind::Sqlite(readers, _, file) => {
                check_file(file.as_ref())?;
                Read::Sqlite(readers.acquire().await?)
            }
            Kind::Postgres(pool, server) => Read::Postgres(server.wait_for(pool.acquire()).await?),
        })
    }

    /// Begins a write transaction. Dropping it without `commit` rolls it back.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn write(&self) -> Result<Write> {
        Ok(match &self.0 {
            Kind::Sqlite(_, queue, file) => {
                check_file(file.as_ref())?;
                queue.begin().await?
            }
            Kind::Postgres(pool, server) => Write::alone(server.wait_for(pool.begin()).await?),
        })
    }

    /// True for PostgreSQL, for the few places that must lock rows.
    pub fn is_postgres(&self) -> bool {
        matches!(self.0, Kind::Postgres(..))
    }

    /// Checks that the database accepts writes, by writing.
    ///
    /// # Errors
    /// If it does not.
    pub async fn try_write(&self) -> Result<()> {
        let statement = match &self.0 {
            // Writes the first page of the file without changing it.
            Kind::Sqlite(..) => "PRAGMA user_version = 0",
            // A transaction with an ID is written to the write-ahead log when
            // it ends.
            Kind::Postgres(..) => "SELECT CAST(pg_current_xact_id() AS TEXT)",
        };
        let mut tx = self.write().await?;
        sqlx::query(statement).fetch_all(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Closes the connections. All committed data is already on the disk.
    pub async fn close(&self) {
        match &self.0 {
            Kind::Sqlite(readers, queue, _) => {
                readers.close().await;
                queue.close().await;
            }
            Kind::Postgres(pool, _) => pool.close().await,
        }
    }
}

/// The schema of the temporary databases of this process.
static TEMPLATE: Template = Template::new();

/// Opens the queue of the writer of a SQLite database, with the current schema.
async fn open_queue(url: &str, opening: &Opening, durable: bool) -> Result<group_commit::Queue> {
    let content = match durable {
        true => Content::Other,
        false => TEMPLATE.copy_to(url).map_err(sqlx::Error::Io)?,
    };
    let queue = group_commit::Queue::new(opening.clone());
    if content == Content::Copied {
        return Ok(queue);
    }
    queue.prepare(&MIGRATIONS, &SQLITE_STATISTICS).await?;
    if content == Content::Empty && TEMPLATE.is_wanted() {
        // Everything is in the file once no connection is open.
        queue.close().await;
        TEMPLATE.keep(url).map_err(sqlx::Error::Io)?;
    }
    Ok(queue)
}

/// Fails if the SQLite file was deleted: everything written to it would be lost
/// when the process ends.
fn check_file(file: Option<&SqliteFile>) -> Result<()> {
    let checked = file.map_or(Ok(()), SqliteFile::check);
    checked.map_err(|error| StoreError::Unreachable(error.to_string()))
}

/// Runs the migrations on PostgreSQL, one replica at a time: `IF NOT EXISTS`
/// fails if two transactions create the same object concurrently.
async fn migrate_postgres(db: &mut AnyConnection) -> Result<()> {
    // A lock of the session, because each migration is a transaction of
    // its own.
    const LOCK: &str = "(hashtextextended('rehearsal portal schema', 0))";
    let run = format!("SELECT CAST(pg_advisory_lock{LOCK} AS TEXT)");
    db.execute(sqlx::AssertSqlSafe(run)).await?;
    let migrated = async {
        db.execute("CREATE COLLATION IF NOT EXISTS \"binary\" FROM \"C\"")
            .await?;
        MIGRATIONS.run(&mut *db).await?;
        // On SQLite the unique index is already in byte order.
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

/// Converts a timestamp to the stored form: microseconds since the Unix
/// epoch, UTC.
pub fn to_microseconds(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Converts a stored timestamp: microseconds since the Unix epoch, UTC.
pub fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// Returns the stored form of a token or secret: SHA-256 in hexadecimal.
pub fn fingerprint(secret: &str) -> String {
    use sha2::Digest as _;
    ambient::hexadecimal(&sha2::Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns schema, statistics and migrations of a database, and all its accounts.
    async fn content(store: &Store) -> Vec<String> {
        let mut db = store.read().await.unwrap();
        let mut all = Vec::new();
        for sql in [
            "SELECT type || name || tbl_name || COALESCE(sql, '') FROM sqlite_schema ORDER BY name",
            "SELECT tbl || COALESCE(idx, '') || stat FROM sqlite_stat1 ORDER BY tbl, idx",
            "SELECT version || description || hex(checksum) FROM _sqlx_migrations ORDER BY version",
            "SELECT email FROM accounts",
            "SELECT name FROM business_accounts",
        ] {
            let rows = sqlx::query_scalar::<_, String>(sql).fetch_all(&mut *db);
            all.extend(rows.await.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn a_copied_database_is_as_a_migrated_one_and_has_no_data() {
        let folder = tempfile::tempdir().unwrap();
        let url = |name: &str| format!("sqlite://{}/{name}?mode=rwc", folder.path().display());
        let migrated = Store::open(&url("durable"), true).await.unwrap();
        let expected = content(&migrated).await;
        assert!(expected.len() > 50, "{expected:?}");
        // The first ones are migrated, the others are copies.
        for number in 0..5 {
            let url = url(&number.to_string());
            let store = Store::open(&url, false).await.unwrap();
            assert_eq!(content(&store).await, expected, "database {number}");
            let mut tx = store.write().await.unwrap();
            let sql = "INSERT INTO accounts (id, email, password_hash, created) VALUES ('1', 'jo', '', 0)";
            sqlx::query(sql).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
            store.close().await;
            let again = Store::open(&url, false).await.unwrap();
            assert!(content(&again).await.contains(&"jo".to_owned()));
            again.close().await;
        }
        assert_eq!(TEMPLATE.copy_to(&url("durable")).unwrap(), Content::Other);
        std::fs::write(folder.path().join("new"), "").unwrap();
        assert_eq!(TEMPLATE.copy_to(&url("new")).unwrap(), Content::Copied);
    }
}
