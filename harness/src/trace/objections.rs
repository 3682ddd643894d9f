//! What a service provider would object to in a Response, in words; with what
//! to do about it where that is plain.

use jiff::{SignedDuration, Timestamp};
use roxmltree::Document;

use super::{Known, Signed};
use crate::inspection::response::{Assertion, Response, instant};
use crate::inspection::schema;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// How far clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(3);

/// Every objection, the gravest first.
pub fn objections(
    document: &Document<'_>,
    response: &Response,
    signed: &[Signed],
    known: &Known,
) -> Vec<String> {
    let mut all = Vec::new();
    status(response, &mut all);
    signatures(document, response, signed, &mut all);
    all.extend(
        schema::violations(document.root_element())
            .into_iter()
            .map(|it| format!("the schema: {it}")),
    );
    for assertion in &response.assertions {
        conditions(assertion, known, &mut all);
        subject(response, assertion, known, &mut all);
    }
    all
}

fn status(response: &Response, all: &mut Vec<String>) {
    let Some(status) = &response.status else {
        return;
    };
    if status != SUCCESS {
        let detail = response
            .status_detail
            .as_deref()
            .unwrap_or("no second-level status");
        let message = response.status_message.as_deref().unwrap_or("no message");
        all.push(format!(
            "the identity provider refused: {status} / {detail} ({message}); look into its log for the request's ID"
        ));
    } else if response.assertions.is_empty() && response.encrypted == 0 {
        all.push("Success without an assertion".to_owned());
    }
}

fn signatures(
    document: &Document<'_>,
    response: &Response,
    signed: &[Signed],
    all: &mut Vec<String>,
) {
    let named = |name: &str| {
        let elements = document.descendants();
        elements.filter(|it| it.tag_name().name() == name).count()
    };
    if named("Assertion") > 1 {
        all.push(
            "more than one Assertion element: forged ones are slipped in like that (XSW)"
                .to_owned(),
        );
    }
    if signed.is_empty() {
        if response.status.as_deref() == Some(SUCCESS) || !response.assertions.is_empty() {
            all.push(
                "nothing is signed; switch signing of assertions on at the identity provider"
                    .to_owned(),
            );
        }
        return;
    }
    for it in signed {
        let signature = &it.signature;
        if !signature.holds() {
            all.push(format!("the {}'s signature: {}", signature.parent, it.said));
        }
        let weak = ["sha1", "md5", "hmac"];
        for algorithm in [&signature.method, &signature.digest_method] {
            if weak
                .iter()
                .any(|weak| algorithm.ends_with(weak) || algorithm.contains("hmac"))
            {
                all.push(format!("{algorithm} can be forged; choose RSA-SHA256"));
            }
        }
    }
    let covered = |name: &str| {
        signed
            .iter()
            .any(|it| it.signature.covers.as_deref() == Some(name))
    };
    if !covered("Assertion") && !covered("Response") {
        all.push("no signature covers the assertion".to_owned());
    } else if !covered("Assertion") && !response.assertions.is_empty() {
        all.push(
            "only the Response is signed: a service provider with WantAssertionsSigned refuses it"
                .to_owned(),
        );
    }
}

fn conditions(assertion: &Assertion, known: &Known, all: &mut Vec<String>) {
    let Some(conditions) = &assertion.conditions else {
        all.push("no Conditions, so no audience".to_owned());
        return;
    };
    if conditions.audiences.is_empty() {
        all.push("no AudienceRestriction: it would be good for every service provider".to_owned());
    }
    if let Some(own) = &known.audience {
        for others in conditions.audiences.iter().filter(|it| !it.contains(own)) {
            all.push(format!("it is for {}, this is {own}", others.join(", ")));
        }
    }
    for other in &conditions.others {
        all.push(format!("a condition that nobody knows: <{other}>"));
    }
    let instants = [(
        "Conditions",
        conditions.not_before.as_deref(),
        conditions.not_on_or_after.as_deref(),
    )];
    for (place, begin, end) in instants {
        window(place, begin, end, known.now, all);
    }
}

fn window(
    place: &str,
    begin: Option<&str>,
    end: Option<&str>,
    now: Option<Timestamp>,
    all: &mut Vec<String>,
) {
    for text in [begin, end].into_iter().flatten() {
        if instant(text).is_none() {
            all.push(format!("{place}: {text:?} is no instant in UTC"));
        }
    }
    let Some(now) = now else { return };
    let late = end
        .and_then(instant)
        .filter(|end| now.duration_since(*end) > SKEW);
    if let Some(end) = late {
        all.push(format!("{place} ended {end}; it is {now} now. Old messages are refused; if this one is new, a clock is wrong"));
    }
    let early = begin
        .and_then(instant)
        .filter(|begin| begin.duration_since(now) > SKEW);
    if let Some(begin) = early {
        all.push(format!(
            "{place} begins {begin}; it is {now} now. A clock is wrong"
        ));
    }
}

fn subject(response: &Response, assertion: &Assertion, known: &Known, all: &mut Vec<String>) {
    match &assertion.name_id {
        None => all.push("the assertion is about nobody: no NameID".to_owned()),
        Some(name) if name.value.is_empty() => all.push("an empty NameID".to_owned()),
        Some(name) if name.interrupted => all.push(
            "something stands between the letters of the NameID: readers differ on what name that is".to_owned(),
        ),
        Some(_) => {}
    }
    let mut bearers = assertion
        .confirmations
        .iter()
        .filter(|it| it.method.as_deref() == Some(BEARER))
        .peekable();
    if bearers.peek().is_none() {
        all.push("no bearer confirmation".to_owned());
    }
    for it in bearers {
        let place = "SubjectConfirmationData";
        match (&it.recipient, &response.destination) {
            (None, _) => all.push(format!("{place} without Recipient")),
            (Some(one), Some(other)) if one != other => {
                all.push(format!("Recipient {one} is not the Destination {other}"));
            }
            _ => {}
        }
        if it.not_on_or_after.is_none() {
            all.push(format!("{place} without NotOnOrAfter"));
        }
        if it.not_before.is_some() {
            all.push(format!("{place} has NotBefore, which the profile forbids"));
        }
        if it.in_response_to != response.in_response_to {
            all.push(format!("{place}/@InResponseTo is not the Response's"));
        }
        window(place, None, it.not_on_or_after.as_deref(), known.now, all);
    }
    if assertion.sign_ons.is_empty() {
        all.push("no AuthnStatement: it doesn't say that anybody signed on".to_owned());
    }
    if let (Some(one), Some(other)) = (&assertion.issuer, &response.issuer)
        && one != other
    {
        all.push(format!(
            "the assertion is by {one}, the Response by {other}"
        ));
    }
}
