//! Checks that only deployment profiles require: the standard leaves open what they demand. They
//! run only with such a profile or with `--only`.

use super::logout::find_logout_response;
use super::trial::describe;
use super::{
    Item, Observation, Ruled, absent, breaks, holds, item, judge_each_assertion,
    judge_each_document, right, sum_up, wrong,
};
use crate::check::Harm;
use crate::check::Level::May;
use crate::check::idp::reading::{Case, SUCCESS};
use crate::check::idp::recording::Ending;
use crate::check::idp::trials::{Amend, Binding, POST, VARIANTS};
use crate::inspection::{is, ns, parse};

/// What goes wrong if a check fails.
const HARM: Harm = Harm::Style;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-PROFILE-01", May, "saml2int SDP-IDP09"),
        "A Response with Success has a signature of its own.",
        "a Signature that is a child of the Response",
        "In the application's settings choose to sign the Response as well (Sign Response, or Sign Assertion & Response).",
        judge_signed_response,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-02", May, "saml2int SDP-IDP12"),
        "The NameID is transient if the request asks for no format.",
        "a NameID with the Format urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
        "Make transient the default format for this service provider, and send what identifies the user as an attribute (subject-id or pairwise-id).",
        judge_transient_by_default,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-03", May, "saml2int SDP-IDP18"),
        "The NameFormat of each attribute is uri.",
        "NameFormat urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
        "Name attributes by URIs, such as urn:oid:0.9.2342.19200300.100.1.3 for mail, and set NameFormat to uri.",
        judge_uri_names,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-04", May, "saml2int SDP-IDP19"),
        "Each AttributeValue contains only text.",
        "AttributeValue elements without elements inside",
        "Send values as plain text: many readers cannot read a value that is XML, such as a NameID inside eduPersonTargetedID.",
        judge_plain_values,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-05", May, "saml2int SDP-IDP28"),
        "The LogoutResponse is sent by HTTP-Redirect.",
        "a redirect with SAMLResponse in the query",
        "Choose HTTP-Redirect as the binding of LogoutResponses.",
        judge_logout_binding,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-06", May, "saml2int SDP-G02"),
        "Names, values and identifiers have at most 256 characters.",
        "at most 256 characters in NameID, AttributeValue, Name, SessionIndex and ID",
        "Shorten the value or its mapping: service providers store these texts in columns of 255 or 256 characters, and cut longer ones.",
        judge_lengths,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-07", May, "saml2int SDP-IDP04"),
        "An unsigned request leads to a sign-on.",
        "Success for an unsigned request, and no WantAuthnRequestsSigned=\"true\" in the metadata",
        "Accept unsigned requests from service providers whose metadata does not have AuthnRequestsSigned=\"true\".",
        judge_unsigned_request,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-08", May, "fedinterop IIP-IDP05"),
        "A request that cannot be met is answered with a Response.",
        "a Response with an error status for a NameID format or an authentication context class that is refused",
        "Post a Response with the error status to the assertion consumer service instead of showing a page: only so the application learns why its user does not come back.",
        judge_error_response,
    ),
    item(
        HARM,
        ("SAML-IDP-PROFILE-09", May, "fedinterop IIP-SSO05"),
        "Persistent and transient NameIDs are sent if they are asked for.",
        "a NameID of the format that NameIDPolicy asks for, both for persistent and for transient",
        "Support both formats: a persistent NameID is an opaque id for this user and service provider, a transient one is random.",
        judge_both_formats,
    ),
];

fn judge_signed_response(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        if document.response.status.as_deref() != Some(SUCCESS) {
            return absent("no Response with Success: see SAML-IDP-REQ-01");
        }
        match document.signatures.iter().any(|it| it.parent == "Response") {
            true => right("it has"),
            false => wrong("the Response contains no Signature as its child"),
        }
    })
}

/// True if the request of this trial names a NameID format.
fn names_format(trial: &str) -> bool {
    let mut variants = VARIANTS.iter().filter(|it| it.name == trial);
    variants.any(|it| it.amends.iter().any(|it| matches!(it, Amend::NameId(_))))
}

fn judge_transient_by_default(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |answer, it| {
        if names_format(answer.name) {
            return absent("every request asked for a format");
        }
        match &it.name_id {
            None => wrong("no NameID"),
            Some(name) => match name.format.as_deref() {
                Some(format) if format.ends_with(":transient") => right(format),
                format => wrong(format!("Format {}", format.unwrap_or("none"))),
            },
        }
    })
}

const NO_ATTRIBUTE: &str = "no assertion has an attribute";

fn judge_uri_names(case: &Case<'_>) -> Ruled {
    judge_each_assertion(case, |_, it| {
        let mut names = it.attributes.iter();
        let is_other = |format: Option<&str>| !format.is_some_and(|it| it.ends_with(":uri"));
        match names.find(|it| is_other(it.name_format.as_deref())) {
            Some(other) => wrong(format!(
                "the attribute {} has the NameFormat {}",
                other.name,
                other.name_format.as_deref().unwrap_or("none")
            )),
            None if it.attributes.is_empty() => absent(NO_ATTRIBUTE),
            None => right("it is"),
        }
    })
}

fn judge_plain_values(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        let Ok(parsed) = parse(&document.xml) else {
            return absent("the document cannot be read: see SAML-IDP-RESP-02");
        };
        let values = || {
            let all = parsed.descendants();
            all.filter(|it| is(*it, ns::ASSERTION, "AttributeValue"))
        };
        let mut children = values().flat_map(|it| it.children());
        match children.find(roxmltree::Node::is_element) {
            Some(child) => wrong(format!(
                "an AttributeValue contains the element {}",
                child.tag_name().name()
            )),
            None if values().next().is_none() => absent(NO_ATTRIBUTE),
            None => right("they do"),
        }
    })
}

fn judge_logout_binding(case: &Case<'_>) -> Ruled {
    let answer = match find_logout_response(case) {
        Ok((answer, _)) => answer,
        Err(ruled) => return ruled,
    };
    let binding = answer.delivered.binding.as_str();
    match binding == Binding::Redirect.name() {
        true => holds(binding),
        false => breaks(format!("it was sent by {binding}")),
    }
    .at("logout")
}

fn judge_lengths(case: &Case<'_>) -> Ruled {
    const LONGEST: usize = 256;
    judge_each_assertion(case, |answer, it| {
        let response = answer.response();
        let named = [
            ("ID of the Response", response.and_then(|it| it.id.as_ref())),
            ("ID of the Assertion", it.id.as_ref()),
            ("NameID", it.name_id.as_ref().map(|it| &it.value)),
        ];
        let indexes = it.sign_ons.iter().map(|it| it.session_index.as_ref());
        let named = named
            .into_iter()
            .chain(indexes.map(|index| ("SessionIndex", index)));
        let named = named.filter_map(|(place, text)| Some((place.to_owned(), text?)));
        let attributes = it.attributes.iter().flat_map(|attribute| {
            let place = format!("the attribute {}", attribute.name);
            let values = attribute.values.iter();
            values.map(move |value| (place.clone(), value))
        });
        let names = it.attributes.iter();
        let names = names.map(|it| ("the Name of an attribute".to_owned(), &it.name));
        let texts = named.chain(names).chain(attributes);
        let lengths = texts.map(|(place, text)| (text.chars().count(), place));
        match lengths.max() {
            Some((length, place)) if length > LONGEST => {
                wrong(format!("{place} has {length} characters"))
            }
            Some((length, place)) => right(format!("{length} characters at most ({place})")),
            None => absent("no text to count"),
        }
    })
}

fn judge_unsigned_request(case: &Case<'_>) -> Ruled {
    if case.announced.wants_signed {
        return breaks("the metadata has WantAuthnRequestsSigned=\"true\"");
    }
    let name = match case.trial(POST) {
        Some(_) => "post-unsigned",
        None => "redirect-unsigned",
    };
    super::request::judge_sign_on(case, name)
}

fn judge_error_response(case: &Case<'_>) -> Ruled {
    let names = ["name-impossible", "context-impossible", "passive-alone"];
    let judged = names.into_iter().filter_map(|name| {
        let trial = case.trial(name)?;
        let answered = case.answer(name).and_then(|it| it.response());
        let outcome = match (&trial.ending, answered) {
            (_, Some(response)) if response.status.as_deref() == Some(SUCCESS) => {
                absent("the request was not refused: see SAML-IDP-REQ-16 and -18")
            }
            (_, Some(_)) => right(describe(case, name, trial)),
            // Whether IsPassive is followed at all is judged by SAML-IDP-REQ-10.
            (Ending::Page { .. }, None) if !trial.asked && name != "passive-alone" => {
                wrong(describe(case, name, trial))
            }
            _ => absent("the request was not refused: see SAML-IDP-REQ-16 and -18"),
        };
        Some((name, outcome))
    });
    sum_up(judged.collect(), "no request was tried that is refused")
}

fn judge_both_formats(case: &Case<'_>) -> Ruled {
    let formats = [
        ("name-persistent", ":persistent"),
        ("name-transient", ":transient"),
    ];
    let mut judged: Vec<(&str, Observation)> = Vec::new();
    for (name, suffix) in formats {
        let trial = match super::trial::find_trial(case, name) {
            Ok(trial) => trial,
            Err(ruled) => return ruled,
        };
        let assertion = case
            .answer(name)
            .and_then(|it| it.response())
            .and_then(|it| it.assertions.first());
        let name_id = assertion.and_then(|it| it.name_id.as_ref());
        let format = name_id.and_then(|it| it.format.as_deref());
        let outcome = match format.is_some_and(|it| it.ends_with(suffix)) {
            true => right("they are"),
            false => wrong(describe(case, name, trial)),
        };
        judged.push((name, outcome));
    }
    sum_up(judged, "it was not tried in this run")
}
