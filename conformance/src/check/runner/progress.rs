//! What is being tried, told while it is tried.

use std::sync::Arc;

/// Somebody who is told of progress.
pub trait Listener: Send + Sync {
    /// A part of the run begins that has so many steps.
    fn begin(&self, what: &str, steps: usize);
    /// The next step begins: its id, and what it is.
    fn step(&self, id: &str, what: &str);
    /// The part is over.
    fn end(&self);
}

/// Who is told of progress; nobody by default.
#[derive(Clone)]
pub struct Progress(Arc<dyn Listener>);

impl Progress {
    /// Tells this listener.
    pub fn to(listener: impl Listener + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// A part of the run begins that has so many steps.
    pub fn begin(&self, what: &str, steps: usize) {
        self.0.begin(what, steps);
    }

    /// The next step begins: its id, and what it is.
    pub fn step(&self, id: &str, what: &str) {
        self.0.step(id, what);
    }

    /// The part is over.
    pub fn end(&self) {
        self.0.end();
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::to(NoProgress)
    }
}

/// A listener that tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct NoProgress;

impl Listener for NoProgress {
    fn begin(&self, _: &str, _: usize) {}
    fn step(&self, _: &str, _: &str) {}
    fn end(&self) {}
}
