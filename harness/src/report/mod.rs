//! What a run came to, as data; and each form it is written in, one file per
//! form. Every form is written from [`RunReport`] and from nothing else.

mod html;
mod json;
mod junit;

pub use html::html;
pub use json::json;
pub use junit::junit;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::check::{Check, CheckReport, Harm, Interruption, Level, Outcome};
use crate::recorder::Exchange;
pub use crate::world::Kept;

/// How a step or a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As expected.
    Pass,
    /// A step failed.
    Fail,
    /// Not run; the message says why.
    Skip,
}

impl Verdict {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// A run of scenarios.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunReport {
    /// In the order of the catalogue.
    pub scenarios: Vec<ScenarioReport>,
    /// How long all took together.
    pub millis: u64,
    /// The command, `run` or `demo`.
    pub command: &'static str,
    /// Whose scenarios these are: the portal's address, or that the parties
    /// were the run's own.
    pub target: String,
    /// When the run began.
    pub started_at: Timestamp,
    /// How the command was called, secrets masked; empty where it was called
    /// as a library.
    pub command_line: String,
    /// Set where a signal ended the run before every scenario was played.
    #[serde(skip)]
    pub incomplete: Option<Interruption>,
}

/// A scenario.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioReport {
    /// Its name.
    pub name: String,
    /// Its feature's.
    pub feature: String,
    /// Its tags, without `@`.
    pub tags: Vec<String>,
    /// Its steps, in order.
    pub steps: Vec<StepReport>,
    /// What was said meanwhile.
    pub exchanges: Vec<Exchange>,
    /// What is kept for other tools.
    #[serde(skip)]
    pub kept: Kept,
}

/// A step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Keyword and words.
    pub title: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Expected and actual, when it didn't pass.
    pub message: Option<String>,
    /// How long it took.
    pub millis: u64,
}

impl ScenarioReport {
    /// Failed when a step failed, skipped when one was skipped.
    pub fn verdict(&self) -> Verdict {
        let ended = |verdict| self.steps.iter().any(|step| step.verdict == verdict);
        if ended(Verdict::Fail) {
            Verdict::Fail
        } else if ended(Verdict::Skip) || self.steps.is_empty() {
            Verdict::Skip
        } else {
            Verdict::Pass
        }
    }

    /// The step that ended it, when it didn't pass.
    pub fn ending(&self) -> Option<&StepReport> {
        self.steps.iter().find(|step| step.verdict != Verdict::Pass)
    }

    /// How long it took.
    pub fn millis(&self) -> u64 {
        self.steps.iter().map(|step| step.millis).sum()
    }
}

impl RunReport {
    /// The verdict in a sentence.
    pub fn verdict_sentence(&self) -> String {
        let (all, failed, skipped) = (
            self.scenarios.len(),
            self.count(Verdict::Fail),
            self.count(Verdict::Skip),
        );
        let scenarios = if all == 1 { "scenario" } else { "scenarios" };
        let steps: usize = self.scenarios.iter().map(|it| it.steps.len()).sum();
        let mut sentence = match failed {
            0 if all > 0 && skipped == all => format!("None of {all} {scenarios} was played"),
            0 => format!("{} {scenarios} passed, {steps} steps", all - skipped),
            _ => format!("{failed} of {all} {scenarios} failed"),
        };
        if skipped > 0 && skipped < all {
            sentence.push_str(&format!(", {skipped} skipped"));
        }
        match self.incomplete {
            Some(by) => format!("Interrupted by {}: {sentence}", by.signal.name()),
            None => sentence,
        }
    }

    /// The same as a report of checks, one for each scenario: what baselines
    /// and SARIF are made for.
    pub fn as_checks(&self) -> CheckReport {
        let outcome = |scenario: &ScenarioReport| {
            let check = Check {
                id: scenario.name.clone(),
                level: Level::Must,
                harm: Harm::Function,
                title: scenario.feature.clone(),
                spec: scenario.tags.join(" "),
                fix: "The step above says what was expected; the HTML report (--html) has every exchange.".to_owned(),
            };
            let ending = scenario.ending();
            let said = ending
                .and_then(|step| step.message.clone())
                .unwrap_or_default();
            let title = ending.map_or("every step to pass", |step| step.title.as_str());
            match scenario.verdict() {
                Verdict::Pass => {
                    Outcome::judged(check, true, title, "they did".to_owned(), Value::Null)
                }
                Verdict::Fail => Outcome::judged(check, false, title, said, Value::Null),
                Verdict::Skip => Outcome::skipped(check, said),
            }
            .took(Duration::from_millis(scenario.millis()))
        };
        let outcomes = self.scenarios.iter().map(outcome).collect();
        CheckReport {
            duration: Duration::from_millis(self.millis),
            command_line: self.command_line.clone(),
            incomplete: self.incomplete,
            ..CheckReport::new(self.command, self.target.clone(), outcomes, self.started_at)
        }
    }

    /// 0 when nothing failed, 1 when something did, 128 and the signal's number
    /// after an interruption.
    pub fn exit_code(&self) -> u8 {
        match self.incomplete {
            Some(interruption) => interruption.signal.exit_code(),
            None => u8::from(self.count(Verdict::Fail) > 0),
        }
    }

    /// How many scenarios ended so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.scenarios
            .iter()
            .filter(|scenario| scenario.verdict() == verdict)
            .count()
    }
}
