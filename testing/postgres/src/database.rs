//! A database of one test's own.

use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use url::Url;

use crate::Server;

/// An empty database. It is dropped with the value, also when somebody is
/// still connected.
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
    /// When the server cannot be reached or refuses.
    pub async fn create(server: Arc<Server>) -> Result<Self, sqlx::Error> {
        let name = format!("test_{:016x}", rand::random::<u64>());
        execute(server.url(), format!("CREATE DATABASE {name}")).await?;
        let mut url = server.url().clone();
        url.set_path(&name);
        Ok(Self { name, url, server })
    }

    /// Its URL, for the superuser.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The server that it is on.
    pub fn server(&self) -> &Server {
        &self.server
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Hundreds of tests may share the server, at 8 MB each.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let url = self.server.url().clone();
        // A thread of its own: the test's runtime cannot be waited for in it.
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

/// Runs one statement on a connection of its own.
async fn execute(url: &Url, sql: String) -> Result<(), sqlx::Error> {
    let options = PgConnectOptions::from_url(url)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    connection.execute(AssertSqlSafe(sql)).await?;
    connection.close().await
}
