//! The rules of evidence, in one place. Every check command judges through a [`Runner`].
//!
//! - Controls first: a check that depends on a control is judged only after the control
//!   passed; otherwise it is skipped, with the control's id as the cause.
//! - Before each check the runner tests whether a signal arrived (`stop`) and whether the
//!   target still answers (`patience`), and reports what is tried next (`progress`).
//! - `access`: how a target is contacted, and how much of an answer is read;
//! - `retry`: how long to wait for a target that limits requests;
//! - `health`: whether a trial harmed the target;
//! - `fold`: failures that follow from one failure are one finding;
//! - `selection`: `--only`, `--skip`.

mod access;
#[cfg(test)]
mod connection_errors;
mod fold;
mod health;
mod patience;
mod progress;
mod retry;
mod selection;
mod stop;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::{Duration, Instant};

pub(in crate::check) use access::page_summary;
pub use access::{Access, AnswerError, FetchedDocument, MAX_ANSWER, fetch_metadata, read_body};
pub use fold::fold;
pub(in crate::check) use health::{
    OUTAGE_FIX, REPEATED_OUTAGE_FIX, TargetHarm, find_harm, slow_after,
};
pub use patience::{Patience, Stopwatch, pause};
pub use progress::{Listener, NoProgress, Progress};
pub(in crate::check) use retry::{LIMIT_FIX, retry_after};
pub use selection::{Selection, SelectionError};
pub use stop::Stop;

use super::{Check, CheckReport, Interruption, Outcome, SetUpError, Verdict};

/// Settings and shared state of every check command.
#[derive(Clone, Default)]
pub struct Runner {
    /// The signal that ends the run, if one arrived.
    pub stop: Stop,
    /// Which checks are judged.
    pub selection: Selection,
    /// How the target is contacted.
    pub access: Access,
    /// How long to wait for a target that does not answer.
    pub patience: Patience,
    /// The listener for progress messages.
    pub progress: Progress,
    /// How long to wait for an outstanding answer after a signal: a resource that the target
    /// creates in this time must be deleted.
    pub grace: Duration,
}

/// A check to judge, and the control it depends on.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The check.
    pub check: Check,
    /// Id of the control without which the check proves nothing.
    pub rests_on: Option<String>,
}

/// Returns the error of a run that judged none of its checks: a pipeline must not take it for a
/// success.
fn error_if_nothing_judged(outcomes: &[Outcome]) -> Option<SetUpError> {
    let is_skipped = |it: &Outcome| it.verdict == Verdict::Skip;
    if outcomes.is_empty() || !outcomes.iter().all(is_skipped) {
        return None;
    }
    let checks = match outcomes.len() {
        1 => format!("The selected check {} was not judged", outcomes[0].check.id),
        all => format!("None of the {all} selected checks was judged"),
    };
    let is_reported = |id: &str| outcomes.iter().any(|it| it.check.id == id);
    let causes = outcomes.iter().filter_map(|it| it.cause.as_deref());
    let controls: BTreeSet<&str> = causes.filter(|it| !is_reported(it)).collect();
    let (why, fix) = if controls.is_empty() {
        let why = format!(": {}", commonest_reason(outcomes));
        (why, "If the target is right, select checks that apply to it (--list prints all), or name the skipped ones in the file of --expected.".to_owned())
    } else {
        let controls: Vec<&str> = controls.into_iter().collect();
        let controls = controls.join(", ");
        let why = format!(" because a control did not pass: {controls}");
        (
            why,
            format!("Look at the control first: --only {controls}."),
        )
    };
    let end = if why.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    Some(SetUpError::new(
        NOTHING_JUDGED,
        format!("{checks}{why}{end}"),
        fix,
    ))
}

/// Code of the error of a run that judged none of its checks.
pub(in crate::check) const NOTHING_JUDGED: &str = "nothing-judged";

/// Returns the reason of most skipped checks; of equally frequent ones, the first.
fn commonest_reason(outcomes: &[Outcome]) -> &str {
    let count = |reason: &str| outcomes.iter().filter(|it| it.actual == reason).count();
    let reasons = outcomes.iter().rev().map(|it| it.actual.as_str());
    let reason = reasons.max_by_key(|it| count(it)).unwrap_or_default();
    // Some reasons begin with words that the sentence has already.
    reason.strip_prefix("not judged: ").unwrap_or(reason)
}

/// The outcomes of a run so far.
#[derive(Debug, Default)]
pub struct Judged {
    /// The outcomes in the order of the plan.
    pub outcomes: Vec<Outcome>,
    verdicts: BTreeMap<String, Verdict>,
}

impl Judged {
    /// Adds an outcome.
    pub fn push(&mut self, outcome: Outcome) {
        self.verdicts
            .insert(outcome.check.id.clone(), outcome.verdict);
        self.outcomes.push(outcome);
    }

    /// Whether a check has been judged.
    pub fn has_outcome(&self, id: &str) -> bool {
        self.verdicts.contains_key(id)
    }

    /// True if the check with this id passed.
    pub fn has_passed(&self, id: &str) -> bool {
        self.verdicts.get(id) == Some(&Verdict::Pass)
    }
}

impl Runner {
    /// Judges one check. `outcome` is not awaited if the control failed, the check is not selected,
    /// or the run has ended.
    pub async fn judge(
        &self,
        judged: &mut Judged,
        planned: Planned,
        outcome: impl Future<Output = Outcome>,
    ) {
        if self.selection.includes(&planned.check.id) {
            self.judge_needed(judged, planned, outcome).await;
        }
    }

    /// As [`Runner::judge`], but also judges a check that is not selected, because selected checks
    /// depend on it. The caller removes it from the report.
    pub async fn judge_needed(
        &self,
        judged: &mut Judged,
        planned: Planned,
        outcome: impl Future<Output = Outcome>,
    ) {
        let Planned { check, rests_on } = planned;
        if self.has_ended() {
            return;
        }
        self.tell(&check.id, &check.title);
        if let Some(control) = rests_on.filter(|control| !judged.has_passed(control)) {
            let why = format!("{control} did not pass, so this would prove nothing");
            judged.push(Outcome::new_skipped_because_of(check, &control, why));
            return;
        }
        let started = Instant::now();
        let mut outcome = std::pin::pin!(outcome);
        // A check that a signal interrupted is not judged.
        tokio::select! {
            outcome = &mut outcome => judged.push(outcome.took(started.elapsed())),
            _ = self.stop.wait() => {
                let _ = tokio::time::timeout(self.grace, outcome).await;
            }
        }
    }

    /// Reports that a check begins: as a step of the run if it is selected.
    pub fn tell(&self, id: &str, what: &str) {
        if self.selection.includes(id) {
            self.progress.step(id, what);
        } else {
            self.progress.note(id, what);
        }
    }

    /// True if nothing more may be tried: a signal arrived, or the target did not answer for too
    /// long.
    pub fn has_ended(&self) -> bool {
        self.stop.signal().is_some() || self.patience.error().is_some()
    }

    /// Returns the report of a run that may have ended early. `total` is the number of checks of a
    /// complete run.
    pub fn report(&self, report: CheckReport, total: usize, took: Duration) -> CheckReport {
        let interruption = self
            .stop
            .signal()
            .map(|signal| Interruption { signal, total });
        let error = report
            .error
            .clone()
            .or_else(|| self.patience.error())
            .or_else(|| error_if_nothing_judged(&report.outcomes));
        CheckReport {
            duration: took,
            error: error.filter(|_| interruption.is_none()),
            incomplete: interruption,
            ..report
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Harm, Level};

    fn check(id: &str) -> Check {
        Check {
            id: id.to_owned(),
            level: Level::Must,
            harm: Harm::default(),
            title: String::new(),
            spec: String::new(),
            fix: String::new(),
        }
    }

    #[test]
    fn a_run_that_only_waited_for_a_control_is_an_error() {
        let waits = |id: &str| Outcome::new_skipped_because_of(check(id), "GOOD-01", "no control");
        let lacks = |id: &str| Outcome::new_skipped(check(id), "the server has no groups");
        let error = error_if_nothing_judged(&[waits("A-01"), lacks("A-02")]).unwrap();
        assert_eq!(error.code, "nothing-judged");
        assert!(error.message.contains("GOOD-01"), "{}", error.message);
        // What the target does not offer is no success either.
        let error = error_if_nothing_judged(&[lacks("A-02"), lacks("A-03")]).unwrap();
        assert_eq!(
            error.message,
            "None of the 2 selected checks was judged: the server has no groups."
        );
        let asks = Outcome::new_skipped(check("A-04"), "not judged: give --second-token");
        let error = error_if_nothing_judged(&[asks]).unwrap();
        assert_eq!(
            error.message,
            "The selected check A-04 was not judged: give --second-token."
        );
        assert_eq!(error_if_nothing_judged(&[]), None);
        let passed = Outcome::new_judged(
            check("A-03"),
            true,
            "",
            String::new(),
            serde_json::Value::Null,
        );
        assert_eq!(error_if_nothing_judged(&[passed, waits("A-01")]), None);
    }
}
