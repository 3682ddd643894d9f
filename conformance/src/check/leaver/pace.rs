//! The time between two looks at a session: one second at first, then longer, up to ten
//! seconds, until the limit.

use std::time::Duration;

use crate::check::runner::pause;
use crate::check::scim::wire::Pending;

/// Longest time between two looks.
const LONGEST: Duration = Duration::from_secs(10);
/// Shortest time between two looks.
const SHORTEST: Duration = Duration::from_secs(1);

/// Waits between two looks. Tests use a simulated clock.
pub trait Pace: Send + Sync {
    /// Returns after this time has passed.
    fn wait(&self, length: Duration) -> Pending<'_, ()>;
}

/// Waits by the clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealPace;

impl Pace for RealPace {
    fn wait(&self, length: Duration) -> Pending<'_, ()> {
        Box::pin(pause(length))
    }
}

/// Returns the time to wait before the next look; `None` if the last look was at the limit.
pub(super) fn next_wait(elapsed: Duration, limit: Duration) -> Option<Duration> {
    let left = limit.checked_sub(elapsed).filter(|left| !left.is_zero())?;
    Some(elapsed.clamp(SHORTEST, LONGEST).min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_between_looks_grows_and_the_last_look_is_at_the_limit() {
        let (mut looks, mut elapsed) = (Vec::new(), Duration::ZERO);
        while let Some(wait) = next_wait(elapsed, Duration::from_secs(45)) {
            elapsed += wait;
            looks.push(elapsed.as_secs());
        }
        assert_eq!(looks, [1, 2, 4, 8, 16, 26, 36, 45]);
    }
}
