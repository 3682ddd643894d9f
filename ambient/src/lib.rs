//! The environment of every party (portal, identity provider, desktop app): clock, random
//! values, HTTP server and log.
//!
//! No other crate asks the operating system for the time or for random values. So a run can be
//! frozen, moved in time and repeated.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod answer_body;
pub mod arguments;
mod clock;
mod connection_error;
mod control_secret;
mod error_chain;
mod hexadecimal;
pub mod instant;
pub mod local_requests;
mod localhost;
pub mod migrations;
pub mod output_file;
mod platform;
pub mod private_folder;
pub mod process;
pub mod ready_file;
mod resolver;
mod rng;
pub mod secret_file;
pub mod server;
mod server_host;
mod simulation_link;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod sqlite_file;
pub mod telemetry;
pub mod terminal;
pub mod text_file;

pub use clock::{Clock, ClockFixed, SimulatedClock, SystemClock};
pub use connection_error::{Explanation, explain};
pub use control_secret::{
    ControlSecret, ControlSecretError, SECRET_CHALLENGE, SECRET_WANTED, SecretInPath,
    require_secret,
};
pub use error_chain::{error_chain, http_error_cause, http_error_text, is_closed_without_answer};
pub use hexadecimal::hexadecimal;
pub use localhost::is_localhost;
pub use resolver::LocalhostResolver;
pub use rng::Rng;
pub use simulation_link::{SIMULATION_LINK_TEXT, simulation_link, with_simulation_link};

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// The clock and the source of random values of one party.
///
/// Cheap to clone; clones share the same clock and the same stream of random values.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Clock>,
    rng: Rng,
    rsa_keys: Arc<Mutex<VecDeque<String>>>,
}

impl Ambient {
    /// Creates an `Ambient` with this clock and this source of random values.
    pub fn new(clock: Arc<dyn Clock>, rng: Rng) -> Self {
        Self {
            clock,
            rng,
            rsa_keys: Arc::default(),
        }
    }

    /// Uses the system clock and random values from the operating system.
    pub fn real() -> Self {
        Self::new(Arc::new(SystemClock), Rng::from_os())
    }

    /// Uses a clock that stands still at `start` until it is moved, and random values that
    /// depend on `seed` only: the same sequence of calls gives the same values.
    pub fn simulated(start: Timestamp, seed: u64) -> Self {
        Self::new(
            Arc::new(SimulatedClock::frozen_at(start)),
            Rng::from_seed(seed),
        )
    }

    /// Returns an `Ambient` with the same clock and another source of random values.
    pub fn with_rng(&self, rng: Rng) -> Self {
        Self {
            rng,
            ..self.clone()
        }
    }

    /// Returns an `Ambient` with the same clock and random values, and these RSA keys, in the order
    /// in which they will be used: PKCS#8 in PEM. Generating one takes a tenth of a second, and a
    /// test judges hundreds of targets.
    pub fn with_rsa_keys(&self, keys: impl IntoIterator<Item = String>) -> Self {
        Self {
            rsa_keys: Arc::new(Mutex::new(keys.into_iter().collect())),
            ..self.clone()
        }
    }

    /// Removes and returns the first of the RSA keys of [`Self::with_rsa_keys`]; `None` if a new
    /// one has to be generated.
    pub fn take_rsa_key(&self) -> Option<String> {
        let keys = self.rsa_keys.lock();
        keys.unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Returns the current time of the clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the clock, to set or advance it.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Returns the source of random values for ids, keys and secrets.
    pub fn rng(&self) -> &Rng {
        &self.rng
    }
}

impl std::fmt::Debug for Ambient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ambient")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}
