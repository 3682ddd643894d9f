//! Checks that an honest login still works after a fault. If it does not, or takes ten times as
//! long as before, the fault is reported as a denial of service. If it works again a moment later,
//! something else may have stopped the service provider: then the fault is delivered again.

use std::time::Duration;

use faults::Fault;

use super::login::Login;
use super::plan::Basis;
use super::{Form, Judge, Lost};
use crate::check::runner::{OUTAGE_FIX, REPEATED_OUTAGE_FIX, TargetHarm, find_harm, slow_after};
use crate::check::{Harm, Outcome, Verdict};

/// A denial of service that a fault caused.
pub(super) struct Damage {
    harm: TargetHarm,
    /// True if the fault was delivered twice, and harmed both times.
    is_repeated: bool,
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
        let fix = match self.is_repeated {
            true => REPEATED_OUTAGE_FIX,
            false => OUTAGE_FIX,
        };
        fix.clone_into(&mut outcome.check.fix);
        if outcome.expected.is_empty() {
            outcome.expected = "a refusal".to_owned();
        }
        outcome
            .expected
            .push_str(", and honest logins to work as before");
        outcome.actual = format!("denial of service: {} ({})", self.harm.what, outcome.actual);
        let cause = outcomes[at].check.id.clone();
        if at != last {
            outcomes[last].cause = Some(cause.clone());
        }
        cause
    }
}

impl Judge {
    /// Delivers a fault, and once more if the service provider stopped answering and works again.
    /// `previous` is the fault before, which may have caused it. Returns the damage, if any.
    pub(super) async fn try_fault(
        &self,
        fault: &Fault,
        basis: &Basis<'_>,
        previous: Option<&Fault>,
    ) -> (Outcome, Option<Damage>) {
        let (outcome, damage) = self.try_once(fault, basis, false).await;
        let first = match damage {
            Some(first) if first.harm.is_over && !self.runner.has_ended() => first,
            damage => return (outcome, damage),
        };
        let note = "the service provider stopped answering and works again: the message is delivered again";
        self.runner.progress.note(&fault.check, note);
        let joined = |second: Damage, is_before: bool| Damage {
            harm: TargetHarm::at_second_attempt(&first.harm, &second.harm),
            is_repeated: true,
            is_before,
        };
        if first.is_before
            && let Some(previous) = previous
            && let (_, Some(second)) = self.try_once(previous, basis, true).await
        {
            return (outcome, Some(joined(second, true)));
        }
        match self.try_once(fault, basis, false).await {
            (outcome, Some(second)) => {
                let is_before = second.is_before;
                (outcome, Some(joined(second, is_before)))
            }
            (mut outcome, None) => {
                let observation = first.harm.to_observation();
                outcome.actual = format!("{}; {observation}", outcome.actual);
                (outcome, None)
            }
        }
    }

    /// Delivers a fault. If there was no answer, it took long, or the fault is a suspect, tries an honest
    /// login and returns the damage, if any.
    async fn try_once(
        &self,
        fault: &Fault,
        basis: &Basis<'_>,
        is_suspect: bool,
    ) -> (Outcome, Option<Damage>) {
        let base = basis.base.for_fault(fault, &basis.honest.accepted);
        let began = self.runner.patience.start_stopwatch();
        // Boxed, because the futures of a run are nested so deep that they overflow the stack.
        let delivery = Box::pin(self.deliver_fault(fault, base, basis.blind));
        let (outcome, lost) = match &basis.memory {
            Some(meter) => meter.measure(&fault.check, delivery).await,
            None => delivery.await,
        };
        let took = self.runner.patience.elapsed_without_waits(&began);
        // A busy machine slows down every fault, so a fault is compared with those before it.
        let calm = basis.honest.took.max(basis.pace.record(took));
        let is_harmless = !is_suspect && lost == Lost::Nothing && took <= slow_after(calm);
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
        let damage = harm.map(|harm| Damage {
            harm,
            is_repeated: false,
            is_before: lost == Lost::BeforeDelivery,
        });
        (outcome, damage)
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
    ) -> Option<TargetHarm> {
        let what = "trying whether honest logins work as before";
        self.runner.progress.note("", what);
        let harm = find_harm(&self.runner, "an honest login", calm, || async {
            self.time_honest_login(base).await
        });
        harm.await
    }
}
