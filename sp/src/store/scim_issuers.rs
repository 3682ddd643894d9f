//! OAuth authorization servers whose access tokens a tenant's SCIM endpoint accepts.

use super::row::from_row;
use super::{Db, Result};

/// An authorization server of a tenant.
#[derive(Debug, Clone)]
pub struct ScimIssuerRow {
    /// ID for URLs.
    pub id: String,
    /// The tenant.
    pub tenant_id: String,
    /// Issuer identifier (RFC 8414 §2).
    pub issuer: String,
    /// Required audience of access tokens.
    pub audience: String,
    /// Clients whose tokens are accepted, as a JSON array.
    pub clients: String,
    /// Required scope.
    pub scope: Option<String>,
    /// Creation time, in microseconds since the Unix epoch.
    pub created: i64,
}

from_row!(ScimIssuerRow {
    id,
    tenant_id,
    issuer,
    audience,
    clients,
    scope,
    created,
});

/// Stores an authorization server. Returns false if the tenant has it already.
///
/// # Errors
/// When the database fails.
pub async fn insert(db: &mut Db, row: &ScimIssuerRow) -> Result<bool> {
    let added = sqlx::query(
        "INSERT INTO scim_issuers (id, tenant_id, issuer, audience, clients, scope, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(row.id.clone())
    .bind(row.tenant_id.clone())
    .bind(row.issuer.clone())
    .bind(row.audience.clone())
    .bind(row.clients.clone())
    .bind(row.scope.clone())
    .bind(row.created)
    .execute(db)
    .await?;
    Ok(added.rows_affected() > 0)
}

/// Returns the authorization servers of a tenant, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_by_tenant(db: &mut Db, tenant_id: &str) -> Result<Vec<ScimIssuerRow>> {
    Ok(
        sqlx::query_as("SELECT * FROM scim_issuers WHERE tenant_id = $1 ORDER BY created, id")
            .bind(tenant_id.to_owned())
            .fetch_all(db)
            .await?,
    )
}

/// Deletes an authorization server of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn delete(db: &mut Db, tenant_id: &str, id: &str) -> Result<()> {
    sqlx::query("DELETE FROM scim_issuers WHERE tenant_id = $1 AND id = $2")
        .bind(tenant_id.to_owned())
        .bind(id.to_owned())
        .execute(db)
        .await?;
    Ok(())
}
