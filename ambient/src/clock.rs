//! The clock of a party: the system clock, or a simulated one that can be set and advanced.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A source of the current time. A simulated clock can also be set and advanced.
pub trait Clock: Send + Sync {
    /// Returns the current time, UTC.
    fn now(&self) -> Timestamp;

    /// Sets the clock to `instant`.
    ///
    /// # Errors
    /// [`ClockFixed`] if this is the system clock.
    fn set(&self, instant: Timestamp) -> Result<(), ClockFixed>;

    /// Moves the clock forward, or back when `by` is negative.
    ///
    /// # Errors
    /// [`ClockFixed`] if this is the system clock, or if the new time is outside the years
    /// -9999 to 9999.
    fn advance(&self, by: SignedDuration) -> Result<(), ClockFixed> {
        let moved = self.now().checked_add(by).map_err(|_| ClockFixed)?;
        self.set(moved)
    }

    /// True if this clock can be set and advanced.
    fn is_simulated(&self) -> bool;
}

/// The clock cannot be moved: it is the system clock, or the new time is out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockFixed;

impl std::fmt::Display for ClockFixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot move this clock: only a simulated clock can be moved, to a time between the years -9999 and 9999")
    }
}

impl std::error::Error for ClockFixed {}

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the only place that reads the system clock
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

/// A clock that can be set and advanced. It stands still, or runs at the speed of the system
/// clock.
#[derive(Debug)]
pub struct SimulatedClock(Mutex<Hand>);

#[derive(Debug, Clone, Copy)]
enum Hand {
    Frozen(Timestamp),
    /// The clock runs. Difference: simulated time minus system time.
    Ahead(SignedDuration),
}

impl SimulatedClock {
    /// Creates a clock that stands still at `instant` until it is set or advanced.
    pub fn frozen_at(instant: Timestamp) -> Self {
        Self(Mutex::new(Hand::Frozen(instant)))
    }

    /// Creates a clock that starts at the system time and runs. It also runs on after it is
    /// set.
    pub fn from_system_time() -> Self {
        Self(Mutex::new(Hand::Ahead(SignedDuration::ZERO)))
    }

    /// Stops the clock at its current time.
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
        let clock = SimulatedClock::from_system_time();
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
