//! Who calls the SCIM endpoint: a client with a bearer token of step 5, or one with an access token
//! of an accepted authorization server.

use super::issuer_token::TokenRefusal;
use super::scim::{self, ScimAccess};
use super::scim_access_token;
use crate::Portal;
use crate::store::StoreError;

/// Authenticates the token of a SCIM request. `None` if it is unknown, expired or of another
/// tenant, or SCIM support is off.
///
/// # Errors
/// When the database fails.
pub async fn authenticate(
    portal: &Portal,
    tenant_id: &str,
    token: &str,
) -> Result<Option<Result<ScimAccess, TokenRefusal>>, StoreError> {
    if scim_access_token::is_jwt(token) {
        return scim_access_token::authenticate(portal, tenant_id, token).await;
    }
    Ok(scim::authenticate(portal, tenant_id, token).await?.map(Ok))
}
