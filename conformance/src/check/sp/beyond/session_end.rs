//! The end of a session at the time that the identity provider states (saml-core §2.7.2).

use std::time::{Duration, Instant};

use faults::{Edit, Fault};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::visitor::Visitor;
use super::{Beyond, Judged, Stop, breaks, holds_with, response_with, rows, skip};
use crate::check::Harm;
use crate::check::runner::pause;
use crate::check::sp::Answer;

rows! {
"SAML-SP-SESS-07", Should, Harm::Protection, "saml-profiles §4.1.4.3, saml-core §2.7.2"; "The session ends at SessionNotOnOrAfter";
    expects "the probe no longer to show the user after SessionNotOnOrAfter, some seconds after the login; the allowed clock skew may be added";
    fix "Store SessionNotOnOrAfter of the AuthnStatement with the session, and end the session no later than that.";
    judge_session_end
}

/// Clock skews that service providers allow, in seconds, the largest first. A login with
/// SessionNotOnOrAfter in the past shows that the service provider allows one, so that the check need
/// not wait for it.
const SKEWS: [i64; 6] = [300, 180, 120, 60, 30, 0];

/// How many seconds a session lasts.
const LASTS: i64 = 3;

/// How long after that the session may last, because servers count in whole seconds.
const GRACE: Duration = Duration::from_secs(4);

/// How long to wait between two requests of the probe.
const PAUSE: Duration = Duration::from_millis(250);

/// Returns the change of an assertion that sets SessionNotOnOrAfter.
fn until(end: Timestamp) -> Option<Fault> {
    response_with(vec![Edit::Attribute {
        at: "Response/Assertion/AuthnStatement".to_owned(),
        name: "SessionNotOnOrAfter".to_owned(),
        value: Some(format!("{end:.3}")),
    }])
}

async fn log_in_until(beyond: &Beyond<'_>, end: Timestamp) -> Result<(Visitor, Answer), Stop> {
    let Some(fault) = until(end) else {
        return skip("cannot create the Response: no control was found");
    };
    let login = beyond.login();
    let visitor = login.visitor()?;
    let ready = login
        .prepare_response(&visitor, Some(&fault), beyond.base)
        .await?;
    let answer = login.deliver(&visitor, &ready).await?;
    Ok((visitor, answer))
}

async fn judge_session_end(beyond: &Beyond<'_>) -> Judged {
    let clock = &beyond.judge.ambient;
    let (_, ignored) = log_in_until(beyond, clock.now() - SignedDuration::from_hours(2)).await?;
    if ignored.is_accepted() {
        return Err(Stop::Follows("SAML-SP-COND-07"));
    }
    let mut refusal = String::new();
    for skew in SKEWS {
        let end = clock.now() + SignedDuration::from_secs(LASTS - skew);
        let began = Instant::now();
        let (visitor, answer) = log_in_until(beyond, end).await?;
        if !answer.is_accepted() {
            refusal = answer.to_sentence();
            continue;
        }
        let most = Duration::from_secs(LASTS.unsigned_abs()) + GRACE;
        let evidence = json!({"session_not_on_or_after": end.to_string(), "allowed_skew_s": skew});
        loop {
            let took = began.elapsed();
            if !beyond.is_in(&visitor).await? {
                let seconds = took.as_secs_f64();
                return holds_with(
                    format!("the session ended {seconds:.1} s after the login"),
                    evidence,
                );
            }
            if took > most {
                break;
            }
            pause(PAUSE).await;
        }
        // If a new login with the same time is accepted, the allowed clock skew has not passed.
        let (_, again) = log_in_until(beyond, end).await?;
        return match again.is_accepted() {
            true => skip(format!(
                "not judged: the service provider allows a larger clock skew than {skew} s, so the session may go on"
            )),
            false => breaks(
                format!(
                    "the session goes on {:.1} s after the login, although the service provider refuses a new login with the same SessionNotOnOrAfter",
                    began.elapsed().as_secs_f64()
                ),
                evidence,
            ),
        };
    }
    skip(format!(
        "a Response whose SessionNotOnOrAfter is {LASTS} s ahead was refused: {refusal}"
    ))
}
