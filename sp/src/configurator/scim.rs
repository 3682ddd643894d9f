//! Step 5, Configure SCIM integration (G-12).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::changes::{begun, change, note};
use super::{By, ConfiguratorError, Entered, Step};
use crate::Portal;
use crate::store::tenants::TokenRow;
use crate::store::{self, Db, StoreError, fingerprint, instant, stored};

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
    let said = [
        enabled.map(|on| {
            if on {
                "SCIM support on"
            } else {
                "SCIM support off"
            }
        }),
        done.map(|done| if done { "confirmed" } else { "not confirmed" }),
    ];
    let detail = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let entered = change(portal, by, Step::Scim, &detail, |tenant| {
        if let Some(enabled) = enabled {
            tenant.scim_enabled = i64::from(enabled);
        }
        if let Some(done) = done {
            tenant.scim_done = i64::from(done);
        }
    })
    .await?;
    if entered.tenant.scim_done == 1 {
        let mut tx = portal.store.write().await?;
        store::tenants::hide_tokens(&mut tx, &entered.tenant.id).await?;
        tx.commit().await?;
    }
    portal.scim_callers.forget();
    Ok(entered)
}

/// The token that Start Configuring makes, so that step 5 has one to copy. It
/// is kept in clear until the identity provider uses it or the step is
/// confirmed; from then on only its hash is kept.
pub(super) async fn make_first_token(
    portal: &Portal,
    db: &mut Db,
    tenant_id: &str,
) -> Result<(), StoreError> {
    let (token, row) = fresh(portal, tenant_id);
    let row = TokenRow {
        clear_text: Some(token),
        ..row
    };
    store::tenants::insert_token(db, &row).await
}

fn fresh(portal: &Portal, tenant_id: &str) -> (String, TokenRow) {
    let token = portal.ambient.rng().token(32);
    let row = TokenRow {
        token_hash: fingerprint(&token),
        tenant_id: tenant_id.to_owned(),
        hint: token[token.len() - 4..].to_owned(),
        created: stored(portal.now()),
        expires: None,
        last_used: None,
        clear_text: None,
    };
    (token, row)
}

/// The tokens that work now, the current one first.
///
/// # Errors
/// When the database fails.
pub async fn tokens(
    portal: &Portal,
    db: &mut Db,
    tenant_id: &str,
) -> Result<Vec<TokenRow>, StoreError> {
    store::tenants::tokens_at(db, tenant_id, stored(portal.now())).await
}

/// The name of a token in lists and addresses: it tells nothing of the token.
pub fn token_id(row: &TokenRow) -> &str {
    &row.token_hash[..12]
}

/// Ends a token that was replaced, before its overlap is over.
///
/// # Errors
/// [`ConfiguratorError::NoSuchToken`], [`ConfiguratorError::TokenIsCurrent`].
pub async fn end_token(portal: &Portal, by: By<'_>, id: &str) -> Result<(), ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let entered = begun(&mut tx, by.business_id).await?;
    let valid = tokens(portal, &mut tx, &entered.tenant.id).await?;
    let row = valid
        .iter()
        .find(|row| token_id(row) == id)
        .ok_or_else(|| ConfiguratorError::NoSuchToken(id.to_owned()))?;
    if row.expires.is_none() {
        return Err(ConfiguratorError::TokenIsCurrent);
    }
    store::tenants::end_token(&mut tx, &row.token_hash, stored(portal.now())).await?;
    let hint = format!("…{}", row.hint);
    note(portal, &mut tx, by, "scim-token-ended", &hint, "").await?;
    tx.commit().await?;
    portal.scim_callers.forget();
    Ok(())
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
    let tenant_id = &entered.tenant.id;
    store::tenants::expire_tokens(&mut tx, tenant_id, stored(overlap), stored(now)).await?;
    let (token, row) = fresh(portal, tenant_id);
    store::tenants::insert_token(&mut tx, &row).await?;
    let hint = format!("…{}", row.hint);
    note(portal, &mut tx, by, "scim-token-made", &hint, "").await?;
    tx.commit().await?;
    portal.scim_callers.forget();
    Ok(token)
}

/// What a SCIM bearer token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimAccess {
    /// Which integration.
    pub tenant_id: String,
    /// Whose directory.
    pub business_id: String,
    /// Where it is reached, without a slash at the end.
    pub base_url: String,
}

/// A caller who was let in a moment ago.
#[derive(Debug, Clone)]
struct Known {
    access: ScimAccess,
    expires: Option<i64>,
    last_used: i64,
}

/// Callers who were let in, so that not every request asks the database. Only
/// where this process is the one that writes it: whoever changes what lets a
/// caller in says [`Callers::forget`] before answering, and from then on the
/// database is asked again.
#[derive(Debug, Default)]
pub struct Callers(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// By tenant and the token's hash.
    known: HashMap<(String, String), Known>,
    /// Counts what was forgotten: what was read before is not kept after.
    forgotten: u64,
}

impl Callers {
    /// Lets nobody in unasked any more.
    pub fn forget(&self) {
        let mut remembered = self.held();
        remembered.known.clear();
        remembered.forgotten += 1;
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &(String, String)) -> Option<Known> {
        self.held().known.get(key).cloned()
    }

    fn keep(&self, key: (String, String), known: Known, before: u64) {
        let mut remembered = self.held();
        if remembered.forgotten == before {
            remembered.known.insert(key, known);
        }
    }
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
    let now = portal.now();
    // Shown to the minute: a provisioning of thousands need not write each time.
    let is_fresh = |at: i64| (0..60).contains(&now.duration_since(instant(at)).as_secs());
    let key = (tenant_id.to_owned(), fingerprint(token));
    if let Some(known) = portal.scim_callers.find(&key)
        && known.expires.is_none_or(|end| instant(end) > now)
        && is_fresh(known.last_used)
    {
        return Ok(Some(known.access));
    }
    let forgotten = portal.scim_callers.held().forgotten;
    let mut db = portal.store.read().await?;
    let Some(row) = store::tenants::token(&mut db, tenant_id, &key.1).await? else {
        return Ok(None);
    };
    let tenant = store::tenants::by_id(&mut db, tenant_id).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.scim_enabled == 1) else {
        return Ok(None);
    };
    if row.expires.is_some_and(|end| instant(end) <= now) {
        return Ok(None);
    }
    drop(db);
    let mut last_used = row.last_used.unwrap_or(i64::MIN);
    if row.last_used.is_none() || !is_fresh(last_used) {
        last_used = stored(now);
        let mut tx = portal.store.write().await?;
        store::tenants::token_used(&mut tx, &row.token_hash, last_used).await?;
        tx.commit().await?;
    }
    let access = ScimAccess {
        base_url: portal.service_provider(&tenant.id).scim_base_url,
        tenant_id: tenant.id,
        business_id: tenant.business_id,
    };
    if !portal.store.is_postgres() {
        let known = Known {
            access: access.clone(),
            expires: row.expires,
            last_used,
        };
        portal.scim_callers.keep(key, known, forgotten);
    }
    Ok(Some(access))
}
