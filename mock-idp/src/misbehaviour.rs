//! Misbehaviour on demand: which faults of the catalogue are chosen for which
//! application. What a fault does is the crate `faults`' business.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use faults::{Delivery, Fault};
use serde::{Deserialize, Serialize};

/// Whether an identity provider can do it: a message that two browsers
/// deliver, or one that asked nothing, is beyond it; so is encryption.
pub(crate) fn is_ours(fault: &Fault) -> bool {
    matches!(fault.delivery, Delivery::Once | Delivery::Again) && !fault.encrypts()
}

/// How often a chosen fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Times {
    /// At every answer.
    #[default]
    Always,
    /// At the next answer only.
    Once,
}

type Place = (String, String);

#[derive(Default)]
struct State {
    chosen: BTreeMap<Place, Vec<(Fault, Times)>>,
    /// The last answer of each application: its form field.
    last: BTreeMap<Place, String>,
}

/// Which faults are chosen for which application. Kept in memory: a restart
/// is honest again.
#[derive(Default)]
pub(crate) struct Misbehaviour(Mutex<State>);

fn place(environment: &str, application: &str) -> Place {
    (environment.to_owned(), application.to_owned())
}

impl Misbehaviour {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses these faults, and no others.
    pub(crate) fn choose(&self, environment: &str, application: &str, faults: Vec<(Fault, Times)>) {
        let place = place(environment, application);
        self.state().chosen.insert(place, faults);
    }

    /// The faults that are chosen.
    pub(crate) fn chosen(&self, environment: &str, application: &str) -> Vec<(Fault, Times)> {
        let place = place(environment, application);
        self.state().chosen.get(&place).cloned().unwrap_or_default()
    }

    /// The faults for the answer that is being made; those for once are spent.
    pub(crate) fn strike(&self, environment: &str, application: &str) -> Vec<Fault> {
        let mut state = self.state();
        let Some(chosen) = state.chosen.get_mut(&place(environment, application)) else {
            return Vec::new();
        };
        let now = chosen.iter().map(|(fault, _)| fault.clone()).collect();
        chosen.retain(|(_, times)| *times == Times::Always);
        now
    }

    /// Keeps the answer that is delivered; the one before, if any.
    pub(crate) fn delivered(
        &self,
        environment: &str,
        application: &str,
        field: &str,
    ) -> Option<String> {
        let place = place(environment, application);
        self.state().last.insert(place, field.to_owned())
    }

    /// The last answer.
    pub(crate) fn last(&self, environment: &str, application: &str) -> Option<String> {
        let place = place(environment, application);
        self.state().last.get(&place).cloned()
    }

    pub(crate) fn forget_application(&self, environment: &str, application: &str) {
        let place = place(environment, application);
        let mut state = self.state();
        state.chosen.remove(&place);
        state.last.remove(&place);
    }

    pub(crate) fn forget_environment(&self, environment: &str) {
        let mut state = self.state();
        state.chosen.retain(|(place, _), _| place != environment);
        state.last.retain(|(place, _), _| place != environment);
    }

    pub(crate) fn forget_all(&self) {
        *self.state() = State::default();
    }
}
