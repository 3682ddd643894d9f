//! Checks that an honest login still works after a fault. If it does not, or takes ten times as
//! long as before, the fault is reported as a denial of service.

use std::time::Duration;

use faults::Fault;

use super::login::Login;
use super::plan::Basis;
use super::{Form, Judge, Lost};
use crate::check::runner::{OUTAGE_FIX, find_harm, slow_after};
use crate::check::{Harm, Outcome, Verdict};

/// A denial of service that a fault caused.
pub(super) struct Damage {
    what: String,
    /// True if the fault before the last one caused it, because the last one could not be
    /// delivered.
    is_before: bool,
}

impl Damage {
    /// Turns the outcome of the fault that caused the damage into a finding. Returns the id of
    /// its check.
    pub(super) fn blame(self, outcomes: &mut [Outcome]) -> String {
        let last = outcomes.len() - 1;
        let at = if self.is_before && last > 0 {
            last - 1
        } else {
            last
        };
        let outcome = &mut outcomes[at];
        outcome.verdict = Verdict::Fail;
        outcome.check.harm = Harm::Outage;
        OUTAGE_FIX.clone_into(&mut outcome.check.fix);
        if outcome.expected.is_empty() {
            outcome.expected = "a refusal".to_owned();
        }
        outcome
            .expected
            .push_str(", and honest logins to work as before");
        outcome.actual = format!("denial of service: {} ({})", self.what, outcome.actual);
        let cause = outcomes[at].check.id.clone();
        if at != last {
            outcomes[last].cause = Some(cause.clone());
        }
        cause
    }
}

impl Judge {
    /// Delivers a fault. If there was no answer or it took long, tries an honest login and returns
    /// the damage, if any.
    pub(super) async fn try_fault(
        &self,
        fault: &Fault,
        base: Form,
        basis: &Basis<'_>,
    ) -> (Outcome, Option<Damage>) {
        let began = self.runner.patience.start_stopwatch();
        let (outcome, lost) = self.deliver_fault(fault, base, basis.blind).await;
        let took = self.runner.patience.elapsed_without_waits(&began);
        // A busy machine slows down every fault, so a fault is compared with those before it.
        let calm = basis.honest.took.max(basis.pace.record(took));
        let is_harmless = lost == Lost::Nothing && took <= slow_after(calm);
        let mut harm = None;
        if !is_harmless {
            let is_silent = lost == Lost::AfterDelivery;
            harm = self.find_harm_to_login(base, (calm, is_silent)).await;
        }
        if harm.is_none() {
            let again = self.send_again(fault, base);
            harm = self
                .note_repeated(&fault.check, basis, (lost, calm), again)
                .await;
        }
        let Some(what) = harm else {
            return (outcome, None);
        };
        let is_before = lost == Lost::BeforeDelivery;
        (outcome, Some(Damage { what, is_before }))
    }

    /// Tries an honest login. Returns how long it took, or the reason why it failed.
    async fn time_honest_login(&self, base: Form) -> Result<Duration, String> {
        let began = self.runner.patience.start_stopwatch();
        let login = Login::new(self, &self.person.user);
        let got = Box::pin(login.attempt(None, base)).await;
        self.note(&got);
        match got {
            Ok(answer) if answer.is_accepted() => {
                Ok(self.runner.patience.elapsed_without_waits(&began))
            }
            Ok(answer) => Err(answer.to_sentence()),
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    /// Returns what is wrong with honest logins now, or `None` if they work as before.
    /// `calm` and whether the trial got no answer are as in [`find_harm`].
    pub(super) async fn find_harm_to_login(
        &self,
        base: Form,
        calm: (Duration, bool),
    ) -> Option<String> {
        let what = "trying whether honest logins work as before";
        self.runner.progress.note("", what);
        let harm = find_harm(&self.runner, "an honest login", calm, || async {
            self.time_honest_login(base).await
        });
        harm.await.map(|it| it.what)
    }
}
