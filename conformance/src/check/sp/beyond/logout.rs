//! Single logout that the identity provider asks for (saml-profiles §4.4), in
//! the browser of a user who is logged in: after each message that should end
//! nothing, the session must still be there; after the honest one it must not.

use jiff::SignedDuration;
use saml::message::Principal;
use serde_json::json;

use super::super::response::name_of;
use super::super::visitor::same_place;
use super::logout_message::{Message, Trick, request_of, unasked_answer};
use super::logout_trial::{Endpoint, evidence};
use super::{Beyond, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::Harm;
use crate::inspection::{child, message, ns, parse};

rows! {
"SAML-SP-SLO-01", Must, Harm::Function, "saml-core §3.7.3.1, saml-profiles §4.4.3.3"; "A signed LogoutRequest ends the session";
    expects "the probe does not show the user any more";
    fix "Find the session by NameID and SessionIndex and end it; if logout is not offered, take the SingleLogoutService out of the metadata.";
    honest
"SAML-SP-SLO-02", Must, Harm::Function, "saml-core §3.7.3.2, saml-profiles §4.4.3.4"; "The logout is answered with a LogoutResponse";
    expects "a LogoutResponse with Success and the request's ID in InResponseTo, at the SingleLogoutService of the identity provider";
    fix "Answer at the identity provider's SingleLogoutService from its metadata: it goes on with the other service providers only then.";
    answered
"SAML-SP-SLO-03", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "An unsigned LogoutRequest ends no session";
    expects "the session lasts";
    fix "Demand a signature on every LogoutRequest: otherwise any page logs your users out.";
    unsigned
"SAML-SP-SLO-04", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "A LogoutRequest that is signed by a stranger ends no session";
    expects "the session lasts";
    fix "Verify the signature with the keys of the identity provider's metadata only.";
    strangers_key
"SAML-SP-SLO-05", Must, Harm::Protection, "saml-core §3.7.3.1"; "A LogoutRequest of another issuer ends no session";
    expects "the session lasts";
    fix "Compare the Issuer with the identity provider that the session comes from.";
    another_issuer
"SAML-SP-SLO-06", Should, Harm::Protection, "saml-core §3.7.1"; "A LogoutRequest that has ended ends no session";
    expects "the session lasts: NotOnOrAfter was an hour ago";
    fix "Discard a LogoutRequest whose NotOnOrAfter has passed.";
    expired
"SAML-SP-SLO-07", Must, Harm::Protection, "saml-core §3.2.1"; "A LogoutRequest for another address ends no session";
    expects "the session lasts";
    fix "Compare Destination with the address at which the message came.";
    another_destination
"SAML-SP-SLO-08", Should, Harm::Protection, "saml-core §3.7.3.1"; "A LogoutRequest about somebody else ends no session of this user";
    expects "the session lasts";
    fix "End the sessions of the NameID of the request, not that of the browser that brings it.";
    somebody_else
"SAML-SP-SLO-09", May, Harm::Protection, "saml-core §3.7.3.1"; "A LogoutRequest that names another SessionIndex ends no session";
    expects "the session lasts";
    fix "Remember the SessionIndex of each session and end only those that the request names.";
    another_session
"SAML-SP-SLO-10", Should, Harm::Protection, "saml-core §1.3.4"; "A LogoutRequest is obeyed once only";
    expects "the session of a later login to last, when a request without SessionIndex is sent again";
    fix "Remember the ID of each LogoutRequest as long as it is valid.";
    replayed
"SAML-SP-SLO-11", Should, Harm::Protection, "saml-profiles §4.4.3.4"; "An unsolicited LogoutResponse ends no session";
    expects "the session lasts";
    fix "Accept a LogoutResponse only in answer to a request of your own.";
    unasked
"SAML-SP-SLO-12", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "By the other binding, too, an unsigned LogoutRequest ends no session";
    expects "the session lasts";
    fix "Verify the signature in one place for all bindings.";
    unsigned_by_the_other
"SAML-SP-SLO-13", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "By the other binding, too, a LogoutRequest that is signed by a stranger ends no session";
    expects "the session lasts";
    fix "Verify the signature in one place for all bindings.";
    strangers_key_by_the_other
"SAML-SP-SLO-14", Must, Harm::Function, "saml-core §3.7.3.1"; "A LogoutRequest without SessionIndex ends the user's sessions in every browser";
    expects "the session of another browser to be gone, too";
    fix "Keep the sessions at the service provider, by NameID: a cookie alone can be ended by its own browser only.";
    every_browser
"SAML-SP-REDIR-01", Must, Harm::Protection, "saml-bindings §3.4.4.1"; "A query with a Signature and no SigAlg is refused";
    expects "the session lasts";
    fix "Take a query as signed only where SigAlg and Signature are both there.";
    no_algorithm
"SAML-SP-REDIR-02", Must, Harm::Protection, "saml-bindings §3.4.4.1"; "The signature of a query covers RelayState";
    expects "the session lasts where RelayState was changed after signing";
    fix "Verify the signature over SAMLRequest, RelayState and SigAlg as they came, in this order.";
    other_relay_state
"SAML-SP-REDIR-03", Must, Harm::Protection, "saml-bindings §3.4.4.1"; "A query with SAMLRequest twice is refused";
    expects "the session lasts where one of the two is signed and is about somebody else, and the other is about the user";
    fix "Refuse a query in which a parameter comes twice; read the message from the very octets that were verified.";
    twice
}

async fn honest(beyond: &Beyond<'_>) -> Judged {
    let done = beyond.honest_logout().await?;
    let evidence = evidence(&done.sent, &done.arrival);
    match done.ended {
        true => holds_with("the probe does not show the user any more", evidence),
        false => breaks(
            format!(
                "the session lasts; the answer was HTTP {}",
                done.arrival.status.as_u16()
            ),
            evidence,
        ),
    }
}

async fn answered(beyond: &Beyond<'_>) -> Judged {
    let done = beyond.honest_logout().await?;
    let seen = evidence(&done.sent, &done.arrival);
    let url = &done.arrival.url;
    let slo = &beyond.judge.provider.slo_url;
    let is_there = same_place(slo, url);
    let all = match is_there {
        true => message::messages(url.as_str()),
        false => {
            let form = done.arrival.page().saml_form();
            let form = form.filter(|form| same_place(slo, &form.action));
            match form {
                Some(_) => message::messages(&done.arrival.body),
                None => {
                    return breaks(
                        format!("the browser did not come back to {slo} but ended at {url}"),
                        seen,
                    );
                }
            }
        }
    };
    let Some(answer) = all.into_iter().find(|it| it.xml.contains("LogoutResponse")) else {
        return breaks("no LogoutResponse came that can be read", seen);
    };
    let document = match parse(&answer.xml) {
        Ok(document) => document,
        Err(why) => return breaks(format!("the LogoutResponse cannot be read: {why}"), seen),
    };
    let root = document.root_element();
    let status = child(root, ns::PROTOCOL, "Status")
        .and_then(|it| child(it, ns::PROTOCOL, "StatusCode"))
        .and_then(|it| it.attribute("Value"))
        .unwrap_or_default();
    let mut complaints = Vec::new();
    if root.attribute("InResponseTo") != Some(done.id.as_str()) {
        complaints.push("InResponseTo is not the ID of the request".to_owned());
    }
    if !status.ends_with(":Success") {
        complaints.push(format!("the status is {status}"));
    }
    let mut evidence = seen;
    evidence["answered"] = json!(answer.xml);
    super::unless(complaints, "a LogoutResponse with Success came", evidence)
}

async fn unsigned(beyond: &Beyond<'_>) -> Judged {
    beyond.lasts_signed_by(&beyond.endpoint()?, None).await
}

async fn strangers_key(beyond: &Beyond<'_>) -> Judged {
    let key = Some(&beyond.judge.provider.foreign);
    beyond.lasts_signed_by(&beyond.endpoint()?, key).await
}

/// The second binding that the metadata offers.
fn other_endpoint<'b>(beyond: &'b Beyond<'_>) -> Result<Endpoint<'b>, Stop> {
    match beyond.endpoints().into_iter().nth(1) {
        Some(endpoint) => Ok(endpoint),
        None => skip("the metadata has a SingleLogoutService by one binding only"),
    }
}

async fn unsigned_by_the_other(beyond: &Beyond<'_>) -> Judged {
    beyond.lasts_signed_by(&other_endpoint(beyond)?, None).await
}

async fn strangers_key_by_the_other(beyond: &Beyond<'_>) -> Judged {
    let key = Some(&beyond.judge.provider.foreign);
    beyond.lasts_signed_by(&other_endpoint(beyond)?, key).await
}

async fn another_issuer(beyond: &Beyond<'_>) -> Judged {
    beyond
        .lasts_after(|request| request.issuer = "https://someone-else.example/idp".to_owned())
        .await
}

async fn expired(beyond: &Beyond<'_>) -> Judged {
    beyond
        .lasts_after(|request| {
            request.issue_instant -= SignedDuration::from_secs(7200);
            request.not_on_or_after = Some(request.issue_instant + SignedDuration::from_secs(3600));
        })
        .await
}

async fn another_destination(beyond: &Beyond<'_>) -> Judged {
    beyond
        .lasts_after(|request| {
            request.destination = Some("https://someone-else.example/slo".to_owned());
        })
        .await
}

async fn somebody_else(beyond: &Beyond<'_>) -> Judged {
    let attacker = beyond.judge.attacker();
    beyond
        .lasts_after(|request| {
            request.principal = Principal::Named(name_of(&attacker));
            request.session_indexes = Vec::new();
        })
        .await
}

async fn another_session(beyond: &Beyond<'_>) -> Judged {
    let index = format!("_{}", beyond.judge.ambient.rng().hex(16));
    beyond
        .lasts_after(|request| request.session_indexes = vec![index])
        .await
}

async fn replayed(beyond: &Beyond<'_>) -> Judged {
    if !beyond.honest_logout().await?.ended {
        return Err(Stop::Follows("SAML-SP-SLO-01"));
    }
    let endpoint = beyond.endpoint()?;
    let first = beyond.new_session().await?;
    let mut request = request_of(beyond.judge, &first, endpoint.location);
    request.session_indexes = Vec::new();
    let message = Message::request(&request, Some(&beyond.judge.provider.key));
    beyond.send(&first, &message, &endpoint).await?;
    if beyond.is_in(&first.visitor).await? {
        return skip("a LogoutRequest without SessionIndex ends no session here");
    }
    // The next login is about the very same name.
    let later = beyond.new_session().await?;
    let arrival = beyond.send(&later, &message, &endpoint).await?;
    let evidence = evidence(&message.xml, &arrival);
    match beyond.is_in(&later.visitor).await? {
        true => holds_with("the session of the later login lasts", evidence),
        false => breaks(
            "the same request ended the session of a later login, too",
            evidence,
        ),
    }
}

async fn every_browser(beyond: &Beyond<'_>) -> Judged {
    if !beyond.honest_logout().await?.ended {
        return Err(Stop::Follows("SAML-SP-SLO-01"));
    }
    let endpoint = beyond.endpoint()?;
    let (here, elsewhere) = (beyond.new_session().await?, beyond.new_session().await?);
    if !beyond.is_in(&here.visitor).await? {
        return skip("a login in another browser ends the session before it");
    }
    let mut request = request_of(beyond.judge, &here, endpoint.location);
    request.session_indexes = Vec::new();
    let message = Message::request(&request, Some(&beyond.judge.provider.key));
    let arrival = beyond.send(&here, &message, &endpoint).await?;
    let evidence = evidence(&message.xml, &arrival);
    let lasts = (
        beyond.is_in(&here.visitor).await?,
        beyond.is_in(&elsewhere.visitor).await?,
    );
    match lasts {
        (false, false) => holds_with("both sessions are gone", evidence),
        (true, _) => breaks("the session of the browser that brought it lasts", evidence),
        (false, true) => breaks("the session of the other browser lasts", evidence),
    }
}

async fn unasked(beyond: &Beyond<'_>) -> Judged {
    let endpoint = beyond.endpoint()?;
    let xml = unasked_answer(beyond.judge, endpoint.location).to_xml();
    beyond
        .lasts(&endpoint, |_| Message {
            xml,
            parameter: "SAMLResponse",
            key: Some(&beyond.judge.provider.key),
            trick: Trick::None,
            other_xml: String::new(),
        })
        .await
}

async fn no_algorithm(beyond: &Beyond<'_>) -> Judged {
    beyond.lasts_with(Trick::NoAlgorithm).await
}

async fn other_relay_state(beyond: &Beyond<'_>) -> Judged {
    beyond.lasts_with(Trick::OtherRelayState).await
}

async fn twice(beyond: &Beyond<'_>) -> Judged {
    // Where names do not matter, the signed request alone ends the session.
    if matches!(somebody_else(beyond).await, Err(Stop::Breaks(_))) {
        return Err(Stop::Follows("SAML-SP-SLO-08"));
    }
    beyond.lasts_with(Trick::TwiceAfter).await?;
    beyond.lasts_with(Trick::TwiceBefore).await
}
