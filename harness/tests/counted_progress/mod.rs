//! Counts the steps that a run announces and reports.
#![allow(dead_code, clippy::unwrap_used)] // each test uses what it needs

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rehearsal::check::runner::{Listener, Progress};

/// The number of announced steps, and the number of reported ones.
#[derive(Clone, Default)]
pub(crate) struct Counted(Arc<Mutex<(usize, usize)>>);

impl Counted {
    pub(crate) fn progress(&self) -> Progress {
        Progress::to(self.clone())
    }

    /// Requires that exactly the announced steps were reported; returns their number.
    pub(crate) fn complete(&self) -> usize {
        let (announced, done) = *self.0.lock().unwrap();
        assert_eq!(done, announced, "steps done of those announced");
        done
    }
}

impl Listener for Counted {
    fn begin(&self, _: &str, steps: usize) {
        *self.0.lock().unwrap() = (steps, 0);
    }

    fn step(&self, _: &str, _: &str) {
        self.0.lock().unwrap().1 += 1;
    }

    fn note(&self, _: &str, _: &str) {}
    fn wait(&self, _: Duration, _: &str) {}
    fn end(&self) {}
}
