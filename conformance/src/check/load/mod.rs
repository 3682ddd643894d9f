//! `rehearsal bench load`: sends load to an endpoint and checks every answer.
//!
//! - `pace`: when operations start: at a rate (open loop) or by callers (closed loop);
//! - `time`: the clock of a run, which tests replace;
//! - `engine`: starts the operations;
//! - `recorder`: latencies, errors by kind, and both over time;
//! - [`report`]: the result, its floor and its formats; `page` is the HTML file, `plot` its
//!   plots; [`compare`] compares two results;
//! - [`scim`]: a SCIM server; [`idp`]: an identity provider; [`sp`]: a service provider;
//!   [`login`]: a service provider and its identity provider.
//!
//! The latency of an open loop counts from the moment at which an operation was due, not from
//! the moment at which it was sent. A target that stalls delays the operations behind it, and
//! this delay is part of what users see ("coordinated omission" is what leaves it out).

pub mod compare;
mod engine;
pub mod idp;
pub mod login;
mod pace;
mod page;
mod people;
mod plot;
mod recorder;
pub mod report;
pub mod scim;
pub mod sp;
mod time;
mod words;

use std::sync::Arc;
use std::time::Duration;

pub use pace::{Loop, Plan};
pub use people::{NoPeopleError, People};

use self::recorder::Recorder;
use self::report::{Figures, LeftOut};
use self::time::{RealTime, Time};
use super::runner::{Progress, Stop};
use super::scim::wire::Pending;
use super::{SetUpError, Signal};

/// The result of one operation.
#[derive(Debug, Clone)]
struct Performed {
    /// Name of the operation, such as `read`.
    operation: &'static str,
    /// Its result.
    result: Result<(), Failure>,
}

/// Why an operation is not a success.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    /// The target limits the rate of requests and asked to wait this long (429, or 503 with
    /// Retry-After). Not an error.
    Limited(Duration),
    /// An error.
    Error {
        /// The kind of the error, by which errors are counted.
        kind: String,
        /// The request and the answer.
        example: String,
    },
}

impl Failure {
    fn error(kind: impl Into<String>, example: impl Into<String>) -> Self {
        Self::Error {
            kind: kind.into(),
            example: example.into(),
        }
    }
}

/// A target of load.
trait Target: Send + Sync {
    /// Performs operation number `number` of this run, counted from 0.
    fn perform(&self, number: u64) -> Pending<'_, Performed>;
}

/// The settings of a run.
#[derive(Clone)]
pub struct Setting {
    /// When operations start, and when the run ends.
    pub plan: Plan,
    /// The signal that ends the run.
    pub stop: Stop,
    /// The live line.
    pub progress: Progress,
}

/// A run.
#[derive(Clone)]
struct Run {
    plan: Plan,
    stop: Stop,
    progress: Progress,
    time: Arc<dyn Time>,
    recorder: Arc<Recorder>,
}

impl Setting {
    /// Starts the clock.
    fn start(&self) -> Run {
        Run {
            plan: self.plan.clone(),
            stop: self.stop.clone(),
            progress: self.progress.clone(),
            time: Arc::new(RealTime::start()),
            recorder: Arc::default(),
        }
    }
}

impl Run {
    /// Returns what was measured until now.
    fn figures(&self) -> Figures {
        self.recorder.figures(self.time.now())
    }
}

/// The results of a run.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The measured values.
    pub figures: Figures,
    /// Operations that were left out.
    pub left_out: Vec<LeftOut>,
    /// The resources that remain at the target.
    pub left: Vec<String>,
}

/// Returns the error if a signal ended the run before the measurement.
/// Performs a request that changes nothing; a signal ends it.
async fn unless_interrupted<T>(
    stop: &Stop,
    work: impl Future<Output = Result<T, SetUpError>>,
) -> Result<T, SetUpError> {
    let done = stop.unless_signaled(work).await;
    done.unwrap_or_else(|signal| Err(interrupted_by(signal)))
}

fn interruption_error(stop: &Stop) -> Option<SetUpError> {
    stop.signal().map(interrupted_by)
}

fn interrupted_by(signal: Signal) -> SetUpError {
    SetUpError::new(
        "interrupted",
        format!("{} arrived before the measurement.", signal.name()),
        "Run it again.",
    )
}
