//! Ends a run after a signal.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::check::Signal;

/// Lists the resources that would remain on the target if the run ended now.
type Leftovers = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// The signal that ends the run, if one arrived. Clones share it.
#[derive(Clone)]
pub struct Stop {
    signal: Arc<watch::Sender<Option<Signal>>>,
    leftovers: Arc<Mutex<Option<Leftovers>>>,
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stop({:?})", self.signal())
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            signal: Arc::new(watch::Sender::new(None)),
            leftovers: Arc::default(),
        }
    }
}

impl Stop {
    /// Ends the run; only the first signal counts.
    pub fn send(&self, signal: Signal) {
        self.signal.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(signal);
            is_first
        });
    }

    /// Returns the signal, if one arrived.
    pub fn signal(&self) -> Option<Signal> {
        *self.signal.borrow()
    }

    /// Waits for a signal.
    pub async fn wait(&self) -> Signal {
        let mut changes = self.signal.subscribe();
        let got = changes.wait_for(Option::is_some).await;
        let got = got.ok().and_then(|signal| *signal);
        match got {
            Some(signal) => signal,
            // Cannot happen: the sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    /// Performs `work`, unless a signal arrives before it ends.
    ///
    /// # Errors
    /// The signal.
    pub async fn unless_signaled<T>(&self, work: impl Future<Output = T>) -> Result<T, Signal> {
        tokio::select! {
            done = work => Ok(done),
            signal = self.wait() => Err(signal),
        }
    }

    /// Sets the function that lists what the run would leave on the target.
    pub fn set_leftovers(&self, leftovers: impl Fn() -> Vec<String> + Send + Sync + 'static) {
        let mut known = self
            .leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(leftovers));
    }

    /// Returns what a run that ended now would leave on the target.
    pub fn leftovers(&self) -> Vec<String> {
        let known = self
            .leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|list| list()).unwrap_or_default()
    }
}
