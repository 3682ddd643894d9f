//! Waiting, injected: a simulation can let it pass in no time.

use std::pin::Pin;
use std::time::Duration;

/// Waits for a while.
pub trait Timer: std::fmt::Debug + Send + Sync {
    /// Ends when the while is over.
    fn wait(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The machine's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place where time really passes"
    )]
    fn wait(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
