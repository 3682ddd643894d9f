//! Checks of the reaction to each variant of a request (saml-core §3.4, saml-profiles §4.1.4.1).

use super::trial::{describe, find_trial, is_answered, is_signed_on, judge_trial};
use super::wish::{
    judge_address, judge_context, judge_default_address, judge_format, judge_impossible_context,
    judge_impossible_format, judge_passive, judge_passive_refusal, judge_requested_address,
    judge_transient,
};
use super::{Item, Ruled, breaks, holds, item, not_judged};
use crate::check::Level::{May, Must, Should};
use crate::check::idp::reading::Case;
use crate::check::idp::recording::{Ending, Trial, first_sign_on};
use crate::check::idp::trials::{POST, REDIRECT};
use crate::check::{Feature, Harm};
use crate::inspection::response::instant;

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Function;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-REQ-01", Must, "saml-profiles §4.1.3, §4.1.4"),
        "An ordinary AuthnRequest by HTTP-Redirect leads to a successful sign-on.",
        "a Response with Success at the assertion consumer service",
        "Register the service provider with the metadata that --sp-metadata-out wrote, give the user access to it, and check the user name and password. The last page of the sign-on says what is missing.",
        |case| judge_sign_on(case, REDIRECT),
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-02",
            Must,
            "saml-metadata §2.4.3 (WantAuthnRequestsSigned)",
        ),
        "Unsigned requests are accepted if, and only if, WantAuthnRequestsSigned is not true.",
        "Success without WantAuthnRequestsSigned, a refusal with it",
        "Set WantAuthnRequestsSigned=\"true\" in the metadata if you refuse unsigned requests, or accept them: service providers decide by this attribute whether to sign.",
        judge_unsigned,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-03", Must, "saml-bindings §3.4.4.1"),
        "A signed AuthnRequest by HTTP-Redirect leads to a successful sign-on.",
        "Success: the signature in the query is right",
        "Register the service provider's signing certificate, and verify the signature over the query string as received (SAMLRequest, RelayState, SigAlg, with their percent-encoding unchanged).",
        judge_signed_by_redirect,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-04", Must, "saml-bindings §3.5.4"),
        "An AuthnRequest by HTTP-POST leads to a successful sign-on.",
        "Success",
        "Read the form field SAMLRequest (base64, not compressed) at the announced HTTP-POST endpoint, and allow the session cookie in cross-site posts (SameSite=None; Secure).",
        judge_unsigned_by_post,
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-05",
            Must,
            "saml-bindings §3.5.4.1, saml-core §5.4",
        ),
        "A signed AuthnRequest by HTTP-POST leads to a successful sign-on.",
        "Success: the enveloped signature is right",
        "Register the service provider's signing certificate, and verify the signature inside the AuthnRequest rather than looking for one in the query.",
        |case| judge_sign_on(case, "post-signed"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-06", May, "saml-core §3.4.1"),
        "While the session lasts, a new request is answered without a login page.",
        "Success without a login page",
        "Keep the session in a cookie, and answer from it. Asking every time is allowed, but it is not single sign-on.",
        judge_session,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-07", Must, "saml-core §3.4.1 (ForceAuthn)"),
        "ForceAuthn makes the user sign on again, even while a session lasts.",
        "a login page in spite of the session",
        "Check ForceAuthn before you use the session: an application that sets it wants proof of who is at the browser now.",
        judge_force_authn,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-08", Must, "saml-core §2.7.2, §3.4.1"),
        "After ForceAuthn, AuthnInstant is the time of the new sign-on.",
        "a later AuthnInstant than before",
        "Write the time of the latest sign-on into AuthnInstant: applications compare it with the time of their request.",
        judge_instant_after_force_authn,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-09", Must, "saml-core §3.4.1 (IsPassive)"),
        "While a session lasts, a request with IsPassive is answered without a page.",
        "Success or NoPassive, without asking",
        "Answer from the session; show no page, no consent, nothing to click.",
        judge_passive,
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-10",
            Must,
            "saml-core §3.4.1, §3.2.2.2 (NoPassive)",
        ),
        "Without a session, a request with IsPassive is answered with NoPassive.",
        "a Response with the second-level status NoPassive, and no page",
        "When IsPassive=\"true\" and nobody is signed on, show no page: post a Response with StatusCode Responder and within it StatusCode NoPassive to the assertion consumer service. Applications send such a request in a hidden frame: a login page there is invisible, and the user waits forever.",
        |case| judge_passive_refusal(case, "passive-alone"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-11", Must, "saml-core §3.4.1"),
        "A request with both ForceAuthn and IsPassive shows no login page.",
        "NoPassive, and no page",
        "Answer NoPassive when signing on again would need a page: IsPassive takes precedence over ForceAuthn.",
        |case| judge_passive_refusal(case, "force-and-passive"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-12", Must, "saml-core §3.4.1.1, §8.3.2"),
        "A NameIDPolicy with the format emailAddress is followed or refused.",
        "a NameID of that format, or InvalidNameIDPolicy",
        "Send the user's e-mail address in that format, or answer InvalidNameIDPolicy; never send a name in another format.",
        |case| judge_format(case, "name-email", "emailAddress"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-13", Must, "saml-core §3.4.1.1, §8.3.7"),
        "A NameIDPolicy with the format persistent is followed or refused.",
        "a NameID of that format, or InvalidNameIDPolicy",
        "Send an opaque id that stays the same for this user and service provider, or answer InvalidNameIDPolicy.",
        |case| judge_format(case, "name-persistent", "persistent"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-14", Must, "saml-core §3.4.1.1, §8.3.8"),
        "A NameIDPolicy with the format transient is followed or refused.",
        "a NameID of that format, or InvalidNameIDPolicy",
        "Send a random name for this session, or answer InvalidNameIDPolicy.",
        |case| judge_format(case, "name-transient", "transient"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-15", Must, "saml-core §8.3.8"),
        "A transient NameID does not identify the user.",
        "a random NameID, not the user's name or a persistent id",
        "Generate a random transient NameID for each sign-on: the service provider asked for an identifier that does not let it recognize the user at the next login.",
        judge_transient,
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-16",
            Must,
            "saml-core §3.4.1.1 (InvalidNameIDPolicy)",
        ),
        "A NameIDPolicy with an unknown format is refused.",
        "InvalidNameIDPolicy, or no answer",
        "Answer Requester / InvalidNameIDPolicy to a format that you do not support: the service provider would misread a name in another format.",
        judge_impossible_format,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-17", Must, "saml-core §3.3.2.2.1"),
        "A RequestedAuthnContext with the class PasswordProtectedTransport is followed or refused.",
        "an assertion of exactly that class, or NoAuthnContext",
        "Put the requested class into the assertion if the sign-on was of that class, or answer NoAuthnContext.",
        judge_context,
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-18",
            Must,
            "saml-core §3.3.2.2.1 (NoAuthnContext)",
        ),
        "A RequestedAuthnContext with an unknown class is refused.",
        "NoAuthnContext, or no answer",
        "Answer Responder / NoAuthnContext when you cannot meet the class: an application that asks for two factors must not get an assertion of a password sign-on.",
        judge_impossible_context,
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-19",
            Must,
            "saml-core §3.4.1 (AssertionConsumerServiceURL)",
        ),
        "The Response goes to the registered address that AssertionConsumerServiceURL names.",
        "the Response at the assertion consumer service that the request names, the first or the second one",
        "Register both addresses of the service provider, …/acs and …/acs/second: if you typed the values, add the second one. Then compare the requested address with all registered ones, and answer there.",
        judge_requested_address,
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-20",
            Must,
            "saml-core §3.4.1 (AssertionConsumerServiceIndex)",
        ),
        "The Response goes to the address that AssertionConsumerServiceIndex selects.",
        "the Response at the assertion consumer service with index 1",
        "Store the index of each AssertionConsumerService of the metadata, and look up the requested one.",
        |case| judge_address(case, "acs-index", 1),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-21", Should, "saml-core §3.4.1"),
        "After an unknown AssertionConsumerServiceIndex, no Response goes to an unregistered address.",
        "an error, or the default address",
        "Answer an unknown index with an error page: the application's metadata is newer than your copy.",
        judge_unknown_index,
    ),
    item(
        HARM,
        (
            "SAML-IDP-REQ-22",
            Must,
            "saml-metadata §2.2.3, saml-profiles §4.1.4.1",
        ),
        "A request that names no address is answered at the default AssertionConsumerService.",
        "the Response at the assertion consumer service marked isDefault",
        "Use the AssertionConsumerService marked isDefault, or else the first one in the metadata.",
        judge_default_address,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-23", Should, "saml-bindings §3.4.3"),
        "A RelayState that is too long is not cut off.",
        "the whole RelayState, or a refusal",
        "Return the whole RelayState or refuse the request: a shortened one leads the user to a wrong page, and may end in the middle of an escape sequence.",
        judge_long_relay_state,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-24", May, "saml-core §3.2.1 (IssueInstant)"),
        "An AuthnRequest that was issued a day ago is not answered.",
        "a refusal, or the answer with a notice",
        "Refuse requests whose IssueInstant is more than a few minutes in the past: old requests come from caches and logs.",
        |case| judge_not_answered(case, "stale"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-25", May, "saml-core §3.2.1 (IssueInstant)"),
        "An AuthnRequest with an IssueInstant in the future is refused.",
        "a refusal",
        "Refuse requests whose IssueInstant is in the future by more than the allowed clock skew.",
        |case| judge_not_answered(case, "future"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-26", Must, "saml-core §3.2.1, §4.1"),
        "An AuthnRequest with Version 1.1 is not answered with an assertion.",
        "VersionMismatch, or a refusal",
        "Compare Version with 2.0 and answer VersionMismatch otherwise.",
        |case| judge_not_answered(case, "version"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-27", Should, "RFC 9110 §15.5"),
        "Truncated XML is answered with an error page, not with a 5xx status.",
        "an error page below 500",
        "Catch the parser's error and answer with a page that says what is wrong: a 500 looks like an outage and does not tell the caller what to change.",
        |case| judge_refusal(case, "malformed"),
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-28", Should, "saml-sec-consider §6.4.2"),
        "A request of one megabyte causes neither a 5xx status nor an outage.",
        "a refusal or an answer, below 500, and the next request is answered",
        "Limit the size of a request (64 kB is enough) before decoding it, and answer 413 or 400.",
        judge_oversized,
    ),
    item(
        HARM,
        ("SAML-IDP-REQ-29", Should, "RFC 9110 §15.5"),
        "Opening the endpoint without a SAMLRequest shows an error page.",
        "an error page below 500 when the address is opened without a SAMLRequest",
        "Answer with a page that explains what the address is for: people bookmark it.",
        judge_empty_request,
    ),
];

pub(super) fn judge_sign_on(case: &Case<'_>, name: &str) -> Ruled {
    judge_trial(case, name, |_| is_answered(case, name))
}

/// If requests have to be signed, the plain request is the same one.
fn judge_signed_by_redirect(case: &Case<'_>) -> Ruled {
    let failed = |trial: &&Trial| trial.signed && !is_answered(case, REDIRECT);
    if case.trial(REDIRECT).is_some_and(|it| failed(&it)) && !is_answered(case, "redirect-signed") {
        return not_judged("the plain request was signed too: see SAML-IDP-REQ-01");
    }
    judge_sign_on(case, "redirect-signed")
}

fn judge_unsigned(case: &Case<'_>) -> Ruled {
    let wanted = case.announced.wants_signed;
    // If no request by HTTP-Redirect is answered, a refusal there proves nothing.
    let name = match case.trial(POST) {
        Some(_) => "post-unsigned",
        None => "redirect-unsigned",
    };
    judge_trial(case, name, |_| match wanted {
        true => !is_signed_on(case, name),
        false => is_answered(case, name),
    })
}

fn judge_unsigned_by_post(case: &Case<'_>) -> Ruled {
    if case.announced.wants_signed {
        return not_judged("the metadata requires signed requests: see SAML-IDP-REQ-05")
            .lacks(Feature::UnsignedRequests);
    }
    // Ordinary requests are signed then only because none without a signature was accepted.
    let controls = [REDIRECT, POST].into_iter();
    if controls.filter_map(|it| case.trial(it)).any(|it| it.signed)
        && !is_answered(case, "post-unsigned")
    {
        return not_judged("unsigned requests are refused: see SAML-IDP-REQ-02");
    }
    judge_sign_on(case, "post-unsigned")
}

fn judge_session(case: &Case<'_>) -> Ruled {
    match find_trial(case, "session") {
        Ok(trial) if trial.asked => breaks(format!(
            "{}, after a login page",
            describe(case, "session", trial)
        ))
        .at("session"),
        _ => judge_trial(case, "session", |_| is_answered(case, "session")),
    }
}

/// Returns "not judged" if the user signed on with their own browser: this run did not see its
/// pages.
fn find_unseen_pages(case: &Case<'_>) -> Option<Ruled> {
    case.recording.user.is_empty().then(|| {
        not_judged(
            "the user signed on with their own browser; the pages that it showed are not known",
        )
    })
}

/// Judges ForceAuthn shortly after the sign-on. If no login page was shown, a later trial decides,
/// because some products treat a sign-on of a few seconds ago as new.
fn judge_force_authn(case: &Case<'_>) -> Ruled {
    if let Some(ruled) = find_unseen_pages(case) {
        return ruled;
    }
    let trial = match find_trial(case, "force-authn") {
        Ok(trial) => trial,
        Err(ruled) => return ruled,
    };
    if trial.asked || !matches!(trial.ending, Ending::Answer(_)) {
        return judge_trial(case, "force-authn", |trial| trial.asked);
    }
    let after = |trial: &Trial| {
        let signed_on = first_sign_on(&case.recording.trials)?.at;
        Some(trial.at.duration_since(signed_on).as_secs())
    };
    let seconds =
        |trial: &Trial| after(trial).map_or("some time".to_owned(), |it| format!("{it} s"));
    let soon = format!(
        "{} after the sign-on no login page was shown",
        seconds(trial)
    );
    match case.trial("force-authn-later").map(|it| (it, &it.ending)) {
        Some((later, _)) if later.asked => holds(format!(
            "{soon}, {} after it the person was",
            seconds(later)
        ))
        .at("force-authn-later"),
        Some((later, Ending::Answer(_))) => breaks(format!(
            "{soon}, {} after it neither: {}",
            seconds(later),
            describe(case, "force-authn-later", later)
        ))
        .at("force-authn-later"),
        Some((later, _)) => not_judged(describe(case, "force-authn-later", later)),
        None => not_judged(format!(
            "{soon}, which an identity provider may still take for a new one; it was not tried again later"
        )),
    }
}

fn judge_instant_after_force_authn(case: &Case<'_>) -> Ruled {
    // If no login page was shown shortly after the sign-on, the later trial has the new sign-on.
    let asked = |name: &&str| case.trial(name).is_none_or(|it| it.asked);
    let Some(forced) = ["force-authn", "force-authn-later"].into_iter().find(asked) else {
        return not_judged("no login page was shown: see SAML-IDP-REQ-07");
    };
    let at = |name: &str| {
        let assertion = case.answer(name)?.response()?.assertions.first()?;
        let text = assertion.sign_ons.first()?.instant.as_deref()?;
        Some((instant(text)?, text.to_owned()))
    };
    // Many products write whole seconds, and two sign-ons fit into one second.
    let tried = first_sign_on(&case.recording.trials).zip(case.trial(forced));
    let apart = tried.map(|(first, forced)| forced.at.duration_since(first.at));
    let in_one_second = apart.is_some_and(|it| it.as_secs() < 2);
    match at("session").zip(at(forced)) {
        Some(((before, _), (after, text))) if after > before => holds(text).at(forced),
        Some(((before, _), (after, text)))
            if after == before && in_one_second && !text.contains('.') =>
        {
            not_judged(
                "both sign-ons were within one second, and AuthnInstant has no fraction of a second",
            )
        }
        Some(((_, before), (_, after))) => {
            breaks(format!("{after} after ForceAuthn, {before} before")).at(forced)
        }
        None => not_judged("there are no two sign-ons to compare"),
    }
}

fn judge_unknown_index(case: &Case<'_>) -> Ruled {
    judge_trial(case, "acs-index-unknown", |trial| match &trial.ending {
        Ending::Answer(delivered) => case.recording.party.acs.contains(&delivered.to),
        _ => true,
    })
}

fn judge_long_relay_state(case: &Case<'_>) -> Ruled {
    judge_trial(case, "relay-state-long", |trial| match &trial.ending {
        Ending::Answer(delivered) => delivered.relay_state == trial.relay_state,
        _ => true,
    })
}

fn judge_not_answered(case: &Case<'_>, name: &str) -> Ruled {
    judge_trial(case, name, |_| !is_signed_on(case, name))
}

fn judge_refusal(case: &Case<'_>, name: &str) -> Ruled {
    judge_trial(case, name, |trial| match &trial.ending {
        Ending::Page { status, .. } => *status < 500,
        Ending::Answer(_) => !is_signed_on(case, name),
        _ => false,
    })
}

fn judge_oversized(case: &Case<'_>) -> Ruled {
    if case.trial("oversized").is_some_and(|it| it.harm.is_some()) {
        return not_judged("it harmed the identity provider: see SAML-IDP-DOS-01");
    }
    let after = case.trial("after-oversized").map(|it| &it.ending);
    if !matches!(
        after,
        None | Some(Ending::Answer(_) | Ending::NotTried { .. })
    ) {
        return breaks("the request after it was not answered").at("after-oversized");
    }
    // Closing the connection is a refusal too, as long as other requests are answered.
    if let (Some(Ending::Answer(_)), Some(Ending::NoAnswer { why })) =
        (after, case.trial("oversized").map(|it| &it.ending))
    {
        let ruled = if why.contains("no answer within") {
            breaks(why.clone())
        } else {
            holds(format!("{why}; the request after it was answered"))
        };
        return ruled.at("oversized");
    }
    judge_trial(case, "oversized", |trial| match &trial.ending {
        Ending::Page { status, .. } => *status < 500,
        _ => true,
    })
}

fn judge_empty_request(case: &Case<'_>) -> Ruled {
    let mut sso = case
        .recording
        .opened
        .iter()
        .filter(|it| it.what == "SingleSignOnService");
    match sso.find_map(|it| it.status.map(|status| (it, status))) {
        None => not_judged("the address was not opened in this run"),
        Some((at, status)) if status >= 500 => {
            breaks(format!("{} {} answers {status}", at.method, at.url))
        }
        Some((at, status)) => holds(format!("{} {} answers {status}", at.method, at.url)),
    }
}
