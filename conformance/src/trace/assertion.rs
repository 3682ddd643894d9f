//! The rules for one assertion: conditions, subject and its confirmations (saml-core §2,
//! saml-profiles §4.1.4).

use roxmltree::Node;

use super::difference::{describe_difference, small_difference};
use super::verdict::list;
use super::{Known, Signed, Verdict, attributes, response, sign_on};
use crate::inspection::response::{Assertion, Confirmation, Response};
use crate::inspection::{child, ns};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Attributes that federations use in place of a NameID: SAML's subject identifiers, eduPersonPrincipalName,
/// eduPersonTargetedID and eduPersonUniqueId.
const NAMING_ATTRIBUTES: [&str; 8] = [
    "urn:oasis:names:tc:SAML:attribute:subject-id",
    "urn:oasis:names:tc:SAML:attribute:pairwise-id",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.10",
    "urn:oid:1.3.6.1.4.1.5923.1.1.1.13",
    "eduPersonPrincipalName",
    "eduPersonTargetedID",
    "eduPersonUniqueId",
];

/// What the values of an assertion are compared with.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) known: &'a Known,
    /// The Response around the assertion, or an empty one.
    pub(super) around: &'a Response,
    /// The URL to which the browser posted the message.
    pub(super) delivered_to: Option<&'a str>,
    /// True if the message was changed after signing, so that its values are perhaps not those that the
    /// identity provider wrote.
    pub(super) is_changed: bool,
}

impl Context<'_> {
    /// Returns what to do about a value that is not the expected one.
    fn advise(&self, advice: String) -> String {
        match self.is_changed {
            true => " the message was changed after signing, so this value is perhaps not the one that the identity provider wrote".to_owned(),
            false => advice,
        }
    }
}

/// Judges one assertion, without its signature.
pub(super) fn judge(
    assertion: &Assertion,
    node: Node<'_, '_>,
    context: Context<'_>,
    verdict: &mut Verdict,
) {
    let known = context.known;
    let of = "the Assertion";
    verdict.judge_id(of, assertion.id.as_deref());
    verdict.judge_version(of, assertion.version.as_deref());
    verdict.judge_issue_instant(of, assertion.issue_instant.as_deref(), known);
    judge_conditions(assertion, context, verdict);
    let subject = child(node, ns::ASSERTION, "Subject");
    match subject.and_then(|it| child(it, ns::ASSERTION, "EncryptedID")) {
        Some(_) if assertion.name_id.is_none() => verdict
            .leave_out("the user's name: it is encrypted (EncryptedID) for the service provider"),
        _ => judge_name(assertion, verdict),
    }
    judge_confirmations(assertion, context, verdict);
    judge_issuer(assertion, context, verdict);
    sign_on::judge(assertion, known, verdict);
    attributes::judge(assertion, node, verdict);
}

/// Judges an assertion that WS-Federation carries: signature, validity and audience, without the rules
/// of the Web SSO profile.
pub(super) fn judge_token(
    element: Node<'_, '_>,
    signatures: &[Signed],
    known: &Known,
    verdict: &mut Verdict,
) {
    let read = crate::inspection::response::read(element);
    let is_changed = response::judge_signatures(element, signatures, None, known, verdict);
    for assertion in &read.assertions {
        let of = "the Assertion";
        verdict.judge_id(of, assertion.id.as_deref());
        verdict.judge_version(of, assertion.version.as_deref());
        verdict.judge_issue_instant(of, assertion.issue_instant.as_deref(), known);
        if assertion.conditions.is_some() {
            let context = Context {
                known,
                around: &read,
                delivered_to: None,
                is_changed,
            };
            judge_conditions(assertion, context, verdict);
        }
        attributes::judge(assertion, element, verdict);
    }
    verdict.leave_out(
        "NameID, Recipient and other rules of SAML's Web SSO profile: WS-Federation has rules of its own",
    );
}

/// Checks that an address is one of the service provider's own (saml-core §3.2.2, saml-profiles
/// §4.1.4.3). URLs are compared as text, as service providers do.
pub(super) fn judge_address(
    name: &str,
    value: Option<&str>,
    context: Context<'_>,
    verdict: &mut Verdict,
) {
    let Some(value) = value.filter(|it| !it.is_empty()) else {
        return;
    };
    let acs = &context.known.acs;
    if acs.is_empty() {
        // What a HAR file shows. Service providers add queries to the URL that they do not compare.
        let bare = value.split(['?', '#']).next();
        if let Some(posted) = context.delivered_to
            && bare != Some(posted)
        {
            verdict.refuse(format!(
                "{name} is {value}, but the browser posted it to {posted}:{}{}",
                describe_difference(posted, value),
                context.advise(advise_address(posted, value))
            ));
        }
        return;
    }
    if acs.iter().any(|own| own == value) {
        return;
    }
    let difference = acs.iter().map(|own| describe_difference(own, value));
    let difference: String = difference.collect();
    verdict.refuse(format!(
        "{name} is {value}, not {}:{difference}{}",
        acs.join(" or "),
        context.advise(advise_address(&acs[0], value))
    ));
}

/// How a service provider finds its own URL behind a proxy.
pub(super) const BEHIND_PROXY: &str = "the application is behind a proxy that ends TLS, and builds its own URL from the request that it gets by http: set its base URL, or let the proxy send X-Forwarded-Proto and the application trust it";

fn advise_address(own: &str, value: &str) -> String {
    if small_difference(own, value) == Some("in http and https") {
        return format!(
            " usually {BEHIND_PROXY}. If its AuthnRequest asks for {own}, enter that at the identity provider"
        );
    }
    " enter the URL of the assertion consumer service at the identity provider as it is (scheme, host, port, path, a slash at the end)".to_owned()
}

fn judge_conditions(assertion: &Assertion, context: Context<'_>, verdict: &mut Verdict) {
    let Some(conditions) = &assertion.conditions else {
        verdict.refuse("the assertion has no Conditions, so no AudienceRestriction limits it to one service provider: let the identity provider add Conditions with the entity ID of the service provider as Audience");
        return;
    };
    if conditions.audiences.is_empty() {
        verdict.refuse("no AudienceRestriction: it would be good for every service provider");
    }
    if let Some(own) = &context.known.audience {
        for others in conditions.audiences.iter().filter(|it| !it.contains(own)) {
            let difference: String = others
                .iter()
                .map(|it| describe_difference(it, own))
                .collect();
            verdict.refuse(format!(
                "the audience is {}, not {own}:{difference}{}",
                others.join(", "),
                context.advise(format!(
                    " enter {own} as Audience or SP entity ID at the identity provider"
                ))
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
        context.known.now,
    );
}

fn judge_name(assertion: &Assertion, verdict: &mut Verdict) {
    match &assertion.name_id {
        None => {
            let mut attributes = assertion.attributes.iter();
            let named = attributes.find(|it| NAMING_ATTRIBUTES.contains(&it.name.as_str()));
            match named {
                Some(named) => verdict.add_remark(format!(
                    "no NameID, which SAML permits; {} can name the user. Many products need a NameID",
                    named.name
                )),
                None => verdict.refuse(
                    "the assertion has no NameID, and no attribute that federations use in its place (subject-id, pairwise-id, eduPersonPrincipalName): most service providers cannot tell who the user is. At the identity provider, choose the value for NameID, and check that the user has one",
                ),
            }
        }
        Some(name) if name.value.is_empty() => verdict.refuse(
            "the NameID is empty: the user has no value in the field from which the identity provider takes it, often the e-mail address",
        ),
        Some(name) if name.interrupted => verdict.refuse(
            "the NameID contains a comment or an element: parsers differ in the name that they read",
        ),
        Some(_) => {}
    }
}

/// One confirmation that holds is enough (saml-core §2.4.1.1).
fn judge_confirmations(assertion: &Assertion, context: Context<'_>, verdict: &mut Verdict) {
    let bearers = assertion
        .confirmations
        .iter()
        .filter(|it| it.method.as_deref() == Some(BEARER));
    let judged = bearers.map(|it| {
        let mut verdict = Verdict::default();
        judge_bearer(it, context, &mut verdict);
        verdict
    });
    let mut judged: Vec<Verdict> = judged.collect();
    if judged.iter().any(Verdict::is_clean) {
        return;
    }
    // The one that would hold at another time: in an old message, the others do not matter.
    if let Some(at) = judged.iter().position(|it| it.objections.is_empty()) {
        return verdict.append(judged.swap_remove(at));
    }
    match judged.len() {
        // The Response says so if no assertion has one.
        0 => {}
        1 => verdict.append(judged.remove(0)),
        all => {
            let reasons = judged.into_iter().map(|mut it| {
                it.judge_times(None, context.known.now);
                it.objections.join("; ")
            });
            let reasons: Vec<String> = reasons
                .enumerate()
                .map(|(at, reason)| format!("({}) {reason}", at + 1))
                .collect();
            verdict.refuse(format!(
                "none of the {all} SubjectConfirmations with the method bearer holds, and one must: {}",
                reasons.join(" ")
            ));
        }
    }
}

/// True if an assertion can be used by whoever delivers it.
pub(super) fn is_bearer(assertion: &Assertion) -> bool {
    let mut all = assertion.confirmations.iter();
    all.any(|it| it.method.as_deref() == Some(BEARER))
}

fn judge_bearer(it: &Confirmation, context: Context<'_>, verdict: &mut Verdict) {
    let place = "SubjectConfirmationData";
    let around = context.around;
    let destination = around.destination.as_deref().filter(|it| !it.is_empty());
    match (it.recipient.as_deref(), destination) {
        (None, _) => verdict.refuse(format!("{place} has no Recipient")),
        (Some(""), _) => verdict.refuse(format!("Recipient of {place} is empty")),
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
    if it.recipient.as_deref() != destination {
        judge_address("Recipient", it.recipient.as_deref(), context, verdict);
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
    if around.id.is_some() {
        match (&it.in_response_to, &around.in_response_to) {
            (one, other) if one == other => {}
            (Some(one), None) => verdict.refuse(format!(
                "{place} answers the request {one} (InResponseTo), but the Response has no InResponseTo: the identity provider must write it on both"
            )),
            (None, Some(other)) => verdict.refuse(format!(
                "{place} has no InResponseTo, but the Response answers the request {other}: the identity provider must write it on both"
            )),
            (one, other) => verdict.refuse(format!(
                "InResponseTo of {place} ({}) is not that of the Response ({})",
                one.as_deref().unwrap_or("none"),
                other.as_deref().unwrap_or("none")
            )),
        }
    }
    verdict.judge_window(
        place,
        None,
        it.not_on_or_after.as_deref(),
        context.known.now,
    );
}

fn judge_issuer(assertion: &Assertion, context: Context<'_>, verdict: &mut Verdict) {
    if let (Some(one), Some(other)) = (&assertion.issuer, &context.around.issuer)
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

/// Judges the assertions of one Response together (saml-profiles §4.1.4.2).
pub(super) fn judge_set(assertions: &[Assertion], verdict: &mut Verdict) {
    if assertions.is_empty() {
        return;
    }
    if !assertions.iter().any(is_bearer) {
        verdict.refuse("no SubjectConfirmation with the method bearer (saml-profiles §4.1.4.2)");
    }
    if assertions.iter().all(|it| it.sign_ons.is_empty()) {
        verdict.refuse("no AuthnStatement: the assertion does not state that the user signed on");
    }
    if assertions.len() > 1 {
        let names = assertions.iter().filter_map(|it| it.name_id.as_ref());
        let mut names: Vec<String> = names.map(|it| format!("\"{}\"", it.value)).collect();
        names.sort();
        names.dedup();
        let differ = match names.len() {
            0 | 1 => String::new(),
            _ => format!(
                " Their NameIDs are {}, and must be of the same user.",
                list(&names)
            ),
        };
        verdict.add_remark(format!(
            "{} assertions, which SAML permits (saml-profiles §4.1.4.2).{differ} Many service providers accept exactly one, or read only the first: send one with all statements",
            assertions.len()
        ));
    }
}
