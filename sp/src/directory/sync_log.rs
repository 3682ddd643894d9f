//! The SCIM sync log: the requests of the IdP's provisioning and their results,
//! for administrators.
//!
//! Requests are collected in memory and written in batches after they were
//! answered, so that SCIM requests need no second transaction. A batch is
//! written when it is large enough, when somebody reads the log, and
//! periodically. If the process crashes, at most the last entries are lost; the
//! directory is not affected.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Portal;
use crate::store::scim_log::{self, ScimLogRow};
use crate::store::{self, StoreError, to_microseconds};

/// Number of requests that are kept per business account.
pub const MOST: i64 = 1000;

/// Number of collected requests that starts a write.
const ENOUGH: usize = 256;

/// Maximum number of collected requests: if the database is too slow, the older
/// half is dropped.
const WAITING: usize = 16 * 1024;

/// A SCIM request and its result.
#[derive(Debug, Clone)]
pub struct Noted {
    /// ID of the tenant in the path.
    pub tenant_id: String,
    /// The HTTP method.
    pub method: String,
    /// The path below the SCIM base URL, with its query.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// `detail` of a SCIM error; empty otherwise.
    pub detail: String,
    /// Duration in milliseconds.
    pub took_ms: i64,
}

/// Requests that are not written to the database yet.
#[derive(Debug, Default)]
pub struct SyncLog {
    waiting: Mutex<Waiting>,
    enough: Notify,
    /// Locked during a write, so that readers of the log wait for it.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Waiting {
    place: i64,
    rows: Vec<(i64, i64, Noted)>,
}

impl SyncLog {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a request to the log.
pub fn note(portal: &Portal, noted: Noted) {
    let enough = {
        let mut waiting = portal.sync_log.lock();
        waiting.place += 1;
        let place = waiting.place;
        waiting
            .rows
            .push((to_microseconds(portal.now()), place, noted));
        if waiting.rows.len() >= WAITING {
            waiting.rows.drain(..WAITING / 2);
        }
        waiting.rows.len() >= ENOUGH
    };
    if enough {
        portal.sync_log.enough.notify_one();
    }
}

/// Background task: writes the collected requests whenever there are enough.
pub async fn keep(portal: Portal, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = portal.sync_log.enough.notified() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = write_down(&portal).await {
            tracing::warn!(%error, "cannot write the SCIM sync log");
        }
    }
}

/// Writes the collected requests to the database.
///
/// # Errors
/// When the database fails.
pub async fn write_down(portal: &Portal) -> Result<(), StoreError> {
    let _writing = portal.sync_log.writing.lock().await;
    let rows = std::mem::take(&mut portal.sync_log.lock().rows);
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
                let tenant = store::tenants::find_by_id(&mut tx, &noted.tenant_id).await?;
                let owner = tenant.map(|tenant| tenant.business_id);
                owners.insert(noted.tenant_id, owner.clone());
                owner
            }
        };
        // The path may contain an unknown tenant ID.
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

/// Returns the newest requests of a business account.
///
/// # Errors
/// When the database fails.
pub async fn list_by_business(
    portal: &Portal,
    business_id: &str,
    limit: i64,
) -> Result<Vec<ScimLogRow>, StoreError> {
    write_down(portal).await?;
    let mut db = portal.store.read().await?;
    scim_log::list_by_business(&mut db, business_id, limit).await
}
