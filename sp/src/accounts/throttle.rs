//! Limits password attempts per account and per network address.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_mins(15);
const MOST_ACCOUNTS: usize = 100_000;

/// Counts attempts of the last 15 minutes. Each replica counts separately.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Counted>);

/// Times of the attempts of each account and each network address.
type Counted = HashMap<String, Vec<Timestamp>>;

impl Throttle {
    /// Counts an attempt for each of these names, before the password is
    /// checked. Counting afterwards would let any number of concurrent attempts
    /// through.
    ///
    /// # Errors
    /// The seconds until the next attempt is allowed. Then nothing is counted.
    pub fn try_at(&self, names: [(&str, u32); 2], now: Timestamp) -> Result<(), u64> {
        let mut counted = self.lock_counts();
        for (name, attempts) in names {
            if let Some(wait) = must_wait(&mut counted, name, now, attempts) {
                return Err(wait);
            }
        }
        for (name, _) in names {
            count(&mut counted, name, now);
        }
        Ok(())
    }

    /// Returns the seconds until the next attempt is allowed; `None` if it is
    /// allowed now.
    pub fn wait(&self, email: &str, now: Timestamp, attempts: u32) -> Option<u64> {
        must_wait(&mut self.lock_counts(), email, now, attempts)
    }

    /// Counts a failed attempt.
    pub fn wrong(&self, email: &str, now: Timestamp) {
        count(&mut self.lock_counts(), email, now);
    }

    /// Deletes all counts; used when the control port resets or restores the
    /// state.
    pub fn clear(&self) {
        self.lock_counts().clear();
    }

    /// Call after a correct password: deletes the account's attempts and the
    /// one just counted for the network address.
    pub fn right(&self, email: &str, address: &str) {
        let mut counted = self.lock_counts();
        counted.remove(email);
        if let Some(tries) = counted.get_mut(address) {
            tries.pop();
        }
    }

    fn lock_counts(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn must_wait(counted: &mut Counted, name: &str, now: Timestamp, attempts: u32) -> Option<u64> {
    let tries = counted.get_mut(name)?;
    tries.retain(|at| *at + WINDOW > now);
    if tries.len() < attempts as usize {
        return None;
    }
    let free = *tries.first()? + WINDOW;
    u64::try_from(free.duration_since(now).as_secs().max(1)).ok()
}

fn count(counted: &mut Counted, name: &str, now: Timestamp) {
    if counted.len() >= MOST_ACCOUNTS {
        counted.retain(|_, tries| tries.iter().any(|at| *at + WINDOW > now));
    }
    counted.entry(name.to_owned()).or_default().push(now);
}
