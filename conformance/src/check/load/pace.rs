//! When operations start.

use std::time::Duration;

/// How operations are started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loop {
    /// At a rate, whether earlier operations have ended or not.
    Open {
        /// Operations per second.
        rate: f64,
        /// Largest number of operations at the same time. Further operations wait, and their
        /// latency counts from the time at which they were due.
        at_once: usize,
    },
    /// By callers, each of whom starts an operation when its last one has ended.
    Closed {
        /// Number of callers.
        callers: usize,
    },
}

/// When operations start, and when the run ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How operations are started.
    pub pace: Loop,
    /// Time until the full rate or number of callers is reached.
    pub ramp: Duration,
    /// No operation starts later than this; `None` when `count` ends the run.
    pub duration: Option<Duration>,
    /// Largest number of operations.
    pub count: Option<u64>,
}

impl Plan {
    /// Returns when operation `number` is due at this rate, after the start of the run. During the
    /// ramp the rate grows evenly from 0.
    pub(super) fn due(&self, rate: f64, number: u64) -> Duration {
        let ramp = self.ramp.as_secs_f64();
        #[allow(clippy::cast_precision_loss)] // exact below 2^53 operations
        let number = number as f64;
        // The area under the ramp.
        let in_ramp = rate * ramp / 2.0;
        let seconds = if number < in_ramp {
            (2.0 * ramp * number / rate).sqrt()
        } else {
            ramp + (number - in_ramp) / rate
        };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Returns when caller `index` of `callers` begins, after the start of the run.
    pub(super) fn begin_of(&self, index: usize, callers: usize) -> Duration {
        let share = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
        self.ramp.mul_f64(share(index) / share(callers.max(1)))
    }

    pub(super) fn is_over(&self, elapsed: Duration) -> bool {
        self.duration.is_some_and(|most| elapsed >= most)
    }

    pub(super) fn is_last(&self, number: u64) -> bool {
        self.count.is_some_and(|most| number >= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(ramp: u64) -> Plan {
        Plan {
            pace: Loop::Closed { callers: 4 },
            ramp: Duration::from_secs(ramp),
            duration: None,
            count: None,
        }
    }

    #[test]
    fn operations_are_due_evenly() {
        let due = |number| plan(0).due(50.0, number);
        assert_eq!(due(0), Duration::ZERO);
        assert_eq!(due(1), Duration::from_millis(20));
        assert_eq!(due(500), Duration::from_secs(10));
    }

    #[test]
    fn the_rate_grows_evenly_during_the_ramp() {
        // 10 s from 0 to 100/s are 500 operations, a quarter of them in the first half.
        let due = |number| plan(10).due(100.0, number);
        assert_eq!(due(125), Duration::from_secs(5));
        assert_eq!(due(500), Duration::from_secs(10));
        assert_eq!(due(600), Duration::from_secs(11));
        assert!((1..700).all(|number| due(number) > due(number - 1)));
        assert_eq!(plan(10).begin_of(3, 4), Duration::from_millis(7500));
    }
}
