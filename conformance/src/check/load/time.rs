//! The clock of a run: monotonic, from the start of the run. A test has a virtual one.

use std::time::{Duration, Instant};

use crate::check::runner::pause;
use crate::check::scim::wire::Pending;

/// The clock of a run.
pub(super) trait Time: Send + Sync {
    /// Returns the time since the start of the run.
    fn now(&self) -> Duration;
    /// Waits until this time since the start of the run.
    fn wait_until(&self, at: Duration) -> Pending<'_, ()>;
}

/// The clock of this machine.
#[derive(Debug)]
pub(super) struct RealTime(Instant);

impl RealTime {
    /// Starts the clock.
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Time for RealTime {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait_until(&self, at: Duration) -> Pending<'_, ()> {
        let wait = at.saturating_sub(self.0.elapsed());
        Box::pin(async move {
            if !wait.is_zero() {
                pause(wait).await;
            }
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use tokio::sync::oneshot;

    use super::*;

    /// A clock that moves only when nothing else can happen.
    #[derive(Default)]
    pub(in crate::check::load) struct VirtualTime(Mutex<State>);

    #[derive(Default)]
    struct State {
        now: Duration,
        waiting: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
        number: u64,
    }

    impl VirtualTime {
        /// Runs `work` to its end. The runtime has to have one thread, and `work` must wait for
        /// this clock only.
        pub(in crate::check::load) async fn drive<T>(
            self: &Arc<Self>,
            work: impl Future<Output = T>,
        ) -> T {
            let time = Arc::clone(self);
            let clock = async move {
                loop {
                    // Everything that can go on does so before the clock moves.
                    for _ in 0..200 {
                        tokio::task::yield_now().await;
                    }
                    let mut state = time.0.lock().unwrap();
                    if let Some(((at, _), sender)) = state.waiting.pop_first() {
                        state.now = state.now.max(at);
                        let _ = sender.send(());
                    }
                }
            };
            tokio::select! {
                done = work => done,
                () = clock => unreachable!(),
            }
        }
    }

    impl Time for VirtualTime {
        fn now(&self) -> Duration {
            self.0.lock().unwrap().now
        }

        fn wait_until(&self, at: Duration) -> Pending<'_, ()> {
            let (sender, receiver) = oneshot::channel();
            let mut state = self.0.lock().unwrap();
            if at > state.now {
                state.number += 1;
                let number = state.number;
                state.waiting.insert((at, number), sender);
            } else {
                let _ = sender.send(());
            }
            Box::pin(async move {
                let _ = receiver.await;
            })
        }
    }
}
