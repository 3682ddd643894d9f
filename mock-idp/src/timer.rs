//! Timers. They are injected, so that in a simulation no time passes.

use std::pin::Pin;
use std::time::Duration;

/// Waits for a duration.
pub trait Timer: std::fmt::Debug + Send + Sync {
    /// Completes after `duration`.
    fn wait(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The timer of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    #[allow(
        clippy::disallowed_methods,
        reason = "the only place where real time passes"
    )]
    fn wait(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
