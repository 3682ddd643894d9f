//! What every party is handed at start: the clock, randomness and telemetry.
//!
//! Nothing else in the workspace asks the machine for the time or for
//! randomness, so that a run can be frozen, moved in time and repeated.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod clock;
mod error_chain;
pub mod local_requests;
pub mod migrations;
pub mod process;
mod resolver;
mod rng;
pub mod server;
mod simulation_link;
pub mod sqlite_file;
pub mod telemetry;

pub use clock::{Clock, ClockFixed, SimulatedClock, SystemClock};
pub use error_chain::error_chain;
pub use resolver::{LocalhostResolver, is_localhost};
pub use rng::Rng;
pub use simulation_link::{SIMULATION_LINK_TEXT, simulation_link, with_simulation_link};

use std::sync::Arc;

use jiff::Timestamp;

/// The surroundings of a party: where it reads the time and draws random values.
///
/// Cheap to clone; clones share the same clock and the same stream of random values.
#[derive(Clone)]
pub struct Ambient {
    clock: Arc<dyn Clock>,
    rng: Rng,
}

impl Ambient {
    /// Surroundings made of this clock and this source of random values.
    pub fn new(clock: Arc<dyn Clock>, rng: Rng) -> Self {
        Self { clock, rng }
    }

    /// The machine's own clock and the operating system's randomness.
    pub fn real() -> Self {
        Self::new(Arc::new(SystemClock), Rng::from_os())
    }

    /// A clock that stands still at `start` until it is moved, and random values
    /// that repeats with the seed: the same call sequence, the same run.
    pub fn simulated(start: Timestamp, seed: u64) -> Self {
        Self::new(
            Arc::new(SimulatedClock::frozen_at(start)),
            Rng::seeded(seed),
        )
    }

    /// The same clock with another source of random values.
    pub fn with_rng(&self, rng: Rng) -> Self {
        Self::new(Arc::clone(&self.clock), rng)
    }

    /// The instant it is now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock itself, to set or advance it.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Where ids, keys and secrets are drawn from.
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
