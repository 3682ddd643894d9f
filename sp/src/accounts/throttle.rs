//! Wrong passwords, counted per account.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_mins(15);
const MOST_ACCOUNTS: usize = 100_000;

/// Counts wrong passwords; each replica counts for itself.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<String, Vec<Timestamp>>>);

impl Throttle {
    /// How many seconds the next try must wait, when it must.
    pub fn wait(&self, email: &str, now: Timestamp, attempts: u32) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = counted.get_mut(email)?;
        tries.retain(|at| *at + WINDOW > now);
        if tries.len() < attempts as usize {
            return None;
        }
        let free = *tries.first()? + WINDOW;
        u64::try_from(free.duration_since(now).as_secs().max(1)).ok()
    }

    /// A wrong password.
    pub fn wrong(&self, email: &str, now: Timestamp) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= MOST_ACCOUNTS {
            counted.retain(|_, tries| tries.iter().any(|at| *at + WINDOW > now));
        }
        counted.entry(email.to_owned()).or_default().push(now);
    }

    /// Forgets everything: the control port's reset.
    pub fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The right password.
    pub fn right(&self, email: &str) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.remove(email);
    }
}
