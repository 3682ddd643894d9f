//! SQLite for `sqlx::Any`: runs statements on the thread that calls.
//!
//! The driver of sqlx has a thread for each connection, and hands over each statement to it and
//! the result back, which wakes a thread twice: see docs/decisions/0011-cost-of-a-login.md. Here
//! a statement runs within the first poll of its future. Three cases would block a thread of the
//! runtime for too long:
//!
//! - A statement that was slow when it ran last runs on the threads for blocking work, and so
//!   does a commit that waited for the disk.
//! - If another process holds the lock of the database, the future waits and tries again.
//! - Closing a database may copy its write-ahead log, so it runs on the threads for blocking work.
//!
//! rusqlite does the calls; the rows, arguments and transactions are those of sqlx.

mod connection;
mod database;
mod engine;
mod error;
mod migrate;
mod pool;
mod template;

use std::sync::Once;

use sqlx_core::any::driver::{AnyDriver, install_drivers as install};

pub use connection::SqliteConnection;
pub use database::{Sqlite, SqliteOptions};
pub use error::SqliteError;
pub use pool::{Opening, Reader, Readers, Writer};
pub use template::{Content, Template};

/// The drivers: SQLite as in this module, and PostgreSQL.
static DRIVERS: [AnyDriver; 2] = [
    AnyDriver::without_migrate::<Sqlite>(),
    sqlx::postgres::any::DRIVER,
];

/// Makes the drivers for SQLite and PostgreSQL available to `sqlx::Any`. Call it before the first
/// connection; later calls do nothing.
pub fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if install(&DRIVERS).is_err() {
            // The program that embeds this crate has installed its own.
            tracing::warn!("cannot install the database drivers: others are installed already");
        }
    });
}
