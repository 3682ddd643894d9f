//! Checks of single logout that the service provider starts (saml-profiles §4.4.3.1), at the URL of
//! `--logout-url`: its LogoutRequest, and which LogoutResponses it accepts.

use jiff::Timestamp;
use saml::message::{LogoutResponse, NameId};
use serde_json::json;

use super::super::login::Request;
use super::logout_message::unsolicited_answer;
use super::own_logout_trial::Forgery;
use super::relay_state::leads_away;
use super::request::{instant_complaint, is_signed, signature_complaint, weak_algorithm};
use super::{Beyond, Judged, Stop, breaks, holds_with, judge_complaints, rows};
use crate::check::Harm;
use crate::inspection::{child, children, ns, parse, schema, text};

rows! {
"SAML-SP-SLO-15", May, Harm::Function, "saml-profiles §4.4.3.1"; "Logging out at the service provider sends a LogoutRequest to the identity provider";
    expects "a LogoutRequest at the SingleLogoutService of the identity provider, by HTTP-Redirect or HTTP-POST";
    fix "Send a LogoutRequest when the user logs out: otherwise the session at the identity provider goes on, and the next login at any application needs no password.";
    judge_sent_request
"SAML-SP-SLO-16", Must, Harm::Function, "saml-core §3.7.1"; "The LogoutRequest is valid against the schema";
    expects "only the elements and attributes that saml-schema-protocol-2.0.xsd allows, in its order";
    fix "Let the SAML library write the LogoutRequest: Issuer comes first, then the NameID, then SessionIndex.";
    judge_schema
"SAML-SP-SLO-17", Must, Harm::Function, "saml-profiles §4.4.4.1"; "The Issuer of the LogoutRequest is the entity ID";
    expects "the entityID of the metadata";
    fix "Use the same entity ID in the metadata and in logout messages.";
    judge_issuer
"SAML-SP-SLO-18", Must, Harm::Protection, "saml-profiles §4.4.4.1, saml-bindings §3.4.4.1"; "The LogoutRequest is signed with a key of the metadata";
    expects "with HTTP-Redirect a signature of the query over SAMLRequest, RelayState and SigAlg as they were sent, with HTTP-POST one of the message; it verifies with a signing key of the metadata";
    fix "Sign the LogoutRequest with the key whose certificate is in the metadata: identity providers must refuse unsigned ones.";
    judge_signature
"SAML-SP-SLO-19", Must, Harm::Function, "saml-core §3.2.1, saml-bindings §3.4.5.2, §3.5.5.2"; "The Destination of the LogoutRequest is the URL that it is sent to";
    expects "Destination with the SingleLogoutService URL of the identity provider's metadata";
    fix "Set Destination to the Location of the SingleLogoutService that the request is sent to.";
    judge_destination
"SAML-SP-SLO-20", Must, Harm::Function, "saml-core §3.3.4, saml-profiles §4.4.4.1"; "The LogoutRequest names the user with the NameID of the assertion";
    expects "the value, Format, NameQualifier and SPNameQualifier of the assertion's NameID";
    fix "Store the whole NameID of the assertion with the session, with its attributes, and send it unchanged: identity providers find the session by it.";
    judge_name_id
"SAML-SP-SLO-21", Must, Harm::Function, "saml-profiles §4.4.4.1"; "The LogoutRequest contains the SessionIndex of the assertion";
    expects "one SessionIndex, that of the AuthnStatement";
    fix "Store the SessionIndex of the assertion with the session, and send it. Without it, the identity provider may end the user's sessions on other devices, or none.";
    judge_session_index
"SAML-SP-SLO-22", Must, Harm::Function, "saml-core §1.3.3, §3.7.1"; "The LogoutRequest is valid now";
    expects "IssueInstant with the current time in UTC; and NotOnOrAfter, if there is one, in the future";
    fix "Synchronize the service provider's clock by NTP, and write times in UTC.";
    judge_time
"SAML-SP-SLO-23", Must, Harm::Function, "saml-profiles §4.4.3.5"; "After a LogoutResponse with Success the user is logged out";
    expects "the probe no longer to show the user";
    fix "End the user's session before you send the LogoutRequest, or when the LogoutResponse arrives.";
    judge_ended_session
"SAML-SP-SLO-24", Should, Harm::Protection, "saml-core §3.2.2"; "A LogoutResponse with another InResponseTo is refused";
    expects "the user to stay logged in, or an error if the session had ended before";
    fix "Compare InResponseTo with the ID of the LogoutRequest that this browser sent.";
    judge_other_request
"SAML-SP-SLO-25", Should, Harm::Protection, "saml-profiles §4.4.4.2"; "An unsigned LogoutResponse is refused";
    expects "the user to stay logged in, or an error if the session had ended before";
    fix "Require a signature on every LogoutResponse.";
    judge_unsigned
"SAML-SP-SLO-26", Should, Harm::Protection, "saml-profiles §4.4.4.2"; "A LogoutResponse that is signed with an unknown key is refused";
    expects "the user to stay logged in, or an error if the session had ended before";
    fix "Verify the signature only with the keys of the identity provider's metadata.";
    judge_foreign_key
"SAML-SP-SLO-27", Should, Harm::Protection, "saml-profiles §4.4.4.2"; "A LogoutResponse with the Issuer of another identity provider is refused";
    expects "the user to stay logged in, or an error if the session had ended before";
    fix "Compare Issuer with the entity ID of the identity provider that got the LogoutRequest.";
    judge_other_issuer
"SAML-SP-SLO-28", Should, Harm::Protection, "saml-bindings §3.4.3, §3.5.3, CWE-601"; "RelayState of a LogoutResponse with a URL of another site causes no redirect to that site";
    expects "no redirect to intruder.example, neither by the Location header nor by the page, after an honest and after an unsolicited LogoutResponse";
    fix "Send a random identifier as RelayState, and store the destination on the server under it. If RelayState must be a URL, parse it and accept only your own origin.";
    judge_relay_state
"SAML-SP-SLO-30", Should, Harm::Protection, "XML Signature 1.1 §6.4.2, RFC 9231 §2.3, NIST SP 800-131A r2"; "The LogoutRequest is signed with SHA-256 or a stronger algorithm";
    expects "a signature by RSA or ECDSA with SHA-256, SHA-384 or SHA-512, and a digest of these";
    fix "Choose RSA-SHA256 as signature algorithm and SHA-256 as digest algorithm: SHA-1 is no longer secure, and identity providers refuse it. They are often two settings.";
    judge_signature_algorithm
}

async fn judge_sent_request(beyond: &Beyond<'_>) -> Judged {
    let own = beyond.begin_own_logout_once().await?;
    match &own.request {
        Some(request) => holds_with("a LogoutRequest was sent", evidence(request)),
        None => breaks(
            format!(
                "the service provider ended its own session and sent no LogoutRequest: {}",
                own.ending
            ),
            json!({"answer": own.ending}),
        ),
    }
}

fn evidence(request: &Request) -> serde_json::Value {
    json!({
        "request": request.xml,
        "relay_state": request.relay_state,
        "binding": if request.query.is_some() { "HTTP-Redirect" } else { "HTTP-POST" },
    })
}

/// Judges the LogoutRequest: the check fails with the complaints, or passes with `otherwise`.
async fn judge_request(
    beyond: &Beyond<'_>,
    otherwise: &str,
    complaints: impl FnOnce(&Request, roxmltree::Node<'_, '_>) -> Vec<String>,
) -> Judged {
    let request = beyond.read_own_request().await?;
    let document = parse(&request.xml)
        .map_err(|why| Stop::Skip(format!("the LogoutRequest cannot be read: {why}")))?;
    let found = complaints(request, document.root_element());
    judge_complaints(found, otherwise, evidence(request))
}

async fn judge_schema(beyond: &Beyond<'_>) -> Judged {
    judge_request(beyond, "it is valid", |_, root| {
        let mut found = schema::violations(root);
        let name = root.tag_name().name();
        if name != "LogoutRequest" {
            found.push(format!("the message is {name}, not LogoutRequest"));
        }
        found
    })
    .await
}

async fn judge_issuer(beyond: &Beyond<'_>) -> Judged {
    let entity_id = &beyond.judge.target.metadata.entity_id;
    judge_request(beyond, "it is the entity ID", |_, root| {
        match child(root, ns::ASSERTION, "Issuer").map(text) {
            Some(issuer) if issuer == *entity_id => Vec::new(),
            Some(issuer) => vec![format!(
                "the Issuer is {issuer}, not the entity ID {entity_id}"
            )],
            None => vec!["the LogoutRequest has no Issuer".to_owned()],
        }
    })
    .await
}

async fn judge_signature(beyond: &Beyond<'_>) -> Judged {
    let metadata = &beyond.judge.target.metadata;
    judge_request(beyond, "its signature verifies", |request, root| {
        signature_complaint(request, root, metadata)
            .into_iter()
            .collect()
    })
    .await
}

async fn judge_signature_algorithm(beyond: &Beyond<'_>) -> Judged {
    let own = beyond.read_own_request().await?;
    let document = parse(&own.xml)
        .map_err(|why| Stop::Skip(format!("the LogoutRequest cannot be read: {why}")))?;
    if !is_signed(own, document.root_element()) {
        return Err(Stop::Follows("SAML-SP-SLO-18"));
    }
    judge_request(beyond, "it is", |request, root| {
        weak_algorithm(request, root).into_iter().collect()
    })
    .await
}

async fn judge_destination(beyond: &Beyond<'_>) -> Judged {
    let slo = beyond.judge.provider.slo_url.as_str();
    judge_request(beyond, "it is that URL", |_, root| {
        match root.attribute("Destination") {
            Some(to) if to == slo => Vec::new(),
            Some(to) => vec![format!(
                "Destination is {to}, and the request was sent to {slo}"
            )],
            None => vec!["the LogoutRequest has no Destination".to_owned()],
        }
    })
    .await
}

async fn judge_name_id(beyond: &Beyond<'_>) -> Judged {
    let judge = beyond.judge;
    let asserted = judge.person.name_id_of(&judge.person.user);
    let entities = (
        judge.provider.entity_id.as_str(),
        judge.target.metadata.entity_id.as_str(),
    );
    judge_request(
        beyond,
        "it is the NameID of the assertion",
        |_, root| match child(root, ns::ASSERTION, "NameID") {
            Some(node) => differences(node, &asserted, entities),
            None => vec!["the LogoutRequest has no NameID".to_owned()],
        },
    )
    .await
}

/// Returns how the NameID of a request differs from the asserted one. A qualifier that the
/// assertion leaves out may be written with its default, the entity ID of the identity provider or
/// of the service provider, and the other way round (saml-core §8.3.7).
fn differences(
    node: roxmltree::Node<'_, '_>,
    asserted: &NameId,
    (idp, sp): (&str, &str),
) -> Vec<String> {
    let mut found = Vec::new();
    let value = text(node);
    if value != asserted.value {
        found.push(format!(
            "the NameID is {value}, and the assertion had {}",
            asserted.value
        ));
    }
    let unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
    let format = node.attribute("Format").unwrap_or(unspecified);
    if format != asserted.format.uri() {
        found.push(format!(
            "the Format is {format}, and the assertion had {}",
            asserted.format.uri()
        ));
    }
    for (name, own, default) in [
        ("NameQualifier", &asserted.name_qualifier, idp),
        ("SPNameQualifier", &asserted.sp_name_qualifier, sp),
    ] {
        let own = own.as_deref();
        let got = node.attribute(name);
        if got.unwrap_or(default) != own.unwrap_or(default) {
            found.push(format!(
                "{name} is {}, and the assertion had {}",
                got.unwrap_or("missing"),
                own.unwrap_or("none")
            ));
        }
    }
    found
}

async fn judge_session_index(beyond: &Beyond<'_>) -> Judged {
    let index = beyond.begin_own_logout_once().await?.index.clone();
    judge_request(beyond, "it is that of the assertion", |_, root| {
        let all: Vec<String> = children(root, ns::PROTOCOL, "SessionIndex")
            .map(text)
            .collect();
        match all.as_slice() {
            [] => vec!["the LogoutRequest has no SessionIndex".to_owned()],
            [one] if *one == index => Vec::new(),
            all if all.contains(&index) => {
                vec!["the LogoutRequest has more than one SessionIndex".to_owned()]
            }
            _ => vec![format!(
                "SessionIndex is {}, and the assertion had {index}",
                all.join(", ")
            )],
        }
    })
    .await
}

async fn judge_time(beyond: &Beyond<'_>) -> Judged {
    let now = beyond.begin_own_logout_once().await?.at;
    judge_request(beyond, "it is valid now", |_, root| {
        let mut found: Vec<String> = instant_complaint(root, now).into_iter().collect();
        if let Some(until) = root.attribute("NotOnOrAfter") {
            match until.parse::<Timestamp>() {
                Ok(until) if until > now => {}
                Ok(until) => found.push(format!("NotOnOrAfter is {until}, which has passed")),
                Err(_) => found.push(format!("NotOnOrAfter is \"{until}\", which is no time")),
            }
        }
        found
    })
    .await
}

async fn judge_ended_session(beyond: &Beyond<'_>) -> Judged {
    let done = beyond.answer_own_request().await?;
    match done.ended {
        true => holds_with("the probe no longer shows the user", done.evidence.clone()),
        false => breaks(
            format!("the user is still logged in; the answer was {}", done.said),
            done.evidence.clone(),
        ),
    }
}

async fn judge_other_request(beyond: &Beyond<'_>) -> Judged {
    let other = Some(format!("_{}", beyond.judge.ambient.rng().hex(16)));
    let change = |answer: &mut LogoutResponse| answer.in_response_to = other;
    beyond
        .require_refusal_of_answer(Forgery::of(beyond), change)
        .await
}

async fn judge_unsigned(beyond: &Beyond<'_>) -> Judged {
    let forgery = Forgery {
        key: None,
        ..Forgery::of(beyond)
    };
    beyond.require_refusal_of_answer(forgery, |_| {}).await
}

async fn judge_foreign_key(beyond: &Beyond<'_>) -> Judged {
    let forgery = Forgery {
        key: Some(&beyond.judge.provider.foreign),
        ..Forgery::of(beyond)
    };
    beyond.require_refusal_of_answer(forgery, |_| {}).await
}

async fn judge_other_issuer(beyond: &Beyond<'_>) -> Judged {
    let change =
        |answer: &mut LogoutResponse| answer.issuer = "https://someone-else.example/idp".to_owned();
    beyond
        .require_refusal_of_answer(Forgery::of(beyond), change)
        .await
}

/// Values of RelayState that lead to another site, for a browser.
const ELSEWHERE: [&str; 2] = ["https://intruder.example/", "//intruder.example/"];

async fn judge_relay_state(beyond: &Beyond<'_>) -> Judged {
    // An honest answer proves that this service provider handles LogoutResponses at all.
    beyond.answer_own_request().await?;
    let (mut complaints, mut seen) = (Vec::new(), Vec::new());
    for state in ELSEWHERE {
        let own = beyond.begin_own_logout().await?;
        let request = own.request()?;
        let answer = beyond.answer_to(request)?;
        let forgery = Forgery {
            relay_state: Some(state),
            ..Forgery::of(beyond)
        };
        let arrivals = [
            (
                "",
                beyond.send_answer(&own.visitor, &answer, &forgery).await?,
            ),
            (
                " of an unsolicited LogoutResponse without a signature",
                beyond
                    .send_answer(
                        &beyond.login().visitor()?,
                        &unsolicited_answer(beyond.judge, &beyond.answer_endpoint()?.1),
                        &Forgery {
                            key: None,
                            ..forgery
                        },
                    )
                    .await?,
            ),
        ];
        for (whose, arrival) in arrivals {
            if let Some(complaint) = leads_away(&arrival) {
                complaints.push(format!("RelayState {state:?}{whose}: {complaint}"));
                seen.push(json!({
                    "relay_state": state,
                    "redirects": arrival.locations,
                    "url": arrival.url.as_str(),
                }));
            }
        }
    }
    judge_complaints(complaints, "it does not happen", json!(seen))
}

#[cfg(test)]
mod tests {
    use saml::message::NameIdFormat;

    use super::*;

    fn found(xml: &str, asserted: &NameId) -> usize {
        let document = parse(xml).unwrap();
        let entities = ("https://idp.example", "https://sp.example");
        differences(document.root_element(), asserted, entities).len()
    }

    #[test]
    fn a_qualifier_may_be_written_or_left_out_if_it_is_the_default() {
        let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
        let mut asserted = NameId {
            value: "jo".to_owned(),
            format: NameIdFormat::from_uri(persistent),
            name_qualifier: None,
            sp_name_qualifier: Some("https://sp.example".to_owned()),
        };
        let name =
            |attributes: &str| format!("<NameID Format=\"{persistent}\" {attributes}>jo</NameID>");
        let written = name("NameQualifier=\"https://idp.example\"");
        assert_eq!(found(&written, &asserted), 0);
        let other = name("NameQualifier=\"https://other.example\"");
        assert_eq!(found(&other, &asserted), 1);
        asserted.sp_name_qualifier = Some("https://group.example".to_owned());
        assert_eq!(found(&name(""), &asserted), 1);
        assert_eq!(found("<NameID>Jo</NameID>", &asserted), 3);
    }
}
