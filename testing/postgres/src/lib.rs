//! Temporary PostgreSQL servers and databases for tests. Only tests depend on
//! this package.
//!
//! [`fresh_database`] returns a new empty database for one test. The server is
//! the one at the URL in `REHEARSAL_TEST_POSTGRES_URL`. Without that variable,
//! each test process starts its own server, which takes one or two seconds. The
//! command `test-postgres CMD…` starts one server, runs CMD with the variable
//! set, and stops the server afterwards.

mod database;
mod server;

pub use database::Database;
pub use server::{Server, StartError};

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Environment variable with the URL of a running server. The user must be
/// allowed to create databases and roles.
pub const SERVER_URL: &str = "REHEARSAL_TEST_POSTGRES_URL";

/// Environment variable that selects the database of tests that support both:
/// `sqlite` (the default) or `postgres`.
pub const TEST_DATABASE: &str = "REHEARSAL_TEST_DATABASE";

/// The server of this process. It stops when no database of it is in use.
static OWN: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// True if tests that support both databases must run on PostgreSQL.
///
/// # Panics
/// If `REHEARSAL_TEST_DATABASE` is neither `sqlite` nor `postgres`.
pub fn is_chosen() -> bool {
    match std::env::var(TEST_DATABASE).as_deref() {
        Err(_) | Ok("" | "sqlite") => false,
        Ok("postgres") => true,
        Ok(other) => panic!("invalid {TEST_DATABASE}: expected sqlite or postgres, got {other:?}"),
    }
}

/// Creates an empty database for one test. It is dropped with the
/// returned value.
///
/// Returns `None` and prints "skipped" on stderr if no server can be started on
/// this machine.
///
/// # Panics
/// If no server can be started although `CI` or
/// `REHEARSAL_TEST_DATABASE=postgres` is set, because a skipped test would
/// count as passed. Also if the server does not create the database.
#[allow(clippy::print_stderr)] // reports that the test did not run
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

/// Returns the server for tests: the one named by the environment, or this
/// process's own.
///
/// # Errors
/// If no server is named and none can be started.
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
