//! Step 5, Configure SCIM integration (G-12).

use super::entering::{begun, change, note};
use super::{By, ConfiguratorError, Entered, Step};
use crate::Portal;
use crate::store::tenants::TokenRow;
use crate::store::{self, StoreError, fingerprint, instant, stored};

pub(super) fn missing(entered: &Entered) -> Vec<String> {
    if entered.tenant.scim_enabled == 0 {
        return Vec::new();
    }
    let mut missing = Vec::new();
    if entered.token.is_none() {
        missing.push("make the bearer token and copy it to the IdP".to_owned());
    }
    if entered.tenant.scim_done == 0 {
        missing.push("confirm that the configuration in the IdP Directory is done".to_owned());
    }
    missing
}

/// Switches SCIM support, and confirms what was done in the IdP.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn enter(
    portal: &Portal,
    by: By<'_>,
    enabled: Option<bool>,
    done: Option<bool>,
) -> Result<Entered, ConfiguratorError> {
    let detail = format!("enabled: {enabled:?}, done: {done:?}");
    change(portal, by, Step::Scim, &detail, |tenant| {
        if let Some(enabled) = enabled {
            tenant.scim_enabled = i64::from(enabled);
        }
        if let Some(done) = done {
            tenant.scim_done = i64::from(done);
        }
    })
    .await
}

/// Makes a bearer token; only its hash is kept. A former one goes on working
/// for the overlap.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn new_token(portal: &Portal, by: By<'_>) -> Result<String, ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let entered = begun(&mut tx, by.business_id).await?;
    let now = portal.now();
    let overlap = now + portal.config.scim_token_overlap;
    store::tenants::expire_tokens(&mut tx, &entered.tenant.id, stored(overlap)).await?;
    let token = portal.ambient.chance().token(32);
    let row = TokenRow {
        token_hash: fingerprint(&token),
        tenant_id: entered.tenant.id,
        hint: token[token.len() - 4..].to_owned(),
        created: stored(now),
        expires: None,
        last_used: None,
    };
    store::tenants::insert_token(&mut tx, &row).await?;
    let hint = format!("…{}", row.hint);
    note(portal, &mut tx, by, "scim-token-made", &hint, "").await?;
    tx.commit().await?;
    Ok(token)
}

/// What a SCIM bearer token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimAccess {
    /// Which integration.
    pub tenant_id: String,
    /// Whose directory.
    pub business_id: String,
}

/// Whom a bearer token belongs to: nobody when it is unknown, expired,
/// another tenant's, or SCIM support is off.
///
/// # Errors
/// When the database fails.
pub async fn authenticate(
    portal: &Portal,
    tenant_id: &str,
    token: &str,
) -> Result<Option<ScimAccess>, StoreError> {
    let mut db = portal.store.read().await?;
    let Some(row) = store::tenants::token(&mut db, tenant_id, &fingerprint(token)).await? else {
        return Ok(None);
    };
    let now = portal.now();
    let tenant = store::tenants::by_id(&mut db, tenant_id).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.scim_enabled == 1) else {
        return Ok(None);
    };
    if row.expires.is_some_and(|end| instant(end) <= now) {
        return Ok(None);
    }
    drop(db);
    // Shown to the minute: a provisioning of thousands need not write each time.
    let fresh = |at| now.duration_since(instant(at)).as_secs() < 60;
    if !row.last_used.is_some_and(fresh) {
        let mut tx = portal.store.write().await?;
        store::tenants::token_used(&mut tx, &row.token_hash, stored(now)).await?;
        tx.commit().await?;
    }
    Ok(Some(ScimAccess {
        tenant_id: tenant.id,
        business_id: tenant.business_id,
    }))
}
