//! A database for one test.

use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use url::Url;

use crate::Server;

/// An empty database. Dropping the value drops the database, even if there are
/// open connections.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: Url,
    server: Arc<Server>,
}

impl Database {
    /// Creates an empty database on the server.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses to create the database.
    pub async fn create(server: Arc<Server>) -> Result<Self, sqlx::Error> {
        let name = format!("test_{:016x}", rand::random::<u64>());
        execute(server.url(), format!("CREATE DATABASE {name}")).await?;
        let mut url = server.url().clone();
        url.set_path(&name);
        Ok(Self { name, url, server })
    }

    /// Returns the URL of the database, for the superuser.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the server of the database.
    pub fn server(&self) -> &Server {
        &self.server
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Drop the database, because it takes 8 MB and hundreds of tests may
        // share the server.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let url = self.server.url().clone();
        // Use a separate thread: code inside the test's async runtime cannot
        // block on that runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(execute(&url, sql)).ok()
        });
        let _ = dropped.join();
    }
}

/// Runs one statement on a new connection.
async fn execute(url: &Url, sql: String) -> Result<(), sqlx::Error> {
    let options = PgConnectOptions::from_url(url)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    connection.execute(AssertSqlSafe(sql)).await?;
    connection.close().await
}
