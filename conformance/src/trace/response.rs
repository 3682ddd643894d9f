//! Finds what a service provider would refuse in a Response or an assertion (saml-core §2 and §3.3,
//! saml-profiles §4.1.4), with what to do about it.

use roxmltree::Node;

use super::difference::{describe_difference, small_difference};
use super::status::{self, SUCCESS};
use super::{Known, Signed, Verdict, attributes, signed};
use crate::inspection::response::{self, Assertion, Response};
use crate::inspection::schema;
use crate::inspection::{child, is, ns};

/// What is not judged if the input does not contain the request.
pub(super) const WHICH_REQUEST: &str = "whether InResponseTo is the ID of a request that was sent";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

pub(super) fn judge(
    element: Node<'_, '_>,
    signatures: &[Signed],
    is_carried: bool,
    known: &Known,
    verdict: &mut Verdict,
) {
    let response = response::read(element);
    judge_status(&response, verdict);
    if is_carried && signatures.is_empty() && element.tag_name().name() == "Response" {
        verdict.leave_out(
            "who sent it: the Response itself is not signed, and the connection or a signature of the envelope can protect it instead",
        );
    } else {
        judge_signatures(element, &response, signatures, known, verdict);
    }
    for violation in schema::violations(element) {
        verdict.refuse(format!("the schema: {violation}"));
    }
    if element.tag_name().name() == "Response" {
        let of = "the Response";
        verdict.judge_id(of, response.id.as_deref());
        verdict.judge_version(of, response.version.as_deref());
        verdict.judge_issue_instant(of, response.issue_instant.as_deref(), known);
        if response.destination.is_none() && !is_carried && covers(signatures, "Response") {
            verdict.refuse(
                "the Response is signed and has no Destination, which signed messages must have (saml-bindings §3.5.5.2)",
            );
        }
        judge_address(
            "Destination",
            response.destination.as_deref(),
            known,
            verdict,
        );
        if response.in_response_to.is_none() {
            verdict.add_remark(
                "no InResponseTo: the identity provider began this sign-on itself. A service provider that accepts only answers to its own requests refuses it",
            );
        }
    }
    // Those that `response::read` returns: the element itself, or its children.
    let nodes = std::iter::once(element)
        .chain(element.children())
        .filter(|it| is(*it, ns::ASSERTION, "Assertion"));
    for (assertion, node) in response.assertions.iter().zip(nodes) {
        let of = "the Assertion";
        verdict.judge_id(of, assertion.id.as_deref());
        verdict.judge_version(of, assertion.version.as_deref());
        verdict.judge_issue_instant(of, assertion.issue_instant.as_deref(), known);
        judge_conditions(assertion, known, verdict);
        let subject = child(node, ns::ASSERTION, "Subject");
        match subject.and_then(|it| child(it, ns::ASSERTION, "EncryptedID")) {
            Some(_) if assertion.name_id.is_none() => verdict.leave_out(
                "the user's name: it is encrypted (EncryptedID) for the service provider",
            ),
            _ => judge_name(assertion, verdict),
        }
        judge_subject(&response, assertion, known, verdict);
        attributes::judge(&assertion.attributes, verdict);
    }
    if response.encrypted > 0 && known.decryption_key.is_none() {
        let assertions = match response.encrypted {
            1 => "1 encrypted assertion".to_owned(),
            all => format!("{all} encrypted assertions"),
        };
        verdict.leave_out(format!(
            "{assertions}: give the private key of the service provider (--key)"
        ));
    }
    if !response.assertions.is_empty() {
        if known.audience.is_none() {
            verdict.leave_out(
                "whether it is for your service provider: give its entity ID (--audience)",
            );
        }
        if known.acs.is_empty() && names_address(&response) {
            verdict.leave_out(
                "whether Destination and Recipient are the address of your service provider: give the URL of its assertion consumer service (--acs)",
            );
        }
        if response.in_response_to.is_some() {
            verdict.leave_out(WHICH_REQUEST);
        }
    }
}

/// Judges an assertion that WS-Federation carries: signature, validity and audience, without the rules
/// of the Web SSO profile.
pub(super) fn judge_token(
    element: Node<'_, '_>,
    signatures: &[Signed],
    known: &Known,
    verdict: &mut Verdict,
) {
    let read = response::read(element);
    judge_signatures(element, &read, signatures, known, verdict);
    for assertion in &read.assertions {
        let of = "the Assertion";
        verdict.judge_id(of, assertion.id.as_deref());
        verdict.judge_version(of, assertion.version.as_deref());
        verdict.judge_issue_instant(of, assertion.issue_instant.as_deref(), known);
        if assertion.conditions.is_some() {
            judge_conditions(assertion, known, verdict);
        }
        attributes::judge(&assertion.attributes, verdict);
    }
    verdict.leave_out(
        "NameID, Recipient and other rules of SAML's Web SSO profile: WS-Federation has rules of its own",
    );
}

/// True if the Response or an assertion names the address of its delivery.
fn names_address(response: &Response) -> bool {
    let mut confirmations = response.assertions.iter().flat_map(|it| &it.confirmations);
    response.destination.is_some() || confirmations.any(|it| it.recipient.is_some())
}

/// Checks that an address is one of the service provider's own (saml-core §3.2.2, saml-profiles
/// §4.1.4.3). URLs are compared as text, as service providers do.
fn judge_address(name: &str, value: Option<&str>, known: &Known, verdict: &mut Verdict) {
    let Some(value) = value else { return };
    if known.acs.is_empty() || known.acs.iter().any(|own| own == value) {
        return;
    }
    let own = known.acs.join(" or ");
    let difference = known.acs.iter().map(|own| describe_difference(own, value));
    let difference: String = difference.collect();
    verdict.refuse(format!(
        "{name} is {value}, not {own}:{difference} enter the URL of the assertion consumer service at the identity provider as it is (scheme, host, port, path, a slash at the end)"
    ));
}

fn covers(signatures: &[Signed], name: &str) -> bool {
    let mut all = signatures.iter();
    all.any(|it| it.signature.covers.as_deref() == Some(name))
}

fn judge_status(response: &Response, verdict: &mut Verdict) {
    let Some(status) = &response.status else {
        return;
    };
    if status != SUCCESS {
        let detail = response.status_detail.as_deref();
        let message = response.status_message.as_deref();
        verdict.refuse(format!(
            "the identity provider refused: {}",
            status::describe(status, detail, message)
        ));
    } else if response.assertions.is_empty() && response.encrypted == 0 {
        verdict.refuse("Success without an assertion");
    }
}

fn judge_signatures(
    element: Node<'_, '_>,
    response: &Response,
    signatures: &[Signed],
    known: &Known,
    verdict: &mut Verdict,
) {
    let assertions = element
        .descendants()
        .filter(|it| is(*it, ns::ASSERTION, "Assertion"))
        .count();
    if assertions > 1 {
        verdict.refuse(
            "more than one Assertion: forged ones are inserted like that (signature wrapping)",
        );
    }
    if signatures.is_empty() {
        if response.encrypted > 0 && response.assertions.is_empty() {
            verdict.leave_out("the signature: it may be within the encrypted assertion");
        } else if response.status.as_deref() == Some(SUCCESS) || !response.assertions.is_empty() {
            verdict.refuse(
                "nothing is signed; switch signing of assertions on at the identity provider",
            );
        }
        return;
    }
    signed::judge(signatures, known, verdict);
    if response.assertions.is_empty() {
        return;
    }
    if !covers(signatures, "Assertion") && !covers(signatures, "Response") {
        verdict.refuse("no signature covers the assertion");
    } else if !covers(signatures, "Assertion") {
        verdict.add_remark(
            "only the Response is signed: a service provider whose metadata says WantAssertionsSigned=\"true\" refuses it",
        );
    }
}

fn judge_conditions(assertion: &Assertion, known: &Known, verdict: &mut Verdict) {
    let Some(conditions) = &assertion.conditions else {
        verdict.refuse("no Conditions, so no audience");
        return;
    };
    if conditions.audiences.is_empty() {
        verdict.refuse("no AudienceRestriction: it would be good for every service provider");
    }
    if let Some(own) = &known.audience {
        for others in conditions.audiences.iter().filter(|it| !it.contains(own)) {
            let difference: String = others
                .iter()
                .map(|it| describe_difference(it, own))
                .collect();
            verdict.refuse(format!(
                "the audience is {}, not {own}:{difference} enter {own} as Audience or SP entity ID at the identity provider",
                others.join(", ")
            ));
        }
    }
    for other in &conditions.others {
        verdict.refuse(format!(
            "the condition <{other}> is unknown, so the assertion is invalid (saml-core §2.5.1.1)"
        ));
    }
    verdict.judge_window(
        "Conditions",
        conditions.not_before.as_deref(),
        conditions.not_on_or_after.as_deref(),
        known.now,
    );
}

fn judge_name(assertion: &Assertion, verdict: &mut Verdict) {
    match &assertion.name_id {
        None => verdict.refuse("the assertion has no NameID, so no user is named"),
        Some(name) if name.value.is_empty() => verdict.refuse("the NameID is empty"),
        Some(name) if name.interrupted => verdict.refuse(
            "the NameID contains a comment or an element: parsers differ in the name that they read",
        ),
        Some(_) => {}
    }
}

fn judge_subject(response: &Response, assertion: &Assertion, known: &Known, verdict: &mut Verdict) {
    let mut bearers = assertion
        .confirmations
        .iter()
        .filter(|it| it.method.as_deref() == Some(BEARER))
        .peekable();
    if bearers.peek().is_none() {
        verdict.refuse("no SubjectConfirmation with the method bearer (saml-profiles §4.1.4.2)");
    }
    let place = "SubjectConfirmationData";
    for it in bearers {
        match (&it.recipient, &response.destination) {
            (None, _) => verdict.refuse(format!("{place} has no Recipient")),
            (Some(one), Some(other)) if one != other => {
                let difference = small_difference(one, other)
                    .map(|it| format!(": they differ only {it}"))
                    .unwrap_or_default();
                verdict.refuse(format!(
                    "Recipient {one} is not the Destination {other}{difference}"
                ));
            }
            _ => {}
        }
        // If both are equal, one objection is enough.
        if it.recipient != response.destination {
            judge_address("Recipient", it.recipient.as_deref(), known, verdict);
        }
        if it.not_on_or_after.is_none() {
            verdict.refuse(format!("{place} has no NotOnOrAfter"));
        }
        if it.not_before.is_some() {
            verdict.refuse(format!(
                "{place} has NotBefore, which saml-profiles §4.1.4.2 forbids"
            ));
        }
        // An assertion without a Response has nothing to compare with.
        if response.id.is_some() && it.in_response_to != response.in_response_to {
            let none = "none".to_owned();
            verdict.refuse(format!(
                "InResponseTo of {place} ({}) is not that of the Response ({})",
                it.in_response_to.as_ref().unwrap_or(&none),
                response.in_response_to.as_ref().unwrap_or(&none)
            ));
        }
        verdict.judge_window(place, None, it.not_on_or_after.as_deref(), known.now);
    }
    if assertion.sign_ons.is_empty() {
        verdict.refuse("no AuthnStatement: the assertion does not state that the user signed on");
    }
    if let (Some(one), Some(other)) = (&assertion.issuer, &response.issuer)
        && one != other
    {
        let difference = small_difference(one, other)
            .map(|it| format!(": they differ only {it}"))
            .unwrap_or_default();
        verdict.refuse(format!(
            "the Issuer of the assertion is {one}, that of the Response {other}{difference}"
        ));
    }
}
