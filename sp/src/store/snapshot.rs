//! Reads and replaces the whole database as JSON, for snapshot, restore and
//! reset of the control port.

use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Column as _, Row as _};

use super::{Db, Result, Store, StoreError};

/// All tables except the portal's own keys. The order is that of inserting:
/// referenced tables come first.
const TABLES: [&str; 27] = [
    "accounts",
    "social_identities",
    "social_logins",
    "business_accounts",
    "members",
    "tenants",
    "domains",
    "scim_tokens",
    "scim_issuers",
    "users",
    "user_emails",
    "deleted_users",
    "groups",
    "memberships",
    "asserted_roles",
    "license_keys",
    "subscriptions",
    "licenses",
    "devices",
    "sessions",
    "sso_requests",
    "activations",
    "logout_requests",
    "seen_assertions",
    "refusals",
    "audit",
    "scim_log",
];

/// Rows by table. A row is an object of its columns, without NULL values.
pub type Tables = Map<String, Value>;

impl Store {
    /// Returns all rows, read in one transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_snapshot(&self) -> Result<Tables> {
        let mut tx = self.write().await?;
        if self.is_postgres() {
            sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                .execute(&mut *tx)
                .await?;
        }
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

    /// Replaces all rows, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for an unknown table or an invalid column or
    /// value; an error of the database.
    pub async fn restore(&self, tables: &Tables) -> Result<()> {
        if let Some(unknown) = tables.keys().find(|it| !TABLES.contains(&it.as_str())) {
            return Err(damaged_row_error(
                "snapshot",
                unknown,
                "a table of this version",
            ));
        }
        let mut tx = self.write().await?;
        delete_all_rows(&mut tx).await?;
        for table in TABLES {
            let rows = tables.get(table).and_then(Value::as_array);
            for row in rows.into_iter().flatten() {
                put_in(&mut tx, table, row).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Deletes all rows, for the reset of the control port.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reset(&self) -> Result<()> {
        let mut tx = self.write().await?;
        delete_all_rows(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

async fn delete_all_rows(db: &mut Db) -> Result<()> {
    for table in TABLES.iter().rev() {
        let delete = format!("DELETE FROM {table}");
        sqlx::query(sqlx::AssertSqlSafe(delete))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Converts a row to JSON. The schema has only integers and text.
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
    let row = row.as_object();
    let row = row.ok_or_else(|| damaged_row_error(table, "a row", "an object of columns"))?;
    let mut names = Vec::with_capacity(row.len());
    for name in row.keys() {
        let is_name = name
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
        if !is_name || name.is_empty() {
            return Err(damaged_row_error(table, name, "a column's name"));
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
            _ => return Err(damaged_row_error(table, name, "text or a whole number")),
        };
    }
    query.execute(&mut *db).await?;
    Ok(())
}

fn damaged_row_error(table: &'static str, key: &str, expected: &'static str) -> StoreError {
    StoreError::Damaged {
        table,
        key: key.to_owned(),
        expected,
    }
}
