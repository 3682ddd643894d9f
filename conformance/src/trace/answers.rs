//! Compares each Response with the AuthnRequests in the same input, for example in a HAR file
//! (saml-core §3.2.2, saml-profiles §4.1.4.2).

use roxmltree::Node;

use super::{Account, Known};
use crate::inspection::{child, is, ns, response, text};

/// What is compared of an AuthnRequest or a Response.
#[derive(Debug, Clone)]
pub(super) enum Exchange {
    Request(Request),
    Answer(Answer),
}

/// What a Response is compared with.
#[derive(Debug, Clone)]
pub(super) struct Request {
    id: String,
    issuer: Option<String>,
    acs_url: Option<String>,
}

/// What must agree with the request.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    id: Option<String>,
    in_response_to: Option<String>,
    destination: Option<String>,
    audiences: Vec<String>,
}

impl Exchange {
    /// Reads a message; `None` for one of another kind, or for a request without an ID.
    pub(super) fn read(element: Node<'_, '_>) -> Option<Self> {
        if is(element, ns::PROTOCOL, "AuthnRequest") {
            return Some(Self::Request(Request {
                id: element.attribute("ID")?.to_owned(),
                issuer: child(element, ns::ASSERTION, "Issuer").map(text),
                acs_url: element
                    .attribute("AssertionConsumerServiceURL")
                    .map(str::to_owned),
            }));
        }
        if !is(element, ns::PROTOCOL, "Response") {
            return None;
        }
        let response = response::read(element);
        let conditions = response
            .assertions
            .iter()
            .filter_map(|it| it.conditions.as_ref());
        let audiences = conditions.flat_map(|it| it.audiences.iter().flatten());
        Some(Self::Answer(Answer {
            audiences: audiences.cloned().collect(),
            id: response.id,
            in_response_to: response.in_response_to,
            destination: response.destination,
        }))
    }
}

/// Adds to each Response which request of the input it answers, and what does not agree.
pub(super) fn judge(accounts: &mut [Account], known: &Known) {
    let requests = accounts
        .iter()
        .filter_map(|account| match &account.exchange {
            Some(Exchange::Request(request)) => Some((account.place.clone(), request.clone())),
            _ => None,
        });
    let requests: Vec<(String, Request)> = requests.collect();
    let mut delivered: Vec<(String, String)> = Vec::new();
    for account in accounts.iter_mut() {
        let Some(Exchange::Answer(answer)) = account.exchange.clone() else {
            continue;
        };
        if let Some(id) = answer.id.clone() {
            let before = delivered.iter().find(|(it, _)| *it == id);
            if let Some((_, place)) = before {
                account.verdict.remark(format!(
                    "the Response with this ID was already delivered ({place}): a service provider that remembers the IDs refuses it"
                ));
            }
            delivered.push((id, account.place.clone()));
        }
        if let Some(id) = &answer.in_response_to
            && !requests.is_empty()
        {
            compare(account, &answer, id, &requests, known);
        }
    }
}

fn compare(
    account: &mut Account,
    answer: &Answer,
    id: &str,
    requests: &[(String, Request)],
    known: &Known,
) {
    let Some((place, request)) = requests.iter().find(|(_, it)| it.id == id) else {
        account.verdict.remark(format!(
            "InResponseTo is {id}, which is not the ID of {} in this input: the login began in another tab, before the recording, or at another service provider",
            match requests.len() {
                1 => "the only AuthnRequest".to_owned(),
                all => format!("any of the {all} AuthnRequests"),
            }
        ));
        return;
    };
    account
        .verdict
        .drop_not_judged(super::response::WHICH_REQUEST);
    let answers = format!("the AuthnRequest of {place}");
    account.says.push(("Answers".to_owned(), answers));
    if let (Some(asked), Some(sent)) = (&request.acs_url, &answer.destination)
        && asked != sent
    {
        account.verdict.remark(format!(
            "Destination is {sent}, but the request asked for {asked}: an identity provider that does not know a URL answers at one that it knows. Enter {asked} at the identity provider"
        ));
    }
    // With --audience this is judged already.
    if let (Some(issuer), None) = (&request.issuer, &known.audience)
        && !answer.audiences.is_empty()
        && !answer.audiences.contains(issuer)
    {
        account.verdict.refuse(format!(
            "the audience is {}, not {issuer}, the Issuer of the request: enter {issuer} as Audience or SP entity ID at the identity provider",
            answer.audiences.join(", ")
        ));
    }
}
