//! The database of one test: SQLite in a temporary folder, or PostgreSQL where
//! `REHEARSAL_TEST_DATABASE=postgres` asks for it.

use std::path::Path;

/// A database that is empty at first and is removed with the value.
pub(crate) struct TestDatabase {
    url: String,
    _postgres: Option<test_postgres::Database>,
    folder: tempfile::TempDir,
}

impl TestDatabase {
    /// A database of the kind that this run is for.
    pub(crate) async fn fresh() -> Self {
        if test_postgres::is_chosen() {
            Self::postgres().await.unwrap()
        } else {
            Self::sqlite()
        }
    }

    /// SQLite, for tests of what only SQLite has.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            url: format!("sqlite://{}/portal.db?mode=rwc", folder.path().display()),
            _postgres: None,
            folder,
        }
    }

    /// PostgreSQL, for tests of what only PostgreSQL has; `None` when it
    /// cannot be started here.
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

    /// A folder for the test's other files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
