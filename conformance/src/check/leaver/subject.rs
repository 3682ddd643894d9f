//! The person of a case, and what was seen of them.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::watch::Watch;
use crate::check::evidence::Exchange;
use crate::check::scim::{Account, Created};
use crate::check::sp::{PersonBrowser, Sighting};

/// What happens to a person; each case has a person of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Nothing: the control of all others.
    Stays,
    /// SCIM sets `active` to false.
    Deactivated,
    /// SCIM deletes the account.
    Deleted,
    /// SCIM takes them out of the group that gives access.
    LeftGroup,
    /// The identity provider sends a LogoutRequest.
    LoggedOut,
    /// The identity provider sends a revocation request.
    Revoked,
    /// SCIM puts them into another group, and takes them out of it.
    Moved,
}

impl Case {
    /// Those in which something ends, in the order they are played.
    pub(super) const LEAVERS: [Self; 5] = [
        Self::Deactivated,
        Self::Deleted,
        Self::LeftGroup,
        Self::LoggedOut,
        Self::Revoked,
    ];

    /// The name of its conversation.
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

    /// What it is about.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Stays => "a person who stays",
            Self::Deactivated => "a person whom SCIM deactivates, and reactivates",
            Self::Deleted => "a person whom SCIM deletes",
            Self::LeftGroup => "a person whom SCIM takes out of the group that gives access",
            Self::LoggedOut => "a person whom the identity provider logs out",
            Self::Revoked => "a person whose sessions the identity provider revokes",
            Self::Moved => "a person whom SCIM puts into another group",
        }
    }
}

/// Whether a sign-on let somebody in, and what came.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) is_in: bool,
    pub(super) sentence: String,
}

/// What was seen, or why it could not be; none where the run ended before.
pub(super) type Fact<T> = Option<Result<T, String>>;

/// The person of a case.
pub(super) struct Subject {
    pub(super) case: Case,
    pub(super) account: Option<Account>,
    pub(super) browser: Option<PersonBrowser>,
    /// Where the probe ends when the person is in.
    pub(super) place: String,
    /// Why nothing of the case can be judged.
    pub(super) unready: Option<String>,
    pub(super) session: Watch,
    pub(super) token: Watch,
    pub(super) token_value: Option<String>,
    pub(super) acted_at: Option<Timestamp>,
    pub(super) facts: Facts,
    pub(super) log: Vec<Exchange>,
}

/// What was seen beside the watched session and token.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// A sign-on after the person left.
    pub(super) entry: Fact<Entry>,
    /// The accounts with the userName after that sign-on.
    pub(super) accounts: Fact<Vec<Value>>,
    /// The account before it was deactivated.
    pub(super) account_before: Fact<Option<Value>>,
    /// Whether the account could be reactivated.
    pub(super) reactivated: Fact<()>,
    /// The old session after that.
    pub(super) old_session: Option<Sighting>,
    /// A sign-on after that.
    pub(super) second_entry: Fact<Entry>,
    /// What the account's address has after that.
    pub(super) account_after: Fact<Option<Value>>,
    /// The accounts with the userName after that.
    pub(super) accounts_after: Fact<Vec<Value>>,
    /// A second account with the userName of the deleted one.
    pub(super) created_again: Fact<Created>,
    /// What a revocation request that a foreign key signed was answered, and
    /// what it did to the session.
    pub(super) forged: Fact<(u16, Sighting)>,
    /// Whether the rights of the other group were there, and when.
    pub(super) rights: Fact<Option<Duration>>,
    /// Whether they were gone after that, and when.
    pub(super) rights_gone: Fact<Option<Duration>>,
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

    /// A case that can't be judged.
    pub(super) fn unready(case: Case, why: impl Into<String>) -> Self {
        Self {
            unready: Some(why.into()),
            ..Self::new(case)
        }
    }

    /// The userName.
    pub(super) fn user(&self) -> String {
        let account = self.account.as_ref();
        account.map(|it| it.user_name.clone()).unwrap_or_default()
    }

    /// Looks at the session, and keeps what was said; none where there is no browser.
    pub(super) async fn look(&mut self) -> Option<(Sighting, String)> {
        let browser = self.browser.as_ref()?;
        Some(browser.look(Some(&self.place), &mut self.log).await)
    }

    /// Whether something happened to the person that has to be looked at.
    pub(super) fn has_left(&self) -> bool {
        self.unready.is_none() && self.acted_at.is_some()
    }
}
