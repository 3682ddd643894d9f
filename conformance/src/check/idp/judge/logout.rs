//! Checks of single logout, of the sign-on that the identity provider starts, and of key rollover.

use saml::Limits;
use saml::binding::redirect;
use saml::keys::Certificate;

use super::response::is_ncname;
use super::trial::{describe, find_trial, is_signed_on};
use super::{
    Item, Ruled, breaks, find_issuer, holds, item, judge_complaints, not_judged, quote_all,
    without_query,
};
use crate::check::Level::{May, Must};
use crate::check::idp::reading::{Announced, Answer, Case, Document, SUCCESS};
use crate::check::idp::recording::Ending;
use crate::check::idp::trials::Binding;
use crate::check::{Feature, Harm};
use crate::inspection::response::instant;

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Protection;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-SLO-01", Must, "saml-profiles §4.4.3.4"),
        "A signed LogoutRequest is answered with Success.",
        "a LogoutResponse with Success and the request's ID in InResponseTo",
        "Register the service provider's SingleLogoutService, …/slo: if you typed the values, add it. Send the LogoutResponse there; if you do not support logout, remove the endpoint from the identity provider's metadata.",
        judge_answer,
    ),
    item(
        HARM,
        ("SAML-IDP-SLO-02", Must, "saml-profiles §4.4.3.4"),
        "After the logout the identity provider's session has ended.",
        "NoPassive, or a login page, for the next passive request",
        "End the identity provider's own session too, not only its record of the service provider's session.",
        judge_session_after,
    ),
    item(
        HARM,
        ("SAML-IDP-SLO-03", Must, "saml-profiles §4.4.4.1"),
        "An unsigned LogoutRequest ends no session.",
        "the session to continue",
        "Require a signature on LogoutRequests by HTTP-Redirect and HTTP-POST: otherwise any web page can log your users out.",
        judge_unsigned,
    ),
    item(
        HARM,
        ("SAML-IDP-SLO-04", Must, "saml-profiles §4.4.4.2"),
        "The LogoutResponse is signed.",
        "a LogoutResponse with a signature by a key of the metadata",
        "Sign LogoutResponses by HTTP-Redirect and HTTP-POST: service providers refuse unsigned ones, or believe anybody who says that the user is logged out everywhere.",
        judge_signature,
    ),
    item(
        HARM,
        (
            "SAML-IDP-SLO-05",
            Must,
            "saml-profiles §4.4.4.2, saml-bindings §3.4.5.2",
        ),
        "Issuer and Destination of the LogoutResponse name the sender and the receiver.",
        "the SingleLogoutService of the service provider as the address; Issuer equal to the metadata's entityID; Destination equal to the address, if it is signed",
        "Write the entity ID of the metadata into Issuer, and the Location of the service provider's SingleLogoutService (its ResponseLocation, if it has one) into Destination: service providers refuse a signed message for another address, and then do not end their session.",
        judge_parties,
    ),
    item(
        HARM,
        ("SAML-IDP-SLO-06", Must, "saml-bindings §3.4.3, §3.5.3"),
        "The LogoutResponse returns the RelayState of the LogoutRequest unchanged.",
        "the RelayState of the request, letter by letter",
        "Keep the RelayState of the LogoutRequest and return it beside the LogoutResponse, by either binding: the service provider finds by it where the user was.",
        judge_relay_state,
    ),
    item(
        HARM,
        ("SAML-IDP-SLO-07", Must, "saml-core §1.3.3, §1.3.4, §3.2.2"),
        "ID, Version and IssueInstant of the LogoutResponse are those of a SAML 2.0 message.",
        "an ID that is a valid xs:ID and not the request's, Version=\"2.0\", IssueInstant in UTC with a Z at its end",
        "Write a new random ID that begins with \"_\" or a letter, Version=\"2.0\", and the time of the answer in UTC with a Z at its end: the schema requires all three, and strict parsers refuse the message otherwise.",
        judge_form,
    ),
    item(
        HARM,
        ("SAML-IDP-INIT-01", Must, "saml-profiles §4.1.5"),
        "A Response of a sign-on that starts at the identity provider has no InResponseTo.",
        "a Response with Success and no InResponseTo, at the default address",
        "Leave InResponseTo out of an unsolicited Response: a service provider would look for the request and not find it.",
        judge_initiated,
    ),
    item(
        HARM,
        ("SAML-IDP-KEY-01", Must, "saml-metadata §2.4.1.1"),
        "The signing keys that the metadata had before the run are still in it afterwards.",
        "every key that signed an answer is in the metadata still",
        "Announce a new key some days before signing with it, and keep the old one until the last assertion has expired: service providers read metadata at most once a day.",
        judge_keys_at_the_end,
    ),
    item(
        HARM,
        ("SAML-IDP-KEY-02", May, "saml-metadata §2.4.1.1"),
        "All answers are signed with the same key.",
        "one of the announced keys signs everything",
        "Let every node sign with the same key: during a rollover two keys are announced, but only one signs.",
        judge_key_of_answers,
    ),
    item(
        HARM,
        ("SAML-IDP-KEY-03", May, "saml-metadata §2.3.2"),
        "The metadata says when service providers should read it again.",
        "validUntil or cacheDuration in the metadata, or Cache-Control with it",
        "Set cacheDuration to about a day: you then need not notify every service provider of a new key.",
        judge_cache_terms,
    ),
    item(
        HARM,
        ("SAML-IDP-REPLAY-01", Must, "saml-core §1.3.4"),
        "Two requests get two different Responses.",
        "an answer of its own for each request",
        "Create each Response when it is requested; a cached one answers the wrong request.",
        judge_repetition,
    ),
];

fn judge_missing_endpoint(case: &Case<'_>) -> Option<Ruled> {
    case.announced.slo.is_empty().then(|| {
        not_judged("the metadata announces no SingleLogoutService").lacks(Feature::SingleLogout)
    })
}

fn judge_answer(case: &Case<'_>) -> Ruled {
    if let Some(ruled) = judge_missing_endpoint(case) {
        return ruled;
    }
    let trial = match find_trial(case, "logout") {
        Ok(trial) => trial,
        Err(ruled) => return ruled,
    };
    let well = case.answer("logout").is_some_and(|it| {
        it.response().is_some_and(|response| {
            response.status.as_deref() == Some(SUCCESS)
                && response.in_response_to.as_deref() == Some(trial.request_id.as_str())
        })
    });
    let mut said = describe(case, "logout", trial);
    let answered = case.answer("logout").and_then(|it| it.response());
    if let Some(response) = answered.filter(|_| !well) {
        let id = response.in_response_to.as_deref().unwrap_or("none");
        let asked = &trial.request_id;
        said.push_str(&format!(
            " (InResponseTo is {id}, but the ID of the request is {asked})"
        ));
    }
    let ruled = if well { holds(said) } else { breaks(said) };
    explain_not_served(case, ruled.at("logout"))
}

/// If the logout URL is not served, the result is a consequence of SAML-IDP-MD-16, not a finding of
/// its own.
fn explain_not_served(case: &Case<'_>, ruled: Ruled) -> Ruled {
    match case.trial("logout").map(|it| &it.ending) {
        Some(Ending::Page { url, status, .. }) if matches!(status, 404 | 410) => {
            ruled.shows(format!("{} answers {status}", without_query(url)))
        }
        _ => ruled,
    }
}

/// A passive request tests whether a session lasts. If it gets no answer while a session lasts, it
/// cannot show that a session has ended.
fn find_blindness(case: &Case<'_>) -> Option<Ruled> {
    let is_blind = case.trial("passive").is_some() && !is_signed_on(case, "passive");
    is_blind.then(|| {
        let keeps_none = case.trial("session").is_some_and(|it| it.asked);
        not_judged(if keeps_none {
            "the identity provider keeps no session: see SAML-IDP-REQ-06"
        } else {
            "a passive request is refused even while the session lasts (perhaps because the user has to agree), so it cannot show that a session has ended: see SAML-IDP-REQ-09"
        })
    })
}

fn judge_session_after(case: &Case<'_>) -> Ruled {
    if let Some(ruled) = judge_missing_endpoint(case) {
        return ruled;
    }
    let trial = match find_trial(case, "logout-after") {
        Ok(trial) => trial,
        Err(ruled) => return ruled,
    };
    let said = describe(case, "logout-after", trial);
    if is_signed_on(case, "logout-after") {
        return explain_not_served(case, breaks(said).at("logout-after"));
    }
    find_blindness(case).unwrap_or_else(|| holds(said).at("logout-after"))
}

fn judge_unsigned(case: &Case<'_>) -> Ruled {
    if let Some(ruled) = judge_missing_endpoint(case) {
        return ruled;
    }
    let trial = match find_trial(case, "logout-still") {
        Ok(trial) => trial,
        Err(ruled) => return ruled,
    };
    let said = describe(case, "logout-still", trial);
    if !is_signed_on(case, "logout-still") {
        return find_blindness(case).unwrap_or_else(|| {
            breaks(format!(
                "the session has ended after an unsigned LogoutRequest: {said}"
            ))
            .at("logout-still")
        });
    }
    if is_signed_on(case, "logout-after") {
        let why = "a signed LogoutRequest ends no session either: see SAML-IDP-SLO-02";
        return explain_not_served(case, not_judged(why));
    }
    holds(said).at("logout-still")
}

/// Returns the LogoutResponse to the signed LogoutRequest, or why there is nothing to judge.
pub(super) fn find_logout_response<'c, 'd>(
    case: &'c Case<'d>,
) -> Result<(&'c Answer<'d>, &'c Document), Ruled> {
    if let Some(ruled) = judge_missing_endpoint(case) {
        return Err(ruled);
    }
    find_trial(case, "logout")?;
    let document = case.answer("logout").and_then(|answer| {
        let document = answer.document.as_ref().ok()?;
        (document.root == "LogoutResponse").then_some((answer, document))
    });
    document.ok_or_else(|| not_judged("there was no LogoutResponse: see SAML-IDP-SLO-01"))
}

/// Judges the signature of the LogoutResponse: in the query for HTTP-Redirect, in the document
/// otherwise.
fn judge_signature(case: &Case<'_>) -> Ruled {
    let (answer, document) = match find_logout_response(case) {
        Ok(found) => found,
        Err(ruled) => return ruled,
    };
    let ruled = if answer.delivered.binding == Binding::Redirect.name() {
        let Some(query) = &answer.delivered.query else {
            return not_judged("the recording does not contain the query string, which is signed");
        };
        judge_signature_of_query(case, query)
    } else {
        let all = &document.signatures;
        match all.iter().find(|it| it.parent == "LogoutResponse") {
            None => breaks("the LogoutResponse has no Signature"),
            Some(one) if one.holds() => holds(one.to_sentence()),
            Some(one) => breaks(one.to_sentence()),
        }
    };
    ruled.at("logout")
}

fn judge_parties(case: &Case<'_>) -> Ruled {
    let (answer, document) = match find_logout_response(case) {
        Ok(found) => found,
        Err(ruled) => return ruled,
    };
    let query = answer.delivered.query.as_deref().unwrap_or_default();
    let is_signed = !document.signatures.is_empty() || query.contains("&Signature=");
    let mut complaints = Vec::new();
    match (&document.response.issuer, find_issuer(case)) {
        (None, _) => complaints.push("no Issuer".to_owned()),
        (Some(issuer), Some(announced)) if issuer != announced => {
            complaints.push(format!("Issuer {issuer:?}, announced is {announced:?}"));
        }
        _ => {}
    }
    let slo = &case.recording.party.slo;
    if answer.delivered.to != *slo {
        complaints.push(format!(
            "sent to {}, where {slo} was to be answered",
            answer.delivered.to
        ));
    }
    match &document.response.destination {
        Some(destination) if *destination == answer.delivered.to => {}
        Some(destination) => complaints.push(format!(
            "Destination {destination}, sent to {}",
            answer.delivered.to
        )),
        None if is_signed => complaints.push("no Destination, though it is signed".to_owned()),
        None => {}
    }
    judge_complaints(complaints, "they do").at("logout")
}

fn judge_form(case: &Case<'_>) -> Ruled {
    let (answer, document) = match find_logout_response(case) {
        Ok(found) => found,
        Err(ruled) => return ruled,
    };
    let response = &document.response;
    let mut complaints = Vec::new();
    match response.id.as_deref() {
        None => complaints.push("no ID".to_owned()),
        Some(id) if !is_ncname(id) => complaints.push(format!("{id:?} is not a valid xs:ID")),
        Some(id) if id == answer.trial.request_id => {
            complaints.push(format!("{id:?} is the ID of the request"));
        }
        Some(_) => {}
    }
    match response.version.as_deref() {
        None => complaints.push("no Version".to_owned()),
        Some("2.0") => {}
        Some(version) => complaints.push(format!("Version {version:?}")),
    }
    match response.issue_instant.as_deref() {
        None => complaints.push("no IssueInstant".to_owned()),
        Some(text) if instant(text).is_none() => complaints.push(format!("IssueInstant {text:?}")),
        Some(_) => {}
    }
    judge_complaints(complaints, "they are").at("logout")
}

fn judge_relay_state(case: &Case<'_>) -> Ruled {
    let answer = match find_logout_response(case) {
        Ok((answer, _)) => answer,
        Err(ruled) => return ruled,
    };
    let Some(sent) = answer.trial.relay_state.as_deref() else {
        return not_judged("the LogoutRequest had no RelayState");
    };
    match answer.delivered.relay_state.as_deref() {
        Some(returned) if returned == sent => holds(returned),
        Some(returned) => breaks(format!("{returned:?}, sent was {sent:?}")),
        None => breaks(format!("none, sent was {sent:?}")),
    }
    .at("logout")
}

fn judge_signature_of_query(case: &Case<'_>, query: &str) -> Ruled {
    let signature = match redirect::decode(query, &Limits::default()) {
        Ok(message) => message.signature,
        Err(error) => return breaks(error.to_string()),
    };
    let known: Vec<Certificate> = case
        .announced
        .readable()
        .iter()
        .filter_map(|it| Certificate::parse(&it.base64).ok())
        .collect();
    match signature {
        None => breaks("the query has no Signature"),
        Some(it) if it.verify(&known) => holds("it is, in the query"),
        Some(_) => breaks("the Signature in the query verifies with no announced key"),
    }
}

fn judge_initiated(case: &Case<'_>) -> Ruled {
    let trial = match find_trial(case, "initiated") {
        Ok(trial) => trial,
        Err(ruled) => return ruled,
    };
    let said = describe(case, "initiated", trial);
    let answer = case.answer("initiated").and_then(|it| it.response());
    let well = answer.is_some_and(|it| {
        it.in_response_to.is_none()
            && it.status.as_deref() == Some(SUCCESS)
            && it
                .assertions
                .iter()
                .flat_map(|it| &it.confirmations)
                .all(|it| it.in_response_to.is_none())
    });
    let at_default = match &trial.ending {
        Ending::Answer(delivered) => delivered.to == case.recording.party.acs[0],
        _ => false,
    };
    if well && at_default {
        holds(said)
    } else {
        breaks(said)
    }
    .at("initiated")
}

fn judge_keys_at_the_end(case: &Case<'_>) -> Ruled {
    let Some(after) = &case.recording.metadata_after else {
        return not_judged(
            "the metadata was not fetched a second time (it was read from a file, or the run was short)",
        );
    };
    let after = Announced::read(after).readable();
    let before = case.announced.readable();
    let gone: Vec<&str> = before
        .iter()
        .filter(|it| !after.iter().any(|other| other.base64 == it.base64))
        .map(|it| it.subject.as_str())
        .collect();
    if gone.is_empty() {
        holds(format!("{} key(s)", before.len()))
    } else {
        breaks(format!("gone after the run: {}", quote_all(&gone)))
    }
}

fn judge_key_of_answers(case: &Case<'_>) -> Ruled {
    let mut used: Vec<usize> = case
        .good()
        .filter_map(|it| it.document.as_ref().ok())
        .flat_map(|it| &it.signatures)
        .filter_map(|it| it.by)
        .collect();
    used.sort_unstable();
    used.dedup();
    match used.as_slice() {
        [] => not_judged("no signature was made by a key of the metadata: see SAML-IDP-SIGN-05"),
        [one] => holds(format!(
            "number {} of {}",
            one + 1,
            case.announced.certificates.len()
        )),
        several => breaks(format!("{} keys sign", several.len())),
    }
}

fn judge_cache_terms(case: &Case<'_>) -> Ruled {
    let said = case.announced.valid_until.is_some() || case.announced.cache_duration.is_some();
    match &case.recording.metadata.cache_control {
        _ if said => holds("validUntil or cacheDuration"),
        Some(control) if control.contains("max-age") => holds(control.clone()),
        _ => breaks("there is neither validUntil, cacheDuration nor Cache-Control"),
    }
}

fn judge_repetition(case: &Case<'_>) -> Ruled {
    let mut fields: Vec<(&str, &str)> = case
        .answers
        .iter()
        .map(|it| (it.delivered.field.as_str(), it.name))
        .collect();
    let total = fields.len();
    if total < 2 {
        return not_judged("there are fewer than two answers");
    }
    fields.sort_unstable();
    match fields.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => breaks(format!(
            "{} and {} got the same message",
            pair[0].1, pair[1].1
        ))
        .at(pair[0].1)
        .at(pair[1].1),
        None => holds(format!("{total} answers")),
    }
}
