//! Compares each Response with the AuthnRequests in the same input, for example in a HAR file
//! (saml-core §3.2.2, saml-profiles §4.1.4.2).

use roxmltree::Node;

use super::assertion::BEHIND_PROXY;
use super::difference::{describe_difference, small_difference};
use super::verdict::list;
use super::{Account, Known, Surroundings};
use crate::inspection::{child, children, is, ns, response, text};

/// Number of logins in a row that are a loop: one more than a user who tries again.
const LEAST_OF_LOOP: usize = 3;

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

/// The values of an AuthnRequest that its Response is compared with.
#[derive(Debug, Clone)]
pub(super) struct Request {
    id: String,
    issuer: Option<String>,
    acs_url: Option<String>,
    /// The format that `NameIDPolicy` demands.
    name_id_format: Option<String>,
    /// The classes of which `RequestedAuthnContext` demands exactly one.
    classes: Vec<String>,
    /// The RelayState beside it.
    relay_state: Option<String>,
}

/// The values of a Response that must agree with its AuthnRequest.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    id: Option<String>,
    in_response_to: Option<String>,
    destination: Option<String>,
    audiences: Vec<String>,
    /// The formats of the NameIDs.
    name_id_formats: Vec<String>,
    /// How the user signed on (AuthnContextClassRef).
    classes: Vec<String>,
    /// The RelayState beside it; `None` if the message was no parameter.
    relay_state: Option<Option<String>>,
    /// The URL to which it was posted.
    delivered_to: Option<String>,
}

impl Exchange {
    /// Reads a message; `None` for one of another kind, or for a request without an ID.
    pub(super) fn read(element: Node<'_, '_>, surroundings: Surroundings<'_>) -> Option<Self> {
        let message = surroundings.message;
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
                classes: exact_classes(element),
                relay_state: message.and_then(|it| it.relay_state.clone()),
            }));
        }
        if !is(element, ns::PROTOCOL, "Response") {
            return None;
        }
        let mut response = response::read(element);
        response
            .assertions
            .extend_from_slice(surroundings.decrypted);
        let sign_ons = response.assertions.iter().flat_map(|it| &it.sign_ons);
        let classes = sign_ons.filter_map(|it| it.class.clone()).collect();
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
            classes,
            relay_state: message
                .filter(|it| it.parameter.is_some())
                .map(|it| it.relay_state.clone()),
            delivered_to: message.and_then(|it| it.delivered_to.clone()),
        }))
    }
}

/// Returns the classes of which a request demands exactly one (saml-core §3.3.2.2.1).
fn exact_classes(request: Node<'_, '_>) -> Vec<String> {
    let context = child(request, ns::PROTOCOL, "RequestedAuthnContext");
    let exact = context.filter(|it| it.attribute("Comparison").unwrap_or("exact") == "exact");
    let classes = exact
        .into_iter()
        .flat_map(|it| children(it, ns::ASSERTION, "AuthnContextClassRef"));
    classes.map(text).collect()
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
    judge_loop(accounts);
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
    compare_scheme(account, answer, request);
    compare_relay_state(account, answer, request);
    if !request.classes.is_empty()
        && let Some(given) = answer
            .classes
            .iter()
            .find(|it| !request.classes.contains(it))
    {
        account.verdict.add_remark(format!(
            "the request demands exactly {} (RequestedAuthnContext), and the user signed on by {given}: service providers refuse that (\"The AuthnContext was not a requested context\"), and the identity provider should have answered NoAuthnContext (saml-core §3.3.2.2.1). Leave RequestedAuthnContext out of the request, unless the application needs it",
            list(&request.classes)
        ));
    }
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

/// Explains an address with the wrong scheme that the service provider itself asked for.
fn compare_scheme(account: &mut Account, answer: &Answer, request: &Request) {
    let (Some(asked), Some(sent), Some(posted)) =
        (&request.acs_url, &answer.destination, &answer.delivered_to)
    else {
        return;
    };
    if asked != sent || small_difference(asked, posted) != Some("in http and https") {
        return;
    }
    // These follow from it, and their advice would be wrong.
    let follows = |it: &String| it.starts_with("Destination is") || it.starts_with("Recipient is");
    account.verdict.objections.retain(|it| !follows(it));
    account.verdict.refuse_first(format!(
        "the service provider itself asked for the Response at {asked} (AssertionConsumerServiceURL of the request), and the browser posted it to {posted}: {BEHIND_PROXY}. Nothing is to be changed at the identity provider"
    ));
}

/// The identity provider must return the RelayState of the request (saml-bindings §3.4.3, §3.5.3).
fn compare_relay_state(account: &mut Account, answer: &Answer, request: &Request) {
    let (Some(sent), Some(returned)) = (&request.relay_state, &answer.relay_state) else {
        return;
    };
    match returned {
        Some(returned) if returned == sent => {}
        None => account.verdict.add_remark(
            "RelayState was sent with the request and did not come back with the Response: the identity provider must return it unchanged (saml-bindings §3.4.3, §3.5.3). Without it, the user does not reach the page that was opened, or the service provider refuses the login",
        ),
        Some(_) => account.verdict.add_remark(
            "RelayState of the Response is another one than that of the request: the identity provider must return it unchanged (saml-bindings §3.4.3, §3.5.3). Remove a fixed RelayState (\"Default RelayState\", start URL) from the application at the identity provider",
        ),
    }
}

/// Adds a remark to the last Response of a login loop: requests of one service provider follow each
/// other although each was answered.
fn judge_loop(accounts: &mut [Account]) {
    let mut logins = 0;
    let mut asked: Option<Request> = None;
    let mut last = None;
    for (at, account) in accounts.iter().enumerate() {
        match &account.exchange {
            Some(Exchange::Request(request)) => {
                let is_other = asked.as_ref().is_some_and(|it| it.issuer != request.issuer);
                if is_other {
                    logins = 0;
                }
                asked = Some(request.clone());
            }
            Some(Exchange::Answer(answer)) => {
                let is_answer = asked
                    .as_ref()
                    .is_some_and(|it| answer.in_response_to.as_ref() == Some(&it.id));
                // Only a browser's traffic shows one user: recordings contain many logins.
                if is_answer && answer.delivered_to.is_some() && !answer.audiences.is_empty() {
                    logins += 1;
                    last = Some(at);
                }
            }
            None => {}
        }
    }
    if let Some(at) = last.filter(|_| logins >= LEAST_OF_LOOP) {
        accounts[at].verdict.remarks.insert(0, format!(
            "login loop: {logins} logins in a row, each answered with a Response, after which the service provider asked again. Usual cause: the service provider accepts the Response but loses its session. Check its session cookie (SameSite, Secure, Domain, Path; a cookie for http and https, or for another host), and whether all its servers share sessions. Other cause: it refuses the Response; its log says why"
        ));
    }
}
