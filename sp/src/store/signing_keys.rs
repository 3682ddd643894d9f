//! The portal's own key pairs.

use super::row::from_row;
use super::{Db, Result};

/// A key pair.
#[derive(Clone)]
pub struct SigningKeyRow {
    /// Purpose of the key pair.
    pub id: String,
    /// Private key: PKCS#8, PEM.
    pub private_key: String,
    /// Public key, PEM: an X.509 certificate or a bare public key.
    pub certificate: String,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
}

from_row!(SigningKeyRow {
    id,
    private_key,
    certificate,
    created
});

/// Finds the key pair with this ID.
///
/// # Errors
/// When the database fails.
pub async fn find_by_id(db: &mut Db, id: &str) -> Result<Option<SigningKeyRow>> {
    Ok(sqlx::query_as("SELECT * FROM signing_keys WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(db)
        .await?)
}

/// Stores a key pair, unless another process has already stored one with
/// this ID.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &SigningKeyRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO signing_keys (id, private_key, certificate, created)
         VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
    )
    .bind(row.id.clone())
    .bind(row.private_key.clone())
    .bind(row.certificate.clone())
    .bind(row.created)
    .execute(db)
    .await?;
    Ok(())
}
