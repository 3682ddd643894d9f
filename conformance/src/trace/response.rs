//! Finds what a service provider would refuse in a Response or an assertion (saml-core §2 and §3.3,
//! saml-profiles §4.1.4), with what to do about it.

use roxmltree::Node;

use super::assertion::{self, Context};
use super::document::Damage;
use super::status::{self, SUCCESS};
use super::{Known, Outer, Signed, Surroundings, Verdict, signed};
use crate::inspection::response::{self, Assertion, Response};
use crate::inspection::schema;
use crate::inspection::{is, ns};

/// What is not judged if the input does not contain the request.
pub(super) const WHICH_REQUEST: &str = "whether InResponseTo is the ID of a request that was sent";

/// Judges a Response, or an assertion that is the root of a document.
pub(super) fn judge(
    element: Node<'_, '_>,
    signatures: &[Signed],
    surroundings: Surroundings<'_>,
    known: &Known,
    verdict: &mut Verdict,
) {
    let response = response::read(element);
    let is_response = element.tag_name().name() == "Response";
    let is_carried = surroundings.envelope.is_some();
    if is_response {
        judge_status(&response, verdict);
    }
    let is_changed = if is_carried && signatures.is_empty() && is_response {
        verdict.leave_out(
            "who sent it: the Response itself is not signed, and the connection or a signature of the envelope can protect it instead",
        );
        judge_strays(element, verdict);
        false
    } else {
        let outer = surroundings.outer;
        if response.encrypted > surroundings.decrypted.len()
            && signatures.is_empty()
            && response.assertions.is_empty()
        {
            verdict.leave_out("the signature: it may be within the encrypted assertion");
        }
        judge_signatures(element, signatures, outer, known, verdict)
    };
    for violation in schema::violations(element) {
        verdict.refuse(format!("the schema: {violation}"));
    }
    let context = Context {
        known,
        around: surroundings.outer.map_or(&response, |it| &it.response),
        delivered_to: match surroundings.outer {
            Some(outer) => outer.delivered_to.as_deref(),
            None => surroundings
                .message
                .and_then(|it| it.delivered_to.as_deref()),
        },
        is_changed,
    };
    if is_response {
        judge_response(&response, signatures, is_carried, context, verdict);
    }
    // Those that `response::read` returns: the element itself, or its children.
    for (assertion, node) in response.assertions.iter().zip(own_assertions(element)) {
        assertion::judge(assertion, node, context, verdict);
    }
    // Those of a decrypted assertion are judged with its Response.
    if surroundings.outer.is_none() && response.encrypted == surroundings.decrypted.len() {
        let decrypted = surroundings.decrypted.iter().cloned();
        let all: Vec<Assertion> = response
            .assertions
            .iter()
            .cloned()
            .chain(decrypted)
            .collect();
        assertion::judge_set(&all, verdict);
    }
    leave_out(&response, surroundings, context, verdict);
}

fn judge_response(
    response: &Response,
    signatures: &[Signed],
    is_carried: bool,
    context: Context<'_>,
    verdict: &mut Verdict,
) {
    let of = "the Response";
    verdict.judge_id(of, response.id.as_deref());
    verdict.judge_version(of, response.version.as_deref());
    verdict.judge_issue_instant(of, response.issue_instant.as_deref(), context.known);
    match response.destination.as_deref() {
        None if !is_carried && covers(signatures, "Response") => verdict.refuse(
            "the Response is signed and has no Destination, which signed messages must have (saml-bindings §3.5.5.2)",
        ),
        Some("") => verdict.refuse(
            "the Destination is empty: it must be the URL of the assertion consumer service, or be left out if the Response is not signed",
        ),
        destination => assertion::judge_address("Destination", destination, context, verdict),
    }
    let mut confirmations = response.assertions.iter().flat_map(|it| &it.confirmations);
    if response.in_response_to.is_none() && confirmations.all(|it| it.in_response_to.is_none()) {
        verdict.add_remark(
            "no InResponseTo: the identity provider began this sign-on itself. A service provider that accepts only answers to its own requests refuses it",
        );
    }
}

/// Adds what was not judged, and which input is missing for it.
fn leave_out(
    response: &Response,
    surroundings: Surroundings<'_>,
    context: Context<'_>,
    verdict: &mut Verdict,
) {
    let known = context.known;
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
        let is_compared = context.delivered_to.is_some();
        if known.acs.is_empty() && !is_compared && names_address(response) {
            verdict.leave_out(
                "whether Destination and Recipient are the address of your service provider: give the URL of its assertion consumer service (--acs)",
            );
        }
    }
    let assertions = response.assertions.len() + surroundings.decrypted.len();
    if assertions > 0 && response.in_response_to.is_some() {
        verdict.leave_out(WHICH_REQUEST);
    }
}

/// True if the Response or an assertion names the address of its delivery.
fn names_address(response: &Response) -> bool {
    let mut confirmations = response.assertions.iter().flat_map(|it| &it.confirmations);
    response.destination.is_some() || confirmations.any(|it| it.recipient.is_some())
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
        let said = status::Said {
            status,
            detail: response.status_detail.as_deref(),
            message: response.status_message.as_deref(),
            text: response.status_text.as_deref(),
        };
        verdict.refuse(format!(
            "the identity provider refused: {}",
            said.describe()
        ));
    } else if response.assertions.is_empty() && response.encrypted == 0 {
        verdict.refuse("Success without an assertion");
    }
}

/// Returns the assertions that count: the element itself, or its children.
fn own_assertions<'a, 'i>(element: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    std::iter::once(element)
        .chain(element.children())
        .filter(|it| is(*it, ns::ASSERTION, "Assertion"))
}

/// Refuses assertions where SAML has none. `Advice` may contain some (saml-core §2.6.1), which
/// receivers ignore.
fn judge_strays(element: Node<'_, '_>, verdict: &mut Verdict) {
    let own: Vec<Node<'_, '_>> = own_assertions(element).collect();
    let stray = element.descendants().find(|it| {
        is(*it, ns::ASSERTION, "Assertion")
            && !own.contains(it)
            && !it
                .ancestors()
                .any(|outer| is(outer, ns::ASSERTION, "Advice"))
    });
    if let Some(parent) = stray.and_then(|it| it.parent_element()) {
        verdict.refuse(format!(
            "an Assertion within {}, where SAML has none: forged ones are inserted like that (signature wrapping)",
            parent.tag_name().name()
        ));
    }
}

/// Judges the signatures of a Response or an assertion, and what they cover. Returns true if the
/// message was changed after signing.
pub(super) fn judge_signatures(
    element: Node<'_, '_>,
    signatures: &[Signed],
    outer: Option<&Outer>,
    known: &Known,
    verdict: &mut Verdict,
) -> bool {
    judge_strays(element, verdict);
    let damage = Damage::judge(element, verdict);
    let counted = signatures.iter().filter(|it| !it.signature.is_in_advice);
    let counted: Vec<&Signed> = counted.collect();
    let read = response::read(element);
    let own: Vec<Node<'_, '_>> = own_assertions(element).collect();
    if counted.is_empty() {
        if let Some(outer) = outer.filter(|it| it.is_protected) {
            if outer.is_signed {
                verdict.add_remark(ONLY_RESPONSE);
            }
        } else if !own.is_empty() || read.status.as_deref() == Some(SUCCESS) && read.encrypted == 0
        {
            verdict.refuse(
                "nothing is signed; switch signing of assertions on at the identity provider",
            );
        }
        return false;
    }
    signed::judge(signatures, &damage, known, verdict);
    if !own.is_empty() && !damage.has_duplicate_ids() {
        judge_coverage(element, &own, &counted, outer, verdict);
    }
    counted
        .iter()
        .any(|it| it.signature.digest_holds == Some(false) && !it.signature.laid_out_afterwards)
}

const ONLY_RESPONSE: &str = "only the Response is signed: a service provider whose metadata says WantAssertionsSigned=\"true\" refuses it";

fn judge_coverage(
    element: Node<'_, '_>,
    own: &[Node<'_, '_>],
    signatures: &[&Signed],
    outer: Option<&Outer>,
    verdict: &mut Verdict,
) {
    let is_covered = |node: Node<'_, '_>, exactly: bool| {
        let node = node.range();
        let mut ranges = signatures
            .iter()
            .filter_map(|it| it.signature.range.clone());
        ranges.any(|range| match exactly {
            true => range == node,
            false => range.start <= node.start && node.end <= range.end,
        })
    };
    let is_protected = outer.is_some_and(|it| it.is_protected);
    let uncovered = own
        .iter()
        .filter(|it| !is_protected && !is_covered(**it, false));
    let uncovered: Vec<&str> = uncovered
        .map(|it| it.attribute("ID").unwrap_or("without ID"))
        .collect();
    match uncovered.as_slice() {
        [] => {}
        all if all.len() == own.len() => {
            verdict.refuse("no signature covers the assertion");
            return;
        }
        some => {
            verdict.refuse(format!(
                "no signature covers the Assertion {}, and another one is signed: forged ones are inserted like that (signature wrapping)",
                some.join(", ")
            ));
            return;
        }
    }
    let is_response = is(element, ns::PROTOCOL, "Response");
    if !own.iter().all(|it| is_covered(*it, true)) {
        verdict.add_remark(ONLY_RESPONSE);
    } else if is_response && !is_covered(element, true) {
        verdict.leave_out(
            "whether your service provider demands a signature of the Response too (wantMessagesSigned, \"require signed response\"): only the assertion is signed",
        );
    }
}
