//! What the IdP's provisioning asked, and what came of it, for admins.
//!
//! Requests are noted in memory and written many at a time, beside the
//! answers, so that neither a provisioning of thousands nor a reader pays for
//! a second transaction: when enough are noted, when somebody reads the log,
//! and now and then. A replica that dies loses at most the last of its notes;
//! the directory loses nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Portal;
use crate::store::scim_log::{self, ScimLogRow};
use crate::store::{self, StoreError, stored};

/// How many requests of a business account are kept.
pub const MOST: i64 = 1000;

/// Written when so many are noted.
const ENOUGH: usize = 256;

/// A database that doesn't keep up loses the oldest beyond so many.
const WAITING: usize = 16 * 1024;

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
    /// Duration in milliseconds.
    pub took_ms: i64,
}

/// Requests that aren't written yet.
#[derive(Debug, Default)]
pub struct SyncLog {
    waiting: Mutex<Waiting>,
    enough: Notify,
    /// Held while they are written: who reads the log then waits for them.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    place: i64,
    rows: Vec<(i64, i64, Noted)>,
}

impl SyncLog {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a request.
pub fn note(portal: &Portal, noted: Noted) {
    let enough = {
        let mut waiting = portal.sync_log.waiting();
        waiting.place += 1;
        let place = waiting.place;
        waiting.rows.push((stored(portal.now()), place, noted));
        if waiting.rows.len() >= WAITING {
            waiting.rows.drain(..WAITING / 2);
        }
        waiting.rows.len() >= ENOUGH
    };
    if enough {
        portal.sync_log.enough.notify_one();
    }
}

/// Writes down what is noted whenever it is enough.
pub async fn keep(portal: Portal, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = portal.sync_log.enough.notified() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = write_down(&portal).await {
            tracing::warn!(%error, "the SCIM sync log could not be written");
        }
    }
}

/// Writes down what is noted.
///
/// # Errors
/// When the database fails.
pub async fn write_down(portal: &Portal) -> Result<(), StoreError> {
    let _writing = portal.sync_log.writing.lock().await;
    let rows = std::mem::take(&mut portal.sync_log.waiting().rows);
    if rows.is_empty() {
        return Ok(());
    }
    let mut tx = portal.store.write().await?;
    let mut owners: HashMap<String, Option<String>> = HashMap::new();
    let mut written = Vec::with_capacity(rows.len());
    for (happened, place, noted) in rows {
        let owner = match owners.get(&noted.tenant_id) {
            Some(owner) => owner.clone(),
            None => {
                let tenant = store::tenants::by_id(&mut tx, &noted.tenant_id).await?;
                let owner = tenant.map(|tenant| tenant.business_id);
                owners.insert(noted.tenant_id, owner.clone());
                owner
            }
        };
        // A path may name a tenant that never was.
        let Some(business_id) = owner else { continue };
        written.push(ScimLogRow {
            id: portal.ambient.rng().uuid().to_string(),
            business_id,
            happened,
            place,
            method: noted.method,
            path: noted.path,
            status: i64::from(noted.status),
            detail: noted.detail,
            took_ms: noted.took_ms,
        });
    }
    scim_log::append(&mut tx, &written).await?;
    for business_id in owners.values().flatten() {
        scim_log::keep_newest(&mut tx, business_id, MOST).await?;
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
