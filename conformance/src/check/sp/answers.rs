//! Whether each message of a run was answered. A supervisor starts a process that ended again at
//! once, so an honest login afterwards does not show that it ended.

use std::sync::{Mutex, PoisonError};

use super::{Answer, CheckError};

/// The status of a gateway that got no answer from the server behind it (RFC 9110 §15.6.3).
const BAD_GATEWAY: u16 = 502;

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

    pub(super) fn record(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
