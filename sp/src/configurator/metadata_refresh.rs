//! Keeping an identity provider's metadata up to date: fetched again once it
//! may not be kept any longer (`cacheDuration`), so that a key that was rolled
//! over is learned of.
//!
//! A login waits a moment for it, and goes on with what is known: the address
//! may be slow or gone. There is one fetch at a time for each tenant, and after
//! a failure none for a while.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{ConfiguratorError, Entered, entered, saml};
use crate::Portal;
use crate::store::{Db, instant};

/// How long a login waits for a fetch.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long after the first failure the next fetch begins; doubled by each
/// further one.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// How often the pause is doubled: up to about an hour.
const MOST_DOUBLINGS: u32 = 6;

/// The fetches that are under way, and those that failed, by tenant.
#[derive(Debug, Default)]
pub struct Refreshes(Mutex<HashMap<String, Refresh>>);

#[derive(Debug, Default)]
struct Refresh {
    /// Closed once the fetch is over.
    running: Option<watch::Receiver<()>>,
    failures: u32,
    not_before: Option<Timestamp>,
}

enum Turn {
    /// Fetch, and drop the sender at the end.
    Fetch(watch::Sender<()>, watch::Receiver<()>),
    /// Somebody else does.
    Wait(watch::Receiver<()>),
    /// The last fetch failed a short while ago.
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

    fn succeeded(&self, tenant_id: &str) {
        self.all().remove(tenant_id);
    }

    fn failed(&self, tenant_id: &str, now: Timestamp) {
        let mut all = self.all();
        let refresh = all.entry(tenant_id.to_owned()).or_default();
        let pause = FIRST_PAUSE * (1 << refresh.failures.min(MOST_DOUBLINGS));
        refresh.failures += 1;
        refresh.not_before = now.checked_add(pause).ok();
    }

    /// Forgets everything: the control port's reset.
    pub fn clear(&self) {
        self.all().clear();
    }
}

/// What was entered, with the metadata of today where that can be had soon.
/// When it can't, what is known goes on until its `validUntil`.
///
/// # Errors
/// When the database fails.
pub async fn refresh(
    portal: &Portal,
    db: &mut Db,
    known: Entered,
) -> Result<Entered, ConfiguratorError> {
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
                    Ok(()) => portal.metadata_refreshes.succeeded(&tenant.id),
                    Err(error) => {
                        tracing::warn!(url, %error, "cannot fetch the IdP's metadata again");
                        portal.metadata_refreshes.failed(&tenant.id, portal.now());
                    }
                }
                drop(done);
            });
            running
        }
    };
    // An error says that the fetch is over, well or not.
    if tokio::time::timeout(PATIENCE, running.changed())
        .await
        .is_err()
    {
        return Ok(known);
    }
    let renewed = entered(db, &tenant.business_id).await?;
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
            refreshes.failed("t", now);
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
        refreshes.succeeded("t");
        assert!(matches!(refreshes.turn("t", now), Turn::Fetch(..)));
    }
}
