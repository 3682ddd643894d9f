//! Wrong passwords, counted per account.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_mins(15);
const MOST_ACCOUNTS: usize = 100_000;

/// Counts wrong passwords; each replica counts for itself.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Counted>);

/// When each account and address was tried.
type Counted = HashMap<String, Vec<Timestamp>>;

impl Throttle {
    /// Counts a try at each of these, before it is known whether it is right:
    /// else all who come while the first password is checked are let through.
    ///
    /// # Errors
    /// How many seconds the next try must wait; then nothing is counted.
    pub fn try_at(&self, names: [(&str, u32); 2], now: Timestamp) -> Result<(), u64> {
        let mut counted = self.counted();
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

    /// How many seconds the next try must wait, when it must.
    pub fn wait(&self, email: &str, now: Timestamp, attempts: u32) -> Option<u64> {
        must_wait(&mut self.counted(), email, now, attempts)
    }

    /// A wrong password.
    pub fn wrong(&self, email: &str, now: Timestamp) {
        count(&mut self.counted(), email, now);
    }

    /// Forgets everything: the control port's reset.
    pub fn clear(&self) {
        self.counted().clear();
    }

    /// The right password: forgets the account's tries, and the one that was
    /// counted at the address.
    pub fn right(&self, email: &str, address: &str) {
        let mut counted = self.counted();
        counted.remove(email);
        if let Some(tries) = counted.get_mut(address) {
            tries.pop();
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
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
