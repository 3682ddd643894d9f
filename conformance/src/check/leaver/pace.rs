//! How a session is looked at until it ends: soon at first, then every ten
//! seconds, until the limit.

use std::time::Duration;

use crate::check::runner::pause;
use crate::check::scim::wire::Pending;

/// The longest time between two looks.
const LONGEST: Duration = Duration::from_secs(10);
/// The shortest one.
const SHORTEST: Duration = Duration::from_secs(1);

/// How time passes between two looks.
pub trait Pace: Send + Sync {
    /// Lets so much time pass.
    fn wait(&self, length: Duration) -> Pending<'_, ()>;
}

/// As the machine's clock goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealPace;

impl Pace for RealPace {
    fn wait(&self, length: Duration) -> Pending<'_, ()> {
        Box::pin(pause(length))
    }
}

/// How long to wait before the next look; none where the last one was at the
/// limit.
pub(super) fn next_wait(elapsed: Duration, limit: Duration) -> Option<Duration> {
    let left = limit.checked_sub(elapsed).filter(|left| !left.is_zero())?;
    Some(elapsed.clamp(SHORTEST, LONGEST).min(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_soon_at_first_and_the_last_one_is_at_the_limit() {
        let (mut looks, mut elapsed) = (Vec::new(), Duration::ZERO);
        while let Some(wait) = next_wait(elapsed, Duration::from_secs(45)) {
            elapsed += wait;
            looks.push(elapsed.as_secs());
        }
        assert_eq!(looks, [1, 2, 4, 8, 16, 26, 36, 45]);
    }
}
