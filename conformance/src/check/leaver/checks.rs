//! The table of the checks: the requirement of each, and the case that it judges. The
//! functions that judge are in `verdicts`.

use std::time::Duration;

use serde_json::Value;

use super::revocation::Forgery;
use super::subject::{Case, Fact, Subject};
use super::verdicts::{
    judge_account_reuse, judge_first_login, judge_forged_revocation, judge_free_user_name,
    judge_gained_rights, judge_login_after_reactivation, judge_login_of_leaver, judge_lost_rights,
    judge_no_reactivation, judge_no_recreation, judge_old_session, judge_old_token,
    judge_same_account, judge_session_of_new_account, judge_stayed_session,
    judge_token_of_new_account,
};
use crate::check::sp::Sighting;
use crate::check::{Harm, Level};

/// All observations of one run.
pub(super) struct Seen {
    /// Time from the creation by SCIM to the first accepted login, or why no login was
    /// accepted.
    pub(super) joined: Fact<Duration>,
    /// The accounts with the userName of the person who stays, read after the first login.
    pub(super) accounts: Fact<Vec<Value>>,
    /// The last look at the session of the person who stays, or the look that found it ended.
    pub(super) stayed: Fact<Sighting>,
    /// The persons of the cases. The person who stays is the first.
    pub(super) subjects: Vec<Subject>,
}

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The requirement is not met. Contains what was observed.
    Wrong(String),
    /// The check cannot be judged. Contains the reason.
    Unjudged(String),
    /// The check cannot be judged because another check did not pass. Contains the id of
    /// that check and the reason.
    Follows(&'static str, String),
    /// The run ended before the observation was made.
    Incomplete,
}

/// What was observed if the requirement is met; otherwise why the check did not pass.
pub(super) type Judged = Result<String, Stop>;

/// How a check is judged.
pub(super) enum How {
    /// The session of the person of this case must end.
    Session(Case),
    /// The API token of the person of this case must end.
    Token(Case),
    /// A revocation request with this error must be refused.
    Forged(Forgery),
    /// A function judges the observations of this case.
    By(Case, fn(&Seen, &Subject) -> Judged),
}

/// A check and how it is judged.
pub(super) type Row = crate::check::row::Row<How>;

/// The control of all other checks: they are skipped if it does not pass.
pub(super) const JOINS: &str = "LEAVER-JOIN-01";
/// The control of the checks that a session or token ends.
pub(super) const STAYS: &str = "LEAVER-STAY-01";

macro_rules! rows {
    ($($id:literal, $level:ident, $harm:ident, $spec:literal; $title:literal; expects $expected:literal; fix $fix:literal; $how:expr)*) => {
        /// All checks, in the order of the report.
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
    "A person created by SCIM can log in";
    expects "a valid Response about the new person to be accepted";
    fix "Find the account that SCIM created by the NameID of the Response, or by the attribute that contains userName or externalId.";
    How::By(Case::Stays, judge_first_login)
"LEAVER-JOIN-02", Should, Function, "RFC 7643 §4.1.1";
    "A login uses the account that SCIM created";
    expects "exactly one account with the userName, with the id that the SCIM server returned";
    fix "Search for the SCIM account of the person before you create an account at the first login.";
    How::By(Case::Stays, judge_account_reuse)
"LEAVER-STAY-01", Should, Function, "control of the other checks";
    "A person to whom nothing happens keeps the session";
    expects "the session of the person who stays to work until the end of the run";
    fix "End only the sessions of the person who left, not the sessions of all persons. If sessions time out before the run ends, use longer sessions in the test tenant.";
    How::By(Case::Stays, judge_stayed_session)
"LEAVER-DEACT-01", Should, Protection, "IPSIE AL SCIM 2.0 profile (draft), Deactivate; RFC 7643 §4.1.1";
    "A session ends when SCIM deactivates the person";
    expects "the session to end within --max-seconds";
    fix "When active becomes false, delete the person's sessions. If sessions exist only in signed cookies, keep the time of the deactivation and refuse cookies from before it at every request.";
    How::Session(Case::Deactivated)
"LEAVER-DEACT-02", Should, Protection, "IPSIE AL SCIM 2.0 profile (draft), Deactivate";
    "An API token stops working when SCIM deactivates the person";
    expects "the token to be refused within --max-seconds";
    fix "When active becomes false, revoke the person's access tokens, refresh tokens, personal access tokens and keys.";
    How::Token(Case::Deactivated)
"LEAVER-DEACT-03", Should, Protection, "RFC 7643 §4.1.1";
    "A deactivated person cannot log in";
    expects "a new Response about the person to be refused";
    fix "Refuse a Response about a person whose account has active set to false.";
    How::By(Case::Deactivated, judge_login_of_leaver)
"LEAVER-DEACT-04", Should, Protection, "RFC 7643 §4.1.1";
    "A login attempt does not reactivate a deactivated account";
    expects "no active account with the userName after the refused login";
    fix "Change active only by SCIM. Do not create an account at the first login if SCIM has deactivated an account of this person.";
    How::By(Case::Deactivated, judge_no_reactivation)
"LEAVER-REACT-01", Should, Function, "IPSIE AL SCIM 2.0 profile (draft), Reactivate";
    "A reactivated person can log in again";
    expects "a new Response about the person to be accepted after active becomes true";
    fix "When active becomes true again, undo everything that the deactivation changed.";
    How::By(Case::Deactivated, judge_login_after_reactivation)
"LEAVER-REACT-02", Must, Function, "RFC 7643 §3.1";
    "Reactivation restores the same account";
    expects "exactly one account with the userName, with the same id and the same values";
    fix "Keep the account and its data when active becomes false. The id of a resource must not change, and no other resource may get it.";
    How::By(Case::Deactivated, judge_same_account)
"LEAVER-REACT-03", Should, Protection, "IPSIE AL SCIM 2.0 profile (draft), Deactivate";
    "Reactivation does not restore the old session";
    expects "the session from before the deactivation to stay ended";
    fix "Delete the sessions at deactivation. If they are only refused while active is false, a stolen cookie works again after reactivation.";
    How::By(Case::Deactivated, judge_old_session)
"LEAVER-REACT-04", Should, Protection, "IPSIE AL SCIM 2.0 profile (draft), Deactivate";
    "Reactivation does not restore the old API token";
    expects "the token from before the deactivation to stay refused";
    fix "Revoke the tokens at deactivation. If they are only refused while active is false, a stolen token works again after reactivation.";
    How::By(Case::Deactivated, judge_old_token)
"LEAVER-DELETE-01", Should, Protection, "RFC 7644 §3.6; IPSIE AL SCIM 2.0 profile (draft), Delete";
    "A session ends when SCIM deletes the person";
    expects "the session to end within --max-seconds";
    fix "Delete the person's sessions together with the account, or look up the account at every request.";
    How::Session(Case::Deleted)
"LEAVER-DELETE-02", Should, Protection, "RFC 7644 §3.6; IPSIE AL SCIM 2.0 profile (draft), Delete";
    "An API token stops working when SCIM deletes the person";
    expects "the token to be refused within --max-seconds";
    fix "Delete the person's tokens and keys together with the account.";
    How::Token(Case::Deleted)
"LEAVER-DELETE-03", Should, Protection, "RFC 7644 §3.6";
    "A deleted person cannot log in";
    expects "a new Response about the person to be refused";
    fix "If SCIM provisions the accounts, turn off their creation at the first login, or remember which persons SCIM deleted.";
    How::By(Case::Deleted, judge_login_of_leaver)
"LEAVER-DELETE-04", Should, Protection, "RFC 7644 §3.6";
    "A login attempt does not create a deleted account again";
    expects "no active account with the userName after the refused login";
    fix "If SCIM provisions the accounts, turn off their creation at the first login, or remember which persons SCIM deleted.";
    How::By(Case::Deleted, judge_no_recreation)
"LEAVER-DELETE-05", Should, Function, "RFC 7644 §3.6";
    "The userName can be used again after DELETE";
    expects "a second account with the same userName to be created";
    fix "Ignore deleted accounts when you check that a userName is unique.";
    How::By(Case::Deleted, judge_free_user_name)
"LEAVER-DELETE-06", Should, Protection, "RFC 7643 §3.1";
    "A new account with the same userName does not get the old session";
    expects "the session of the deleted account to stay ended";
    fix "Bind sessions to the id of the account, not to the userName: the next person with this userName is another person.";
    How::By(Case::Deleted, judge_session_of_new_account)
"LEAVER-DELETE-07", Should, Protection, "RFC 7643 §3.1";
    "The old API token does not work for a new account with the same userName";
    expects "the token of the deleted account to stay refused";
    fix "Bind tokens to the id of the account, not to the userName: the next person with this userName is another person.";
    How::By(Case::Deleted, judge_token_of_new_account)
"LEAVER-GROUP-01", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "A session ends when SCIM removes the person from the group that gives access";
    expects "the session to end within --max-seconds";
    fix "Check group membership at every request, or end the sessions of a person who loses access.";
    How::Session(Case::LeftGroup)
"LEAVER-GROUP-02", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "An API token stops working when SCIM removes the person from the group that gives access";
    expects "the token to be refused within --max-seconds";
    fix "Check group membership whenever a token is used, or revoke the tokens of a person who loses access.";
    How::Token(Case::LeftGroup)
"LEAVER-GROUP-03", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "A person who was removed from the group cannot log in";
    expects "a new Response about the person to be refused";
    fix "At each login, check the groups that SCIM has put the person into.";
    How::By(Case::LeftGroup, judge_login_of_leaver)
"LEAVER-MOVE-01", Should, Function, "RFC 7644 §3.5.2.1; RFC 7643 §4.2";
    "A person whom SCIM adds to a group gets its rights";
    expects "the probe to match --mover-expect within --max-seconds";
    fix "Derive rights from the groups that SCIM maintains, at each request or at the next login at the latest.";
    How::By(Case::Moved, judge_gained_rights)
"LEAVER-MOVE-02", Should, Protection, "RFC 7644 §3.5.2.2; RFC 7643 §4.2";
    "A person whom SCIM removes from a group loses its rights";
    expects "the probe of the running session to stop matching --mover-expect within --max-seconds";
    fix "Derive rights from the groups that SCIM maintains at each request, not only at login.";
    How::By(Case::Moved, judge_lost_rights)
"LEAVER-SLO-01", Must, Protection, "saml-profiles §4.4; saml-core §3.7.3.1";
    "A session ends when the identity provider sends a LogoutRequest";
    expects "the session to end on the server, so that a copy of its cookies does not work either";
    fix "On the server, end the sessions that NameID and SessionIndex of the LogoutRequest identify. Removing the cookie does not end a session.";
    How::Session(Case::LoggedOut)
"LEAVER-REVOKE-01", Should, Protection, "Okta, Build Universal Logout for your app; draft-parecki-oauth-global-token-revocation";
    "A session ends when the identity provider revokes the person's tokens";
    expects "the session to end within --max-seconds";
    fix "End all sessions of the person that sub_id identifies, whatever method the person logged in with.";
    How::Session(Case::Revoked)
"LEAVER-REVOKE-02", Should, Protection, "Okta, Build Universal Logout for your app; draft-parecki-oauth-global-token-revocation";
    "An API token stops working when the identity provider revokes the person's tokens";
    expects "the token to be refused within --max-seconds";
    fix "Revoke all refresh tokens and access tokens of the person that sub_id identifies.";
    How::Token(Case::Revoked)
"LEAVER-REVOKE-03", Should, Protection, "Okta, Build Universal Logout for your app, Endpoint authentication";
    "A revocation request signed with another key is refused";
    expects "HTTP 401 or 403, and the session to keep working";
    fix "Verify the signature of the JWT with the keys at the issuer's jwks_uri, then check iss, aud and exp. Otherwise anybody can log everybody out.";
    How::Forged(Forgery::Key)
"LEAVER-REVOKE-04", Should, Protection, "Okta, Build Universal Logout for your app, Endpoint authentication; RFC 7519 §4.1.3";
    "A revocation request for another audience is refused";
    expects "HTTP 401 or 403, and the session to keep working";
    fix "Compare aud with the URL of your revocation endpoint. Otherwise another application can send a request that it received to yours.";
    How::Forged(Forgery::Audience)
"LEAVER-REVOKE-05", Should, Protection, "Okta, Build Universal Logout for your app, Endpoint authentication; RFC 7519 §4.1.1";
    "A revocation request of another issuer is refused";
    expects "HTTP 401 or 403, and the session to keep working";
    fix "Compare iss with the issuer that the tenant trusts. One key may sign for several issuers.";
    How::Forged(Forgery::Issuer)
"LEAVER-REVOKE-06", Should, Protection, "Okta, Build Universal Logout for your app, Endpoint authentication; RFC 7519 §4.1.4";
    "An expired revocation request is refused";
    expects "HTTP 401 or 403, and the session to keep working";
    fix "Refuse a JWT whose exp is in the past by more than the allowed clock skew. Otherwise an old request, for example from a log, logs people out for ever.";
    How::Forged(Forgery::Expired)
}

impl Row {
    /// Returns the case that the check judges.
    pub(super) fn case(&self) -> Case {
        match self.by {
            How::Session(case) | How::Token(case) | How::By(case, _) => case,
            How::Forged(_) => Case::Revoked,
        }
    }

    fn sends(&self, forgery: Forgery) -> bool {
        matches!(self.by, How::Forged(own) if own == forgery)
    }

    /// Judges the check by the observations of a run.
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
        if self.case() == Case::Revoked {
            let mut forged = subject.facts.forged.iter();
            let ended = forged.find(|(_, seen)| matches!(seen, Ok((_, Sighting::Out(_)))));
            if let Some((forgery, _)) = ended
                && let Some(root) = ROWS.iter().find(|it| it.sends(*forgery))
                // This one and those before it were sent, and are judged.
                && !matches!(self.by, How::Forged(own) if subject.facts.has_sent(own))
            {
                let why = format!("{}, and it had already ended the session", forgery.about());
                return Err(Stop::Follows(root.id, why));
            }
        }
        match self.by {
            How::Session(_) => subject.session.judge("the session"),
            How::Token(_) => subject.token.judge("the token"),
            How::Forged(forgery) => judge_forged_revocation(forgery, subject),
            How::By(_, judge) => judge(seen, subject),
        }
    }

    /// Returns the time that the check measures, for example how long the session lived on
    /// after the event. `None` if the check measures nothing or the end was not observed.
    pub(super) fn figure(&self, seen: &Seen) -> Option<Duration> {
        let subject = seen.subject(self.case())?;
        match self.by {
            How::Session(_) => subject.session.end(),
            How::Token(_) => subject.token.end(),
            How::By(..) | How::Forged(_) => match self.id {
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
