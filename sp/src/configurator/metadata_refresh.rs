//! Refreshes the metadata of identity providers. It fetches metadata again when
//! its `cacheDuration` has passed, so that the portal learns of new keys.
//!
//! A login waits a few seconds for the refresh and then continues with the
//! known metadata, because the URL may be slow or unreachable. Each tenant has
//! at most one fetch at a time; after a failure the next one is delayed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::saml;
use crate::Portal;
use crate::store::tenants::{self, LoginKey, LoginTenant};
use crate::store::{Db, StoreError, instant};

/// Maximum time that a login waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(5);

/// Maximum number of doublings: by default, the delay is at most 64 minutes.
const MOST_DOUBLINGS: u32 = 6;

/// Running and failed fetches by tenant.
#[derive(Debug, Default)]
pub struct Refreshes(Mutex<HashMap<String, Refresh>>);

#[derive(Debug, Default)]
struct Refresh {
    /// The channel is closed when the fetch ends.
    running: Option<watch::Receiver<()>>,
    failures: u32,
    not_before: Option<Timestamp>,
}

enum Turn {
    /// Fetch now, and drop the sender at the end.
    Fetch(watch::Sender<()>, watch::Receiver<()>),
    /// Wait: another task is fetching.
    Wait(watch::Receiver<()>),
    /// Do not fetch: the last fetch failed a short time ago.
    Pause,
}

impl Refreshes {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Refresh>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, tenant_id: &str, now: Timestamp) -> Turn {
        let mut all = self.all();
        let refresh = all.entry(tenant_id.to_owned()).or_default();
        if let Some(running) = &refresh.running
            && running.has_changed().is_ok()
        {
            return Turn::Wait(running.clone());
        }
        if refresh.not_before.is_some_and(|at| now < at) {
            return Turn::Pause;
        }
        let (sender, receiver) = watch::channel(());
        refresh.running = Some(receiver.clone());
        Turn::Fetch(sender, receiver)
    }

    fn note_success(&self, tenant_id: &str) {
        self.all().remove(tenant_id);
    }

    fn note_failure(&self, tenant_id: &str, now: Timestamp, first_pause: SignedDuration) {
        let mut all = self.all();
        let refresh = all.entry(tenant_id.to_owned()).or_default();
        let pause = first_pause * (1 << refresh.failures.min(MOST_DOUBLINGS));
        refresh.failures += 1;
        refresh.not_before = now.checked_add(pause).ok();
    }

    /// Deletes all entries; used when the control port resets or restores the
    /// state.
    pub fn clear(&self) {
        self.all().clear();
    }
}

/// Refreshes the metadata if it is due and returns the new values, or the known
/// ones if the fetch takes too long or fails. They may be used until
/// `validUntil`.
///
/// # Errors
/// When the database fails.
pub async fn refresh(
    portal: &Portal,
    db: &mut Db,
    known: LoginTenant,
) -> Result<LoginTenant, StoreError> {
    let tenant = &known.tenant;
    let now = portal.now();
    let (Some(url), Some(fresh_until)) = (
        tenant.idp_metadata_url.clone(),
        tenant.idp_metadata_fresh_until.map(instant),
    ) else {
        return Ok(known);
    };
    if fresh_until > now {
        return Ok(known);
    }
    let mut running = match portal.metadata_refreshes.turn(&tenant.id, now) {
        Turn::Pause => return Ok(known),
        Turn::Wait(running) => running,
        Turn::Fetch(done, running) => {
            let (portal, tenant) = (portal.clone(), tenant.clone());
            tokio::spawn(async move {
                match saml::fetch_again(&portal, &tenant, &url).await {
                    Ok(()) => portal.metadata_refreshes.note_success(&tenant.id),
                    Err(error) => {
                        tracing::warn!(url, %error, "cannot fetch the IdP's metadata again");
                        let first_pause = portal.config.metadata_retry;
                        portal.metadata_refreshes.note_failure(
                            &tenant.id,
                            portal.now(),
                            first_pause,
                        );
                    }
                }
                drop(done);
            });
            running
        }
    };
    // `changed` returns an error when the sender is dropped, that is, when the
    // fetch has ended.
    if tokio::time::timeout(PATIENCE, running.changed())
        .await
        .is_err()
    {
        return Ok(known);
    }
    let renewed = tenants::find_for_login(db, LoginKey::Tenant(&tenant.id)).await?;
    Ok(renewed.unwrap_or(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_fetch_at_a_time_and_a_longer_pause_after_each_failure() {
        let refreshes = Refreshes::default();
        let start: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        let Turn::Fetch(first, _) = refreshes.turn("t", start) else {
            panic!("expected a fetch");
        };
        assert!(matches!(refreshes.turn("t", start), Turn::Wait(_)));
        assert!(matches!(refreshes.turn("other", start), Turn::Fetch(..)));
        let mut now = start;
        let mut done = Some(first);
        for minutes in [1, 2, 4, 8, 16, 32, 64, 64] {
            refreshes.note_failure("t", now, SignedDuration::from_mins(1));
            drop(done.take());
            let pause = SignedDuration::from_mins(minutes);
            let before = now + pause - SignedDuration::from_secs(1);
            assert!(
                matches!(refreshes.turn("t", before), Turn::Pause),
                "{minutes}"
            );
            now += pause;
            let Turn::Fetch(next, _) = refreshes.turn("t", now) else {
                panic!("expected a fetch after {minutes} minutes");
            };
            done = Some(next);
        }
        refreshes.note_success("t");
        assert!(matches!(refreshes.turn("t", now), Turn::Fetch(..)));
    }
}
