//! Compares each Response with the AuthnRequests in the same input, for example in a HAR file
//! (saml-core §3.2.2, saml-profiles §4.1.4.2).

use roxmltree::Node;

use super::{Account, Known};
use crate::inspection::{child, is, ns, parse, response, text};

/// What a Response is compared with.
struct Request {
    place: String,
    id: String,
    issuer: Option<String>,
    acs_url: Option<String>,
}

/// What must agree with the request.
struct Answer {
    id: Option<String>,
    in_response_to: Option<String>,
    destination: Option<String>,
    audiences: Vec<String>,
}

/// Adds to each Response which request of the input it answers, and what does not agree.
pub(super) fn judge(accounts: &mut [Account], known: &Known) {
    let requests: Vec<Request> = accounts.iter().filter_map(request_of).collect();
    let mut delivered: Vec<(String, String)> = Vec::new();
    for account in accounts.iter_mut() {
        let Some(answer) = answer_of(account) else {
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

fn compare(account: &mut Account, answer: &Answer, id: &str, requests: &[Request], known: &Known) {
    let Some(request) = requests.iter().find(|it| it.id == id) else {
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
    let answers = format!("the AuthnRequest of {}", request.place);
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

fn request_of(account: &Account) -> Option<Request> {
    with_element(account, "AuthnRequest", |element| {
        Some(Request {
            place: account.place.clone(),
            id: element.attribute("ID")?.to_owned(),
            issuer: child(element, ns::ASSERTION, "Issuer").map(text),
            acs_url: element
                .attribute("AssertionConsumerServiceURL")
                .map(str::to_owned),
        })
    })
}

fn answer_of(account: &Account) -> Option<Answer> {
    with_element(account, "Response", |element| {
        let response = response::read(element);
        let conditions = response
            .assertions
            .iter()
            .filter_map(|it| it.conditions.as_ref());
        let audiences = conditions.flat_map(|it| it.audiences.iter().flatten());
        Some(Answer {
            audiences: audiences.cloned().collect(),
            id: response.id,
            in_response_to: response.in_response_to,
            destination: response.destination,
        })
    })
}

/// Calls `read` with the message of an account of this kind, which may stand in an envelope.
fn with_element<T>(
    account: &Account,
    kind: &str,
    read: impl FnOnce(Node<'_, '_>) -> Option<T>,
) -> Option<T> {
    if account.kind != kind {
        return None;
    }
    let document = parse(&account.xml).ok()?;
    let mut all = document.root_element().descendants();
    read(all.find(|it| is(*it, ns::PROTOCOL, kind))?)
}
