//! Access tokens of OAuth authorization servers at the SCIM endpoint (RFC 9068).

use super::issuer_token::{self, Kind, TokenRefusal};
use super::scim::ScimAccess;
use super::scim_issuers::clients;
use crate::Portal;
use crate::store::scim_issuers::ScimIssuerRow;
use crate::store::{self, StoreError};

/// Access tokens: the type of RFC 9068, and that of issuers which do not know it.
const ACCESS_TOKENS: Kind = Kind {
    types: &["at+jwt", "application/at+jwt", "jwt"],
    types_text: "at+jwt or JWT",
};

/// True if the token may be a JWT. The bearer tokens of step 5 contain no dot.
pub(super) fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3
}

/// Verifies an access token of an accepted issuer: its audience, its client and its scope, too.
async fn verify(
    portal: &Portal,
    accepted: &[ScimIssuerRow],
    token: &str,
) -> Result<(), TokenRefusal> {
    let verified = issuer_token::verify(portal, accepted, token, &ACCESS_TOKENS).await?;
    let (row, claims) = (verified.issuer, &verified.claims);
    verified.require_audience(&row.audience)?;
    let clients = clients(row);
    let client = claims.client_id.as_ref().unwrap_or(&claims.sub);
    if !clients.contains(client) && !clients.contains(&claims.sub) {
        return Err(TokenRefusal::Client(client.chars().take(200).collect()));
    }
    let scopes = claims.scope.as_deref().unwrap_or_default();
    match &row.scope {
        Some(scope) if !scopes.split(' ').any(|one| one == scope) => {
            Err(TokenRefusal::Scope(scope.clone()))
        }
        _ => Ok(()),
    }
}

/// Authenticates an access token of an authorization server. Writes the reason of a refusal to
/// the audit log. `None` if there is no such tenant, or SCIM support is off.
///
/// # Errors
/// When the database fails.
pub(super) async fn authenticate(
    portal: &Portal,
    tenant_id: &str,
    token: &str,
) -> Result<Option<Result<ScimAccess, TokenRefusal>>, StoreError> {
    let mut db = portal.store.read().await?;
    let tenant = store::tenants::find_by_id(&mut db, tenant_id).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.scim_enabled == 1) else {
        return Ok(None);
    };
    let accepted = store::scim_issuers::list_by_tenant(&mut db, tenant_id).await?;
    drop(db);
    let Err(refusal) = verify(portal, &accepted, token).await else {
        return Ok(Some(Ok(ScimAccess {
            base_url: portal.service_provider(&tenant.id).scim_base_url,
            rules: super::scim::rules(&tenant),
            tenant_id: tenant.id,
            business_id: tenant.business_id,
        })));
    };
    let refused = ("SCIM client", "scim-access-token-refused");
    issuer_token::note_refusal(portal, &tenant, refused, &refusal).await?;
    Ok(Some(Err(refusal)))
}
