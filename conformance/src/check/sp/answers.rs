//! Whether each message of a run was answered. A supervisor starts a process that ended again at
//! once, so an honest login afterwards does not show that it ended.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use super::plan::Basis;
use super::{Answer, CheckError, Judge, beyond};

/// The status of a gateway that got no answer from the server behind it (RFC 9110 §15.6.3).
const BAD_GATEWAY: u16 = 502;

/// How long an honest login may take, if this is not judged.
const CALM: Duration = Duration::from_secs(60);

/// Whether an answer was missing, and at which point of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Nothing,
    BeforeDelivery,
    AfterDelivery,
    /// The connection was closed after the delivery, or a gateway says so.
    Closed,
}

impl Lost {
    pub(super) fn of(attempt: &Result<Answer, CheckError>) -> Self {
        match attempt {
            Err(CheckError::NotStarted { .. }) => Self::BeforeDelivery,
            Err(CheckError::Unreachable { reason, .. }) if reason.is_closed() => Self::Closed,
            Err(CheckError::Unreachable { .. }) => Self::AfterDelivery,
            Ok(answer) if answer.status == BAD_GATEWAY => Self::Closed,
            _ => Self::Nothing,
        }
    }
}

/// Which messages of a run were answered.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Counts>);

/// The checks of a run, by the answers to their messages.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    /// The number of checks with an answer to each message.
    pub(super) answered: usize,
    /// The ids of the checks at which the connection was closed twice.
    pub(super) closed: Vec<String>,
}

impl Answers {
    pub(super) fn counts(&self) -> Counts {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn record(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Judge {
    /// Records whether the message of a check was answered. If the connection was closed, tries an
    /// honest login and sends the message again by `again`.
    pub(super) async fn note_answer(
        &self,
        check: &str,
        basis: &Basis<'_>,
        lost: Lost,
        again: BoxFuture<'_, Lost>,
    ) {
        if lost == Lost::Closed && self.find_harm_to_login(basis.base, CALM).await.is_some() {
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
    ) -> Option<String> {
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
                let harm = self.find_harm_to_login(basis.base, calm).await;
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
