//! Checks of what a request can ask for: no page (IsPassive), a NameID format, an authentication
//! context class, an address (saml-core §3.4.1). If all requests of one kind are ignored, that is
//! one finding.

use super::trial::{describe, detail, find_trial, is_signed_on, judge_trial};
use super::{Ruled, Ruling, breaks, holds, not_judged};
use crate::check::idp::reading::Case;
use crate::check::idp::recording::Ending;
use crate::check::idp::trials::{IMPOSSIBLE_CLASS, POST, REDIRECT};

const PASSIVE_SHOWN: &str = "every request with IsPassive was answered with a page";

/// Adds what a passive request shows about IsPassive in general.
fn add_passive_symptom(case: &Case<'_>, name: &str, ruled: Ruled) -> Ruled {
    let shows_page = case
        .trial(name)
        .is_some_and(|it| it.asked || matches!(it.ending, Ending::Page { .. }));
    if matches!(ruled.ruling, Ruling::Breaks(_)) && !shows_page {
        return ruled;
    }
    ruled.about(PASSIVE_SHOWN)
}

pub(super) fn judge_passive(case: &Case<'_>) -> Ruled {
    // Without a session this is the same request as the one of SAML-IDP-REQ-10.
    if case.trial("session").is_some_and(|it| it.asked) {
        return not_judged("the identity provider keeps no session: see SAML-IDP-REQ-06");
    }
    let ruled = judge_trial(case, "passive", |trial| {
        let answer = matches!(trial.ending, Ending::Answer(_));
        answer && !trial.asked
    });
    add_passive_symptom(case, "passive", ruled)
}

pub(super) fn judge_passive_refusal(case: &Case<'_>, name: &str) -> Ruled {
    let ruled = judge_trial(case, name, |trial| {
        let refused = detail(case, name).is_some_and(|it| it.ends_with(":NoPassive"));
        // Success is right too, if the session is fresh enough.
        let answered = name == "force-and-passive" && is_signed_on(case, name);
        (refused || answered) && !trial.asked
    });
    add_passive_symptom(case, name, ruled)
}

fn is_refused_with(case: &Case<'_>, name: &str, status: &str) -> bool {
    detail(case, name).is_some_and(|it| it.ends_with(status))
}

/// Returns the NameID format of an answer.
fn format_in<'c>(case: &'c Case<'_>, name: &str) -> Option<&'c str> {
    let assertion = case.answer(name)?.response()?.assertions.first()?;
    assertion.name_id.as_ref()?.format.as_deref()
}

/// Returns the authentication context class of an answer.
fn class_in<'c>(case: &'c Case<'_>, name: &str) -> Option<&'c str> {
    let assertion = case.answer(name)?.response()?.assertions.first()?;
    assertion.sign_ons.first()?.class.as_deref()
}

/// Adds what a request shows about requests of its kind. `value` is the value in the answer,
/// `plain` the value in the answer to a plain request.
fn add_symptom(ruled: Ruled, value: Option<&str>, plain: Option<&str>, symptom: &str) -> Ruled {
    let is_ignored = value.is_some() && value == plain;
    match ruled.ruling {
        // A value that the plain answer also has does not show that the request was followed.
        Ruling::Holds(_) if is_ignored => ruled,
        Ruling::Breaks(_) if !is_ignored => ruled,
        _ => ruled.about(symptom),
    }
}

const FORMAT_IGNORED: &str = "every NameIDPolicy was ignored";

const CLASS_IGNORED: &str = "every RequestedAuthnContext was ignored";

fn add_format_symptom(case: &Case<'_>, name: &str, ruled: Ruled) -> Ruled {
    let (value, plain) = (format_in(case, name), format_in(case, "session"));
    add_symptom(ruled, value, plain, FORMAT_IGNORED)
}

fn add_class_symptom(case: &Case<'_>, name: &str, ruled: Ruled) -> Ruled {
    let (value, plain) = (class_in(case, name), class_in(case, "session"));
    add_symptom(ruled, value, plain, CLASS_IGNORED)
}

pub(super) fn judge_format(case: &Case<'_>, name: &str, wanted: &str) -> Ruled {
    let ruled = judge_trial(case, name, |trial| {
        let Some(answer) = case.answer(name) else {
            // An error page is a refusal too, though a less helpful one.
            return matches!(&trial.ending, Ending::Page { .. }) && !trial.asked;
        };
        if is_refused_with(case, name, ":InvalidNameIDPolicy") {
            return true;
        }
        let assertion = answer.response().and_then(|it| it.assertions.first());
        let got = assertion
            .and_then(|it| it.name_id.as_ref())
            .and_then(|it| it.format.as_deref());
        match answer.response() {
            Some(response) if response.assertions.is_empty() => response.status_detail.is_some(),
            Some(_) => got.is_none_or(|it| it.ends_with(&format!(":{wanted}"))) && got.is_some(),
            None => true,
        }
    });
    add_format_symptom(case, name, ruled)
}

pub(super) fn judge_transient(case: &Case<'_>) -> Ruled {
    let name = |trial: &str| {
        let assertion = case.answer(trial)?.response()?.assertions.first()?;
        let name = assertion.name_id.as_ref()?;
        let transient = name.format.as_deref()?.ends_with(":transient");
        transient.then(|| name.value.clone())
    };
    let Some(one) = name("name-transient") else {
        return not_judged("there was no transient NameID: see SAML-IDP-REQ-14");
    };
    let lasting = case
        .answers
        .iter()
        .filter(|it| it.name != "name-transient")
        .filter_map(|it| it.response()?.assertions.first()?.name_id.as_ref())
        .any(|it| {
            it.value == one
                && !it
                    .format
                    .as_deref()
                    .unwrap_or_default()
                    .ends_with(":transient")
        });
    if one.eq_ignore_ascii_case(&case.recording.user) || lasting {
        breaks(format!("{one:?}, which is their lasting name")).at("name-transient")
    } else {
        holds(one).at("name-transient")
    }
}

pub(super) fn judge_impossible_format(case: &Case<'_>) -> Ruled {
    let name = "name-impossible";
    let ruled = judge_trial(case, name, |_| !is_signed_on(case, name));
    add_format_symptom(case, name, ruled)
}

pub(super) fn judge_context(case: &Case<'_>) -> Ruled {
    let name = "context-password";
    if case.answer(name).is_some_and(|it| it.succeeds()) && class_in(case, name).is_none() {
        return not_judged("no AuthnContextClassRef: see SAML-IDP-ASSERT-13 and -16");
    }
    let ruled = judge_trial(case, name, |trial| {
        if case.answer(name).is_none() {
            return matches!(&trial.ending, Ending::Page { .. });
        }
        class_in(case, name).is_none_or(|it| it.ends_with(":PasswordProtectedTransport"))
    });
    add_class_symptom(case, name, ruled)
}

pub(super) fn judge_impossible_context(case: &Case<'_>) -> Ruled {
    let name = "context-impossible";
    let ruled = judge_trial(case, name, |_| {
        class_in(case, name).is_none_or(|it| it == IMPOSSIBLE_CLASS)
    });
    add_class_symptom(case, name, ruled)
}

/// True if the ordinary request, which names the first address, was answered at the second one.
fn is_at_second(case: &Case<'_>) -> Option<&'static str> {
    let first = |name: &&str| {
        let answer = case.answer(name).filter(|it| it.succeeds());
        answer.is_some_and(|it| it.delivered.to == case.recording.party.acs[1])
    };
    [REDIRECT, POST].into_iter().find(|name| first(name))
}

/// Judges whether each of the registered addresses is used if a request names it.
pub(super) fn judge_requested_address(case: &Case<'_>) -> Ruled {
    let ruled = judge_address(case, "acs-second", 1);
    let Some((name, trial)) = is_at_second(case).and_then(|it| Some((it, case.trial(it)?))) else {
        return ruled;
    };
    let said = describe(case, name, trial);
    breaks(format!("{said}, not to {}", case.recording.party.acs[0])).at(name)
}

/// Judges the answer to a request without an address. If the requested address is ignored too, the
/// cause is the same.
pub(super) fn judge_default_address(case: &Case<'_>) -> Ruled {
    let ruled = judge_address(case, "acs-default", 0);
    match ruled.ruling {
        Ruling::Breaks(_) if is_at_second(case).is_some() => not_judged(
            "the Response goes to the second address, whatever the request names: see SAML-IDP-REQ-19",
        ),
        _ => ruled,
    }
}

const AT_DEFAULT: &str = "every answer went to the default address";

pub(super) fn judge_address(case: &Case<'_>, name: &str, index: usize) -> Ruled {
    let all = &case.recording.party.acs;
    let trial = match find_trial(case, name) {
        Ok(trial) => trial,
        Err(ruled) => return ruled,
    };
    let (said, wanted) = (describe(case, name, trial), &all[index]);
    let to = match &trial.ending {
        Ending::Answer(delivered) => Some(&delivered.to),
        _ => None,
    };
    let ruled = if to == Some(wanted) {
        holds(said).at(name)
    } else {
        breaks(format!("{said}, not to {wanted}")).at(name)
    };
    // A request for the default address, or an answer at a third address, shows nothing about the
    // symptom.
    if index == 0 || to.is_some_and(|it| it != wanted && *it != all[0]) {
        return ruled;
    }
    ruled.about(AT_DEFAULT)
}
