//! Signing keys with their certificates.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Db, Result, instant, stored};

/// A key pair as stored.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub environment: String,
    pub id: String,
    pub name: String,
    pub is_default: bool,
    /// The private key, PKCS#8 in PEM.
    pub pkcs8: String,
    /// The certificate, PEM.
    pub certificate: String,
    /// `SIGNING` or `ENCRYPTION`.
    pub purpose: String,
    pub created_at: Timestamp,
    /// The place in the list: later ones are greater.
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

/// Adds a key. A new default takes the place of the former one.
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
    .bind(stored(key.created_at))
    .execute(db)
    .await?;
    Ok(())
}

/// Makes the key the environment's default; whether there is such a key.
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

/// Changes what a key is for.
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

/// The key with that id.
pub(crate) async fn get(db: &mut Db, environment: &str, id: &str) -> Result<Option<KeyRow>> {
    sqlx::query("SELECT rowid AS place, * FROM signing_keys WHERE environment = $1 AND id = $2")
        .bind(environment)
        .bind(id)
        .fetch_optional(db)
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The environment's keys, the eldest first.
pub(crate) async fn list(db: &mut Db, environment: &str) -> Result<Vec<KeyRow>> {
    sqlx::query("SELECT rowid AS place, * FROM signing_keys WHERE environment = $1 ORDER BY rowid")
        .bind(environment)
        .fetch_all(db)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Removes a key; whether it was there.
pub(crate) async fn delete(db: &mut Db, environment: &str, id: &str) -> Result<bool> {
    let gone = sqlx::query("DELETE FROM signing_keys WHERE environment = $1 AND id = $2")
        .bind(environment)
        .bind(id)
        .execute(db)
        .await?;
    Ok(gone.rows_affected() > 0)
}
