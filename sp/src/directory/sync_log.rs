//! What the IdP's provisioning asked, and what came of it, for admins.
//!
//! Requests are noted in memory and written many at a time, so that a
//! provisioning of thousands doesn't pay a second transaction for each: when
//! enough are noted, when somebody reads the log, and now and then. A replica
//! that dies loses at most the last of its notes; the directory loses nothing.

use std::sync::{Mutex, PoisonError};

use crate::Portal;
use crate::store::scim_log::{self, ScimLogRow};
use crate::store::{self, StoreError, stored};

/// How many requests of a business account are kept.
pub const MOST: i64 = 1000;

/// Written at the latest when so many are noted.
const ENOUGH: usize = 64;

/// A request that was answered.
#[derive(Debug, Clone)]
pub struct Noted {
    /// The tenant of its path.
    pub tenant_id: String,
    /// The HTTP method.
    pub method: String,
    /// The path below the SCIM base URL, with its query.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// What an error said.
    pub detail: String,
    /// Milliseconds.
    pub took_ms: i64,
}

/// Requests that aren't written yet.
#[derive(Debug, Default)]
pub struct SyncLog(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    place: i64,
    rows: Vec<(i64, i64, Noted)>,
}

/// Notes a request.
pub async fn note(portal: &Portal, noted: Noted) {
    let enough = {
        let mut waiting = portal
            .sync_log
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.place += 1;
        let place = waiting.place;
        waiting.rows.push((stored(portal.now()), place, noted));
        waiting.rows.len() >= ENOUGH
    };
    if enough && let Err(error) = write_down(portal).await {
        tracing::warn!(%error, "the SCIM sync log could not be written");
    }
}

/// Writes down what is noted.
///
/// # Errors
/// When the database fails.
pub async fn write_down(portal: &Portal) -> Result<(), StoreError> {
    let rows = {
        let mut waiting = portal
            .sync_log
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut waiting.rows)
    };
    if rows.is_empty() {
        return Ok(());
    }
    let mut tx = portal.store.write().await?;
    let mut touched: Vec<String> = Vec::new();
    for (happened, place, noted) in rows {
        // A path may name a tenant that never was.
        let Some(tenant) = store::tenants::by_id(&mut tx, &noted.tenant_id).await? else {
            continue;
        };
        let row = ScimLogRow {
            id: portal.ambient.chance().uuid().to_string(),
            business_id: tenant.business_id,
            happened,
            place,
            method: noted.method,
            path: noted.path,
            status: i64::from(noted.status),
            detail: noted.detail,
            took_ms: noted.took_ms,
        };
        scim_log::append(&mut tx, &row).await?;
        if !touched.contains(&row.business_id) {
            touched.push(row.business_id);
        }
    }
    for business_id in touched {
        scim_log::keep_newest(&mut tx, &business_id, MOST).await?;
    }
    Ok(tx.commit().await?)
}

/// The newest requests of a business account.
///
/// # Errors
/// When the database fails.
pub async fn of_business(
    portal: &Portal,
    business_id: &str,
    limit: i64,
) -> Result<Vec<ScimLogRow>, StoreError> {
    write_down(portal).await?;
    let mut db = portal.store.read().await?;
    scim_log::of_business(&mut db, business_id, limit).await
}
