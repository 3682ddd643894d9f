//! The database of one test: SQLite in a temporary folder, or PostgreSQL if
//! `REHEARSAL_TEST_DATABASE=postgres` is set.

use std::path::Path;

/// A new empty database. Dropping the value deletes it.
pub(crate) struct TestDatabase {
    url: String,
    _postgres: Option<test_postgres::Database>,
    folder: tempfile::TempDir,
}

impl TestDatabase {
    /// Creates a database of the kind that the environment selects.
    pub(crate) async fn create() -> Self {
        if test_postgres::is_chosen() {
            Self::postgres().await.unwrap()
        } else {
            Self::sqlite()
        }
    }

    /// Creates an SQLite database, for tests that are specific to SQLite.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            url: format!("sqlite://{}/portal.db?mode=rwc", folder.path().display()),
            _postgres: None,
            folder,
        }
    }

    /// Creates a PostgreSQL database, for tests that are specific to it; `None`
    /// if it cannot be started on this machine.
    pub(crate) async fn postgres() -> Option<Self> {
        let postgres = test_postgres::fresh_database().await?;
        Some(Self {
            url: postgres.url().to_owned(),
            _postgres: Some(postgres),
            folder: tempfile::tempdir().unwrap(),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns a folder for other files of the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
