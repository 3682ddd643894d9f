//! Database: exports all data as JSON and restores it, for the control port's snapshot, restore
//! and reset.

use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Column as _, Row as _};

use super::{Db, Result, Store, StoreError};

/// All tables.
const TABLES: [&str; 15] = [
    "resources",
    "users",
    "memberships",
    "signing_keys",
    "sessions",
    "participants",
    "flows",
    "logouts",
    "seen_messages",
    "sync_jobs",
    "synced",
    "sync_pauses",
    "worker_tokens",
    "client_assertions",
    "console_sessions",
];

/// The rows of each table. A row is a JSON object with the columns that are not NULL.
pub(crate) type Tables = Map<String, Value>;

impl Store {
    /// Returns all rows, read in one transaction.
    pub(crate) async fn read_tables(&self) -> Result<Tables> {
        let mut tx = self.write().await?;
        let mut tables = Tables::new();
        for table in TABLES {
            let select = format!("SELECT * FROM {table}");
            let rows = sqlx::query(sqlx::AssertSqlSafe(select))
                .fetch_all(&mut *tx)
                .await?;
            let rows: Result<Vec<Value>> = rows.iter().map(object).collect();
            tables.insert(table.to_owned(), rows?.into());
        }
        Ok(tables)
    }

    /// Replaces all rows by these, in one transaction.
    pub(crate) async fn restore(&self, tables: &Tables) -> Result<()> {
        if let Some(unknown) = tables.keys().find(|it| !TABLES.contains(&it.as_str())) {
            return Err(StoreError::SnapshotTable(unknown.clone()));
        }
        let mut tx = self.write().await?;
        delete_all_rows(&mut tx).await?;
        for table in TABLES {
            let rows = tables.get(table).and_then(Value::as_array);
            for row in rows.into_iter().flatten() {
                put_in(&mut tx, table, row).await?;
            }
        }
        tx.commit().await
    }

    /// Deletes all rows: the control port's reset.
    pub(crate) async fn reset(&self) -> Result<()> {
        let mut tx = self.write().await?;
        delete_all_rows(&mut tx).await?;
        tx.commit().await
    }
}

async fn delete_all_rows(db: &mut Db) -> Result<()> {
    for table in TABLES {
        let delete = format!("DELETE FROM {table}");
        sqlx::query(sqlx::AssertSqlSafe(delete))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Converts a row to JSON. The schema has integers and text only.
fn object(row: &AnyRow) -> Result<Value> {
    let mut object = Map::new();
    for column in row.columns() {
        let name = column.name();
        let value = match row.try_get::<Option<i64>, _>(name) {
            Ok(number) => number.map(Value::from),
            Err(_) => row.try_get::<Option<String>, _>(name)?.map(Value::from),
        };
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    }
    Ok(object.into())
}

async fn put_in(db: &mut Db, table: &'static str, row: &Value) -> Result<()> {
    let row = row.as_object().ok_or_else(|| {
        damaged_row_error(table, "a row".to_owned(), "a JSON object", json_type(row))
    })?;
    let mut names = Vec::with_capacity(row.len());
    for name in row.keys() {
        let is_name = name
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
        if !is_name || name.is_empty() {
            return Err(damaged_row_error(
                table,
                "the name of a column".to_owned(),
                "lower-case letters, digits and `_`",
                &format!("`{name}`"),
            ));
        }
        names.push(name.as_str());
    }
    let places: Vec<String> = (1..=names.len()).map(|at| format!("${at}")).collect();
    let insert = format!(
        "INSERT INTO {table} ({}) VALUES ({})",
        names.join(", "),
        places.join(", ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(insert));
    for (name, value) in row {
        query = match value {
            Value::String(text) => query.bind(text.clone()),
            Value::Number(number) if number.is_i64() => query.bind(number.as_i64()),
            _ => {
                let key = format!("column `{name}`");
                return Err(damaged_row_error(
                    table,
                    key,
                    "a string or an integer",
                    json_type(value),
                ));
            }
        };
    }
    query.execute(&mut *db).await?;
    Ok(())
}

fn damaged_row_error(
    table: &'static str,
    key: String,
    expected: &'static str,
    got: &str,
) -> StoreError {
    StoreError::Snapshot {
        table,
        key,
        expected,
        got: got.to_owned(),
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_i64() => "an integer",
        Value::Number(_) => "another number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
