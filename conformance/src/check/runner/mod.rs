//! The rules of evidence, in one place: every check command judges through a
//! [`Runner`].
//!
//! - controls first: a check that rests on another one is judged only after
//!   that one passed, else skipped with its id as the cause;
//! - between two checks the runner looks whether a signal came (`stop`),
//!   whether the target still answers (`patience`), and says what is tried
//!   next (`progress`);
//! - `access`: how a target is reached, and how much of an answer is read;
//! - `retry`: how long a target that limits requests is left alone;
//! - `health`: whether a trial harmed the target;
//! - `fold`: what follows from one failure is folded under it;
//! - `selection`: `--only`, `--skip`.

mod access;
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
pub(in crate::check) use health::{find_harm, slow_after};
pub use patience::{Patience, Stopwatch, pause};
pub use progress::{Listener, NoProgress, Progress};
pub(in crate::check) use retry::retry_after;
pub use selection::{Selection, SelectionError};
pub use stop::Stop;

use super::{Check, CheckReport, Interruption, Outcome, SetUpError, Verdict};

/// What every check command is given.
#[derive(Clone, Default)]
pub struct Runner {
    /// Whether a signal ends the run.
    pub stop: Stop,
    /// Which checks are judged.
    pub selection: Selection,
    /// How the target is reached.
    pub access: Access,
    /// How long a target that doesn't answer is waited for.
    pub patience: Patience,
    /// Who is told what is being tried.
    pub progress: Progress,
    /// How long an answer that is under way is still waited for after a
    /// signal: a resource that the target creates meanwhile has to be deleted.
    pub grace: Duration,
}

/// A check to be judged, and what it rests on.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The check.
    pub check: Check,
    /// The id of the control without which it proves nothing.
    pub rests_on: Option<String>,
}

/// The error of a run in which each check waited for a control that did not
/// pass: a pipeline must not take it for a success.
fn nothing_judged(outcomes: &[Outcome]) -> Option<SetUpError> {
    let is_skipped = |it: &Outcome| it.verdict == Verdict::Skip;
    let controls: BTreeSet<&str> = outcomes
        .iter()
        .filter_map(|outcome| outcome.cause.as_deref())
        .filter(|cause| !outcomes.iter().any(|it| it.check.id == *cause))
        .collect();
    if controls.is_empty() || !outcomes.iter().all(is_skipped) {
        return None;
    }
    let controls: Vec<&str> = controls.into_iter().collect();
    let controls = controls.join(", ");
    Some(SetUpError::new(
        "nothing-judged",
        format!(
            "Each selected check needs a control that did not pass ({controls}), so none of the {} was judged.",
            outcomes.len()
        ),
        format!("Look at the control first: --only {controls}."),
    ))
}

/// What a run has judged so far.
#[derive(Debug, Default)]
pub struct Judged {
    /// In the order of the plan.
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

    /// Whether a check passed.
    pub fn has_passed(&self, id: &str) -> bool {
        self.verdicts.get(id) == Some(&Verdict::Pass)
    }
}

impl Runner {
    /// Judges one check, unless the control that it rests on failed, it is not
    /// selected, or the run has ended; then `outcome` is not awaited.
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

    /// As [`Runner::judge`], also where the check is not selected: others that
    /// are rest on it. The caller takes it out of the report.
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
        self.progress.step(&check.id, &check.title);
        if let Some(control) = rests_on.filter(|control| !judged.has_passed(control)) {
            let why = format!("{control} did not pass, so this would prove nothing");
            judged.push(Outcome::skipped_because_of(check, &control, why));
            return;
        }
        let started = Instant::now();
        let mut outcome = std::pin::pin!(outcome);
        // What was not seen to its end is not judged.
        tokio::select! {
            outcome = &mut outcome => judged.push(outcome.took(started.elapsed())),
            _ = self.stop.wait() => {
                let _ = tokio::time::timeout(self.grace, outcome).await;
            }
        }
    }

    /// Whether nothing more may be tried: a signal came, or the target gave no
    /// answer for too long.
    pub fn has_ended(&self) -> bool {
        self.stop.signal().is_some() || self.patience.error().is_some()
    }

    /// The report of a run that may have ended before its time. `total` is how
    /// many checks a whole run judges.
    pub fn report(&self, report: CheckReport, total: usize, took: Duration) -> CheckReport {
        let interruption = self
            .stop
            .signal()
            .map(|signal| Interruption { signal, total });
        let error = report
            .error
            .clone()
            .or_else(|| self.patience.error())
            .or_else(|| nothing_judged(&report.outcomes));
        CheckReport {
            duration: took,
            error: error.filter(|_| interruption.is_none()),
            incomplete: interruption,
            ..report
        }
    }
}
