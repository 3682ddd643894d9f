//! The person of a case, and what was observed about this person.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::revocation::Forgery;
use super::watch::Watch;
use crate::check::evidence::Exchange;
use crate::check::scim::{Account, Created};
use crate::check::sp::{PersonBrowser, Sighting};

/// What happens to a person. Each case has its own person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Nothing happens. This person is the control of all other cases.
    Stays,
    /// SCIM sets `active` to false.
    Deactivated,
    /// SCIM deletes the account.
    Deleted,
    /// SCIM removes the person from the group that gives access.
    LeftGroup,
    /// The identity provider sends a LogoutRequest.
    LoggedOut,
    /// The identity provider sends a revocation request.
    Revoked,
    /// SCIM adds the person to another group and removes them again.
    Moved,
}

impl Case {
    /// The cases in which access must end, in the order in which they are played.
    pub(super) const LEAVERS: [Self; 5] = [
        Self::Deactivated,
        Self::Deleted,
        Self::LeftGroup,
        Self::LoggedOut,
        Self::Revoked,
    ];

    /// The name of the recorded conversation of the case.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::Deactivated => "deactivated",
            Self::Deleted => "deleted",
            Self::LeftGroup => "left-group",
            Self::LoggedOut => "logged-out",
            Self::Revoked => "revoked",
            Self::Moved => "moved",
        }
    }

    /// A description of the case, for the report.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Stays => "a person who stays",
            Self::Deactivated => "a person whom SCIM deactivates and reactivates",
            Self::Deleted => "a person whom SCIM deletes",
            Self::LeftGroup => "a person whom SCIM removes from the group that gives access",
            Self::LoggedOut => "a person whom the identity provider logs out",
            Self::Revoked => "a person whose sessions the identity provider revokes",
            Self::Moved => "a person whom SCIM adds to another group",
        }
    }
}

/// The result of a login: whether it succeeded, and a sentence for the report.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) is_in: bool,
    pub(super) sentence: String,
}

/// An observation, or why it could not be made; `None` if the run ended before.
pub(super) type Fact<T> = Option<Result<T, String>>;

/// The person of a case.
pub(super) struct Subject {
    pub(super) case: Case,
    pub(super) account: Option<Account>,
    pub(super) browser: Option<PersonBrowser>,
    /// URL to which the probe led, without its query, while the person was logged in.
    pub(super) place: String,
    /// Why no check of this case can be judged.
    pub(super) unready: Option<String>,
    pub(super) session: Watch,
    pub(super) token: Watch,
    pub(super) token_value: Option<String>,
    pub(super) acted_at: Option<Timestamp>,
    pub(super) facts: Facts,
    pub(super) log: Vec<Exchange>,
}

/// HTTP status of the answer to a forged request and the session after it, or why there is none.
pub(super) type ForgedAnswer = Result<(u16, Sighting), String>;

/// Observations other than those of the watched session and token.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// A login after the person left.
    pub(super) entry: Fact<Entry>,
    /// The accounts with the userName after that login.
    pub(super) accounts: Fact<Vec<Value>>,
    /// The account before it was deactivated.
    pub(super) account_before: Fact<Option<Value>>,
    /// The result of the request that reactivates the account.
    pub(super) reactivated: Fact<()>,
    /// The old session after the account was reactivated or created again.
    pub(super) old_session: Option<Sighting>,
    /// A login after the reactivation.
    pub(super) second_entry: Fact<Entry>,
    /// The account, read by its id after the reactivation and the login; `None` if it was not
    /// found.
    pub(super) account_after: Fact<Option<Value>>,
    /// The accounts with this userName after SCIM reactivated the account and the person logged in
    /// again.
    pub(super) accounts_after: Fact<Vec<Value>>,
    /// The creation of a second account with the userName of the deleted one.
    pub(super) created_again: Fact<Created>,
    /// The old token after the account was reactivated or created again.
    pub(super) old_token: Option<Sighting>,
    /// For each forged revocation request: the HTTP status, and the session after it.
    pub(super) forged: Vec<(Forgery, ForgedAnswer)>,
    /// Time until the person had the rights of the other group; `None` if never.
    pub(super) rights: Fact<Option<Duration>>,
    /// Time until these rights were gone; `None` if never.
    pub(super) rights_gone: Fact<Option<Duration>>,
}

impl Facts {
    /// True if a revocation request with this error was sent.
    pub(super) fn has_sent(&self, forgery: Forgery) -> bool {
        self.forged.iter().any(|(sent, _)| *sent == forgery)
    }
}

impl Subject {
    pub(super) fn new(case: Case) -> Self {
        Self {
            case,
            account: None,
            browser: None,
            place: String::new(),
            unready: None,
            session: Watch::default(),
            token: Watch::default(),
            token_value: None,
            acted_at: None,
            facts: Facts::default(),
            log: Vec::new(),
        }
    }

    /// Creates the person of a case that cannot be judged.
    pub(super) fn unready(case: Case, why: impl Into<String>) -> Self {
        Self {
            unready: Some(why.into()),
            ..Self::new(case)
        }
    }

    /// Returns the userName; empty before the account is created.
    pub(super) fn user(&self) -> String {
        let account = self.account.as_ref();
        account.map(|it| it.user_name.clone()).unwrap_or_default()
    }

    /// Requests the probe with the cookies of the session and records the exchange. Returns
    /// what the probe showed and the body; `None` if the person has no browser.
    pub(super) async fn look(&mut self) -> Option<(Sighting, String)> {
        let browser = self.browser.as_ref()?;
        Some(browser.look(Some(&self.place), &mut self.log).await)
    }

    /// True if the event of the case happened, so that session and token must end.
    pub(super) fn has_left(&self) -> bool {
        self.unready.is_none() && self.acted_at.is_some()
    }
}
