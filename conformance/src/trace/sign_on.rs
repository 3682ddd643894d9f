//! Judges when the user signed on, and until when the session lasts (saml-core §2.7.2).

use jiff::SignedDuration;

use super::times::length;
use super::verdict::SKEW;
use super::{Known, Verdict};
use crate::inspection::response::{Assertion, instant};

/// The age of a sign-on that some products accept by default: Spring Security's SAML extension and
/// libraries like it have 7200 s.
const USUAL_AGE: SignedDuration = SignedDuration::from_hours(2);

pub(super) fn judge(assertion: &Assertion, known: &Known, verdict: &mut Verdict) {
    let issued = assertion.issue_instant.as_deref().and_then(instant);
    for sign_on in &assertion.sign_ons {
        let end = sign_on.session_not_on_or_after.as_deref().and_then(instant);
        if let (Some(end), Some(now)) = (end, known.now)
            && now.duration_since(end) >= SKEW
        {
            // In an old message, the session is over too.
            if verdict.times.is_late() {
                verdict.times.add_late("the session", end);
            } else {
                verdict.refuse(format!(
                    "SessionNotOnOrAfter is {end}, {} before now: the session must be considered ended (saml-core §2.7.2), so service providers that read it refuse the login or end the session at once. Check the lifetime of sessions, the clock and the time zone at the identity provider",
                    length(now.duration_since(end))
                ));
            }
        }
        let signed_on = sign_on.instant.as_deref().and_then(instant);
        if let (Some(signed_on), Some(issued)) = (signed_on, issued)
            && issued.duration_since(signed_on) > USUAL_AGE
        {
            verdict.add_remark(format!(
                "the user signed on {} before this assertion was issued (AuthnInstant {signed_on}): service providers with a limit refuse it, for example Spring Security (\"Authentication statement is too old to be used\", 2 h by default). Raise the limit (maxAuthenticationAge), or request ForceAuthn=\"true\"",
                length(issued.duration_since(signed_on))
            ));
        }
    }
}
