//! Misbehavior on demand: which faults are chosen for which application. The crate `faults`
//! implements the faults.

pub(crate) mod choice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use ambient::Rng;
use faults::{Delivery, Fault};
use serde::{Deserialize, Serialize};

use crate::transport::Transport;

/// True if the identity provider can play this fault. It cannot deliver a Response in another
/// browser or twice at the same time, and it does not play faults that need an encrypted
/// assertion.
pub(crate) fn is_ours(fault: &Fault) -> bool {
    matches!(fault.delivery, Delivery::Once | Delivery::Again) && !fault.encrypts()
}

/// How often a chosen fault is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Times {
    /// To every SAML Response.
    #[default]
    Always,
    /// To the next Response only.
    Once,
    /// To every n-th Response: `{"every": 3}`.
    Every(u32),
    /// To each Response with this probability, in percent: `{"percent": 25}`. Drawn from the
    /// seeded random values.
    Percent(u8),
}

tokio::task_local! {
    /// Faults that a header of the current request asks for.
    pub(crate) static BY_HEADER: Vec<Fault>;
}

type Place = (String, String);

/// A chosen fault, and the number of Responses since it was chosen.
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

    fn is_due(&mut self, rng: &Rng) -> bool {
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

    /// Returns the faults to apply to this Response, and removes those chosen for `once`.
    fn take_due(chosen: Option<&mut Vec<Self>>, rng: &Rng) -> Vec<F> {
        let Some(chosen) = chosen else {
            return Vec::new();
        };
        let mut now = Vec::new();
        for one in chosen.iter_mut() {
            if one.is_due(rng) {
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
    /// The last `SAMLResponse` form field that each application got.
    last: BTreeMap<Place, String>,
}

/// The faults chosen for each application. They are kept in memory only: after a restart no
/// fault is chosen.
pub(crate) struct Misbehavior {
    state: Mutex<State>,
    rng: Rng,
}

fn place(environment: &str, application: &str) -> Place {
    (environment.to_owned(), application.to_owned())
}

impl Misbehavior {
    /// Creates a state without any fault. `rng` gives the random values for `percent`.
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            state: Mutex::default(),
            rng,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the chosen message faults of an application.
    pub(crate) fn choose(&self, environment: &str, application: &str, faults: Vec<(Fault, Times)>) {
        let place = place(environment, application);
        self.state().chosen.insert(place, Chosen::all(faults));
    }

    /// Replaces the chosen transport faults of an application.
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

    /// Returns the chosen transport faults of an application.
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

    /// Returns the applications that have a chosen fault, as pairs of environment id and
    /// application id.
    pub(crate) fn places(&self) -> BTreeSet<(String, String)> {
        let state = self.state();
        let all = state.chosen.keys().chain(state.transport.keys());
        all.cloned().collect()
    }

    /// True if any application has a chosen transport fault.
    pub(crate) fn has_transport(&self) -> bool {
        !self.state().transport.is_empty()
    }

    /// Returns the transport faults to apply to the current answer, and removes those chosen
    /// for `once`.
    pub(crate) fn strike_transport(&self, environment: &str, application: &str) -> Vec<Transport> {
        let place = place(environment, application);
        Chosen::take_due(self.state().transport.get_mut(&place), &self.rng)
    }

    /// Returns the chosen message faults of an application.
    pub(crate) fn chosen(&self, environment: &str, application: &str) -> Vec<(Fault, Times)> {
        let place = place(environment, application);
        let state = self.state();
        let chosen = state.chosen.get(&place).into_iter().flatten();
        chosen.map(|one| (one.fault.clone(), one.times)).collect()
    }

    /// Returns the message faults to apply to the current Response, including those of the
    /// request's header, and removes those chosen for `once`.
    pub(crate) fn take_due_faults(&self, environment: &str, application: &str) -> Vec<Fault> {
        let place = place(environment, application);
        let mut now = Chosen::take_due(self.state().chosen.get_mut(&place), &self.rng);
        // The value is not set outside of a request.
        let _ = BY_HEADER.try_with(|asked| now.extend(asked.iter().cloned()));
        now
    }

    /// Remembers the `SAMLResponse` field that is delivered to an application. Returns the
    /// previous one.
    pub(crate) fn remember_delivered(
        &self,
        environment: &str,
        application: &str,
        field: &str,
    ) -> Option<String> {
        let place = place(environment, application);
        self.state().last.insert(place, field.to_owned())
    }

    /// Returns the last `SAMLResponse` field delivered to an application.
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
