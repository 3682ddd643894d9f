//! The synchronous part: one open database, its prepared statements, and their rows.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, OpenFlags, Row, Statement};
use sqlx_core::Either;
use sqlx_core::any::{
    AnyArguments, AnyColumn, AnyQueryResult, AnyRow, AnyTypeInfo, AnyTypeInfoKind, AnyValue,
    AnyValueKind,
};
use sqlx_core::error::Error;
use sqlx_core::ext::ustr::UStr;
use sqlx_core::sql_str::SqlStr;

use super::error::from_rusqlite;

/// Largest number of prepared statements of a connection; that of sqlx.
const PREPARED: usize = 100;
/// Largest number of remembered [`Shape`]s. SCIM filters create statements without limit, so all
/// shapes are forgotten when this number is reached.
const SHAPES: usize = 1000;
/// A statement that takes longer runs on the threads for blocking work from then on. Handing it
/// over takes about a twentieth of this.
const SLOW: Duration = Duration::from_millis(1);
/// The same for a commit: the disk does the work, so a thread of the runtime would wait idly.
const SLOW_COMMIT: Duration = Duration::from_micros(200);

/// A row, or the end of a statement.
pub(super) type Step = Either<AnyQueryResult, AnyRow>;

/// A statement to run.
pub(super) struct Request {
    pub(super) sql: SqlStr,
    /// `None` for a script, which may contain several statements.
    pub(super) arguments: Option<AnyArguments>,
    /// True if the prepared statement is kept for the next time.
    pub(super) is_kept: bool,
    /// Largest number of rows.
    pub(super) limit: usize,
}

/// What is remembered of an SQL statement after its first run.
#[derive(Debug)]
struct Shape {
    /// For each parameter, the place of its argument: `$2` is 1.
    arguments: Vec<usize>,
    columns: Vec<AnyColumn>,
    names: Arc<sqlx_core::HashMap<UStr, usize>>,
    /// True if the last run took longer than [`SLOW`].
    is_slow: AtomicBool,
}

/// Where a database is, and how to open it.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) flags: OpenFlags,
    /// SQLite's interface to the operating system; `None` for the usual one.
    pub(super) vfs: Option<String>,
}

/// An open database.
#[derive(Debug)]
pub(super) struct Engine {
    database: Connection,
    // Its hash function takes a tenth of the time of the standard library's.
    shapes: sqlx_core::HashMap<String, Arc<Shape>>,
    /// Time that the last commit took.
    commit: Duration,
}

impl Engine {
    /// Opens a database file, or a database in memory.
    pub(super) fn open(place: &Place) -> Result<Self, Error> {
        let (path, flags) = (&place.path, place.flags);
        let database = match place.vfs.as_deref() {
            Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
            None => Connection::open_with_flags(path, flags),
        };
        let database = database.map_err(from_rusqlite)?;
        database.set_prepared_statement_cache_capacity(PREPARED);
        // The future waits, not the thread: see `connection`.
        database
            .busy_timeout(Duration::ZERO)
            .map_err(from_rusqlite)?;
        database
            .execute_batch("PRAGMA foreign_keys = ON")
            .map_err(from_rusqlite)?;
        Ok(Self {
            database,
            shapes: sqlx_core::HashMap::default(),
            commit: Duration::ZERO,
        })
    }

    /// True if no transaction is open.
    pub(super) fn is_autocommit(&self) -> bool {
        self.database.is_autocommit()
    }

    /// True if the last run of this statement was slow.
    pub(super) fn is_slow(&self, sql: &str) -> bool {
        let shape = self.shapes.get(sql);
        shape.is_some_and(|shape| shape.is_slow.load(Ordering::Relaxed))
    }

    /// True if the last commit waited for the disk.
    pub(super) fn is_commit_slow(&self) -> bool {
        self.commit > SLOW_COMMIT
    }

    /// Number of SQL statements whose parameters, columns and speed are remembered: the length of
    /// `shapes`.
    pub(super) fn known_statements(&self) -> usize {
        self.shapes.len()
    }

    /// Forgets all prepared statements.
    pub(super) fn forget_statements(&mut self) {
        self.database.flush_prepared_statement_cache();
        self.shapes.clear();
    }

    /// Runs a statement that begins, ends or divides a transaction.
    pub(super) fn control_transaction(&mut self, sql: &str) -> Result<(), Error> {
        let mut statement = self.database.prepare_cached(sql).map_err(from_rusqlite)?;
        statement.raw_execute().map_err(from_rusqlite)?;
        Ok(())
    }

    /// Commits the transaction, and remembers how long it took.
    pub(super) fn commit(&mut self, sql: &str) -> Result<(), Error> {
        let began = Instant::now();
        let committed = self.control_transaction(sql);
        self.commit = began.elapsed();
        committed
    }

    /// Runs all statements of a script without returning rows.
    pub(super) fn run_script(&mut self, sql: &str) -> Result<(), Error> {
        self.database.execute_batch(sql).map_err(from_rusqlite)
    }

    /// Returns what `read` makes of the rows of a query without arguments.
    pub(super) fn read_all<T>(
        &mut self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.database.prepare(sql).map_err(from_rusqlite)?;
        let rows = statement.query_map((), read).map_err(from_rusqlite)?;
        rows.collect::<Result<_, _>>().map_err(from_rusqlite)
    }

    /// Runs a request. Returns the rows, and one result for each statement that ended.
    pub(super) fn run(&mut self, request: &Request) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        let sql = request.sql.as_str();
        let Some(arguments) = &request.arguments else {
            let mut batch = Batch::new(&self.database, sql);
            while let Some(mut statement) = batch.next().map_err(from_rusqlite)? {
                let shape = Shape::of(&statement)?;
                let (mut some, _) = self.step(&mut statement, &shape, request.limit)?;
                steps.append(&mut some);
            }
            return Ok(steps);
        };
        let began = Instant::now();
        let mut kept;
        let mut single;
        let statement: &mut Statement<'_> = if request.is_kept {
            kept = self.database.prepare_cached(sql).map_err(from_rusqlite)?;
            &mut kept
        } else {
            single = self.database.prepare(sql).map_err(from_rusqlite)?;
            &mut single
        };
        let known = self.shapes.get(sql);
        let shape = match known {
            Some(shape) => Arc::clone(shape),
            None => {
                let shape = Arc::new(Shape::of(statement)?);
                if self.shapes.len() >= SHAPES {
                    self.shapes.clear();
                }
                self.shapes.insert(sql.to_owned(), Arc::clone(&shape));
                shape
            }
        };
        bind(statement, &shape, arguments)?;
        let stepped = self.step(statement, &shape, request.limit);
        shape
            .is_slow
            .store(began.elapsed() > SLOW, Ordering::Relaxed);
        let (steps, fits) = stepped?;
        if !fits {
            self.shapes.remove(sql);
        }
        Ok(steps)
    }

    /// Steps to the end. Also returns whether it was the shape of this statement.
    fn step(
        &self,
        statement: &mut Statement<'_>,
        shape: &Shape,
        limit: usize,
    ) -> Result<(Vec<Step>, bool), Error> {
        let mut steps = Vec::new();
        let changes = !statement.readonly();
        let mut new_shape = None;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(from_rusqlite)? {
            // After a migration, `SELECT *` has other columns. SQLite notices it at the first step.
            if steps.is_empty() && !shape.fits(row.as_ref()) {
                new_shape = Some(Shape::of(row.as_ref())?);
            }
            let shape = new_shape.as_ref().unwrap_or(shape);
            steps.push(Either::Right(shape.row(row)?));
            if steps.len() == limit {
                return Ok((steps, new_shape.is_none()));
            }
        }
        drop(rows);
        let rows_affected = if changes { self.database.changes() } else { 0 };
        steps.push(Either::Left(AnyQueryResult {
            rows_affected,
            last_insert_id: None,
        }));
        Ok((steps, new_shape.is_none()))
    }
}

/// Binds the arguments. A parameter without an argument is NULL, as SQLite does it.
fn bind(
    statement: &mut Statement<'_>,
    shape: &Shape,
    arguments: &AnyArguments,
) -> Result<(), Error> {
    let values = &arguments.values.0;
    for (parameter, &argument) in (1..).zip(&shape.arguments) {
        let Some(value) = values.get(argument) else {
            continue;
        };
        let bound = match value {
            AnyValueKind::Null(_) => statement.raw_bind_parameter(parameter, rusqlite::types::Null),
            AnyValueKind::Bool(value) => statement.raw_bind_parameter(parameter, value),
            AnyValueKind::SmallInt(value) => statement.raw_bind_parameter(parameter, value),
            AnyValueKind::Integer(value) => statement.raw_bind_parameter(parameter, value),
            AnyValueKind::BigInt(value) => statement.raw_bind_parameter(parameter, value),
            AnyValueKind::Real(value) => statement.raw_bind_parameter(parameter, value),
            AnyValueKind::Double(value) => statement.raw_bind_parameter(parameter, value),
            AnyValueKind::Text(value) => statement.raw_bind_parameter(parameter, value.as_str()),
            AnyValueKind::TextSlice(value) => statement.raw_bind_parameter(parameter, &**value),
            AnyValueKind::Blob(value) => statement.raw_bind_parameter(parameter, value.as_slice()),
            other => {
                return Err(Error::Protocol(format!(
                    "SQLite has no type for the argument {other:?}"
                )));
            }
        };
        bound.map_err(from_rusqlite)?;
    }
    Ok(())
}

impl Shape {
    fn of(statement: &Statement<'_>) -> Result<Self, Error> {
        let mut unnamed = 0;
        let arguments = (1..=statement.parameter_count()).map(|parameter| {
            let Some(name) = statement.parameter_name(parameter) else {
                unnamed += 1;
                return Ok(unnamed - 1);
            };
            // SQLite reads `$2` as a name. The place is its number, as on PostgreSQL.
            let number = name.get(1..).and_then(|number| number.parse().ok());
            number
                .and_then(|number: usize| number.checked_sub(1))
                .ok_or_else(|| {
                    Error::Protocol(format!(
                        "invalid parameter {name}: expected a number from 1"
                    ))
                })
        });
        let arguments = arguments.collect::<Result<_, _>>()?;
        let names = statement.column_names();
        let columns = names.iter().enumerate().map(|(ordinal, name)| AnyColumn {
            ordinal,
            name: UStr::new(name),
            // SQLite has types for values only.
            type_info: AnyTypeInfo {
                kind: AnyTypeInfoKind::Null,
            },
        });
        let columns: Vec<_> = columns.collect();
        let names = columns.iter().map(|it| (it.name.clone(), it.ordinal));
        Ok(Self {
            arguments,
            names: Arc::new(names.collect()),
            columns,
            is_slow: AtomicBool::new(false),
        })
    }

    /// True if it is the shape of this statement.
    fn fits(&self, statement: &Statement<'_>) -> bool {
        let has_name = |column: &AnyColumn| {
            let name = statement.column_name(column.ordinal);
            name.is_ok_and(|name| name == &*column.name)
        };
        statement.column_count() == self.columns.len() && self.columns.iter().all(has_name)
    }

    fn row(&self, row: &Row<'_>) -> Result<AnyRow, Error> {
        let values = (0..self.columns.len()).map(|ordinal| {
            let kind = match row.get_ref(ordinal).map_err(from_rusqlite)? {
                ValueRef::Null => AnyValueKind::Null(AnyTypeInfoKind::Null),
                ValueRef::Integer(value) => AnyValueKind::BigInt(value),
                ValueRef::Real(value) => AnyValueKind::Double(value),
                ValueRef::Text(text) => {
                    let text = String::from_utf8(text.to_vec());
                    AnyValueKind::Text(Arc::new(
                        text.map_err(|error| self.decode_error(ordinal, error))?,
                    ))
                }
                ValueRef::Blob(bytes) => AnyValueKind::Blob(Arc::new(bytes.to_vec())),
            };
            Ok(AnyValue { kind })
        });
        Ok(AnyRow {
            column_names: Arc::clone(&self.names),
            values: values.collect::<Result<_, Error>>()?,
            columns: self.columns.clone(),
        })
    }

    fn decode_error(&self, ordinal: usize, error: std::string::FromUtf8Error) -> Error {
        Error::ColumnDecode {
            index: self.columns[ordinal].name.to_string(),
            source: error.into(),
        }
    }
}
