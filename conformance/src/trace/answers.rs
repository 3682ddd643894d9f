//! Compares each Response with the AuthnRequests in the same input, for example in a HAR file
//! (saml-core §3.2.2, saml-profiles §4.1.4.2).

use roxmltree::Node;

use super::difference::describe_difference;
use super::{Account, Known};
use crate::inspection::{child, is, ns, response, text};

/// The format of a NameID that has no `Format`.
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// Formats of a NameIDPolicy that leave the choice to the identity provider (saml-core §3.4.1.1).
const FREE_FORMATS: [&str; 2] = [":unspecified", ":encrypted"];

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
    /// The format that `NameIDPolicy` demands.
    name_id_format: Option<String>,
}

/// What must agree with the request.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    id: Option<String>,
    in_response_to: Option<String>,
    destination: Option<String>,
    audiences: Vec<String>,
    /// The formats of the NameIDs.
    name_id_formats: Vec<String>,
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
                name_id_format: child(element, ns::PROTOCOL, "NameIDPolicy")
                    .and_then(|it| it.attribute("Format"))
                    .filter(|it| !FREE_FORMATS.iter().any(|free| it.ends_with(free)))
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
        let names = response
            .assertions
            .iter()
            .filter_map(|it| it.name_id.as_ref());
        let formats = names.map(|it| it.format.clone());
        Some(Self::Answer(Answer {
            // Without Format, it is "unspecified" (saml-core §2.2.2).
            name_id_formats: formats
                .map(|it| it.unwrap_or_else(|| UNSPECIFIED.to_owned()))
                .collect(),
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
                account.verdict.add_remark(format!(
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
        account.verdict.add_remark(format!(
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
        let difference = describe_difference(asked, sent);
        account.verdict.add_remark(format!(
            "Destination is {sent}, but the request asked for {asked}:{difference} an identity provider that does not know a URL answers at one that it knows. Enter {asked} at the identity provider"
        ));
    }
    if let Some(asked) = &request.name_id_format {
        for given in answer.name_id_formats.iter().filter(|it| *it != asked) {
            account.verdict.add_remark(format!(
                "the request demands a NameID in the format {asked} (NameIDPolicy), and the Response has {given}: an identity provider that cannot fulfill it must answer with InvalidNameIDPolicy (saml-core §3.4.1.1). Choose this format at the identity provider, or leave Format out of the request"
            ));
        }
    }
    // With --audience this is judged already.
    if let (Some(issuer), None) = (&request.issuer, &known.audience)
        && !answer.audiences.is_empty()
        && !answer.audiences.contains(issuer)
    {
        let differences = answer
            .audiences
            .iter()
            .map(|it| describe_difference(it, issuer));
        let difference: String = differences.collect();
        account.verdict.refuse(format!(
            "the audience is {}, not {issuer}, the Issuer of the request:{difference} enter {issuer} as Audience or SP entity ID at the identity provider",
            answer.audiences.join(", ")
        ));
    }
}
