//! The result of a run, and its limits: the lowest rate, the highest latency, the highest number
//! of errors.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pace::{Loop, Plan};
use super::{Ended, page, words};
use crate::check::Signal;

/// Version of the JSON form. It grows when a member changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// Latency of successes, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The shortest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 75th percentile.
    pub p75: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// One kind of operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// Number of operations with a correct answer.
    pub succeeded: u64,
    /// Number of operations with a wrong answer or none.
    pub failed: u64,
    /// Number of answers that asked to wait (429, or 503 with Retry-After).
    pub limited: u64,
    /// Successes per second of the run.
    pub rate_per_second: f64,
    /// Latency of the successes.
    pub latency_ms: Latency,
}

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorKind {
    /// The operation that failed.
    pub operation: String,
    /// The kind of the error.
    pub kind: String,
    /// Number of errors of this kind.
    pub count: u64,
    /// The first one.
    pub example: String,
}

/// A part of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// When it began, after the start of the run.
    pub at_seconds: f64,
    /// Successes that ended in it.
    pub succeeded: u64,
    /// Errors that ended in it.
    pub failed: u64,
    /// Answers in it that asked to wait.
    pub limited: u64,
    /// Successes per second.
    pub rate_per_second: f64,
    /// Median latency of the operations that succeeded in this interval, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the latency of these operations, in milliseconds.
    pub p99_ms: f64,
}

/// A point of the curve of percentiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    /// The percentile, 0 to 100.
    pub percentile: f64,
    /// The latency.
    pub ms: f64,
}

/// The measured values of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Duration of the run, in seconds.
    pub seconds: f64,
    /// Number of operations with a right answer.
    pub succeeded: u64,
    /// Number of operations with a wrong answer or none.
    pub failed: u64,
    /// Number of answers that asked to wait.
    pub limited: u64,
    /// Operations that were due and not sent, because too many were under way.
    pub unsent: u64,
    /// Successes per second.
    pub rate_per_second: f64,
    /// Latency of the successes.
    pub latency_ms: Latency,
    /// Each kind of operation.
    pub operations: Vec<Operation>,
    /// Errors by kind, the most frequent first.
    pub errors: Vec<ErrorKind>,
    /// Length of an interval of `timeline`, in seconds.
    pub interval_seconds: f64,
    /// The run in intervals.
    pub timeline: Vec<Interval>,
    /// Latency by percentile.
    pub percentiles: Vec<Percentile>,
}

/// An operation that is not in the mix, because it does not succeed without any load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub operation: String,
    /// What was wrong, with the exchange.
    pub why: String,
    /// True if the server refused it, as it may refuse what it does not support. Any other answer
    /// is wrong, and the run has not reached what it had to.
    pub is_refused: bool,
}

impl LeftOut {
    fn sentence(&self) -> String {
        format!(
            "{} is left out of the mix, because it fails without any load: {}",
            self.operation, self.why
        )
    }
}

/// How operations were started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loop", rename_all = "lowercase")]
pub enum Pace {
    /// At a rate.
    Open {
        /// Operations per second.
        rate: f64,
        /// Largest number of operations at the same time.
        at_once: usize,
        /// Seconds until the rate was reached.
        ramp_seconds: f64,
    },
    /// By callers.
    Closed {
        /// Number of callers.
        concurrency: usize,
        /// Seconds until all callers had begun.
        ramp_seconds: f64,
    },
}

impl Pace {
    /// Returns the pace of a plan.
    pub fn of(plan: &Plan) -> Self {
        let ramp_seconds = plan.ramp.as_secs_f64();
        match plan.pace {
            Loop::Open { rate, at_once } => Self::Open {
                rate,
                at_once,
                ramp_seconds,
            },
            Loop::Closed { callers } => Self::Closed {
                concurrency: callers,
                ramp_seconds,
            },
        }
    }
}

/// The limits that a run has to keep.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Lowest number of successes per second.
    pub min_rate: Option<f64>,
    /// Highest 99th percentile of the latency, in milliseconds.
    pub max_p99_ms: Option<f64>,
    /// Highest number of errors.
    pub max_errors: u64,
}

impl Floor {
    /// Returns a sentence for each limit that these figures do not keep.
    pub fn missed_limits(&self, figures: &Figures) -> Vec<String> {
        let mut missed = Vec::new();
        if let Some(wanted) = self.min_rate
            && figures.rate_per_second < wanted
        {
            missed.push(format!(
                "the rate is {:.1}/s, below --min-rate {wanted}",
                figures.rate_per_second
            ));
        }
        if let Some(wanted) = self.max_p99_ms {
            let p99 = figures.latency_ms.p99;
            if figures.succeeded == 0 {
                missed.push("there is no latency to compare with --max-p99".to_owned());
            } else if p99 > wanted {
                missed.push(format!("p99 is {p99:.1} ms, above --max-p99 {wanted} ms"));
            }
        }
        if figures.failed > self.max_errors {
            missed.push(format!(
                "{} of {} operations failed, more than --max-errors {}",
                figures.failed,
                figures.failed + figures.succeeded,
                self.max_errors
            ));
        }
        missed
    }
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of Rehearsal.
    pub version: String,
    /// The command line, with secrets masked.
    pub command_line: String,
    /// The kind of the target: `scim`, `idp` or `sp`.
    pub kind: String,
    /// Address or entity ID of the target.
    pub target: String,
    /// When the run started.
    pub started_at: Timestamp,
    /// How operations were started.
    pub pace: Pace,
    /// The measured values.
    #[serde(flatten)]
    pub figures: Figures,
    /// The limits of the run.
    pub floor: Floor,
    /// A sentence for each limit that was not kept; empty if all were.
    pub missed: Vec<String>,
    /// Sentences about the run, such as what was left out and why.
    pub notes: Vec<String>,
    /// Operations that were left out. Results of older versions have only the notes.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// The resources that remain at the target.
    pub left: Vec<String>,
    /// The signal that ended the run early.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interrupted_by: Option<String>,
}

/// The parts of a report besides the measured values.
#[derive(Debug, Clone)]
pub struct About {
    /// The kind of the target.
    pub kind: &'static str,
    /// Address or entity ID of the target.
    pub target: String,
    /// When the run started.
    pub started_at: Timestamp,
    /// The command line, with secrets masked.
    pub command_line: String,
    /// The signal that ended the run early.
    pub signal: Option<Signal>,
}

impl Report {
    /// Creates the report of a run.
    pub fn new(about: About, plan: &Plan, floor: Floor, ended: Ended) -> Self {
        let wrong = ended.left_out.iter().filter(|it| !it.is_refused);
        let mut missed: Vec<String> = wrong
            .map(|it| format!("{} is left out: its answer was wrong", it.operation))
            .collect();
        missed.extend(floor.missed_limits(&ended.figures));
        Self {
            format: FORMAT,
            version: crate::VERSION.to_owned(),
            command_line: about.command_line,
            kind: about.kind.to_owned(),
            target: about.target,
            started_at: about.started_at,
            pace: Pace::of(plan),
            missed,
            figures: ended.figures,
            floor,
            notes: ended.left_out.iter().map(LeftOut::sentence).collect(),
            left_out: ended.left_out,
            left: ended.left,
            interrupted_by: about.signal.map(|it| it.name().to_owned()),
        }
    }

    /// True if the target never gave an answer, so that nothing was measured.
    pub fn is_unreached(&self) -> bool {
        let figures = &self.figures;
        let lost: u64 = figures
            .errors
            .iter()
            .filter(|it| it.kind.starts_with(words::NO_ANSWER))
            .map(|it| it.count)
            .sum();
        figures.succeeded == 0 && figures.limited == 0 && lost > 0 && lost == figures.failed
    }

    /// Returns the report for a terminal.
    pub fn terminal(&self) -> String {
        words::terminal(self)
    }

    /// Returns the report as one HTML file.
    pub fn html(&self) -> String {
        page::html(self)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::super::{Failure, Performed, Recorder};
    use super::*;

    /// Returns the report of a run with 100 reads of 1 to 100 ms times `factor`, and one error.
    pub(in crate::check::load) fn report(factor: u64) -> Report {
        let recorder = Recorder::default();
        for number in 1..=100 {
            let now = Duration::from_millis(number * 20);
            let performed = Performed {
                operation: "read",
                result: Ok(()),
            };
            recorder.record(now, Duration::from_millis(number * factor), performed);
        }
        let performed = Performed {
            operation: "filter",
            result: Err(Failure::error("HTTP 500", "GET /Users: HTTP 500 <oops>")),
        };
        recorder.record(Duration::from_secs(1), Duration::ZERO, performed);
        let plan = Plan {
            pace: Loop::Open {
                rate: 50.0,
                at_once: 100,
            },
            ramp: Duration::ZERO,
            duration: Some(Duration::from_secs(2)),
            count: None,
        };
        let about = About {
            kind: "scim",
            target: "https://scim.example/v2".to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            command_line: "rehearsal bench load scim".to_owned(),
            signal: None,
        };
        let figures = recorder.figures(Duration::from_secs(2));
        let ended = Ended {
            figures,
            left_out: Vec::new(),
            left: Vec::new(),
        };
        Report::new(about, &plan, Floor::default(), ended)
    }

    #[test]
    fn each_missed_limit_is_a_sentence() {
        let figures = report(1).figures;
        let floor = Floor {
            min_rate: Some(60.0),
            max_p99_ms: Some(50.0),
            max_errors: 0,
        };
        let missed = floor.missed_limits(&figures);
        assert_eq!(missed[0], "the rate is 50.0/s, below --min-rate 60");
        assert!(missed[1].starts_with("p99 is 99."), "{missed:?}");
        assert_eq!(
            missed[2],
            "1 of 101 operations failed, more than --max-errors 0"
        );
        let floor = Floor {
            min_rate: Some(49.0),
            max_p99_ms: Some(100.0),
            max_errors: 1,
        };
        assert_eq!(floor.missed_limits(&figures), Vec::<String>::new());
    }

    #[test]
    fn a_report_is_unchanged_after_writing_and_reading() {
        let report = report(1);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}
