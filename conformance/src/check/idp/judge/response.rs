//! Checks of the Response: encoding, schema, addresses, status (saml-core §3.2.2, saml-profiles
//! §4.1.4).

use jiff::{SignedDuration, Timestamp};

use super::{
    Item, Observation, Ruled, SIGNATURE_OUT_OF_PLACE, UNREADABLE, absent, holds, item,
    judge_each_document, not_judged, right, sum_up, wrong,
};
use crate::check::Harm;
use crate::check::Level::{Must, Should};
use crate::check::idp::reading::{Case, SUCCESS};
use crate::check::summary::plural;
use crate::inspection::response::{instant, instant_in_any_zone};

/// What goes wrong if a check fails.
pub(super) const HARM: Harm = Harm::Function;

pub(super) const CHECKS: &[Item] = &[
    item(
        HARM,
        ("SAML-IDP-RESP-01", Must, "saml-bindings §3.5.4"),
        "The form field SAMLResponse is the base64 of the document, not compressed.",
        "base64 of XML in UTF-8, not compressed",
        "Encode the signed XML's UTF-8 bytes with plain base64 (RFC 4648 §4). Only HTTP-Redirect uses compression.",
        judge_encoding,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-02", Must, "saml-core §1.1, XML 1.0"),
        "The Response is XML of an acceptable size, without a document type declaration.",
        "well-formed XML in UTF-8, without <!DOCTYPE, at most 256 kB and 200 levels",
        "Write the document with an XML library and send exactly what was signed; service providers refuse a DTD and documents beyond their parser's limits.",
        judge_xml,
    ),
    item(
        HARM,
        (
            "SAML-IDP-RESP-03",
            Must,
            "saml-schema-protocol-2.0, saml-schema-assertion-2.0",
        ),
        "The document is a Response with its elements in the order and number that the schema requires.",
        "<samlp:Response> with every element in its order and number",
        "Move the element that is named above to its place, or remove it where there are too many; the order is Issuer, Signature, Extensions, Status, Assertion in a Response; Issuer, Signature, Subject, Conditions, statements in an Assertion; one identifier (NameID or EncryptedID), then SubjectConfirmation in a Subject. Put all other data about the user into an Attribute.",
        judge_schema,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-04", Must, "saml-core §2.3.3, §3.2.2"),
        "Response and Assertion have Version=\"2.0\".",
        "Version=\"2.0\" on both",
        "Write Version=\"2.0\"; if the endpoint uses SAML 1.1, register the service provider as a SAML 2.0 one.",
        judge_version,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-05", Must, "saml-core §1.3.4, §5.4.2"),
        "Each ID is a valid xs:ID and occurs only once in the document.",
        "different IDs on Response and Assertion, each beginning with a letter or an underscore",
        "Generate a new random ID for each element and each message: \"_\" and 32 hexadecimal digits are enough. Never give the Assertion the Response's ID: a reader could not tell which of them was signed. An ID that begins with a digit is not a valid xs:ID, and strict parsers refuse it.",
        judge_ids,
    ),
    item(
        HARM,
        (
            "SAML-IDP-RESP-06",
            Must,
            "saml-core §3.2.2, saml-bindings §3.5.5.2",
        ),
        "Destination is the address that the Response is delivered to.",
        "Destination of the Response equal to the address that it is posted to, letter by letter",
        "In the application's settings find ACS URL (also called Reply URL, Single Sign-On URL) and enter the Location of the AssertionConsumerService in the service provider's metadata; compare http and https, the port, and a slash at the end. Where the attribute is missing, or you write the Response yourself: <samlp:Response Destination=\"https://sp.example/acs\">, the same text as the action of the HTML form that posts it.",
        judge_destination,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-07", Must, "saml-core §3.2.2"),
        "InResponseTo of the Response is the ID of the AuthnRequest.",
        "InResponseTo equal to the AuthnRequest's ID",
        "Copy the request's ID into InResponseTo on the Response and on SubjectConfirmationData; leave both out only in an unsolicited Response.",
        judge_in_response_to,
    ),
    item(
        HARM,
        (
            "SAML-IDP-RESP-08",
            Must,
            "saml-profiles §4.1.4.2, saml-core §3.2.2",
        ),
        "The Response's Issuer is the entity ID of the metadata.",
        "Issuer equal to the metadata's entityID, letter by letter",
        "Set the Issuer to the entity ID of the metadata; check the scheme, a slash at the end, and letter case.",
        judge_issuer,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-09", Must, "saml-core §3.2.2.1, §3.2.2.2"),
        "A Response with status Success has an assertion; one with an error status has none.",
        "status:Success and one Assertion",
        "After a sign-on write, after Issuer and Signature and before the Assertion, <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>. On a failure send no assertion, and …:status:Requester or …:status:Responder in its place, with the reason in a second StatusCode within that one.",
        judge_status,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-10", Must, "saml-core §1.3.3"),
        "Every time is in UTC and ends with Z.",
        "instants such as 2026-05-04T10:00:00.123Z",
        "Write every time in UTC with a Z at its end: readers interpret an offset or a missing time zone differently.",
        judge_form_of_instants,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-11", Should, "saml-core §2.3.3, §3.2.2"),
        "IssueInstant of Response and Assertion is within three minutes of the delivery.",
        "IssueInstant within three minutes of the delivery",
        "Synchronize the server's clock by NTP, and set IssueInstant to the time when the Response is created, not to the beginning of the session.",
        judge_issue_instant,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-12", Must, "saml-bindings §3.5.3"),
        "RelayState is returned unchanged, up to 80 bytes.",
        "the RelayState of the request, letter by letter",
        "Keep the RelayState while the login pages are shown (in the session, not in a short column or URL) and return it unchanged, HTML-escaped in the form.",
        judge_relay_state,
    ),
    item(
        HARM,
        ("SAML-IDP-RESP-13", Must, "saml-profiles §4.1.4.2"),
        "The Response contains exactly one assertion, as its direct child.",
        "exactly one Assertion, a child of the Response",
        "Put one assertion with all statements into the Response: service providers refuse several, because attackers add forged assertions this way.",
        judge_number_of_assertions,
    ),
    item(
        HARM,
        (
            "SAML-IDP-RESP-14",
            Must,
            "saml-profiles §4.1.2, saml-bindings §3.4.6.1",
        ),
        "The Response is sent by HTTP-POST, not in a URL.",
        "an HTML form that posts the Response",
        "Send Responses by HTTP-POST whatever the request's ProtocolBinding says: in a URL they end up in logs and browser histories, and the profile forbids it.",
        judge_binding,
    ),
];

fn judge_encoding(case: &Case<'_>) -> Ruled {
    let judged = case
        .good()
        .map(|it| {
            let encoding = |why: &String| why.contains("base64") || why.contains("compressed");
            let outcome = match &it.document {
                Err(why) if encoding(why) => wrong(why.clone()),
                _ => right("it is"),
            };
            (it.name, outcome)
        })
        .collect();
    sum_up(judged, "there was no answer: see SAML-IDP-REQ-01")
}

fn judge_xml(case: &Case<'_>) -> Ruled {
    let encoding = |why: &str| why.contains("base64") || why.contains("compressed");
    let judged = case
        .good()
        .filter(|it| !it.document.as_ref().is_err_and(|why| encoding(why)))
        .map(|it| {
            let outcome = match &it.document {
                Err(why) => wrong(why.clone()),
                Ok(document) if document.xml.len() > 256 * 1024 => {
                    wrong(format!("{} bytes", document.xml.len()))
                }
                Ok(_) => right("it is"),
            };
            (it.name, outcome)
        })
        .collect();
    sum_up(
        judged,
        "no answer that can be decoded: see SAML-IDP-RESP-01",
    )
}

fn judge_schema(case: &Case<'_>) -> Ruled {
    let documents = case
        .good()
        .filter_map(|answer| answer.document.as_ref().ok());
    let mut violations = documents.flat_map(|it| &it.violations).peekable();
    let is_any = violations.peek().is_some();
    let is_only_signature = is_any && violations.all(|it| it.starts_with("Signature is too late"));
    let ruled = judge_each_document(case, |_, document| {
        if document.root != "Response" {
            return wrong(format!("the document is a {}", document.root));
        }
        match document.violations.first() {
            Some(first) => wrong(first.clone()),
            None => right("it is"),
        }
    });
    match is_only_signature {
        true => ruled.shows(SIGNATURE_OUT_OF_PLACE),
        false => ruled,
    }
}

fn judge_version(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        let response = &document.response;
        let mut all = vec![("Response", response.version.as_deref())];
        all.extend(
            response
                .assertions
                .iter()
                .map(|it| ("Assertion", it.version.as_deref())),
        );
        match all
            .iter()
            .find(|(_, version)| version.is_some_and(|it| it != "2.0"))
        {
            Some((what, version)) => wrong(format!(
                "{what} has Version \"{}\"",
                version.unwrap_or_default()
            )),
            None => right("they have"),
        }
    })
}

/// True if the text is a valid xs:ID, which is an NCName (XML Schema part 2 §3.3.8).
pub(super) fn is_ncname(id: &str) -> bool {
    let mut letters = id.chars();
    letters
        .next()
        .is_some_and(|it| it.is_alphabetic() || it == '_')
        && letters.all(|it| it.is_alphanumeric() || "_-.".contains(it))
}

fn judge_ids(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        let response = &document.response;
        let assertions = response.assertions.iter();
        let all: Vec<(&str, &str)> = std::iter::once(("Response", response.id.as_deref()))
            .chain(assertions.map(|it| ("Assertion", it.id.as_deref())))
            .filter_map(|(place, id)| Some((place, id?)))
            .collect();
        if let Some((place, id)) = all.iter().find(|(_, id)| !is_ncname(id)) {
            return wrong(format!(
                "{id:?}, the ID of the {place}, is not a valid xs:ID"
            ));
        }
        for (at, (place, id)) in all.iter().enumerate() {
            if let Some((other, _)) = all[..at].iter().find(|(_, other)| other == id) {
                return wrong(format!(
                    "{id:?} is the ID of the {other} and of the {place}"
                ));
            }
        }
        right("they are")
    })
}

fn judge_destination(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |answer, document| {
        match &document.response.destination {
            Some(destination) if *destination == answer.expected_acs => right(destination.clone()),
            Some(destination) => wrong(format!(
                "Destination {destination}, where {} was to be answered",
                answer.expected_acs
            )),
            // Only a signed message needs it (saml-bindings §3.5.5.2).
            None if !document.signatures.iter().any(|it| it.parent == "Response") => {
                right("the Response is not signed, so it may do without Destination")
            }
            None => wrong("the signed Response has no Destination"),
        }
    })
}

fn judge_in_response_to(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |answer, document| {
        match &document.response.in_response_to {
            Some(id) if *id == answer.trial.request_id => right("it is"),
            Some(id) => wrong(format!(
                "InResponseTo is {id}, but the ID of the request is {}",
                answer.trial.request_id
            )),
            None => wrong("the Response has no InResponseTo"),
        }
    })
}

fn judge_issuer(case: &Case<'_>) -> Ruled {
    if case.announced.entity_id.is_empty() {
        return not_judged(UNREADABLE);
    }
    judge_each_document(case, |_, document| match &document.response.issuer {
        Some(issuer) if *issuer == case.announced.entity_id => right(issuer.clone()),
        Some(issuer) => wrong(format!(
            "{issuer:?}, announced is {:?}",
            case.announced.entity_id
        )),
        None => right("none, which the Response may do without"),
    })
}

fn judge_status(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        let response = &document.response;
        let count = response.assertions.len() + response.encrypted;
        let Some(status) = &response.status else {
            return wrong(format!(
                "the Response has no StatusCode with a Value, and {}",
                plural(count, "assertion", "assertions")
            ));
        };
        match (status == SUCCESS, count) {
            (true, 0) => wrong("Success without an assertion"),
            (false, 1..) => wrong(format!("{status} with an assertion")),
            _ => right("the status and the assertions fit each other"),
        }
    })
}

fn every_instant(document: &crate::check::idp::reading::Document) -> Vec<(&'static str, String)> {
    let response = &document.response;
    let mut all = vec![("Response/@IssueInstant", response.issue_instant.clone())];
    for assertion in &response.assertions {
        all.push(("Assertion/@IssueInstant", assertion.issue_instant.clone()));
        for it in &assertion.confirmations {
            all.push((
                "SubjectConfirmationData/@NotOnOrAfter",
                it.not_on_or_after.clone(),
            ));
            all.push(("SubjectConfirmationData/@NotBefore", it.not_before.clone()));
        }
        if let Some(it) = &assertion.conditions {
            all.push(("Conditions/@NotBefore", it.not_before.clone()));
            all.push(("Conditions/@NotOnOrAfter", it.not_on_or_after.clone()));
        }
        for it in &assertion.sign_ons {
            all.push(("AuthnStatement/@AuthnInstant", it.instant.clone()));
            all.push((
                "AuthnStatement/@SessionNotOnOrAfter",
                it.session_not_on_or_after.clone(),
            ));
        }
    }
    all.into_iter()
        .filter_map(|(place, text)| Some((place, text?)))
        .collect()
}

fn judge_form_of_instants(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        let all = every_instant(document);
        match all.iter().find(|(_, text)| instant(text).is_none()) {
            Some((place, text)) => wrong(format!("{place}=\"{text}\"")),
            None => right(format!("{} instants", all.len())),
        }
    })
}

/// Allowed clock skew.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(3);

fn judge_issue_instant(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |answer, document| {
        let near = |text: &str, at: Timestamp| match instant_in_any_zone(text) {
            Some(issued) if at.duration_since(issued).abs() <= SKEW => right(text.to_owned()),
            Some(_) => wrong(format!("issued {text}, delivered {at}")),
            None => absent(format!("{text} is no time: see SAML-IDP-RESP-10")),
        };
        let all = every_instant(document).into_iter();
        let issued = all.filter(|(place, _)| place.ends_with("IssueInstant"));
        issued
            .map(|(_, text)| near(&text, answer.at()))
            .reduce(Observation::and)
            .unwrap_or_else(|| absent("no IssueInstant: see SAML-IDP-RESP-03"))
    })
    .about_clock(case)
}

fn judge_relay_state(case: &Case<'_>) -> Ruled {
    let judged = case
        .good()
        .filter(|it| it.name != "relay-state-markup")
        .map(|it| {
            let outcome = if it.delivered.relay_state == it.trial.relay_state {
                right("it is")
            } else {
                wrong(format!(
                    "sent {:?}, got {:?}",
                    it.trial.relay_state.as_deref().unwrap_or_default(),
                    it.delivered.relay_state.as_deref().unwrap_or_default()
                ))
            };
            (it.name, outcome)
        })
        .collect();
    sum_up(judged, "there was no answer: see SAML-IDP-REQ-01")
}

fn judge_number_of_assertions(case: &Case<'_>) -> Ruled {
    judge_each_document(case, |_, document| {
        let response = &document.response;
        let direct = response.assertions.len() + response.encrypted;
        let failed = response.status.as_deref() != Some(SUCCESS);
        // `elements` includes the Response itself.
        let hidden = document
            .elements
            .saturating_sub(1 + response.assertions.len());
        if direct > 1 {
            wrong(format!("{direct} assertions"))
        } else if hidden > 0 {
            wrong(format!("{hidden} more inside other elements"))
        } else if direct == 1 || failed {
            right("it does")
        } else {
            absent("none: see SAML-IDP-RESP-09")
        }
    })
}

fn judge_binding(case: &Case<'_>) -> Ruled {
    let judged: Vec<_> = case
        .answers
        .iter()
        .filter(|it| !it.name.starts_with("logout"))
        .map(|it| {
            let outcome = if it.delivered.binding == "HTTP-POST" {
                right("it is")
            } else {
                wrong(format!("the Response was sent by {}", it.delivered.binding))
            };
            (it.name, outcome)
        })
        .collect();
    if judged.is_empty() {
        return not_judged("there was no answer: see SAML-IDP-REQ-01");
    }
    let is_right = |it: &Observation| matches!(it, Observation::Right(_));
    if judged.iter().all(|(_, outcome)| is_right(outcome)) {
        return holds("it is, even if the request asks for another binding");
    }
    sum_up(judged, "")
}
