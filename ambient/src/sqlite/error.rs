//! Errors of SQLite as `sqlx` shows them.

use std::borrow::Cow;
use std::error::Error as StdError;

use rusqlite::ffi;
use sqlx_core::error::{DatabaseError, Error, ErrorKind};

/// An error that SQLite returned.
#[derive(Debug, thiserror::Error)]
#[error("(code: {code}) {message}")]
pub struct SqliteError {
    /// Extended result code.
    code: i32,
    message: String,
}

impl SqliteError {
    /// True if another process holds the lock of the database.
    pub(super) fn is_busy(&self) -> bool {
        self.code & 0xff == ffi::SQLITE_BUSY
    }
}

/// True if another process holds the lock of the database.
pub(super) fn is_busy(error: &Error) -> bool {
    let known = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<SqliteError>());
    known.is_some_and(SqliteError::is_busy)
}

/// Converts an error of rusqlite.
pub(super) fn from_rusqlite(error: rusqlite::Error) -> Error {
    let (code, message) = match error {
        rusqlite::Error::SqliteFailure(error, message) => (error, message),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, Some(msg)),
        other => return Error::Protocol(other.to_string()),
    };
    SqliteError {
        code: code.extended_code,
        message: message.unwrap_or_else(|| code.to_string()),
    }
    .into()
}

impl DatabaseError for SqliteError {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        match self.code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                ErrorKind::UniqueViolation
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
            ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
            ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}
