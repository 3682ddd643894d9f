//! How fast the service provider is at this moment, so that a busy machine is not taken for a
//! denial of service.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the last faults took.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<VecDeque<Duration>>);

impl Pace {
    /// The number of faults that count.
    const LAST: usize = 5;

    /// Adds a duration. Returns the median of those before it; zero if there are too few.
    pub(super) fn record(&self, took: Duration) -> Duration {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<Duration> = last.iter().copied().collect();
        sorted.sort_unstable();
        let median = match sorted.len() == Self::LAST {
            true => sorted[Self::LAST / 2],
            false => Duration::ZERO,
        };
        last.push_back(took);
        if last.len() > Self::LAST {
            last.pop_front();
        }
        median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_the_median_of_the_last_five_faults() {
        let pace = Pace::default();
        let record = |seconds| pace.record(Duration::from_secs(seconds)).as_secs();
        assert_eq!([7, 8, 6, 7, 9].map(record), [0; 5]);
        // A single slow fault does not change it.
        assert_eq!(record(90), 7);
        assert_eq!(record(7), 8);
        assert_eq!(record(1), 7);
    }
}
