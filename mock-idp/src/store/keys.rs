//! Database: signing keys with their certificates.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, Result, instant, to_microseconds};

/// A stored key pair.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub environment: String,
    pub id: String,
    pub name: String,
    pub is_default: bool,
    /// Private key, PKCS#8 in PEM.
    pub pkcs8: String,
    /// Certificate in PEM.
    pub certificate: String,
    /// `SIGNING` or `ENCRYPTION`.
    pub purpose: String,
    pub created_at: Timestamp,
    /// Place in the list; later keys have greater ones.
    pub place: i64,
}

fn read(row: &AnyRow) -> Result<KeyRow> {
    Ok(KeyRow {
        environment: row.try_get("environment")?,
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        is_default: row.try_get::<i64, _>("is_default")? != 0,
        pkcs8: row.try_get("pkcs8")?,
        certificate: row.try_get("certificate")?,
        purpose: row.try_get("purpose")?,
        place: row.try_get("place")?,
        created_at: instant(row.try_get("created_at")?),
    })
}

/// Stores a key. If it is the default, the former default key no longer is.
pub(crate) async fn add(db: &mut Db, key: &KeyRow) -> Result<()> {
    if key.is_default {
        sqlx::query("UPDATE signing_keys SET is_default = 0 WHERE environment = $1")
            .bind(&key.environment)
            .execute(&mut *db)
            .await?;
    }
    sqlx::query(
        "INSERT INTO signing_keys (environment, id, name, is_default, pkcs8, certificate, purpose, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&key.environment)
    .bind(&key.id)
    .bind(&key.name)
    .bind(i64::from(key.is_default))
    .bind(&key.pkcs8)
    .bind(&key.certificate)
    .bind(&key.purpose)
    .bind(to_microseconds(key.created_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a key the default of the environment. Returns false if there is no such key.
pub(crate) async fn make_default(db: &mut Db, environment: &str, id: &str) -> Result<bool> {
    if get(db, environment, id).await?.is_none() {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE signing_keys SET is_default = CASE WHEN id = $2 THEN 1 ELSE 0 END
         WHERE environment = $1",
    )
    .bind(environment)
    .bind(id)
    .execute(db)
    .await?;
    Ok(true)
}

/// Changes the `usageType` of a key.
pub(crate) async fn set_purpose(
    db: &mut Db,
    environment: &str,
    id: &str,
    purpose: &str,
) -> Result<()> {
    sqlx::query("UPDATE signing_keys SET purpose = $3 WHERE environment = $1 AND id = $2")
        .bind(environment)
        .bind(id)
        .bind(purpose)
        .execute(db)
        .await?;
    Ok(())
}

/// Returns the key with this id.
pub(crate) async fn get(db: &mut Db, environment: &str, id: &str) -> Result<Option<KeyRow>> {
    sqlx::query("SELECT rowid AS place, * FROM signing_keys WHERE environment = $1 AND id = $2")
        .bind(environment)
        .bind(id)
        .fetch_optional(db)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// Returns the keys of an environment, the oldest first.
pub(crate) async fn list(db: &mut Db, environment: &str) -> Result<Vec<KeyRow>> {
    sqlx::query("SELECT rowid AS place, * FROM signing_keys WHERE environment = $1 ORDER BY rowid")
        .bind(environment)
        .fetch_all(db)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Deletes a key. Returns false if there was none.
pub(crate) async fn delete(db: &mut Db, environment: &str, id: &str) -> Result<bool> {
    let gone = sqlx::query("DELETE FROM signing_keys WHERE environment = $1 AND id = $2")
        .bind(environment)
        .bind(id)
        .execute(db)
        .await?;
    Ok(gone.rows_affected() > 0)
}
