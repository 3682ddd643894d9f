//! An unsigned message beside a signed one in the query of HTTP-Redirect: software that verifies the
//! signature over one parameter and reads the message from another one accepts any message. An
//! attacker gets a signed query by a login or logout with an account of their own.

use faults::Fault;
use saml::keys::SigningKey;
use saml::message::{LogoutRequest, Principal};
use saml::names;
use url::Url;

use super::super::login::Login;
use super::logout::judge_unsolicited_answer;
use super::logout_message::{Carried, Message, Trick, request_of, unsolicited_answer};
use super::logout_trial::Endpoint;
use super::{Beyond, Judged, Seen, Stop, breaks, holds, rows, skip};
use crate::check::sp::{Answer, logout_request};
use crate::check::{Attacker, Harm};

rows! {
"SAML-SP-REDIR-04", Must, Harm::Protection, "saml-bindings §3.4.4.1, CVE-2025-31335"; "An unsigned LogoutRequest beside a signed message in a query ends no session";
    expects "the user to stay logged in: the signature covers another message, which is about another user";
    fix "Parse the query once. Refuse one that contains a parameter twice, or both SAMLRequest and SAMLResponse. Verify the signature over the bytes of the parameter from which you read the message, and find parameters by their whole names.";
    judge_logout_beside_signed
"SAML-SP-REDIR-05", Must, Harm::Intrusion(Attacker::Account), "saml-bindings §3.4.4.1, CVE-2025-27773"; "An unsigned Response beside a signed message in a query is refused";
    expects "a refusal: the signature covers another message, which the identity provider sent to the attacker";
    fix "Accept no Responses by HTTP-Redirect (saml-profiles §4.1.2). Otherwise refuse a query that contains a parameter twice, or both SAMLRequest and SAMLResponse, and verify the signature over the bytes of the parameter from which you read the message.";
    judge_response_beside_signed
}

/// Where the unsigned message is, and the query: see `Message::fill_in`.
const BESIDE: &[(&str, &str)] = &[
    (
        "in the other parameter, before the signed message",
        "{other}={forged}&{signed}&{signature}",
    ),
    (
        "in the other parameter, after the signed message",
        "{signed}&{signature}&{other}={forged}",
    ),
    (
        "in the same parameter, before the signed message",
        "{name}={forged}&{signed}&{signature}",
    ),
    (
        "in the same parameter, after the signed message",
        "{signed}&{signature}&{name}={forged}",
    ),
    (
        "in the same parameter with a percent-encoded name, before the signed message",
        "{encoded}={forged}&{signed}&{signature}",
    ),
    (
        "in the same parameter with a percent-encoded name, after the signed message",
        "{signed}&{signature}&{encoded}={forged}",
    ),
    (
        "in the same parameter, and the signed message is in a parameter whose name ends alike",
        "x{signed}&{name}={forged}&{signature}",
    ),
    (
        "in the same parameter, and the signed message is in the value of another parameter",
        "x={signed}&{name}={forged}&{signature}",
    ),
];

/// The signed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Donor {
    /// A LogoutRequest about another user.
    Request,
    /// A LogoutResponse.
    Answer,
    /// The Response of the attacker's own login.
    Response,
}

impl Donor {
    fn words(self) -> &'static str {
        match self {
            Self::Request => "a LogoutRequest about another user",
            Self::Answer => "a LogoutResponse",
            Self::Response => "the attacker's own Response",
        }
    }
}

impl Beyond<'_> {
    /// Returns a message of the identity provider about a user without a session, as an attacker's
    /// would be.
    fn logout_donor(&self, donor: Donor, own: LogoutRequest, location: &str) -> Message<'_> {
        let key = Some(&self.judge.provider.key);
        if donor == Donor::Answer {
            return Message::response(&unsolicited_answer(self.judge, location), key);
        }
        let absent = self.judge.person.name_id_of(&self.judge.absent_user());
        let request = LogoutRequest {
            principal: Principal::Named(absent),
            session_indexes: Vec::new(),
            ..own
        };
        Message::request(&request, key)
    }

    /// Sends a query to the first endpoint. The check passes if the user is logged in still.
    async fn require_session_beside(
        &self,
        endpoint: &Endpoint<'_>,
        template: &'static str,
        donor: Donor,
    ) -> Judged {
        self.require_session(endpoint, |session| {
            let own = request_of(self.judge, session, endpoint.location);
            let other_xml = own.to_xml();
            Message {
                trick: Trick::Beside(template),
                other_xml,
                ..self.logout_donor(donor, own, endpoint.location)
            }
        })
        .await
    }

    /// Delivers an unsigned Response about `who` by HTTP-Redirect in a new browser; `make` makes the
    /// message from the document of that Response.
    async fn deliver_by_redirect<'m>(
        &self,
        who: &str,
        fault: &Fault,
        make: impl FnOnce(&str, &str) -> Message<'m>,
    ) -> Result<Answer, Stop> {
        let login = Login::new(self.judge, who);
        let visitor = login.visitor()?;
        let ready = login
            .prepare_response(&visitor, Some(fault), self.base)
            .await?;
        let acs = ready.acs_url();
        let message = Message {
            relay_state: ready.relay_state(),
            ..make(ready.xml(), &acs)
        };
        let link: Url = match message.encode_for_binding(names::HTTP_REDIRECT, &acs)? {
            Carried::Link(link) => link,
            Carried::Form(..) => return skip("cannot create the query"),
        };
        Ok(login.deliver_by_link(&visitor, &ready, link).await?)
    }
}

/// Returns a Response as the message of a query; `key` signs the query, if there is one.
fn response_message<'m>(xml: &str, key: Option<&'m SigningKey>) -> Message<'m> {
    Message {
        xml: xml.to_owned(),
        parameter: "SAMLResponse",
        key,
        trick: Trick::None,
        relay_state: None,
        other_xml: String::new(),
    }
}

/// Adds to a failure which query caused it.
pub(super) fn name_query(judged: Judged, words: &str, donor: Donor) -> Judged {
    match judged {
        Err(Stop::Breaks(Seen { text, evidence })) => breaks(
            format!(
                "{text}; the signed message is {}, the unsigned one is {words}",
                donor.words()
            ),
            evidence,
        ),
        other => other,
    }
}

async fn judge_logout_beside_signed(beyond: &Beyond<'_>) -> Judged {
    let endpoint = beyond.redirect_endpoint()?;
    // If the session ends without any trick, the queries prove nothing.
    beyond.require_compared_names(&endpoint).await?;
    beyond
        .require_verified_signatures(&endpoint, ["SAML-SP-SLO-03", "SAML-SP-SLO-04"])
        .await?;
    let donors = match judge_unsolicited_answer(beyond).await {
        Ok(_) => &[Donor::Request, Donor::Answer][..],
        Err(_) => &[Donor::Request][..],
    };
    let mut sent = 0;
    for &(words, template) in BESIDE {
        for donor in donors {
            let judged = beyond
                .require_session_beside(&endpoint, template, *donor)
                .await;
            name_query(judged, words, *donor)?;
            sent += 1;
        }
    }
    holds(format!(
        "the user is still logged in after each of {sent} queries"
    ))
}

async fn judge_response_beside_signed(beyond: &Beyond<'_>) -> Judged {
    beyond.require_sight()?;
    let (honest, forged) = unsigned_responses()?;
    let judge = beyond.judge;
    let key = &judge.provider.key;
    let user = &judge.person.user;
    let control = beyond
        .deliver_by_redirect(user, &honest, |xml, _| response_message(xml, Some(key)))
        .await?;
    if !control.is_accepted() {
        return holds(format!(
            "the service provider accepts no Responses by HTTP-Redirect: {}",
            control.to_sentence()
        ));
    }
    let attacker = judge.attacker();
    let unsigned = [
        ("without a signature", None),
        ("signed with an unknown key", Some(&judge.provider.foreign)),
    ];
    for (words, key) in unsigned {
        let answer = beyond
            .deliver_by_redirect(&attacker, &forged, |xml, _| response_message(xml, key))
            .await?;
        if answer.is_accepted() {
            let text = format!("a forged Response {words}: {}", answer.to_sentence());
            return breaks(text, answer.evidence());
        }
    }
    let own = judge.person.name_id_of(&attacker).value;
    let victim = judge.person.name_id_of(user).value;
    let mut sent = 0;
    for &(words, template) in BESIDE {
        for donor in [Donor::Response, Donor::Answer, Donor::Request] {
            let make = |xml: &str, acs: &str| {
                let signed = match donor {
                    Donor::Response => response_message(&xml.replace(&victim, &own), Some(key)),
                    Donor::Answer => Message::response(&unsolicited_answer(judge, acs), Some(key)),
                    Donor::Request => {
                        let request = logout_request(judge, &attacker, Vec::new(), acs);
                        Message::request(&request, Some(key))
                    }
                };
                Message {
                    trick: Trick::Beside(template),
                    other_xml: xml.to_owned(),
                    ..signed
                }
            };
            let answer = beyond.deliver_by_redirect(&attacker, &forged, make).await?;
            sent += 1;
            if answer.is_accepted() {
                let judged = breaks(answer.to_sentence(), answer.evidence());
                return name_query(judged, words, donor);
            }
        }
    }
    holds(format!("none of {sent} queries logged the user in"))
}

/// Returns the fault that is an honest Response without a signature, and the one that is a forged
/// Response without a signature.
pub(super) fn unsigned_responses() -> Result<(Fault, Fault), Stop> {
    let catalogue = faults::catalogue().unwrap_or_default();
    let find = |id: &str| catalogue.iter().find(|it| it.id == id).cloned();
    match (find(UNSIGNED), find(UNSIGNED_FORGED)) {
        (Some(honest), Some(forged)) => Ok((honest, forged)),
        _ => {
            skip("cannot create the Response: the fault unsigned or unsigned-forged was not found")
        }
    }
}

/// The id of the fault that is an honest Response without a signature.
const UNSIGNED: &str = "unsigned";
/// The id of the fault that is a forged Response without a signature.
const UNSIGNED_FORGED: &str = "unsigned-forged";

#[cfg(test)]
mod tests {
    #[test]
    fn both_faults_can_be_read() {
        let catalogue = faults::catalogue().unwrap();
        for id in [super::UNSIGNED, super::UNSIGNED_FORGED] {
            assert!(catalogue.iter().any(|it| it.id == id), "{id}");
        }
    }
}
