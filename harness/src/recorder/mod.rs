//! What was said between the parties: a proxy in front of each server records
//! every exchange, and the readings here make sense of them for people.

mod masking;
mod proxy;
pub mod reading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

pub use proxy::RecordingProxy;

/// Who speaks or listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A person's browser, or their console.
    Browser,
    /// The desktop app.
    Desktop,
    /// The vendor's portal.
    Portal,
    /// The identity provider.
    Idp,
}

impl Actor {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "Browser",
            Self::Desktop => "Desktop app",
            Self::Portal => "Portal",
            Self::Idp => "IdP",
        }
    }
}

/// One HTTP exchange, secrets masked.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    /// The step during which it happened, counted from 0.
    pub step: usize,
    /// Milliseconds since the recording began.
    pub at_ms: u64,
    /// Who asked.
    pub from: Actor,
    /// Who answered.
    pub to: Actor,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The body sent, as text.
    pub request: String,
    /// The status answered.
    pub status: u16,
    /// The `Location` answered, if any.
    pub location: Option<String>,
    /// The media type answered.
    pub media_type: String,
    /// The body answered, as text.
    pub response: String,
}

/// The recording of one run. Clones write to the same.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Recording>);

#[derive(Debug)]
struct Recording {
    started: Instant,
    tape: Mutex<Tape>,
}

#[derive(Debug, Default)]
struct Tape {
    step: usize,
    exchanges: Vec<Exchange>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self(Arc::new(Recording {
            started: Instant::now(),
            tape: Mutex::default(),
        }))
    }
}

impl Recorder {
    /// What comes from here on belongs to this step.
    pub fn begin_step(&self, step: usize) {
        self.tape().step = step;
    }

    /// Everything recorded, in order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.tape().exchanges.clone()
    }

    /// Keeps an exchange, naming its step and time.
    fn keep(&self, mut exchange: Exchange) {
        let at = self.0.started.elapsed().as_millis();
        exchange.at_ms = u64::try_from(at).unwrap_or(u64::MAX);
        let mut tape = self.tape();
        exchange.step = tape.step;
        tape.exchanges.push(exchange);
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.0.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
