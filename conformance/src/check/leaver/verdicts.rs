//! The functions that judge the checks, each by the observations of its case.

use serde_json::Value;

use super::checks::{Judged, STAYS, Seen, Stop};
use super::revocation::Forgery;
use super::subject::{Entry, Fact, Subject};
use super::watch::{Watch, seconds};
use crate::check::scim::Created;
use crate::check::sp::Sighting;

/// Returns the observation, or why the check cannot be judged without it.
fn require_known<T>(fact: &Fact<T>) -> Result<&T, Stop> {
    match fact {
        None => Err(Stop::Incomplete),
        Some(Err(why)) => Err(Stop::Unjudged(why.clone())),
        Some(Ok(fact)) => Ok(fact),
    }
}

pub(super) fn judge_first_login(seen: &Seen, _: &Subject) -> Judged {
    match &seen.joined {
        None => Err(Stop::Incomplete),
        Some(Err(why)) => Err(Stop::Wrong(why.clone())),
        Some(Ok(after)) => Ok(format!(
            "logged in {} after the answer of the SCIM server",
            seconds(*after)
        )),
    }
}

fn ids(accounts: &[Value]) -> String {
    let ids: Vec<&str> = accounts.iter().filter_map(|it| it["id"].as_str()).collect();
    if ids.is_empty() {
        return "no account".to_owned();
    }
    format!("the ids {}", ids.join(", "))
}

pub(super) fn judge_account_reuse(seen: &Seen, subject: &Subject) -> Judged {
    let accounts = require_known(&seen.accounts)?;
    let id = subject.account.as_ref().map(|it| it.id.as_str());
    match accounts.as_slice() {
        [one] if one["id"].as_str() == id => {
            Ok("the account is the one that SCIM created".to_owned())
        }
        others => Err(Stop::Wrong(format!(
            "SCIM created {}, but the filter for the userName finds {}",
            id.unwrap_or_default(),
            ids(others)
        ))),
    }
}

pub(super) fn judge_stayed_session(seen: &Seen, _: &Subject) -> Judged {
    match require_known(&seen.stayed)? {
        Sighting::In(_) => Ok("the session still worked at the end of the run".to_owned()),
        Sighting::Out(what) => Err(Stop::Wrong(format!(
            "the session of a person to whom nothing happened had ended: {what}"
        ))),
        Sighting::Unclear(why) => Err(Stop::Unjudged(why.clone())),
    }
}

fn judge_refusal(entry: &Entry) -> Judged {
    if entry.is_in {
        return Err(Stop::Wrong(entry.sentence.clone()));
    }
    Ok(entry.sentence.clone())
}

pub(super) fn judge_login_of_leaver(_: &Seen, subject: &Subject) -> Judged {
    judge_refusal(require_known(&subject.facts.entry)?)
}

fn is_active(account: &Value) -> bool {
    account["active"].as_bool() != Some(false)
}

/// Passes if no account with the userName is active after the refused login. The check
/// follows `root` if the login was accepted.
fn judge_active_accounts(subject: &Subject, root: &'static str) -> Judged {
    let entry = require_known(&subject.facts.entry)?;
    if entry.is_in {
        let why = "the login was accepted".to_owned();
        return Err(Stop::Follows(root, why));
    }
    let accounts = require_known(&subject.facts.accounts)?;
    let active: Vec<Value> = accounts
        .iter()
        .filter(|it| is_active(it))
        .cloned()
        .collect();
    if active.is_empty() {
        return Ok("no active account has the userName after the refused login".to_owned());
    }
    Err(Stop::Wrong(format!(
        "the login was refused, but after it active accounts have the userName: {}",
        ids(&active)
    )))
}

pub(super) fn judge_no_reactivation(_: &Seen, subject: &Subject) -> Judged {
    judge_active_accounts(subject, "LEAVER-DEACT-03")
}

pub(super) fn judge_no_recreation(_: &Seen, subject: &Subject) -> Judged {
    judge_active_accounts(subject, "LEAVER-DELETE-03")
}

pub(super) fn judge_login_after_reactivation(_: &Seen, subject: &Subject) -> Judged {
    require_known(&subject.facts.reactivated)?;
    let entry = require_known(&subject.facts.second_entry)?;
    if entry.is_in {
        return Ok(entry.sentence.clone());
    }
    Err(Stop::Wrong(entry.sentence.clone()))
}

/// Attributes that a login does not change.
const COMPARED: [&str; 3] = ["userName", "externalId", "displayName"];

pub(super) fn judge_same_account(seen: &Seen, subject: &Subject) -> Judged {
    require_known(&subject.facts.reactivated)?;
    let Some(account) = &subject.account else {
        return Err(Stop::Incomplete);
    };
    let (read, found) = (
        require_known(&subject.facts.account_after)?,
        require_known(&subject.facts.accounts_after)?,
    );
    let Some(read) = read else {
        return Err(Stop::Wrong(format!(
            "after active=true the account {} was not found; the filter for the userName finds {}",
            account.id,
            ids(found)
        )));
    };
    let is_alone = found.len() == 1 && found[0]["id"].as_str() == Some(&account.id);
    let has_second = seen.accounts.as_ref().is_some_and(|all| {
        // The person who stays has two accounts already.
        all.as_ref().is_ok_and(|all| all.len() > 1)
    });
    if !is_alone && has_second {
        let why = "a login creates a second account".to_owned();
        return Err(Stop::Follows("LEAVER-JOIN-02", why));
    }
    if !is_alone {
        return Err(Stop::Wrong(format!(
            "SCIM created {}, but after reactivation and a login the filter for the userName finds {}",
            account.id,
            ids(found)
        )));
    }
    let before = require_known(&subject.facts.account_before)?.as_ref();
    let before = before.unwrap_or(&Value::Null);
    match COMPARED.iter().find(|name| before[**name] != read[**name]) {
        None => Ok("the account has the same id and the same values".to_owned()),
        Some(name) => Err(Stop::Wrong(format!(
            "{name} was {} before the deactivation and is {} now",
            before[*name], read[*name]
        ))),
    }
}

/// Passes if a session or token that had ended does not work again. The check follows `root`
/// if it never ended.
fn judge_lasting_end(
    what: &str,
    watch: &Watch,
    later: Option<&Sighting>,
    root: &'static str,
) -> Judged {
    if watch.end().is_none() && watch.has_ended() {
        let why = format!("the {what} of a person who stays had ended at the same time");
        return Err(Stop::Follows(STAYS, why));
    }
    if !watch.has_ended() {
        return Err(Stop::Follows(root, format!("the {what} did not end")));
    }
    match later {
        None => Err(Stop::Incomplete),
        Some(Sighting::Out(seen)) => Ok(format!("the old {what} stays ended: {seen}")),
        Some(Sighting::In(_)) => Err(Stop::Wrong(format!("the old {what} works again"))),
        Some(Sighting::Unclear(why)) => Err(Stop::Unjudged(why.clone())),
    }
}

fn judge_session_end(subject: &Subject, root: &'static str) -> Judged {
    let later = subject.facts.old_session.as_ref();
    judge_lasting_end("session", &subject.session, later, root)
}

fn judge_token_end(subject: &Subject, root: &'static str) -> Judged {
    // Ends with the reason if the application issues no tokens.
    subject.token.require()?;
    let later = subject.facts.old_token.as_ref();
    judge_lasting_end("token", &subject.token, later, root)
}

pub(super) fn judge_old_session(_: &Seen, subject: &Subject) -> Judged {
    require_known(&subject.facts.reactivated)?;
    judge_session_end(subject, "LEAVER-DEACT-01")
}

pub(super) fn judge_old_token(_: &Seen, subject: &Subject) -> Judged {
    require_known(&subject.facts.reactivated)?;
    judge_token_end(subject, "LEAVER-DEACT-02")
}

pub(super) fn judge_free_user_name(_: &Seen, subject: &Subject) -> Judged {
    match require_known(&subject.facts.created_again)? {
        Created::Made(account) => Ok(format!("a second account was created: {}", account.id)),
        Created::Refused(status, what) if *status >= 500 => Err(Stop::Unjudged(what.clone())),
        Created::Refused(_, what) => Err(Stop::Wrong(what.clone())),
    }
}

fn was_created_again(subject: &Subject) -> Result<(), Stop> {
    if let Created::Refused(_, what) = require_known(&subject.facts.created_again)? {
        let why = format!("no second account was created: {what}");
        return Err(Stop::Follows("LEAVER-DELETE-05", why));
    }
    Ok(())
}

pub(super) fn judge_session_of_new_account(_: &Seen, subject: &Subject) -> Judged {
    was_created_again(subject)?;
    judge_session_end(subject, "LEAVER-DELETE-01")
}

pub(super) fn judge_token_of_new_account(_: &Seen, subject: &Subject) -> Judged {
    was_created_again(subject)?;
    judge_token_end(subject, "LEAVER-DELETE-02")
}

pub(super) fn judge_gained_rights(_: &Seen, subject: &Subject) -> Judged {
    match require_known(&subject.facts.rights)? {
        Some(after) => Ok(format!(
            "the person had the rights after {}",
            seconds(*after)
        )),
        None => Err(Stop::Wrong(
            "neither the session nor a new login has the rights of the group".to_owned(),
        )),
    }
}

pub(super) fn judge_lost_rights(_: &Seen, subject: &Subject) -> Judged {
    if matches!(subject.facts.rights, Some(Ok(None))) {
        let why = "the person never had the rights".to_owned();
        return Err(Stop::Follows("LEAVER-MOVE-01", why));
    }
    require_known(&subject.facts.rights)?;
    match require_known(&subject.facts.rights_gone)? {
        Some(after) => Ok(format!("the rights were gone after {}", seconds(*after))),
        None => Err(Stop::Wrong(
            "the running session keeps the rights of the group from which the person was removed"
                .to_owned(),
        )),
    }
}

/// Passes if this forged revocation request was refused and the session goes on.
pub(super) fn judge_forged_revocation(forgery: Forgery, subject: &Subject) -> Judged {
    let all = &subject.facts.forged;
    let Some((_, seen)) = all.iter().find(|(sent, _)| *sent == forgery) else {
        return Err(Stop::Incomplete);
    };
    let (status, session) = seen.as_ref().map_err(|why| Stop::Unjudged(why.clone()))?;
    match session {
        Sighting::Out(what) => Err(Stop::Wrong(format!(
            "answered HTTP {status}, and the session had ended: {what}"
        ))),
        Sighting::In(_) if matches!(status, 400..=403) => Ok(format!(
            "answered HTTP {status}, and the session keeps working"
        )),
        Sighting::In(_) if matches!(status, 200..=299) => Err(Stop::Wrong(format!(
            "answered HTTP {status} although {}; the session keeps working",
            forgery.about()
        ))),
        Sighting::In(_) => Err(Stop::Unjudged(format!(
            "answered HTTP {status}, which is neither a refusal nor a success"
        ))),
        Sighting::Unclear(why) => Err(Stop::Unjudged(why.clone())),
    }
}
