//! Reports what is tried, while it is tried.

use std::sync::Arc;
use std::time::Duration;

/// Receives progress messages.
pub trait Listener: Send + Sync {
    /// A part of the run with this number of steps begins.
    fn begin(&self, what: &str, steps: usize);
    /// The next step begins, with its id and a description.
    fn step(&self, id: &str, what: &str);
    /// Something happens that is none of the steps, such as the control of a selected check.
    fn note(&self, id: &str, what: &str);
    /// The run waits this long, and why.
    fn wait(&self, length: Duration, why: &str);
    /// The part has ended.
    fn end(&self);
}

/// Sends progress messages to a listener; by default to none.
#[derive(Clone)]
pub struct Progress(Arc<dyn Listener>);

impl Progress {
    /// Sends them to this listener.
    pub fn to(listener: impl Listener + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Reports that a part of the run with this number of steps begins.
    pub fn begin(&self, what: &str, steps: usize) {
        self.0.begin(what, steps);
    }

    /// Reports that the next step begins, with its id and a description.
    pub fn step(&self, id: &str, what: &str) {
        self.0.step(id, what);
    }

    /// Reports something that is none of the steps, so that no more steps are done than were
    /// announced.
    pub fn note(&self, id: &str, what: &str) {
        self.0.note(id, what);
    }

    /// Reports that the run waits this long, and why.
    pub fn wait(&self, length: Duration, why: &str) {
        self.0.wait(length, why);
    }

    /// Reports that the part has ended.
    pub fn end(&self) {
        self.0.end();
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::to(NoProgress)
    }
}

/// A listener that ignores all messages.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Listener for NoProgress {
    fn begin(&self, _: &str, _: usize) {}
    fn step(&self, _: &str, _: &str) {}
    fn note(&self, _: &str, _: &str) {}
    fn wait(&self, _: Duration, _: &str) {}
    fn end(&self) {}
}
