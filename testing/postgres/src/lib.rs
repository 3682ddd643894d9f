//! A throw-away PostgreSQL for tests. Development only: no party depends on it.
//!
//! [`fresh_database`] gives a test an empty database of its own. The server is
//! the one that `REHEARSAL_TEST_POSTGRES_URL` names; without that variable, each test
//! process starts one of its own, which takes one or two seconds. The command
//! `test-postgres CMD…` starts one server, runs CMD with the variable set, and
//! stops the server again.

mod database;
mod server;

pub use database::Database;
pub use server::{Server, StartError};

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The variable that names a running server: the URL of a database whose user
/// may create databases and roles.
pub const SERVER_URL: &str = "REHEARSAL_TEST_POSTGRES_URL";

/// The variable that chooses the database of the tests that run on both:
/// `sqlite` (the default) or `postgres`.
pub const TEST_DATABASE: &str = "REHEARSAL_TEST_DATABASE";

/// The server of this process, as long as one of its databases is in use.
static OWN: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// Whether the tests that run on both databases should run on PostgreSQL.
///
/// # Panics
/// When `REHEARSAL_TEST_DATABASE` is neither `sqlite` nor `postgres`.
pub fn is_chosen() -> bool {
    match std::env::var(TEST_DATABASE).as_deref() {
        Err(_) | Ok("" | "sqlite") => false,
        Ok("postgres") => true,
        Ok(other) => panic!("invalid {TEST_DATABASE}: expected sqlite or postgres, got {other:?}"),
    }
}

/// An empty database of this test's own. It is dropped with the returned value.
///
/// `None` when no server can be started here: then the test has nothing to run
/// on, and says "skipped" on stderr.
///
/// # Panics
/// When no server can be started although `CI` or `REHEARSAL_TEST_DATABASE=postgres`
/// is set: there a skipped test would pass for a green one. Also when the
/// server does not create the database.
#[allow(clippy::print_stderr)] // how a test says that it did not run
pub async fn fresh_database() -> Option<Database> {
    let server = match server() {
        Ok(server) => server,
        Err(error) => {
            let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
            assert!(!is_ci && !is_chosen(), "{error}");
            eprintln!("skipped: {error}");
            return None;
        }
    };
    match Database::create(server).await {
        Ok(database) => Some(database),
        Err(error) => panic!("cannot create a database for the test: {error}"),
    }
}

/// The server that tests use: the one named by the environment, or this
/// process's own.
///
/// # Errors
/// When there is none and none can be started.
pub fn server() -> Result<Arc<Server>, StartError> {
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = own.upgrade() {
        return Ok(server);
    }
    let server = match std::env::var(SERVER_URL) {
        Ok(url) if !url.is_empty() => Server::at(&url)?,
        _ => Server::start()?,
    };
    let server = Arc::new(server);
    *own = Arc::downgrade(&server);
    Ok(server)
}
