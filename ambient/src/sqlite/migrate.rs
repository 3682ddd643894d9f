//! Migrations, in the table and with the checksums of sqlx.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx_core::error::Error;
use sqlx_core::migrate::{AppliedMigration, Migrate, MigrateError, Migration};

use super::SqliteConnection;
use super::engine::Engine;

type Result<T> = std::result::Result<T, MigrateError>;

impl SqliteConnection {
    /// Does `work` on the engine.
    async fn with<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Engine) -> std::result::Result<T, Error> + Clone + Send + 'static,
    ) -> std::result::Result<T, Error> {
        self.attempt(|_| false, move |_, engine| work(engine)).await
    }

    /// Runs a migration and notes it in the table of migrations.
    async fn migrate(&self, table: &str, migration: &Migration) -> Result<Duration> {
        let began = Instant::now();
        let (sql, no_transaction) = (migration.sql.clone(), migration.no_tx);
        let checksum = crate::hexadecimal(&migration.checksum);
        let version = migration.version;
        let note = format!(
            "INSERT INTO {table} (version, description, success, checksum, execution_time)
             VALUES ({version}, '{}', TRUE, x'{checksum}', -1)",
            migration.description.replace('\'', "''"),
        );
        let run = move |engine: &mut Engine| {
            if no_transaction {
                engine.control_transaction("COMMIT")?;
                engine.run_script(sql.as_str())?;
                engine.control_transaction("BEGIN IMMEDIATE")?;
            } else {
                engine.run_script(sql.as_str())?;
            }
            engine.run_script(&note)
        };
        let done = self.with(run).await;
        done.map_err(|error| MigrateError::ExecuteMigration(error, version))?;
        Ok(began.elapsed())
    }
}

impl Migrate for SqliteConnection {
    fn create_schema_if_not_exists<'e>(&'e mut self, name: &'e str) -> BoxFuture<'e, Result<()>> {
        let refused = MigrateError::CreateSchemasNotSupported(name.to_owned());
        Box::pin(async move { Err(refused) })
    }

    fn ensure_migrations_table<'e>(&'e mut self, table: &'e str) -> BoxFuture<'e, Result<()>> {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                version BIGINT PRIMARY KEY,
                description TEXT NOT NULL,
                installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
                success BOOLEAN NOT NULL,
                checksum BLOB NOT NULL,
                execution_time BIGINT NOT NULL
            )"
        );
        Box::pin(async move {
            let created = self.with(move |engine| engine.run_script(&sql)).await;
            Ok(created?)
        })
    }

    fn dirty_version<'e>(&'e mut self, table: &'e str) -> BoxFuture<'e, Result<Option<i64>>> {
        let sql = format!("SELECT version FROM {table} WHERE success = 0 ORDER BY version LIMIT 1");
        Box::pin(async move {
            let read = move |engine: &mut Engine| engine.read_all(&sql, |row| row.get(0));
            Ok(self.with(read).await?.first().copied())
        })
    }

    fn list_applied_migrations<'e>(
        &'e mut self,
        table: &'e str,
    ) -> BoxFuture<'e, Result<Vec<AppliedMigration>>> {
        let sql = format!("SELECT version, checksum FROM {table} ORDER BY version");
        Box::pin(async move {
            let read = move |engine: &mut Engine| {
                engine.read_all(&sql, |row| {
                    Ok(AppliedMigration {
                        version: row.get(0)?,
                        checksum: row.get::<_, Vec<u8>>(1)?.into(),
                    })
                })
            };
            Ok(self.with(read).await?)
        })
    }

    /// Begins the transaction of all migrations: an update succeeds as a whole, or the database
    /// stays as it is when the connection is closed.
    fn lock(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            Ok(self
                .with(|engine| engine.control_transaction("BEGIN IMMEDIATE"))
                .await?)
        })
    }

    fn unlock(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            Ok(self
                .with(|engine| engine.control_transaction("COMMIT"))
                .await?)
        })
    }

    fn apply<'e>(
        &'e mut self,
        table: &'e str,
        migration: &'e Migration,
    ) -> BoxFuture<'e, Result<Duration>> {
        Box::pin(self.migrate(table, migration))
    }

    fn revert<'e>(
        &'e mut self,
        _: &'e str,
        migration: &'e Migration,
    ) -> BoxFuture<'e, Result<Duration>> {
        let version = migration.version;
        Box::pin(async move { Err(MigrateError::VersionNotPresent(version)) })
    }
}
