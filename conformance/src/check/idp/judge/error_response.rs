//! The check of Responses with an error status (saml-core §3.2.2).

use super::response::HARM;
use super::{Item, Observation, Ruled, find_issuer, item, right, sum_up, wrong};
use crate::check::Level::Must;
use crate::check::idp::reading::{Answer, Case, SUCCESS};
use crate::check::idp::trials::{Amend, VARIANTS};
use crate::inspection::response::Response;

pub(super) const CHECKS: &[Item] = &[item(
    HARM,
    ("SAML-IDP-RESP-15", Must, "saml-core §3.2.2"),
    "A Response with an error status fits the request like one with Success.",
    "InResponseTo equal to the AuthnRequest's ID; Issuer equal to the metadata's entityID, or none; Destination equal to the address, or none; the RelayState of the request",
    "Create Responses with an error status by the same code as those with Success: a service provider refuses a Response to a request that it did not send, and the user waits at an empty page.",
    judge_error_responses,
)];

/// Judges the Responses with an error status to requests that are correct, but ask for what the
/// identity provider may refuse. The ID of a request with an error may not be known to it.
fn judge_error_responses(case: &Case<'_>) -> Ruled {
    let may_be_refused = |name: &str| {
        let asks = |it: &Amend| matches!(it, Amend::Set(..) | Amend::NameId(_) | Amend::Context(_));
        let mut variants = VARIANTS.iter().filter(|it| it.name == name);
        variants.any(|it| !it.amends.is_empty() && it.amends.iter().all(asks))
    };
    let mut judged = Vec::new();
    for answer in case.answers.iter().filter(|it| may_be_refused(it.name)) {
        let Ok(document) = &answer.document else {
            continue;
        };
        let response = &document.response;
        if document.root != "Response" || response.status.as_deref() == Some(SUCCESS) {
            continue;
        }
        judged.push((answer.name, judge_error_response(case, answer, response)));
    }
    sum_up(judged, "no request was answered with an error status")
}

fn judge_error_response(case: &Case<'_>, answer: &Answer<'_>, response: &Response) -> Observation {
    let asked = &answer.trial.request_id;
    match &response.in_response_to {
        None => return wrong("no InResponseTo"),
        Some(id) if id != asked => {
            return wrong(format!(
                "InResponseTo is {id}, but the ID of the request is {asked}"
            ));
        }
        Some(_) => {}
    }
    if let Some((issuer, announced)) = response.issuer.as_deref().zip(find_issuer(case))
        && issuer != announced
    {
        return wrong(format!(
            "Issuer is {issuer:?}, but the entity ID of the metadata is {announced:?}"
        ));
    }
    let to = &answer.delivered.to;
    if let Some(destination) = response.destination.as_ref().filter(|it| *it != to) {
        return wrong(format!("Destination {destination}, delivered to {to}"));
    }
    // SAML-IDP-RESP-12 judges an identity provider that never returns it.
    let returns = |it: &Answer<'_>| it.delivered.relay_state == it.trial.relay_state;
    if !returns(answer) && case.good().all(returns) {
        let returned = answer.delivered.relay_state.as_deref().unwrap_or("none");
        return wrong(format!("RelayState {returned}, sent was another one"));
    }
    right("it does")
}
