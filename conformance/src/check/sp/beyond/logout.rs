//! Checks of single logout that the identity provider starts (saml-profiles §4.4). Messages go
//! through the browser of a user who is logged in. A valid LogoutRequest has to end the session;
//! after every other message the user has to be logged in still.

use jiff::SignedDuration;
use serde_json::json;

use super::super::visitor::same_place;
use super::logout_message::{Message, Trick, request_of, unsolicited_answer};
use super::logout_trial::{Endpoint, HonestLogout, evidence};
use super::{Beyond, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::Harm;
use crate::excerpt::excerpt;
use crate::inspection::{child, message, ns, parse};

rows! {
"SAML-SP-SLO-01", Must, Harm::Function, "saml-core §3.7.3.1, saml-profiles §4.4.3.3"; "A signed LogoutRequest ends the session";
    expects "the user to be logged out: the probe no longer shows the user";
    fix "Find the session by NameID and SessionIndex and end it. If you do not support single logout, remove SingleLogoutService from the metadata.";
    judge_honest_logout
"SAML-SP-SLO-02", Must, Harm::Function, "saml-core §3.7.3.2, saml-profiles §4.4.3.4"; "A signed LogoutRequest is answered with a LogoutResponse";
    expects "a LogoutResponse with the status Success and the request's ID in InResponseTo, sent to the SingleLogoutService of the identity provider";
    fix "End the session that NameID and SessionIndex name, and send a LogoutResponse with the status Success to the SingleLogoutService in the identity provider's metadata: the identity provider waits for it before it logs the user out of the next service provider. UnknownPrincipal means that the service provider did not find the session.";
    judge_logout_answer
"SAML-SP-SLO-03", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "An unsigned LogoutRequest ends no session";
    expects "the user to stay logged in";
    fix "Require a signature on every LogoutRequest: otherwise any web page can log your users out.";
    judge_unsigned
"SAML-SP-SLO-04", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "A LogoutRequest that is signed with an unknown key ends no session";
    expects "the user to stay logged in";
    fix "Verify the signature only with the keys of the identity provider's metadata.";
    judge_foreign_key
"SAML-SP-SLO-05", Must, Harm::Protection, "saml-core §3.7.3.1"; "A LogoutRequest with the Issuer of another identity provider ends no session";
    expects "the user to stay logged in";
    fix "Compare Issuer with the entity ID of the identity provider that the user logged in with.";
    judge_other_issuer
"SAML-SP-SLO-06", Should, Harm::Protection, "saml-core §3.7.1"; "An expired LogoutRequest ends no session";
    expects "the user to stay logged in: NotOnOrAfter of the LogoutRequest is an hour ago";
    fix "Refuse a LogoutRequest whose NotOnOrAfter has passed.";
    judge_expired_request
"SAML-SP-SLO-07", Must, Harm::Protection, "saml-core §3.2.1"; "A LogoutRequest with another Destination ends no session";
    expects "the user to stay logged in";
    fix "Compare Destination with the URL at which you received the message.";
    judge_other_destination
"SAML-SP-SLO-08", Should, Harm::Protection, "saml-core §3.7.3.1"; "A LogoutRequest about another user ends no session of this user";
    expects "the user to stay logged in";
    fix "End the sessions of the NameID in the request, not the session of the browser that delivers the request.";
    judge_other_user
"SAML-SP-SLO-09", May, Harm::Protection, "saml-core §3.7.3.1"; "A LogoutRequest with another SessionIndex ends no session";
    expects "the user to stay logged in";
    fix "Store the SessionIndex of each session, and end only the sessions whose SessionIndex is in the request.";
    judge_other_session
"SAML-SP-SLO-10", Should, Harm::Protection, "saml-core §1.3.4"; "A LogoutRequest that is sent a second time ends no session";
    expects "the user to stay logged in after a later login, when an earlier LogoutRequest without SessionIndex is sent again";
    fix "Remember the ID of each LogoutRequest until its NotOnOrAfter, and refuse the same ID again.";
    judge_replay
"SAML-SP-SLO-11", Should, Harm::Protection, "saml-profiles §4.4.3.4"; "An unsolicited LogoutResponse ends no session";
    expects "the user to stay logged in";
    fix "Accept a LogoutResponse only if its InResponseTo is the ID of a LogoutRequest that you sent.";
    judge_unsolicited_answer
"SAML-SP-SLO-31", Must, Harm::Function, "saml-core §3.7.3.1, saml-metadata §2.4.2"; "A signed LogoutRequest to the second SingleLogoutService of the metadata ends the session";
    expects "the user to be logged out: the probe no longer shows the user";
    fix "Handle a LogoutRequest in the same code with HTTP-Redirect and with HTTP-POST. With HTTP-POST, the browser does not send a session cookie with SameSite=Lax, which is the default of many frameworks: set SameSite=None with Secure, or find the session by NameID and SessionIndex. Remove a SingleLogoutService that you do not support from the metadata.";
    judge_honest_at_other
"SAML-SP-SLO-12", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "An unsigned LogoutRequest to the second SingleLogoutService of the metadata ends no session";
    expects "the user to stay logged in";
    fix "Require and verify the signature with HTTP-Redirect and with HTTP-POST, in the same code.";
    judge_unsigned_at_other
"SAML-SP-SLO-13", Must, Harm::Protection, "saml-core §3.7.3.1, saml-profiles §4.4.4.1"; "A LogoutRequest that is signed with an unknown key ends no session at the second SingleLogoutService of the metadata";
    expects "the user to stay logged in";
    fix "Require and verify the signature with HTTP-Redirect and with HTTP-POST, in the same code.";
    judge_foreign_key_at_other
"SAML-SP-SLO-14", Must, Harm::Function, "saml-core §3.7.3.1"; "A LogoutRequest without SessionIndex ends the user's sessions in every browser";
    expects "the user to be logged out in this browser and in another one";
    fix "Store the sessions at the service provider by NameID: a session that is only a cookie can be ended only in its own browser.";
    judge_every_browser
"SAML-SP-REDIR-01", Must, Harm::Protection, "saml-bindings §3.4.4.1"; "A LogoutRequest whose query has a Signature but no SigAlg is refused";
    expects "the user to stay logged in";
    fix "Treat a query as signed only if it contains both SigAlg and Signature.";
    judge_missing_algorithm
"SAML-SP-REDIR-02", Must, Harm::Protection, "saml-bindings §3.4.4.1"; "A LogoutRequest whose RelayState was changed after signing the query is refused";
    expects "the user to stay logged in";
    fix "Verify the signature over SAMLRequest, RelayState and SigAlg, in this order and exactly as they were received.";
    judge_other_relay_state
"SAML-SP-REDIR-03", Must, Harm::Protection, "saml-bindings §3.4.4.1"; "A query with two SAMLRequest parameters is refused";
    expects "the user to stay logged in: the signed SAMLRequest is about another user, and the one about this user is not signed";
    fix "Refuse a query that contains a parameter twice, and read the message from the same bytes whose signature you verified.";
    judge_repeated_parameter
}

async fn judge_honest_logout(beyond: &Beyond<'_>) -> Judged {
    let done = beyond.run_honest_logout(&beyond.first_endpoint()?).await?;
    if let Some(first) = &done.with_others {
        return breaks(
            format!(
                "the user is still logged in if there are sessions of other logins of this user; the answer was HTTP {}. With one session alone, the user is logged out",
                first.arrival.status.as_u16()
            ),
            evidence(&first.sent, &first.arrival),
        );
    }
    judge_end(done)
}

/// Passes if the valid LogoutRequest has ended the session.
fn judge_end(done: &HonestLogout) -> Judged {
    let evidence = evidence(&done.sent, &done.arrival);
    match done.ended {
        true => holds_with("the probe no longer shows the user", evidence),
        false => breaks(
            format!(
                "the user is still logged in; the answer was HTTP {}",
                done.arrival.status.as_u16()
            ),
            evidence,
        ),
    }
}

async fn judge_logout_answer(beyond: &Beyond<'_>) -> Judged {
    let endpoint = match beyond.endpoint().await {
        Ok(endpoint) => endpoint,
        // The answer may say why the session does not end.
        Err(_) => beyond.first_endpoint()?,
    };
    let done = beyond.run_honest_logout(&endpoint).await?;
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
                        format!("the browser did not return to {slo} but ended at {url}"),
                        seen,
                    );
                }
            }
        }
    };
    let Some(answer) = all.into_iter().find(|it| it.xml.contains("LogoutResponse")) else {
        return breaks("the answer contains no readable LogoutResponse", seen);
    };
    let document = match parse(&answer.xml) {
        Ok(document) => document,
        Err(why) => return breaks(format!("the LogoutResponse cannot be read: {why}"), seen),
    };
    let root = document.root_element();
    let status = child(root, ns::PROTOCOL, "Status");
    let code = status.and_then(|it| child(it, ns::PROTOCOL, "StatusCode"));
    let value = code
        .and_then(|it| it.attribute("Value"))
        .unwrap_or_default();
    let mut complaints = Vec::new();
    if root.attribute("InResponseTo") != Some(done.id.as_str()) {
        complaints.push("InResponseTo is not the ID of the request".to_owned());
    }
    if !value.ends_with(":Success") {
        let second = code.and_then(|it| child(it, ns::PROTOCOL, "StatusCode"));
        let second = second.and_then(|it| it.attribute("Value"));
        let message = status.and_then(|it| child(it, ns::PROTOCOL, "StatusMessage"));
        let message = message.and_then(|it| it.text()).map(str::trim);
        let details: Vec<String> = [
            second.map(|it| format!(" with {it}")),
            message.map(|it| format!(", StatusMessage \"{}\"", excerpt(it, 160))),
        ]
        .into_iter()
        .flatten()
        .collect();
        complaints.push(format!("the status is {value}{}", details.concat()));
    }
    let mut evidence = seen;
    evidence["answered"] = json!(answer.xml);
    super::judge_complaints(
        complaints,
        "a LogoutResponse with Success was sent",
        evidence,
    )
}

async fn judge_unsigned(beyond: &Beyond<'_>) -> Judged {
    beyond
        .require_session_if_signed_by(&beyond.endpoint().await?, None)
        .await
}

async fn judge_foreign_key(beyond: &Beyond<'_>) -> Judged {
    let key = Some(&beyond.judge.provider.foreign);
    beyond
        .require_session_if_signed_by(&beyond.endpoint().await?, key)
        .await
}

/// Returns the SingleLogoutService with the second binding of the metadata. The check is skipped
/// if the metadata has only one.
fn other_endpoint<'b>(beyond: &'b Beyond<'_>) -> Result<Endpoint<'b>, Stop> {
    match beyond.endpoints().into_iter().nth(1) {
        Some(endpoint) => Ok(endpoint),
        None => {
            beyond.first_endpoint()?;
            skip("the metadata has SingleLogoutService with one binding only")
        }
    }
}

async fn judge_honest_at_other(beyond: &Beyond<'_>) -> Judged {
    judge_end(beyond.run_honest_logout(&other_endpoint(beyond)?).await?)
}

/// As [`other_endpoint`], where the other checks use the first SingleLogoutService. If only the second one
/// ends the session, they use it, and `same` has the result.
async fn further_endpoint<'b>(beyond: &'b Beyond<'_>, same: &str) -> Result<Endpoint<'b>, Stop> {
    let other = other_endpoint(beyond)?;
    match beyond.endpoint().await? {
        used if used.binding == other.binding => skip(format!(
            "{same} has judged this: a valid LogoutRequest ends the session only at the second SingleLogoutService, so all checks use it"
        )),
        _ => Ok(other),
    }
}

async fn judge_unsigned_at_other(beyond: &Beyond<'_>) -> Judged {
    beyond
        .require_session_if_signed_by(&further_endpoint(beyond, "SAML-SP-SLO-03").await?, None)
        .await
}

async fn judge_foreign_key_at_other(beyond: &Beyond<'_>) -> Judged {
    let key = Some(&beyond.judge.provider.foreign);
    beyond
        .require_session_if_signed_by(&further_endpoint(beyond, "SAML-SP-SLO-04").await?, key)
        .await
}

async fn judge_other_issuer(beyond: &Beyond<'_>) -> Judged {
    beyond
        .require_session_after_change(|request| {
            request.issuer = "https://someone-else.example/idp".to_owned()
        })
        .await
}

async fn judge_expired_request(beyond: &Beyond<'_>) -> Judged {
    beyond
        .require_session_after_change(|request| {
            request.issue_instant -= SignedDuration::from_secs(7200);
            request.not_on_or_after = Some(request.issue_instant + SignedDuration::from_secs(3600));
        })
        .await
}

async fn judge_other_destination(beyond: &Beyond<'_>) -> Judged {
    beyond
        .require_session_after_change(|request| {
            request.destination = Some("https://someone-else.example/slo".to_owned());
        })
        .await
}

async fn judge_other_user(beyond: &Beyond<'_>) -> Judged {
    let attacker = beyond.judge.attacker();
    beyond
        .require_session_for_user(&beyond.endpoint().await?, &attacker)
        .await
}

async fn judge_other_session(beyond: &Beyond<'_>) -> Judged {
    let index = format!("_{}", beyond.judge.ambient.rng().hex(16));
    beyond
        .require_session_after_change(|request| request.session_indexes = vec![index])
        .await
}

async fn judge_replay(beyond: &Beyond<'_>) -> Judged {
    let endpoint = beyond.endpoint().await?;
    let first = beyond.new_session().await?;
    let mut request = request_of(beyond.judge, &first, endpoint.location);
    request.session_indexes = Vec::new();
    let message = Message::request(&request, Some(&beyond.judge.provider.key));
    beyond.send(&first.visitor, &message, &endpoint).await?;
    if beyond.is_in(&first.visitor).await? {
        return skip("a LogoutRequest without SessionIndex does not end the session");
    }
    // A later login with the same NameID, to which the same request would apply.
    let later = beyond.new_session().await?;
    let arrival = beyond.send(&later.visitor, &message, &endpoint).await?;
    let evidence = evidence(&message.xml, &arrival);
    match beyond.is_in(&later.visitor).await? {
        true => holds_with(
            "the user is still logged in after the later login",
            evidence,
        ),
        false => breaks(
            "the same LogoutRequest also ended the session of a later login",
            evidence,
        ),
    }
}

async fn judge_every_browser(beyond: &Beyond<'_>) -> Judged {
    let endpoint = beyond.endpoint().await?;
    let here = beyond.new_session().await?;
    let elsewhere = beyond.open_another_session().await?;
    if !beyond.is_in(&here.visitor).await? {
        return skip("not judged: a login in another browser ends the user's previous session");
    }
    let mut request = request_of(beyond.judge, &here, endpoint.location);
    request.session_indexes = Vec::new();
    let message = Message::request(&request, Some(&beyond.judge.provider.key));
    let arrival = beyond.send(&here.visitor, &message, &endpoint).await?;
    let evidence = evidence(&message.xml, &arrival);
    let lasts = (
        beyond.is_in(&here.visitor).await?,
        beyond.is_in(&elsewhere.visitor).await?,
    );
    match lasts {
        (false, false) => holds_with("the user is logged out in both browsers", evidence),
        (true, _) => breaks(
            "the browser that delivered the LogoutRequest is still logged in",
            evidence,
        ),
        (false, true) => breaks("the other browser is still logged in", evidence),
    }
}

pub(super) async fn judge_unsolicited_answer(beyond: &Beyond<'_>) -> Judged {
    let endpoint = beyond.endpoint().await?;
    let answer = unsolicited_answer(beyond.judge, endpoint.location);
    let key = Some(&beyond.judge.provider.key);
    beyond
        .require_session(&endpoint, |_| Message::response(&answer, key))
        .await
}

async fn judge_missing_algorithm(beyond: &Beyond<'_>) -> Judged {
    beyond.require_session_after_trick(Trick::NoAlgorithm).await
}

async fn judge_other_relay_state(beyond: &Beyond<'_>) -> Judged {
    beyond
        .require_session_after_trick(Trick::OtherRelayState)
        .await
}

async fn judge_repeated_parameter(beyond: &Beyond<'_>) -> Judged {
    // If the service provider does not compare the NameID, the signed request about another user
    // already ends the session, and the second parameter proves nothing.
    let endpoint = beyond.redirect_endpoint()?;
    beyond.require_compared_names(&endpoint).await?;
    beyond
        .require_session_after_trick(Trick::TwiceAfter)
        .await?;
    beyond.require_session_after_trick(Trick::TwiceBefore).await
}
