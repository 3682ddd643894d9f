//! A PostgreSQL database for one world: created when the world starts, dropped when it
//! ends.

use ambient::Rng;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use url::Url;

/// Why the database cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum ScratchDatabaseError {
    /// The URL is not a URL of PostgreSQL.
    #[error(
        "invalid database URL: expected postgres://USER@HOST/DATABASE, got {0:?}; without the \
         option each scenario has an SQLite database of its own"
    )]
    Url(String),
    /// The server cannot be reached, or the user cannot create databases.
    #[error(
        "cannot create a database at {host}: {source}; the user of the URL needs the role \
         attribute CREATEDB"
    )]
    Server {
        /// Host and port of the server.
        host: String,
        /// The error of the database driver.
        source: sqlx::Error,
    },
}

/// An empty database on a PostgreSQL server, dropped when this value is dropped.
#[derive(Debug)]
pub(super) struct ScratchDatabase {
    name: String,
    url: Url,
    server: Url,
}

impl ScratchDatabase {
    /// Creates a database with a random name on the server of the URL.
    pub(super) async fn create(server: &str) -> Result<Self, ScratchDatabaseError> {
        let invalid = || ScratchDatabaseError::Url(server.to_owned());
        let server: Url = server.parse().map_err(|_| invalid())?;
        if !matches!(server.scheme(), "postgres" | "postgresql") {
            return Err(invalid());
        }
        // The name is not from the seed, because two runs with the same seed may use the same server.
        let name = format!("rehearsal_{}", Rng::from_os().hex(8));
        execute(&server, format!("CREATE DATABASE {name}"))
            .await
            .map_err(|source| ScratchDatabaseError::Server {
                host: server.host_str().unwrap_or_default().to_owned(),
                source,
            })?;
        let mut url = server.clone();
        url.set_path(&name);
        Ok(Self { name, url, server })
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl ScratchDatabase {
    /// Drops the database.
    pub(super) async fn remove(mut self) {
        let sql = self.removal();
        match execute(&self.server, sql).await {
            // `Drop` has nothing left to do.
            Ok(()) => self.name.clear(),
            Err(error) => self.warn(&error),
        }
    }

    fn removal(&self) -> String {
        // FORCE: connections that are still open belong to this world.
        format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)
    }

    fn warn(&self, error: &dyn std::error::Error) {
        tracing::warn!(%error, database = self.name, "cannot drop the scenario's database");
    }
}

/// For a world that ends without [`ScratchDatabase::remove`], by a panic or a signal.
/// Blocks the thread and the other scenarios of the same task. If one of them is opening a
/// connection, that connection waits for this thread, and the server waits for the
/// connection, because it drops a database only when every backend has answered.
impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        let sql = self.removal();
        let server = self.server.clone();
        // A new thread, because `drop` cannot wait for the runtime that it runs in.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(execute(&server, sql))
                .map_err(std::io::Error::other)
        });
        if let Ok(Err(error)) = dropped.join() {
            self.warn(&error);
        }
    }
}

async fn execute(server: &Url, sql: String) -> Result<(), sqlx::Error> {
    let options = PgConnectOptions::from_url(server)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    connection.execute(AssertSqlSafe(sql)).await?;
    connection.close().await
}
