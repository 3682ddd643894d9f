//! Step 5: OAuth authorization servers whose access tokens the SCIM endpoint accepts beside the
//! bearer tokens of the step.

use super::changes::{note, require_entered_values};
use super::{By, ConfiguratorError};
use crate::Portal;
use crate::store::scim_issuers::ScimIssuerRow;
use crate::store::{self, Db, StoreError, to_microseconds};

/// An authorization server to be accepted.
#[derive(Debug, Clone)]
pub struct NewIssuer {
    /// Issuer identifier: the URL in `iss` of its tokens.
    pub issuer: String,
    /// Required audience of access tokens.
    pub audience: String,
    /// Clients whose tokens are accepted, by `client_id` or `sub`.
    pub clients: Vec<String>,
    /// Required scope.
    pub scope: Option<String>,
}

/// Returns the accepted authorization servers of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &mut Db, tenant_id: &str) -> Result<Vec<ScimIssuerRow>, StoreError> {
    store::scim_issuers::list_by_tenant(db, tenant_id).await
}

/// Returns the clients of an authorization server.
pub fn clients(row: &ScimIssuerRow) -> Vec<String> {
    serde_json::from_str(&row.clients).unwrap_or_default()
}

/// Checks what was entered: one error for each wrong field.
fn check(new: &NewIssuer) -> Result<(), ConfiguratorError> {
    let is_issuer = url::Url::parse(&new.issuer).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let mut errors = Vec::new();
    if !is_issuer {
        errors.push(ConfiguratorError::InvalidUrl {
            what: "issuer",
            value: new.issuer.clone(),
            expected: "expected the issuer of the authorization server, an http or https URL without query and fragment (RFC 8414 §2)",
        });
    }
    if new.audience.is_empty() {
        errors.push(ConfiguratorError::IssuerIncomplete("audience"));
    }
    // Without it, every client of a shared authorization server could write into the directory.
    if new.clients.is_empty() || new.clients.iter().any(String::is_empty) {
        errors.push(ConfiguratorError::IssuerIncomplete("clients"));
    }
    super::all_of(errors)
}

/// Accepts access tokens of an authorization server.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn add(
    portal: &Portal,
    by: By<'_>,
    new: NewIssuer,
) -> Result<ScimIssuerRow, ConfiguratorError> {
    check(&new)?;
    let mut tx = portal.store.write().await?;
    let entered = require_entered_values(&mut tx, by.business_id).await?;
    let row = ScimIssuerRow {
        id: portal.ambient.rng().uuid().to_string(),
        tenant_id: entered.tenant.id,
        issuer: new.issuer,
        audience: new.audience,
        clients: serde_json::json!(new.clients).to_string(),
        scope: new.scope.filter(|scope| !scope.is_empty()),
        created: to_microseconds(portal.now()),
    };
    if !store::scim_issuers::insert(&mut tx, &row).await? {
        return Err(ConfiguratorError::IssuerEntered(row.issuer));
    }
    let detail = format!("audience {}, clients {}", row.audience, row.clients);
    let action = "scim-issuer-added";
    note(portal, &mut tx, by, action, &row.issuer, &detail).await?;
    tx.commit().await?;
    Ok(row)
}

/// Stops accepting access tokens of an authorization server, at once.
///
/// # Errors
/// [`ConfiguratorError::NoSuchIssuer`].
pub async fn remove(portal: &Portal, by: By<'_>, id: &str) -> Result<(), ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let entered = require_entered_values(&mut tx, by.business_id).await?;
    let known = list(&mut tx, &entered.tenant.id).await?;
    let row = known.into_iter().find(|row| row.id == id);
    let row = row.ok_or_else(|| ConfiguratorError::NoSuchIssuer(id.to_owned()))?;
    store::scim_issuers::delete(&mut tx, &row.tenant_id, id).await?;
    note(portal, &mut tx, by, "scim-issuer-removed", &row.issuer, "").await?;
    tx.commit().await?;
    Ok(())
}
