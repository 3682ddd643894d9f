//! Records the exchanges between the parties, by a proxy in front of each server, and finds
//! the SAML messages in them.

mod masking;
mod proxy;
pub mod reading;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

pub use proxy::RecordingProxy;

/// Who sends a request or answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A person's browser, or the administrator's console.
    Browser,
    /// The desktop app.
    Desktop,
    /// The vendor's portal.
    Portal,
    /// The identity provider.
    Idp,
}

impl Actor {
    /// Returns the name that reports show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "Browser",
            Self::Desktop => "Desktop app",
            Self::Portal => "Portal",
            Self::Idp => "IdP",
        }
    }
}

/// One HTTP request and its answer, with secrets masked.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    /// The step during which it happened, counted from 0.
    pub step: usize,
    /// Time of the request, in milliseconds since the recording began.
    pub at_ms: u64,
    /// Who sent the request.
    pub from: Actor,
    /// Who answered it.
    pub to: Actor,
    /// The HTTP method.
    pub method: String,
    /// Path and query of the request.
    pub target: String,
    /// The body of the request, as text.
    pub request: String,
    /// The status of the answer.
    pub status: u16,
    /// The header `Location` of the answer, if any.
    pub location: Option<String>,
    /// The media type of the answer.
    pub media_type: String,
    /// The body of the answer, as text.
    pub response: String,
}

/// The recording of one run. Clones write to the same recording.
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
    /// Assigns all following exchanges to this step.
    pub fn begin_step(&self, step: usize) {
        self.tape().step = step;
    }

    /// Returns all exchanges in order.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.tape().exchanges.clone()
    }

    /// Keeps an exchange, with its step and time.
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
