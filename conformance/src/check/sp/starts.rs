//! Which checks were judged since the service provider last started a login.

use std::sync::{Arc, Mutex, PoisonError};

/// The ids of the checks that were judged since the last AuthnRequest.
#[derive(Debug, Default, Clone)]
pub(super) struct Starts(Arc<Mutex<Vec<String>>>);

impl Starts {
    /// Records that the service provider sent an AuthnRequest.
    pub(super) fn clear(&self) {
        self.change(Vec::clear);
    }

    /// Records that this check was judged.
    pub(super) fn add(&self, check: &str) {
        self.change(|all| all.push(check.to_owned()));
    }

    /// Returns the ids of the checks since the last AuthnRequest.
    pub(super) fn checks(&self) -> Vec<String> {
        let all = self.0.lock();
        all.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
