//! Misbehavior on demand: which faults of the catalogue are chosen for which
//! application. What a fault does is the crate `faults`' business.

pub(crate) mod choice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use ambient::Rng;
use faults::{Delivery, Fault};
use serde::{Deserialize, Serialize};

use crate::transport::Transport;

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
    /// At every so manieth answer: `{"every": 3}`.
    Every(u32),
    /// At so many of a hundred answers, by the seeded chance: `{"percent": 25}`.
    Percent(u8),
}

tokio::task_local! {
    /// The faults that the request under way asks for itself.
    pub(crate) static BY_HEADER: Vec<Fault>;
}

type Place = (String, String);

/// A fault that was chosen, and how many answers it has seen.
struct Chosen<F> {
    fault: F,
    times: Times,
    met: u32,
}

impl<F: Clone> Chosen<F> {
    fn all(faults: Vec<(F, Times)>) -> Vec<Self> {
        let one = |(fault, times)| Self {
            fault,
            times,
            met: 0,
        };
        faults.into_iter().map(one).collect()
    }

    fn strikes(&mut self, rng: &Rng) -> bool {
        self.met = self.met.wrapping_add(1);
        match self.times {
            Times::Always | Times::Once => true,
            Times::Every(nth) => self.met.is_multiple_of(nth.max(1)),
            Times::Percent(percent) => {
                let drawn = u32::from_be_bytes(rng.bytes()) % 100;
                drawn < u32::from(percent)
            }
        }
    }

    /// Those that strike now; those for once are spent.
    fn strike(chosen: Option<&mut Vec<Self>>, rng: &Rng) -> Vec<F> {
        let Some(chosen) = chosen else {
            return Vec::new();
        };
        let mut now = Vec::new();
        for one in chosen.iter_mut() {
            if one.strikes(rng) {
                now.push(one.fault.clone());
            }
        }
        chosen.retain(|one| one.times != Times::Once);
        now
    }
}

#[derive(Default)]
struct State {
    chosen: BTreeMap<Place, Vec<Chosen<Fault>>>,
    transport: BTreeMap<Place, Vec<Chosen<Transport>>>,
    /// The last answer of each application: its form field.
    last: BTreeMap<Place, String>,
}

/// Which faults are chosen for which application. Kept in memory: a restart
/// is honest again.
pub(crate) struct Misbehavior {
    state: Mutex<State>,
    rng: Rng,
}

fn place(environment: &str, application: &str) -> Place {
    (environment.to_owned(), application.to_owned())
}

impl Misbehavior {
    /// Nothing is chosen yet; what is left to chance is drawn from there.
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            state: Mutex::default(),
            rng,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses these faults, and no others.
    pub(crate) fn choose(&self, environment: &str, application: &str, faults: Vec<(Fault, Times)>) {
        let place = place(environment, application);
        self.state().chosen.insert(place, Chosen::all(faults));
    }

    /// Chooses these faults of the transport, and no others.
    pub(crate) fn choose_transport(
        &self,
        environment: &str,
        application: &str,
        faults: Vec<(Transport, Times)>,
    ) {
        let place = place(environment, application);
        let mut state = self.state();
        if faults.is_empty() {
            state.transport.remove(&place);
        } else {
            state.transport.insert(place, Chosen::all(faults));
        }
    }

    /// The faults of the transport that are chosen.
    pub(crate) fn chosen_transport(
        &self,
        environment: &str,
        application: &str,
    ) -> Vec<(Transport, Times)> {
        let place = place(environment, application);
        let state = self.state();
        let chosen = state.transport.get(&place).into_iter().flatten();
        chosen.map(|one| (one.fault.clone(), one.times)).collect()
    }

    /// The applications, as environment and id, that have a fault chosen.
    pub(crate) fn places(&self) -> BTreeSet<(String, String)> {
        let state = self.state();
        let all = state.chosen.keys().chain(state.transport.keys());
        all.cloned().collect()
    }

    /// Whether any are chosen, for whatever application.
    pub(crate) fn has_transport(&self) -> bool {
        !self.state().transport.is_empty()
    }

    /// The faults of the transport for the answer that is being made.
    pub(crate) fn strike_transport(&self, environment: &str, application: &str) -> Vec<Transport> {
        let place = place(environment, application);
        Chosen::strike(self.state().transport.get_mut(&place), &self.rng)
    }

    /// The faults that are chosen.
    pub(crate) fn chosen(&self, environment: &str, application: &str) -> Vec<(Fault, Times)> {
        let place = place(environment, application);
        let state = self.state();
        let chosen = state.chosen.get(&place).into_iter().flatten();
        chosen.map(|one| (one.fault.clone(), one.times)).collect()
    }

    /// The faults for the answer that is being made; those for once are spent.
    pub(crate) fn strike(&self, environment: &str, application: &str) -> Vec<Fault> {
        let place = place(environment, application);
        let mut now = Chosen::strike(self.state().chosen.get_mut(&place), &self.rng);
        // None outside of a request.
        let _ = BY_HEADER.try_with(|asked| now.extend(asked.iter().cloned()));
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
        state.transport.remove(&place);
        state.last.remove(&place);
    }

    pub(crate) fn forget_environment(&self, environment: &str) {
        let mut state = self.state();
        state.chosen.retain(|(place, _), _| place != environment);
        state.transport.retain(|(place, _), _| place != environment);
        state.last.retain(|(place, _), _| place != environment);
    }

    pub(crate) fn forget_all(&self) {
        *self.state() = State::default();
    }
}
