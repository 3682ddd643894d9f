//! Describes the result of a trial; shared by the checks of requests, security and logout.

use super::{Ruled, breaks, holds, not_judged, without_query};
use crate::check::idp::reading::{Answer, Case};
use crate::check::idp::recording::{Ending, Trial};
use crate::excerpt::{excerpt, unescape};

/// Describes the result of a trial in a few words.
pub(super) fn describe(case: &Case<'_>, name: &str, trial: &Trial) -> String {
    match &trial.ending {
        Ending::Answer(delivered) => {
            let answer = case.answer(name);
            let status = answer.map(Answer::status).unwrap_or_default();
            let content = answer.and_then(content).unwrap_or_default();
            format!("{status}{content}, delivered to {}", delivered.to)
        }
        Ending::Page { url, status, text } => {
            let text = excerpt(&unescape(text), 160);
            let asks = if trial.asked {
                ", after asking the person"
            } else {
                ""
            };
            let url = without_query(url);
            format!("a page (HTTP {status} at {url}{asks}): {text}")
        }
        Ending::Failed { why } | Ending::NoAnswer { why } => why.clone(),
        Ending::NotTried { why } => format!("not tried: {why}"),
    }
}

/// Describes the assertion by the values that requests can ask for.
fn content(answer: &Answer<'_>) -> Option<String> {
    let assertion = answer.response()?.assertions.first()?;
    let name = assertion.name_id.as_ref();
    let format = name.and_then(|it| it.format.as_deref());
    let sign_on = assertion.sign_ons.first();
    let short = |uri: Option<&str>| {
        let uri = uri.unwrap_or("none");
        uri.rsplit(':').next().unwrap_or(uri).to_owned()
    };
    Some(format!(
        " (NameID Format {}, AuthnContextClassRef {}, AuthnInstant {})",
        short(format),
        short(sign_on.and_then(|it| it.class.as_deref())),
        sign_on
            .and_then(|it| it.instant.as_deref())
            .unwrap_or("none"),
    ))
}

/// Returns the trial, or why there is nothing to judge.
pub(super) fn find_trial<'c>(case: &'c Case<'_>, name: &str) -> Result<&'c Trial, Ruled> {
    match case.trial(name) {
        None => Err(not_judged("it was not tried in this run")),
        Some(Trial {
            ending: Ending::NotTried { why } | Ending::NoAnswer { why },
            ..
        }) => Err(not_judged(why.clone()).shows(why)),
        Some(trial) => Ok(trial),
    }
}

/// True if the trial ended with an assertion.
pub(super) fn is_signed_on(case: &Case<'_>, name: &str) -> bool {
    case.answer(name).is_some_and(|it| {
        it.succeeds() || it.response().is_some_and(|it| !it.assertions.is_empty())
    })
}

/// Returns the second-level status code of the answer.
pub(super) fn detail<'c>(case: &'c Case<'_>, name: &str) -> Option<&'c str> {
    case.answer(name)?.response()?.status_detail.as_deref()
}

pub(super) fn judge_trial(case: &Case<'_>, name: &str, judge: impl Fn(&Trial) -> bool) -> Ruled {
    match find_trial(case, name) {
        Err(ruled) => ruled,
        Ok(trial) => {
            let said = describe(case, name, trial);
            let ruled = if judge(trial) {
                holds(said)
            } else {
                breaks(said)
            };
            ruled.at(name)
        }
    }
}

/// True if the sign-on succeeded; other checks judge the contents of the Response.
pub(super) fn is_answered(case: &Case<'_>, name: &str) -> bool {
    case.answer(name).is_some_and(|it| match it.response() {
        Some(response) => {
            response.status.is_none()
                || !response.assertions.is_empty()
                || response.status_detail.is_none()
        }
        None => true,
    })
}
