//! The checks: what each demands, and of which case. How each is judged by what
//! was seen is in `verdicts`.

use std::time::Duration;

use serde_json::Value;

use super::subject::{Case, Fact, Subject};
use super::verdicts::{
    cannot_sign_on, forged_is_refused, gets_rights, joins, loses_rights,
    new_account_has_no_session, old_session_stays_ended, same_account, signs_on_again, stays,
    stays_deactivated, stays_deleted, user_name_is_free, uses_the_account,
};
use crate::check::sp::Sighting;
use crate::check::{Harm, Level};

/// Everything that was seen.
pub(super) struct Seen {
    /// How long a person took to be able to sign on, or why they can't.
    pub(super) joined: Fact<Duration>,
    /// The accounts with the userName of the person who stays, after a sign-on.
    pub(super) accounts: Fact<Vec<Value>>,
    /// What became of the session of the person who stays.
    pub(super) stayed: Fact<Sighting>,
    /// The cases, that of the person who stays first.
    pub(super) subjects: Vec<Subject>,
}

/// Why a check has no good verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is not as demanded: what came.
    Wrong(String),
    /// It can't be judged, and why.
    Unjudged(String),
    /// It can't be judged because of another check: its id, and why.
    Follows(&'static str, String),
    /// The run ended before it was seen.
    Incomplete,
}

/// What came, where it is as demanded.
pub(super) type Judged = Result<String, Stop>;

/// How a check is judged.
pub(super) enum How {
    /// The session of the case has to end.
    Session(Case),
    /// The token of the case has to end.
    Token(Case),
    /// By a function of its own, over what was seen of a case.
    By(Case, fn(&Seen, &Subject) -> Judged),
}

/// A check and how it is judged.
pub(super) type Row = crate::check::row::Row<How>;

/// The control of everything.
pub(super) const JOINS: &str = "LEAVER-JOIN-01";
/// The control of every session that ends.
pub(super) const STAYS: &str = "LEAVER-STAY-01";

macro_rules! rows {
    ($($id:literal, $level:ident, $harm:ident, $spec:literal; $title:literal; expects $expected:literal; fix $fix:literal; $how:expr)*) => {
        /// Every check, in the order of the report.
        pub(super) static ROWS: &[Row] = &[$(Row {
            id: $id,
            level: Level::$level,
            harm: Harm::$harm,
            spec: $spec,
            title: $title,
            expected: $expected,
            fix: $fix,
            by: $how,
        },)*];
    };
}

rows! {
"LEAVER-JOIN-01", Should, Function, "RFC 7644 §3.3";
    "A person whom SCIM created can sign on";
    expects "the new person to be let in by an honest Response";
    fix "Look up the person of a Response among the accounts that SCIM created, by NameID or by the attribute that holds userName or externalId.";
    How::By(Case::Stays, joins)
"LEAVER-JOIN-02", Should, Function, "RFC 7643 §4.1.1";
    "A sign-on uses the account that SCIM created";
    expects "one account with the userName, with the id that SCIM gave";
    fix "Match the person of a Response with the SCIM account before you create an account at the first sign-on.";
    How::By(Case::Stays, uses_the_account)
"LEAVER-STAY-01", Should, Function, "control of the other checks";
    "Whoever stays keeps the session while others leave";
    expects "the session of a person who stays to work until the end";
    fix "End the sessions of the person who left, not those of everybody. If sessions are shorter than the check takes, lengthen them for the test tenant.";
    How::By(Case::Stays, stays)
"LEAVER-DEACT-01", Should, Protection, "IPSIE AL SCIM 2.0 profile (draft), Deactivate; RFC 7643 §4.1.1";
    "A session ends when SCIM deactivates the person";
    expects "the session to end within --max-seconds";
    fix "When active becomes false, delete the person's sessions, or look at active at every request. Sessions that live in signed cookies alone need a check against the account.";
    How::Session(Case::Deactivated)
"LEAVER-DEACT-02", Should, Protection, "IPSIE AL SCIM 2.0 profile (draft), Deactivate";
    "An API token stops working when SCIM deactivates the person";
    expects "the token to be refused within --max-seconds";
    fix "When active becomes false, revoke the person's access tokens, refresh tokens, personal access tokens and keys.";
    How::Token(Case::Deactivated)
"LEAVER-DEACT-03", Should, Protection, "RFC 7643 §4.1.1";
    "A deactivated person cannot sign on";
    expects "a new Response about the person to be refused";
    fix "Refuse a Response about an account whose active is false.";
    How::By(Case::Deactivated, cannot_sign_on)
"LEAVER-DEACT-04", Should, Protection, "RFC 7643 §4.1.1";
    "A sign-on does not reactivate a deactivated account";
    expects "the account to stay inactive, and no other to have the userName";
    fix "Let only SCIM set active. Creating accounts at the first sign-on must leave out people whom the directory knows and has deactivated.";
    How::By(Case::Deactivated, stays_deactivated)
"LEAVER-REACT-01", Should, Function, "IPSIE AL SCIM 2.0 profile (draft), Reactivate";
    "A reactivated person can sign on again";
    expects "a new Response about the person to be accepted once active is true";
    fix "When active becomes true again, lift everything that deactivation set.";
    How::By(Case::Deactivated, signs_on_again)
"LEAVER-REACT-02", Must, Function, "RFC 7643 §3.1";
    "Reactivation brings the same account back";
    expects "one account with the userName, with the same id and the same values";
    fix "Keep the account and its data when active becomes false. The id of a resource is stable and never given to another.";
    How::By(Case::Deactivated, same_account)
"LEAVER-REACT-03", Should, Protection, "IPSIE AL SCIM 2.0 profile (draft), Deactivate";
    "Reactivation does not bring the old session back";
    expects "a session from before the deactivation to stay ended";
    fix "Delete sessions at deactivation instead of only refusing them while active is false: a stolen cookie would work again.";
    How::By(Case::Deactivated, old_session_stays_ended)
"LEAVER-DELETE-01", Should, Protection, "RFC 7644 §3.6; IPSIE AL SCIM 2.0 profile (draft), Delete";
    "A session ends when SCIM deletes the person";
    expects "the session to end within --max-seconds";
    fix "Delete the person's sessions with the account, or look the account up at every request.";
    How::Session(Case::Deleted)
"LEAVER-DELETE-02", Should, Protection, "RFC 7644 §3.6; IPSIE AL SCIM 2.0 profile (draft), Delete";
    "An API token stops working when SCIM deletes the person";
    expects "the token to be refused within --max-seconds";
    fix "Delete the person's tokens and keys with the account.";
    How::Token(Case::Deleted)
"LEAVER-DELETE-03", Should, Protection, "RFC 7644 §3.6";
    "A deleted person cannot sign on";
    expects "a new Response about the person to be refused";
    fix "Where SCIM provisions, turn off the creation of accounts at the first sign-on, or remember whom SCIM deleted.";
    How::By(Case::Deleted, cannot_sign_on)
"LEAVER-DELETE-04", Should, Protection, "RFC 7644 §3.6";
    "A sign-on does not create a deleted account again";
    expects "no active account to have the userName";
    fix "Where SCIM provisions, turn off the creation of accounts at the first sign-on, or remember whom SCIM deleted.";
    How::By(Case::Deleted, stays_deleted)
"LEAVER-DELETE-05", Should, Function, "RFC 7644 §3.6";
    "The userName is free after DELETE";
    expects "a second account with the same userName to be created";
    fix "Leave deleted accounts out of the test for uniqueness.";
    How::By(Case::Deleted, user_name_is_free)
"LEAVER-DELETE-06", Should, Protection, "RFC 7643 §3.1";
    "A new account of the same userName does not get the old session";
    expects "the session of the deleted account to stay ended";
    fix "Tie sessions to the id of the account and not to the userName: the next person of that name is somebody else.";
    How::By(Case::Deleted, new_account_has_no_session)
"LEAVER-GROUP-01", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "A session ends when SCIM removes the person from the group that gives access";
    expects "the session to end within --max-seconds";
    fix "Look up group membership at every request, or end the sessions of whoever loses access.";
    How::Session(Case::LeftGroup)
"LEAVER-GROUP-02", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "An API token stops working when SCIM removes the person from the group that gives access";
    expects "the token to be refused within --max-seconds";
    fix "Look up group membership when a token is used, or revoke the tokens of whoever loses access.";
    How::Token(Case::LeftGroup)
"LEAVER-GROUP-03", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "A person who left the group cannot sign on";
    expects "a new Response about the person to be refused";
    fix "Ask the directory for the person's groups at each sign-on.";
    How::By(Case::LeftGroup, cannot_sign_on)
"LEAVER-MOVE-01", Should, Function, "RFC 7644 §3.5.2.1; RFC 7643 §4.2";
    "A group that SCIM adds the person to gives its rights";
    expects "the probe to match --mover-expect within --max-seconds";
    fix "Work out rights from the groups of the directory, at each request or at the next sign-on at the latest.";
    How::By(Case::Moved, gets_rights)
"LEAVER-MOVE-02", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "A group that SCIM removes the person from takes its rights along";
    expects "the probe of the running session not to match --mover-expect within --max-seconds";
    fix "Work out rights from the groups of the directory at each request, not once at the sign-on.";
    How::By(Case::Moved, loses_rights)
"LEAVER-SLO-01", Must, Protection, "saml-profiles §4.4; saml-core §3.7.3.1";
    "A session ends when the identity provider sends a LogoutRequest";
    expects "the session to end at the service provider, for a copy of its cookies too";
    fix "End the sessions that NameID and SessionIndex of the LogoutRequest name, on the server: a removed cookie alone ends nothing.";
    How::Session(Case::LoggedOut)
"LEAVER-REVOKE-01", Should, Protection, "Okta, Build Universal Logout for your app; draft-parecki-oauth-global-token-revocation";
    "A session ends when the identity provider revokes the person's tokens";
    expects "the session to end within --max-seconds";
    fix "End all sessions of the person that sub_id names, whatever they signed on with.";
    How::Session(Case::Revoked)
"LEAVER-REVOKE-02", Should, Protection, "Okta, Build Universal Logout for your app; draft-parecki-oauth-global-token-revocation";
    "An API token stops working when the identity provider revokes the person's tokens";
    expects "the token to be refused within --max-seconds";
    fix "Revoke refresh tokens and access tokens of the person that sub_id names.";
    How::Token(Case::Revoked)
"LEAVER-REVOKE-03", Should, Protection, "Okta, Build Universal Logout for your app, Endpoint authentication";
    "A revocation request that another key signed is refused";
    expects "HTTP 401 or 403, and the session to go on";
    fix "Verify the JWT with the keys of the issuer's jwks_uri, then iss, aud and exp: otherwise anybody can log everybody out.";
    How::By(Case::Revoked, forged_is_refused)
}

impl Row {
    /// The case that it is about.
    pub(super) fn case(&self) -> Case {
        match self.by {
            How::Session(case) | How::Token(case) | How::By(case, _) => case,
        }
    }

    /// The verdict.
    pub(super) fn judge(&self, seen: &Seen) -> Judged {
        let subject = seen.subject(self.case());
        if self.id != JOINS {
            match &seen.joined {
                None => return Err(Stop::Incomplete),
                Some(Ok(_)) => {}
                Some(Err(_)) => {
                    let why = format!("{JOINS} did not pass, so this would prove nothing");
                    return Err(Stop::Follows(JOINS, why));
                }
            }
        }
        let Some(subject) = subject else {
            return Err(Stop::Incomplete);
        };
        if let Some(why) = &subject.unready {
            return Err(Stop::Unjudged(why.clone()));
        }
        if self.case() == Case::Revoked && self.id != "LEAVER-REVOKE-03" {
            let forged = &subject.facts.forged;
            if let Some(Ok((_, Sighting::Out(_)))) = forged {
                let why = "a request that another key signed had ended the session before";
                return Err(Stop::Follows("LEAVER-REVOKE-03", why.to_owned()));
            }
        }
        match self.by {
            How::Session(_) => subject.session.judge("the session"),
            How::Token(_) => subject.token.judge("the token"),
            How::By(_, judge) => judge(seen, subject),
        }
    }

    /// How many seconds what it is about took, where that was measured.
    pub(super) fn figure(&self, seen: &Seen) -> Option<Duration> {
        let subject = seen.subject(self.case())?;
        match self.by {
            How::Session(_) => subject.session.end(),
            How::Token(_) => subject.token.end(),
            How::By(..) => match self.id {
                JOINS => seen.joined.clone()?.ok(),
                "LEAVER-MOVE-01" => subject.facts.rights.clone()?.ok()?,
                "LEAVER-MOVE-02" => subject.facts.rights_gone.clone()?.ok()?,
                _ => None,
            },
        }
    }
}

impl Seen {
    pub(super) fn subject(&self, case: Case) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.case == case)
    }
}
