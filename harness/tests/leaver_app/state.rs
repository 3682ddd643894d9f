//! The state of the application: accounts, groups, sessions and tokens.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{ADMINS, App, Hole, KNOWN, STAFF};

#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) user_name: String,
    pub(super) active: bool,
    /// The body that SCIM sent.
    pub(super) body: Value,
    /// True if it was deactivated at least once.
    pub(super) was_inactive: bool,
}

/// A session or a token.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) account: String,
    pub(super) user_name: String,
    pub(super) index: Option<String>,
    /// The roles at login.
    pub(super) roles: Vec<&'static str>,
    pub(super) end: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<String, Account>,
    /// Maps group names to the ids of the members.
    pub(super) groups: BTreeMap<&'static str, BTreeSet<String>>,
    pub(super) sessions: HashMap<String, Access>,
    pub(super) tokens: HashMap<String, Access>,
    /// Maps the cookie of a browser to the ID of its `AuthnRequest`.
    pub(super) requests: HashMap<String, String>,
    pub(super) seen: HashSet<String>,
    pub(super) deleted_names: HashSet<String>,
    /// Ended sessions that were already refused once.
    pub(super) blinked: HashSet<String>,
    /// True if a person with a session has left.
    pub(super) has_left: bool,
    last: u64,
}

/// Why a person loses access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Deactivated,
    Deleted,
    LeftGroup,
    Revoked,
}

impl State {
    pub(super) fn new() -> Self {
        let mut state = Self::default();
        state.groups.insert(STAFF, BTreeSet::new());
        state.groups.insert(ADMINS, BTreeSet::new());
        let id = state.insert(json!({"userName": KNOWN, "active": true}));
        state.groups.entry(STAFF).or_default().insert(id);
        state
    }

    /// Creates an account and returns its id.
    pub(super) fn insert(&mut self, body: Value) -> String {
        self.last += 1;
        let id = format!("u{}", self.last);
        let account = Account {
            id: id.clone(),
            user_name: body["userName"].as_str().unwrap_or_default().to_owned(),
            active: body["active"].as_bool().unwrap_or(true),
            body,
            was_inactive: false,
        };
        self.accounts.insert(id.clone(), account);
        id
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Account> {
        self.accounts.values().find(|it| it.user_name == name)
    }

    pub(super) fn is_member(&self, group: &str, id: &str) -> bool {
        self.groups.get(group).is_some_and(|all| all.contains(id))
    }

    pub(super) fn roles(&self, id: &str) -> Vec<&'static str> {
        let all = [STAFF, ADMINS];
        all.into_iter()
            .filter(|it| self.is_member(it, id))
            .collect()
    }
}

impl App {
    /// Ends the sessions and tokens that this event must end, except those that the hole keeps.
    pub(super) fn end(&self, state: &mut State, account: &str, event: Event) {
        // The checks create and delete accounts before the first login; these do not count.
        state.has_left |= state.sessions.values().any(|it| it.account == account);
        let late = match self.hole {
            Hole::EndsAfter(seconds) => seconds,
            _ => 0,
        };
        let end = Some(self.ambient.now() + SignedDuration::from_secs(late));
        let is_whose =
            |access: &Access| access.account == account || self.hole == Hole::EndsEverybody;
        let sessions_stay = match event {
            Event::Deactivated => {
                matches!(self.hole, Hole::SurvivesDeactivation | Hole::SessionsResume)
            }
            Event::Deleted => matches!(self.hole, Hole::SurvivesDelete | Hole::SessionsByName),
            Event::LeftGroup => self.hole == Hole::SurvivesGroup,
            Event::Revoked => self.hole == Hole::RevocationDoesNothing,
        };
        let tokens_stay = match event {
            Event::Deactivated => matches!(
                self.hole,
                Hole::TokenSurvivesDeactivation | Hole::TokensResume
            ),
            Event::Deleted => {
                matches!(self.hole, Hole::TokenSurvivesDelete | Hole::TokensByName)
            }
            Event::LeftGroup => self.hole == Hole::TokenSurvivesGroup,
            Event::Revoked => matches!(
                self.hole,
                Hole::TokenSurvivesRevocation | Hole::RevocationDoesNothing
            ),
        };
        let close = |all: &mut HashMap<String, Access>| {
            for access in all.values_mut().filter(|it| is_whose(it)) {
                access.end = access.end.or(end);
            }
        };
        if !sessions_stay {
            close(&mut state.sessions);
        }
        if !tokens_stay {
            close(&mut state.tokens);
        }
    }

    /// True if a token still works.
    pub(super) fn is_good_token(&self, state: &State, access: &Access) -> bool {
        self.works(state, access, [Hole::TokensResume, Hole::TokensByName])
    }

    /// True if a session still works.
    pub(super) fn is_good(&self, state: &State, access: &Access) -> bool {
        self.works(state, access, [Hole::SessionsResume, Hole::SessionsByName])
    }

    /// True if a session or token still works. The holes are those in which it belongs to an
    /// active account, and to a userName.
    fn works(&self, state: &State, access: &Access, [resumes, by_name]: [Hole; 2]) -> bool {
        if access.end.is_some_and(|end| end <= self.ambient.now()) {
            return false;
        }
        match self.hole {
            hole if hole == resumes => {
                let account = state.accounts.get(&access.account);
                account.is_none_or(|it| it.active)
            }
            hole if hole == by_name => state.by_name(&access.user_name).is_some(),
            _ => true,
        }
    }
}
