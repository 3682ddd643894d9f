//! Checks of unsolicited Responses (saml-profiles §4.1.5). They are skipped if the service
//! provider accepts none.

use faults::Fault;

use super::super::login::{Asked, Login};
use super::{Beyond, CheckError, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::runner::page_summary;
use crate::check::{Attacker, Harm};

rows! {
"SAML-SP-UNSOL-01", Must, Harm::Intrusion(Attacker::Holder), "saml-profiles §4.1.4.5"; "An unsolicited Response is accepted only once";
    expects "the second delivery, from another browser, to be refused";
    fix "Remember the ID of each assertion until its NotOnOrAfter, also for unsolicited Responses. Store it with a unique key in a database that all replicas share.";
    judge_replay
"SAML-SP-UNSOL-02", Must, Harm::Intrusion(Attacker::Holder), "saml-core §2.5.1.5"; "An unsolicited Response with OneTimeUse is accepted only once";
    expects "the second delivery, from another browser, to be refused";
    fix "Remember the ID of each assertion until its NotOnOrAfter: OneTimeUse means that it must not be used again.";
    judge_replay_of_one_time_use
"SAML-SP-UNSOL-03", May, Harm::Protection, "CWE-352"; "An unsolicited Response does not replace another user's session";
    expects "the user to stay logged in: any page can post a Response about the attacker, and the user then works in the attacker's account without noticing (login CSRF)";
    fix "Accept no unsolicited Responses, or ask the user to confirm before the session changes to another user.";
    judge_replaced_session
}

/// The id of the control whose assertion has the condition `OneTimeUse`.
const ONE_TIME_USE: &str = "one-time-use";

/// Returns what an unsolicited Response of this login contains.
fn unsolicited(login: &Login<'_>, relay_state: Option<String>) -> Result<Asked, CheckError> {
    let asked = login.unsolicited_values()?;
    Ok(Asked {
        relay_state,
        ..asked
    })
}

impl Beyond<'_> {
    /// Returns the RelayState that an unsolicited Response needs, if it needs one. Skips the check if the
    /// service provider refuses such Responses, and quotes its answer. This is tried once.
    pub(super) async fn require_unsolicited(&self) -> Result<Option<String>, Stop> {
        let tried = self.unsolicited.get_or_init(|| async {
            let refusal = match self.try_unsolicited(None).await {
                Ok(()) => return Ok(None),
                Err(refusal) => refusal,
            };
            // Some require the parameter, and some redirect to what it names.
            let state = self.find_relay_state().await;
            if state.is_some() && self.try_unsolicited(state.clone()).await.is_ok() {
                return Ok(state);
            }
            Err(refusal)
        });
        match tried.await {
            Ok(state) => Ok(state.clone()),
            Err(why) => skip(why.clone()),
        }
    }

    /// Delivers an unsolicited Response.
    ///
    /// # Errors
    /// The reason why the user was not logged in.
    async fn try_unsolicited(&self, relay_state: Option<String>) -> Result<(), String> {
        let login = self.login();
        let why = |error: CheckError| error.to_string();
        let visitor = login.visitor().map_err(why)?;
        let asked = login.unsolicited_values().map_err(why)?;
        let asked = Asked {
            relay_state,
            ..asked
        };
        let user = &self.judge.person.user;
        let delivery = self.deliver(&visitor, user, asked).await.map_err(why)?;
        match delivery.shown {
            Some(_) => Ok(()),
            None => Err(format!(
                "the service provider accepts no unsolicited Responses: HTTP {}: {}",
                delivery.arrival.status.as_u16(),
                page_summary(&delivery.arrival.body, 160)
            )),
        }
    }

    /// Returns the RelayState of an ordinary login.
    async fn find_relay_state(&self) -> Option<String> {
        self.judge.target.start_url.as_ref()?;
        let login = self.login();
        let asked = login.ask(&login.visitor().ok()?).await.ok()?;
        asked.relay_state.filter(|it| !it.is_empty())
    }
}

async fn deliver_twice(beyond: &Beyond<'_>, fault: Option<&Fault>) -> Judged {
    let relay_state = beyond.require_unsolicited().await?;
    let login = beyond.login();
    let asked = unsolicited(&login, relay_state)?;
    let ready = login.make(asked, fault, beyond.base)?;
    let first = login.deliver(&login.visitor()?, &ready).await?;
    if !first.is_accepted() {
        return skip(format!(
            "the first delivery was refused: {}",
            first.to_sentence()
        ));
    }
    let second = login.deliver(&login.visitor()?, &ready).await?;
    match second.is_accepted() {
        true => breaks(second.to_sentence(), second.evidence()),
        false => holds_with(second.to_sentence(), second.evidence()),
    }
}

async fn judge_replay(beyond: &Beyond<'_>) -> Judged {
    deliver_twice(beyond, None).await
}

async fn judge_replay_of_one_time_use(beyond: &Beyond<'_>) -> Judged {
    let controls = faults::controls().unwrap_or_default();
    let Some(control) = controls.iter().find(|it| it.id == ONE_TIME_USE) else {
        return skip("cannot create the Response: the control one-time-use was not found");
    };
    deliver_twice(beyond, Some(control)).await
}

async fn judge_replaced_session(beyond: &Beyond<'_>) -> Judged {
    if beyond.judge.target.start_url.is_none() {
        return skip(
            "not judged: with --idp-initiated, every login begins with an unsolicited Response",
        );
    }
    beyond.require_sight()?;
    let relay_state = beyond.require_unsolicited().await?;
    let login = beyond.login();
    let visitor = login.visitor()?;
    let own = beyond
        .deliver(
            &visitor,
            &beyond.judge.person.user,
            unsolicited(&login, relay_state.clone())?,
        )
        .await?;
    if own.shown.is_none() {
        return skip("not judged: the service provider refused a valid unsolicited Response");
    }
    let attacker = beyond.judge.attacker();
    let asked = unsolicited(&Login::new(beyond.judge, &attacker), relay_state)?;
    let other = beyond.deliver(&visitor, &attacker, asked).await?;
    match other.shown {
        Some(_) => holds_with("the user is still logged in", other.evidence()),
        None => breaks(
            "an unsolicited Response about another user ended the user's session or replaced it",
            other.evidence(),
        ),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_response_with_one_time_use_can_be_read() {
        let controls = faults::controls().unwrap();
        assert!(controls.iter().any(|it| it.id == super::ONE_TIME_USE));
    }
}
