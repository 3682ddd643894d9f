//! An unsigned Response beside a signed message in a form of HTTP-POST-SimpleSign, whose signature is a
//! field of its own: software that verifies the signature over one field and reads the Response from
//! another one accepts any Response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faults::Fault;
use saml::binding::post;
use saml::keys::SigningKey;
use saml::names;
use url::Url;

use super::super::login::{Asked, Login};
use super::signed_query::{Donor, name_query, unsigned_responses};
use super::{Beyond, Judged, Stop, breaks, holds, rows, skip};
use crate::check::sp::{Answer, logout_request};
use crate::check::{Attacker, Harm};

rows! {
"SAML-SP-REDIR-06", Must, Harm::Intrusion(Attacker::Account), "saml-simplesign §2.5, CVE-2025-31335"; "An unsigned Response beside a signed message in a form is refused";
    expects "a refusal: the signature covers another message, which the identity provider sent to the attacker";
    fix "Refuse a form that contains a field twice, or both SAMLRequest and SAMLResponse. Verify the signature over the field from which you read the message. Where no identity provider uses HTTP-POST-SimpleSign, disable it and remove it from the metadata.";
    judge_response_beside_signed
}

/// A field of the form, or a parameter of the query before it.
#[derive(Debug, Clone, Copy)]
enum Field {
    /// The message that the signature covers, in this field.
    Signed(&'static str),
    /// The unsigned Response, in this field.
    Forged(&'static str),
    /// As [`Self::Signed`], in the query of the URL.
    SignedInQuery(&'static str),
    /// As [`Self::Forged`], in the query of the URL.
    ForgedInQuery(&'static str),
}
use Field::{Forged, ForgedInQuery, Signed, SignedInQuery};

const REQUEST: &str = "SAMLRequest";
const RESPONSE: &str = "SAMLResponse";

/// Where the unsigned Response is, what the signature covers, and the messages in their order.
const BESIDE: &[(&str, Donor, &[Field])] = &[
    (
        "in SAMLResponse, after the signed message",
        Donor::Request,
        &[Signed(REQUEST), Forged(RESPONSE)],
    ),
    (
        "in SAMLResponse, before the signed message",
        Donor::Request,
        &[Forged(RESPONSE), Signed(REQUEST)],
    ),
    (
        "in a second SAMLResponse",
        Donor::Response,
        &[Signed(RESPONSE), Forged(RESPONSE)],
    ),
    (
        "in a first SAMLResponse",
        Donor::Response,
        &[Forged(RESPONSE), Signed(RESPONSE)],
    ),
    (
        "in SAMLRequest, before the signed message",
        Donor::Response,
        &[Forged(REQUEST), Signed(RESPONSE)],
    ),
    (
        "in SAMLRequest, after the signed message",
        Donor::Response,
        &[Signed(RESPONSE), Forged(REQUEST)],
    ),
    (
        "in the form, and the signed message is in the query",
        Donor::Response,
        &[SignedInQuery(RESPONSE), Forged(RESPONSE)],
    ),
    (
        "in the query, and the signed message is in the form",
        Donor::Response,
        &[ForgedInQuery(RESPONSE), Signed(RESPONSE)],
    ),
    (
        "in the form, and the signed message is in SAMLRequest of the query",
        Donor::Request,
        &[SignedInQuery(REQUEST), Forged(RESPONSE)],
    ),
];

/// A form of HTTP-POST-SimpleSign.
struct SignedForm {
    query: Vec<(&'static str, String)>,
    fields: Vec<(&'static str, String)>,
}

/// Returns the form whose signature covers `signed` as the value of the field `name`
/// (saml-simplesign §2.4.1). Without a key there is no signature.
fn make_form(
    layout: &[Field],
    (signed, forged): (&str, &str),
    relay_state: Option<&str>,
    key: Option<&SigningKey>,
) -> Result<SignedForm, Stop> {
    let mut form = SignedForm {
        query: Vec::new(),
        fields: Vec::new(),
    };
    let mut covered = "";
    for field in layout {
        match *field {
            Signed(name) => form.fields.push((name, post::encode(signed))),
            Forged(name) => form.fields.push((name, post::encode(forged))),
            SignedInQuery(name) => form.query.push((name, post::encode(signed))),
            ForgedInQuery(name) => form.query.push((name, post::encode(forged))),
        }
        if let Signed(name) | SignedInQuery(name) = *field {
            covered = name;
        }
    }
    let mut octets = format!("{covered}={signed}");
    if let Some(state) = relay_state {
        octets.push_str(&format!("&RelayState={state}"));
        form.fields.push(("RelayState", state.to_owned()));
    }
    if let Some(key) = key {
        let algorithm = key.algorithm();
        octets.push_str(&format!("&SigAlg={}", algorithm.uri()));
        let signature = key
            .sign(algorithm, octets.as_bytes())
            .map_err(|error| Stop::Skip(format!("cannot sign the form: {error}")))?;
        form.fields.push(("SigAlg", algorithm.uri().to_owned()));
        form.fields.push(("Signature", STANDARD.encode(signature)));
    }
    Ok(form)
}

/// The layout of an ordinary form.
const ALONE: &[Field] = &[Signed(RESPONSE)];

impl Beyond<'_> {
    /// Returns the URL of the AssertionConsumerService for HTTP-POST-SimpleSign.
    fn simple_sign_url(&self) -> Result<&str, Stop> {
        let all = self.judge.target.metadata.acs.iter();
        let mut found = all.filter(|it| it.endpoint.binding == names::HTTP_POST_SIMPLE_SIGN);
        match found.next() {
            Some(acs) => Ok(&acs.endpoint.location),
            None => skip("the metadata has no AssertionConsumerService with HTTP-POST-SimpleSign"),
        }
    }

    /// Delivers the form that `make` makes from the document of an unsigned Response about `who` and
    /// from the RelayState.
    async fn deliver_signed_form(
        &self,
        who: &str,
        fault: &Fault,
        make: impl FnOnce(&str, Option<&str>) -> Result<SignedForm, Stop>,
    ) -> Result<Answer, Stop> {
        let location = self.simple_sign_url()?;
        let invalid =
            |error| Stop::Skip(format!("invalid URL {location} in the metadata: {error}"));
        let mut url = Url::parse(location).map_err(invalid)?;
        let login = Login::new(self.judge, who);
        let visitor = login.visitor()?;
        let asked = Asked {
            acs_url: location.to_owned(),
            ..login.ask(&visitor).await?
        };
        let ready = login.make(asked, Some(fault), self.base)?;
        let form = make(ready.xml(), ready.relay_state().as_deref())?;
        if !form.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&form.query);
        }
        let fields = form.fields.iter();
        let fields: Vec<(&str, &str)> = fields.map(|(name, it)| (*name, it.as_str())).collect();
        Ok(login.deliver_fields(&visitor, &ready, url, &fields).await?)
    }
}

async fn judge_response_beside_signed(beyond: &Beyond<'_>) -> Judged {
    beyond.simple_sign_url()?;
    beyond.require_sight()?;
    let (honest, forged) = unsigned_responses()?;
    let judge = beyond.judge;
    let key = Some(&judge.provider.key);
    let user = &judge.person.user;
    let control = beyond
        .deliver_signed_form(user, &honest, |xml, state| {
            make_form(ALONE, (xml, ""), state, key)
        })
        .await?;
    if !control.is_accepted() {
        return holds(format!(
            "the service provider accepts no Responses by HTTP-POST-SimpleSign: {}",
            control.to_sentence()
        ));
    }
    let attacker = judge.attacker();
    for (words, key) in [
        ("without a signature", None),
        ("signed with an unknown key", Some(&judge.provider.foreign)),
    ] {
        let answer = beyond
            .deliver_signed_form(&attacker, &forged, |xml, state| {
                make_form(ALONE, (xml, ""), state, key)
            })
            .await?;
        if answer.is_accepted() {
            let text = format!("a forged Response {words}: {}", answer.to_sentence());
            return breaks(text, answer.evidence());
        }
    }
    let own = judge.person.name_id_of(&attacker).value;
    let victim = judge.person.name_id_of(user).value;
    for &(words, donor, layout) in BESIDE {
        let make = |xml: &str, state: Option<&str>| {
            let signed = match donor {
                Donor::Request => {
                    let location = beyond.simple_sign_url()?;
                    logout_request(judge, &attacker, Vec::new(), location).to_xml()
                }
                _ => xml.replace(&victim, &own),
            };
            make_form(layout, (&signed, xml), state, key)
        };
        let answer = beyond.deliver_signed_form(&attacker, &forged, make).await?;
        if answer.is_accepted() {
            let judged = breaks(answer.to_sentence(), answer.evidence());
            return name_query(judged, words, donor);
        }
    }
    holds(format!("none of {} forms logged the user in", BESIDE.len()))
}
