//! The results of a run as data, and the formats in which they are written, one file each.
//! Every format is written from [`RunReport`] only.

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
pub use world::Kept;
use world::recorder::Exchange;

/// The result of a step or a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything was as expected.
    Pass,
    /// A step failed.
    Fail,
    /// Not run; the message is the reason.
    Skip,
}

impl Verdict {
    /// Returns the word that reports show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// The results of a run of scenarios.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunReport {
    /// The scenarios, in the order of the list.
    pub scenarios: Vec<ScenarioReport>,
    /// Total duration in milliseconds.
    pub millis: u64,
    /// The command, `run` or `demo`.
    pub command: &'static str,
    /// What the scenarios ran against: the portal's URL, or that each scenario had its own
    /// parties.
    pub target: String,
    /// Start of the run.
    pub started_at: Timestamp,
    /// The command line, with secrets masked; empty when the library was called.
    pub command_line: String,
    /// Set if a signal ended the run before all scenarios had run.
    #[serde(skip)]
    pub incomplete: Option<Interruption>,
}

/// The result of a scenario.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioReport {
    /// The name of the scenario.
    pub name: String,
    /// The name of its feature.
    pub feature: String,
    /// The tags, without `@`.
    pub tags: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<StepReport>,
    /// The recorded exchanges.
    pub exchanges: Vec<Exchange>,
    /// Documents that are kept for other tools.
    #[serde(skip)]
    pub kept: Kept,
}

/// The result of a step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Keyword and text of the step.
    pub title: String,
    /// The result.
    pub verdict: Verdict,
    /// What was expected and what was observed, if the step did not pass.
    pub message: Option<String>,
    /// Duration in milliseconds.
    pub millis: u64,
}

impl ScenarioReport {
    /// Returns [`Verdict::Fail`] if a step failed, [`Verdict::Skip`] if one was skipped.
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

    /// Returns the first step that did not pass.
    pub fn first_not_passed(&self) -> Option<&StepReport> {
        self.steps.iter().find(|step| step.verdict != Verdict::Pass)
    }

    /// Returns the duration in milliseconds.
    pub fn millis(&self) -> u64 {
        self.steps.iter().map(|step| step.millis).sum()
    }
}

impl RunReport {
    /// Returns the result in one sentence.
    pub fn verdict_sentence(&self) -> String {
        let (all, failed, skipped) = (
            self.scenarios.len(),
            self.count(Verdict::Fail),
            self.count(Verdict::Skip),
        );
        let scenarios = if all == 1 { "scenario" } else { "scenarios" };
        let steps: usize = self.scenarios.iter().map(|it| it.steps.len()).sum();
        let mut sentence = match failed {
            0 if all > 0 && skipped == all => format!("None of {all} {scenarios} was run"),
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

    /// Converts the results to a report of checks, one for each scenario, for expected
    /// failures and SARIF.
    pub fn as_checks(&self) -> CheckReport {
        let outcome = |scenario: &ScenarioReport| {
            let check = Check {
                id: scenario.name.clone(),
                level: Level::Must,
                harm: Harm::Function,
                title: scenario.feature.clone(),
                spec: scenario.tags.join(" "),
                fix: "The failed step shows what was expected; the HTML report (--html) has every exchange.".to_owned(),
            };
            let ending = scenario.first_not_passed();
            let said = ending
                .and_then(|step| step.message.clone())
                .unwrap_or_default();
            let title = ending.map_or("every step to pass", |step| step.title.as_str());
            match scenario.verdict() {
                Verdict::Pass => {
                    Outcome::new_judged(check, true, title, "they did".to_owned(), Value::Null)
                }
                Verdict::Fail => Outcome::new_judged(check, false, title, said, Value::Null),
                Verdict::Skip => Outcome::new_skipped(check, said),
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

    /// Returns the exit status: 0 if nothing failed, 1 if a scenario failed, 128 plus the
    /// number of the signal after an interruption.
    pub fn exit_code(&self) -> u8 {
        match self.incomplete {
            Some(interruption) => interruption.signal.exit_code(),
            None => u8::from(self.count(Verdict::Fail) > 0),
        }
    }

    /// Returns the number of scenarios with this result.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.scenarios
            .iter()
            .filter(|scenario| scenario.verdict() == verdict)
            .count()
    }
}
