//! The clock: the machine's, or one that a simulation sets and advances.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Tells the instant. A simulated clock can also be moved.
pub trait Clock: Send + Sync {
    /// The instant it is now, in UTC.
    fn now(&self) -> Timestamp;

    /// Makes it `instant` now.
    ///
    /// # Errors
    /// [`ClockFixed`] when this clock follows the machine.
    fn set(&self, instant: Timestamp) -> Result<(), ClockFixed>;

    /// Moves the clock forward, or back when `by` is negative.
    ///
    /// # Errors
    /// [`ClockFixed`] when this clock follows the machine, or when the move
    /// would leave the range of representable instants.
    fn advance(&self, by: SignedDuration) -> Result<(), ClockFixed> {
        let moved = self.now().checked_add(by).map_err(|_| ClockFixed)?;
        self.set(moved)
    }

    /// Whether this clock can be set.
    fn is_simulated(&self) -> bool;
}

/// The clock follows the machine's time and can't be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockFixed;

impl std::fmt::Display for ClockFixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this clock can't be moved there: start with a simulated clock, and stay between the years -9999 and 9999")
    }
}

impl std::error::Error for ClockFixed {}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that asks the machine
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn set(&self, _: Timestamp) -> Result<(), ClockFixed> {
        Err(ClockFixed)
    }

    fn is_simulated(&self) -> bool {
        false
    }
}

/// A clock moved by hand. It stands still, or runs on from where it was set
/// at the machine's pace.
#[derive(Debug)]
pub struct SimulatedClock(Mutex<Hand>);

#[derive(Debug, Clone, Copy)]
enum Hand {
    Frozen(Timestamp),
    /// The simulated time less the machine's.
    Ahead(SignedDuration),
}

impl SimulatedClock {
    /// Stands still at `instant` until it is set or advanced.
    pub fn frozen_at(instant: Timestamp) -> Self {
        Self(Mutex::new(Hand::Frozen(instant)))
    }

    /// Starts at the machine's time and runs with it; setting it keeps it running.
    pub fn running() -> Self {
        Self(Mutex::new(Hand::Ahead(SignedDuration::ZERO)))
    }

    /// Stops the clock where it is.
    pub fn freeze(&self) {
        let now = self.now();
        *self.hand() = Hand::Frozen(now);
    }

    fn hand(&self) -> std::sync::MutexGuard<'_, Hand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        match *self.hand() {
            Hand::Frozen(at) => at,
            Hand::Ahead(by) => SystemClock
                .now()
                .saturating_add(by)
                .unwrap_or(Timestamp::MAX),
        }
    }

    fn set(&self, instant: Timestamp) -> Result<(), ClockFixed> {
        let mut hand = self.hand();
        *hand = match *hand {
            Hand::Frozen(_) => Hand::Frozen(instant),
            Hand::Ahead(_) => Hand::Ahead(instant.duration_since(SystemClock.now())),
        };
        Ok(())
    }

    fn is_simulated(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_by_hand() {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("an instant");
        let clock = SimulatedClock::frozen_at(start);
        assert_eq!(clock.now(), start);
        clock
            .advance(SignedDuration::from_secs(90))
            .expect("simulated");
        assert_eq!(clock.now().to_string(), "2026-01-02T03:05:35Z");
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn a_running_clock_keeps_its_lead_when_set() {
        let clock = SimulatedClock::running();
        let far: Timestamp = "2040-01-01T00:00:00Z".parse().expect("an instant");
        clock.set(far).expect("simulated");
        assert!(clock.now() >= far);
        clock.freeze();
        assert_eq!(clock.now(), clock.now());
    }

    #[test]
    fn the_machines_clock_refuses_to_be_set() {
        assert_eq!(SystemClock.set(Timestamp::UNIX_EPOCH), Err(ClockFixed));
    }
}
