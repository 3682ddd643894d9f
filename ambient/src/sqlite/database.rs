//! The types that `sqlx` wants of a database. `sqlx::Any` reads the options and opens a connection;
//! it has rows, columns and values of its own, so those of this database cannot exist.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use log::LevelFilter;
use percent_encoding::percent_decode_str;
use rusqlite::OpenFlags;
use sqlx_core::any::{AnyConnectOptions, AnyConnectionBackend as _, AnyQueryResult};
use sqlx_core::arguments::{Arguments, IntoArguments};
use sqlx_core::column::{Column, ColumnIndex};
use sqlx_core::connection::{ConnectOptions, Connection, LogSettings};
use sqlx_core::database::Database;
use sqlx_core::encode::Encode;
use sqlx_core::error::{BoxDynError, Error};
use sqlx_core::row::Row;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::statement::Statement;
use sqlx_core::transaction::{Transaction, TransactionManager};
use sqlx_core::type_info::TypeInfo;
use sqlx_core::types::Type;
use sqlx_core::value::{Value, ValueRef};
use sqlx_core::{Either, impl_statement_query};
use url::Url;

use super::SqliteConnection;
use super::engine::{Engine, Place};
use crate::platform;

/// SQLite, as a database of `sqlx`.
#[derive(Debug)]
pub struct Sqlite;

impl Database for Sqlite {
    type Connection = SqliteConnection;
    type TransactionManager = Transactions;
    type Row = Never;
    type QueryResult = AnyQueryResult;
    type Column = Never;
    type TypeInfo = Never;
    type Value = Never;
    type ValueRef<'r> = Never;
    type Arguments = NoArguments;
    type ArgumentBuffer = ();
    type Statement = Never;
    const NAME: &'static str = "SQLite";
    const URL_SCHEMES: &'static [&'static str] = &["sqlite"];
}

/// Where a database is: `sqlite://PATH?mode=rwc`, with `ro` or `rw` (default) if the file must
/// exist, or `sqlite::memory:`. A further parameter, `vfs=NAME`, names SQLite's interface to the
/// operating system.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    url: Url,
    log: LogSettings,
}

impl SqliteOptions {
    /// Returns where the database is and how to open it.
    fn place(&self) -> Result<Place, Error> {
        let text = self.url.as_str();
        let text = text.strip_prefix("sqlite:").unwrap_or(text);
        let text = text.strip_prefix("//").unwrap_or(text);
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = percent_decode_str(platform::path_in_url(path))
            .decode_utf8()
            .map_err(|error| Error::Configuration(error.into()))?;
        let mut access = OpenFlags::SQLITE_OPEN_READ_WRITE;
        if path == ":memory:" {
            access |= OpenFlags::SQLITE_OPEN_MEMORY | OpenFlags::SQLITE_OPEN_CREATE;
        }
        let mut vfs = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            access = match (&*name, &*value) {
                ("vfs", _) => {
                    vfs = Some(value.into_owned());
                    access
                }
                ("mode", "ro") => OpenFlags::SQLITE_OPEN_READ_ONLY,
                ("mode", "rw") => OpenFlags::SQLITE_OPEN_READ_WRITE,
                ("mode", "rwc") => {
                    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
                }
                _ => {
                    let why = format!(
                        "invalid parameter {name}={value} of the database URL: expected mode=ro, mode=rw or mode=rwc"
                    );
                    return Err(Error::Configuration(why.into()));
                }
            };
        }
        // One thread at a time uses a connection, so SQLite needs no lock for it.
        Ok(Place {
            path: PathBuf::from(path.into_owned()),
            flags: access | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            vfs,
        })
    }
}

impl FromStr for SqliteOptions {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let url = text.parse();
        Self::from_url(&url.map_err(|error: url::ParseError| Error::Configuration(error.into()))?)
    }
}

impl TryFrom<&AnyConnectOptions> for SqliteOptions {
    type Error = Error;

    fn try_from(options: &AnyConnectOptions) -> Result<Self, Error> {
        Ok(Self {
            url: options.database_url.clone(),
            log: options.log_settings.clone(),
        })
    }
}

impl ConnectOptions for SqliteOptions {
    type Connection = SqliteConnection;

    fn from_url(url: &Url) -> Result<Self, Error> {
        Ok(Self {
            url: url.clone(),
            log: LogSettings::default(),
        })
    }

    fn to_url_lossy(&self) -> Url {
        self.url.clone()
    }

    async fn connect(&self) -> Result<SqliteConnection, Error> {
        let engine = Engine::open(&self.place()?)?;
        Ok(SqliteConnection::new(engine, self.log.clone()))
    }

    fn log_statements(mut self, level: LevelFilter) -> Self {
        self.log.log_statements(level);
        self
    }

    fn log_slow_statements(mut self, level: LevelFilter, duration: Duration) -> Self {
        self.log.log_slow_statements(level, duration);
        self
    }
}

impl Connection for SqliteConnection {
    type Database = Sqlite;
    type Options = SqliteOptions;

    async fn close(self) -> Result<(), Error> {
        Box::new(self).close().await
    }

    async fn close_hard(self) -> Result<(), Error> {
        Box::new(self).close().await
    }

    async fn ping(&mut self) -> Result<(), Error> {
        sqlx_core::any::AnyConnectionBackend::ping(self).await
    }

    async fn begin(&mut self) -> Result<Transaction<'_, Sqlite>, Error> {
        Transaction::begin(self, None).await
    }

    fn shrink_buffers(&mut self) {}

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn should_flush(&self) -> bool {
        false
    }
}

/// Transactions of [`SqliteConnection`].
#[derive(Debug)]
pub struct Transactions;

impl TransactionManager for Transactions {
    type Database = Sqlite;

    async fn begin(db: &mut SqliteConnection, statement: Option<SqlStr>) -> Result<(), Error> {
        sqlx_core::any::AnyConnectionBackend::begin(db, statement).await
    }

    async fn commit(db: &mut SqliteConnection) -> Result<(), Error> {
        db.commit().await
    }

    async fn rollback(db: &mut SqliteConnection) -> Result<(), Error> {
        db.rollback().await
    }

    fn start_rollback(db: &mut SqliteConnection) {
        db.start_rollback();
    }

    fn get_transaction_depth(db: &SqliteConnection) -> usize {
        sqlx_core::any::AnyConnectionBackend::get_transaction_depth(db)
    }
}

/// A row, column, value or statement of this database; there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Never(Infallible);

impl fmt::Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl TypeInfo for Never {
    fn is_null(&self) -> bool {
        match self.0 {}
    }

    fn name(&self) -> &str {
        match self.0 {}
    }
}

impl Column for Never {
    type Database = Sqlite;

    fn ordinal(&self) -> usize {
        match self.0 {}
    }

    fn name(&self) -> &str {
        match self.0 {}
    }

    fn type_info(&self) -> &Never {
        match self.0 {}
    }
}

impl Row for Never {
    type Database = Sqlite;

    fn columns(&self) -> &[Never] {
        match self.0 {}
    }

    fn try_get_raw<I: ColumnIndex<Self>>(&self, _: I) -> Result<Never, Error> {
        match self.0 {}
    }
}

impl Value for Never {
    type Database = Sqlite;

    fn as_ref(&self) -> Never {
        match self.0 {}
    }

    fn type_info(&self) -> Cow<'_, Never> {
        match self.0 {}
    }

    fn is_null(&self) -> bool {
        match self.0 {}
    }
}

impl ValueRef<'_> for Never {
    type Database = Sqlite;

    fn to_owned(&self) -> Never {
        match self.0 {}
    }

    fn type_info(&self) -> Cow<'_, Never> {
        match self.0 {}
    }

    fn is_null(&self) -> bool {
        match self.0 {}
    }
}

impl Statement for Never {
    type Database = Sqlite;

    fn into_sql(self) -> SqlStr {
        match self.0 {}
    }

    fn sql(&self) -> &SqlStr {
        match self.0 {}
    }

    fn parameters(&self) -> Option<Either<&[Never], usize>> {
        match self.0 {}
    }

    fn columns(&self) -> &[Never] {
        match self.0 {}
    }

    impl_statement_query!(NoArguments);
}

/// Arguments of a statement of this database; there are none.
#[derive(Debug, Default)]
pub struct NoArguments;

impl Arguments for NoArguments {
    type Database = Sqlite;

    fn reserve(&mut self, _: usize, _: usize) {}

    fn add<'t, T>(&mut self, _: T) -> Result<(), BoxDynError>
    where
        T: Encode<'t, Sqlite> + Type<Sqlite>,
    {
        Ok(())
    }

    fn len(&self) -> usize {
        0
    }
}

impl IntoArguments<Sqlite> for NoArguments {
    fn into_arguments(self) -> NoArguments {
        self
    }
}
