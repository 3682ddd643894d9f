//! Step 5, Configure SCIM integration (G-12).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use scim::Rules;

use super::changes::{change, note, require_entered_values};
use super::{By, ConfiguratorError, Entered, Step};
use crate::Portal;
use crate::store::tenants::{TenantRow, TokenRow};
use crate::store::{self, Db, StoreError, fingerprint, instant, to_microseconds};

pub(super) fn list_missing_actions(entered: &Entered) -> Vec<String> {
    if entered.tenant.scim_enabled == 0 {
        return Vec::new();
    }
    let mut missing = Vec::new();
    if entered.token.is_none() {
        missing.push("create the bearer token and copy it to the IdP".to_owned());
    }
    if entered.tenant.scim_done == 0 {
        missing.push("confirm that the configuration in the IdP Directory is done".to_owned());
    }
    missing
}

/// What can be entered in the step; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct NewScim {
    /// True if SCIM support is on.
    pub enabled: Option<bool>,
    /// The confirmation of the step.
    pub done: Option<bool>,
    /// Name of the rules by which requests are read.
    pub rules: Option<String>,
}

/// Returns the rules by which SCIM requests of a tenant are read.
pub fn rules(tenant: &TenantRow) -> Rules {
    Rules::find_by_name(&tenant.scim_rules).unwrap_or_default()
}

/// Turns SCIM support on or off, sets its rules and the confirmation of the step.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn enter(
    portal: &Portal,
    by: By<'_>,
    new: NewScim,
) -> Result<Entered, ConfiguratorError> {
    let NewScim {
        enabled,
        done,
        rules,
    } = new;
    let rules = match rules {
        None => None,
        Some(name) => match Rules::find_by_name(&name) {
            Some(rules) => Some(rules),
            None => return Err(ConfiguratorError::ScimRules(name)),
        },
    };
    let said = [
        enabled.map(|on| {
            if on {
                "SCIM support on"
            } else {
                "SCIM support off"
            }
        }),
        done.map(|done| if done { "confirmed" } else { "not confirmed" }),
        rules.map(|rules| match rules {
            Rules::Rfc7644 => "rules of RFC 7644",
            Rules::Strict => "strict rules",
        }),
    ];
    let detail = said.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let entered = change(portal, by, Step::Scim, &detail, |tenant| {
        if let Some(enabled) = enabled {
            tenant.scim_enabled = i64::from(enabled);
        }
        if let Some(done) = done {
            tenant.scim_done = i64::from(done);
        }
        if let Some(rules) = rules {
            rules.name().clone_into(&mut tenant.scim_rules);
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

/// Creates the first token when the configuration starts, so that step 5 can
/// show it. Its clear text is stored until the identity provider uses the token
/// or the step is confirmed; after that only the hash.
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
        created: to_microseconds(portal.now()),
        expires: None,
        last_used: None,
        clear_text: None,
    };
    (token, row)
}

/// Returns the valid tokens, the current one first.
///
/// # Errors
/// When the database fails.
pub async fn list_tokens(
    portal: &Portal,
    db: &mut Db,
    tenant_id: &str,
) -> Result<Vec<TokenRow>, StoreError> {
    store::tenants::list_valid_tokens(db, tenant_id, to_microseconds(portal.now())).await
}

/// Returns the ID of a token for lists and URLs: the start of its hash, which
/// does not reveal the token.
pub fn token_id(row: &TokenRow) -> &str {
    &row.token_hash[..12]
}

/// Ends a replaced token before its overlap is over.
///
/// # Errors
/// [`ConfiguratorError::NoSuchToken`], [`ConfiguratorError::TokenIsCurrent`].
pub async fn end_token(portal: &Portal, by: By<'_>, id: &str) -> Result<(), ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let entered = require_entered_values(&mut tx, by.business_id).await?;
    let valid = list_tokens(portal, &mut tx, &entered.tenant.id).await?;
    let row = valid
        .iter()
        .find(|row| token_id(row) == id)
        .ok_or_else(|| ConfiguratorError::NoSuchToken(id.to_owned()))?;
    if row.expires.is_none() {
        return Err(ConfiguratorError::TokenIsCurrent);
    }
    store::tenants::end_token(&mut tx, &row.token_hash, to_microseconds(portal.now())).await?;
    let hint = format!("…{}", row.hint);
    note(portal, &mut tx, by, "scim-token-ended", &hint, "").await?;
    tx.commit().await?;
    portal.scim_callers.forget();
    Ok(())
}

/// Creates a bearer token and stores only its hash. The previous token stays
/// valid for the overlap.
///
/// # Errors
/// See [`ConfiguratorError`].
pub async fn new_token(portal: &Portal, by: By<'_>) -> Result<String, ConfiguratorError> {
    let mut tx = portal.store.write().await?;
    let entered = require_entered_values(&mut tx, by.business_id).await?;
    let now = portal.now();
    let overlap = now + portal.config.scim_token_overlap;
    let tenant_id = &entered.tenant.id;
    store::tenants::expire_tokens(
        &mut tx,
        tenant_id,
        to_microseconds(overlap),
        to_microseconds(now),
    )
    .await?;
    let (token, row) = fresh(portal, tenant_id);
    store::tenants::insert_token(&mut tx, &row).await?;
    let hint = format!("…{}", row.hint);
    note(portal, &mut tx, by, "scim-token-made", &hint, "").await?;
    tx.commit().await?;
    portal.scim_callers.forget();
    Ok(token)
}

/// What a valid SCIM bearer token gives access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimAccess {
    /// ID of the tenant.
    pub tenant_id: String,
    /// ID of the business account whose directory is provisioned.
    pub business_id: String,
    /// SCIM Base URL, without a slash at the end.
    pub base_url: String,
    /// The rules by which requests are read.
    pub rules: Rules,
}

/// A token that was authenticated a short time ago.
#[derive(Debug, Clone)]
struct Known {
    access: ScimAccess,
    expires: Option<i64>,
    last_used: i64,
}

/// A cache of authenticated tokens, to save a database query per request. Used
/// only if this process is the only writer of the database (SQLite). Code that
/// changes tokens or SCIM support must call [`Callers::forget`] before it
/// answers.
#[derive(Debug, Default)]
pub struct Callers(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// Key: tenant ID and hash of the token.
    known: HashMap<(String, String), Known>,
    /// Number of calls of `forget`. A result that was read before such a call
    /// is not added after it.
    forgotten: u64,
}

impl Callers {
    /// Empties the cache.
    pub fn forget(&self) {
        let mut remembered = self.lock();
        remembered.known.clear();
        remembered.forgotten += 1;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &(String, String)) -> Option<Known> {
        self.lock().known.get(key).cloned()
    }

    fn keep(&self, key: (String, String), known: Known, before: u64) {
        let mut remembered = self.lock();
        if remembered.forgotten == before {
            remembered.known.insert(key, known);
        }
    }
}

/// Authenticates a bearer token of step 5. `None` if it is unknown, expired or of another
/// tenant, or SCIM support is off.
///
/// # Errors
/// When the database fails.
pub async fn authenticate(
    portal: &Portal,
    tenant_id: &str,
    token: &str,
) -> Result<Option<ScimAccess>, StoreError> {
    let now = portal.now();
    // The page shows the last use to the minute, so not every request of a
    // large provisioning must write it.
    let is_fresh = |at: i64| (0..60).contains(&now.duration_since(instant(at)).as_secs());
    let key = (tenant_id.to_owned(), fingerprint(token));
    if let Some(known) = portal.scim_callers.find(&key)
        && known.expires.is_none_or(|end| instant(end) > now)
        && is_fresh(known.last_used)
    {
        return Ok(Some(known.access));
    }
    let forgotten = portal.scim_callers.lock().forgotten;
    let mut db = portal.store.read().await?;
    let Some(row) = store::tenants::find_token(&mut db, tenant_id, &key.1).await? else {
        return Ok(None);
    };
    let tenant = store::tenants::find_by_id(&mut db, tenant_id).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.scim_enabled == 1) else {
        return Ok(None);
    };
    if row.expires.is_some_and(|end| instant(end) <= now) {
        return Ok(None);
    }
    drop(db);
    let mut last_used = row.last_used.unwrap_or(i64::MIN);
    if row.last_used.is_none() || !is_fresh(last_used) {
        last_used = to_microseconds(now);
        let mut tx = portal.store.write().await?;
        store::tenants::record_token_use(&mut tx, &row.token_hash, last_used).await?;
        tx.commit().await?;
    }
    let access = ScimAccess {
        base_url: portal.service_provider(&tenant.id).scim_base_url,
        rules: rules(&tenant),
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
