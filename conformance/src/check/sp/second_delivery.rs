//! Delivers a message again after its connection was closed without an answer.

use std::time::Duration;

use faults::Fault;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::answers::Lost;
use super::plan::Basis;
use super::{Form, Judge, beyond};
use crate::check::runner::TargetHarm;

/// How long an honest login may take, if this is not judged.
const CALM: Duration = Duration::from_secs(60);

impl Judge {
    /// Delivers a fault again, in [`Judge::note_repeated`].
    pub(super) fn send_again<'j>(&'j self, fault: &'j Fault, base: Form) -> BoxFuture<'j, Lost> {
        async move {
            let (_, attempt) = self.attempt(fault, base).await;
            self.note(&attempt);
            Lost::of(&attempt)
        }
        .boxed()
    }

    /// Records whether the message of a check was answered. If the connection was closed, tries an
    /// honest login and sends the message again by `again`.
    pub(super) async fn note_answer(
        &self,
        check: &str,
        basis: &Basis<'_>,
        lost: Lost,
        again: BoxFuture<'_, Lost>,
    ) {
        if lost == Lost::Closed
            && self
                .find_harm_to_login(basis.base, (CALM, false))
                .await
                .is_some()
        {
            return;
        }
        self.note_repeated(check, basis, (lost, CALM), again).await;
    }

    /// As [`Judge::note_answer`], after an honest login that worked. Returns what is wrong with
    /// honest logins after the second delivery; they took `calm` before.
    pub(super) async fn note_repeated(
        &self,
        check: &str,
        basis: &Basis<'_>,
        (lost, calm): (Lost, Duration),
        again: BoxFuture<'_, Lost>,
    ) -> Option<TargetHarm> {
        if lost == Lost::Closed && !self.runner.selection.includes(beyond::answers::ID) {
            return None;
        }
        // A connection can be closed by chance, so once proves nothing.
        let lost = match lost {
            Lost::Closed => again.await,
            lost => lost,
        };
        match lost {
            Lost::Nothing => basis.answers.record(|it| it.answered += 1),
            Lost::BeforeDelivery | Lost::AfterDelivery => {}
            Lost::Closed => {
                let harm = self.find_harm_to_login(basis.base, (calm, false)).await;
                if harm.is_some() {
                    return harm;
                }
                basis.answers.record(|it| {
                    if !it.closed.iter().any(|known| known == check) {
                        it.closed.push(check.to_owned());
                    }
                });
            }
        }
        None
    }
}
