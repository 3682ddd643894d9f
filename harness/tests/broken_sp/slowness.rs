//! Answers that take long, by a clock that this service provider moves: nobody waits for them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Broken, Switch};

impl Broken {
    /// Returns the clock of a run that is to see how long this service provider takes. It stands
    /// still otherwise, so that a busy machine changes nothing.
    pub(crate) fn clock(&self) -> impl Fn() -> Instant + Send + Sync + 'static {
        let (start, passed) = (Instant::now(), self.passed.clone());
        move || start + Duration::from_secs(passed.load(Ordering::SeqCst))
    }

    fn pass(&self, seconds: u64) {
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Takes the time that the switches say for this document.
    pub(super) fn take_time(&self, document: &str) {
        for switch in self.switches.iter() {
            match switch {
                Switch::Takes(is_it, seconds) if is_it(document) => self.pass(*seconds),
                Switch::SlowsDown(is_it, times, seconds) => {
                    let mut memory = self.memory.lock().unwrap();
                    if is_it(document) {
                        memory.slow = *times;
                    }
                    if memory.slow > 0 {
                        memory.slow -= 1;
                        self.pass(*seconds);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes the time that the switches say for a refusal.
    pub(super) fn take_time_to_refuse(&self) {
        for switch in self.switches.iter() {
            if let Switch::RefusesAfter(seconds) = switch {
                self.pass(*seconds);
            }
        }
    }
}
