//! Wrapped LogoutRequests: a forged LogoutRequest about the user, in or around one that the identity
//! provider signed for the attacker's own account (signature wrapping). An attacker posts it from a
//! page that the user opens.

use faults::{SignedRequest, Variant, forge_signed_request};
use saml::binding::post;
use saml::message::{LogoutRequest, Principal};
use saml::names;
use saml::signature::Signer;
use serde_json::json;

use super::logout_message::{Message, Session, request_of};
use super::logout_trial::{Endpoint, evidence};
use super::{Beyond, Judged, Stop, breaks, holds_with, rows, skip};
use crate::check::Harm;
use crate::check::sp::{CheckError, Variants};

rows! {
"SAML-SP-SLO-29", Must, Harm::Protection, "saml-core §5.4.2, xmldsig-bestpractices §3.3"; "A forged LogoutRequest in or around a signed one ends no session";
    expects "the user to stay logged in: the signature is that of a LogoutRequest about the attacker";
    fix "Read the LogoutRequest only from the element whose digest the signature verified, in the same parsed tree; refuse a document with a second LogoutRequest anywhere in it.";
    judge_wrapped_requests
}

/// The most accepted variants that the evidence lists.
const NAMED: usize = 20;

impl Beyond<'_> {
    /// Returns the variants to send: the usual ones, or all with `--thorough`.
    fn wrapped_variants(&self) -> Result<Vec<Variant>, Stop> {
        let unreadable = |error: faults::SpaceError| CheckError::Catalogue(error.to_string());
        let mut all = Vec::new();
        for space in faults::logout_spaces().map_err(unreadable)? {
            all.extend(space.variants().map_err(unreadable)?);
        }
        let is_thorough = self.judge.variants != Variants::None;
        all.retain(|it| is_thorough || it.is_usual);
        Ok(all)
    }

    /// Returns a LogoutRequest about the session's user: without SessionIndex, which ends all of the
    /// user's sessions, or with it. `None` if neither ends the session at this endpoint.
    async fn request_that_ends(&self, endpoint: &Endpoint<'_>) -> Result<Option<bool>, Stop> {
        for has_index in [false, true] {
            let session = self.new_session().await?;
            let mut request = request_of(self.judge, &session, endpoint.location);
            if !has_index {
                request.session_indexes = Vec::new();
            }
            let message = Message::request(&request, Some(&self.judge.provider.key));
            self.send(&session.visitor, &message, endpoint).await?;
            if !self.is_in(&session.visitor).await? {
                return Ok(Some(has_index));
            }
        }
        Ok(None)
    }

    /// Returns the signed LogoutRequest about the attacker, and one about the session's user around
    /// it, as the variant says.
    fn wrap_request(
        &self,
        variant: &Variant,
        session: &Session,
        (endpoint, has_index): (&Endpoint<'_>, bool),
    ) -> Result<String, Stop> {
        let judge = self.judge;
        let attacker = judge.person.name_id_of(&judge.attacker());
        let victim = judge.person.name_id_of(&session.name).value;
        let genuine = attacker.value.clone();
        let own = request_of(judge, session, endpoint.location);
        let request = LogoutRequest {
            principal: Principal::Named(attacker),
            session_indexes: match has_index {
                true => own.session_indexes,
                false => Vec::new(),
            },
            ..own
        };
        let failed = |error: &dyn std::fmt::Display| {
            Stop::Skip(format!("cannot create the logout message: {error}"))
        };
        let signed = Signer::of_documents(judge.provider.key.clone())
            .sign_document(&request.to_xml())
            .map_err(|error| failed(&error))?;
        let donor = SignedRequest {
            xml: &signed,
            genuine: &genuine,
            forged: &victim,
            now: request.issue_instant,
            foreign: &judge.provider.foreign,
        };
        forge_signed_request(&variant.fault, &donor).map_err(|error| failed(&error))
    }
}

async fn judge_wrapped_requests(beyond: &Beyond<'_>) -> Judged {
    beyond.first_endpoint()?;
    let Some(endpoint) = beyond
        .endpoints()
        .into_iter()
        .find(|it| it.binding == names::HTTP_POST)
    else {
        return skip(
            "not judged: the metadata has no SingleLogoutService with HTTP-POST. With HTTP-Redirect the signature is over the query and not in the message, so no message can be wrapped; SAML-SP-REDIR-01 to -04 test signed queries",
        );
    };
    beyond.require_honest_logout(&endpoint).await?;
    let causes = match beyond.endpoint().await?.binding == endpoint.binding {
        true => ["SAML-SP-SLO-03", "SAML-SP-SLO-04"],
        false => ["SAML-SP-SLO-12", "SAML-SP-SLO-13"],
    };
    beyond
        .require_verified_signatures(&endpoint, causes)
        .await?;
    beyond.require_compared_names(&endpoint).await?;
    let Some(has_index) = beyond.request_that_ends(&endpoint).await? else {
        return skip("an honest LogoutRequest by HTTP-POST does not end the session");
    };
    let mut session = beyond.new_session().await?;
    let mut ended: Vec<String> = Vec::new();
    let (mut first, mut sent) = (None, 0);
    for variant in beyond.wrapped_variants()? {
        let xml = beyond.wrap_request(&variant, &session, (&endpoint, has_index))?;
        let field = post::encode(&xml);
        let url = url::Url::parse(endpoint.location)
            .map_err(|error| Stop::Skip(format!("invalid SingleLogoutService: {error}")))?;
        let provider = &beyond.judge.provider;
        let fields = [("SAMLRequest", field.as_str())];
        let from = Some(&provider.sso_url);
        let arrival = session
            .visitor
            .send(url, Some(&fields), from, Some(&provider.slo_url))
            .await?;
        sent += 1;
        if !beyond.is_in(&session.visitor).await? {
            ended.push(variant.words.clone());
            first.get_or_insert_with(|| evidence(&xml, &arrival));
            session = beyond.new_session().await?;
        }
    }
    let variants = json!({
        "sent": sent,
        "accepted": ended.len(),
        "which": ended.iter().take(NAMED).collect::<Vec<_>>(),
    });
    match (ended.first(), first) {
        (Some(words), Some(mut evidence)) => {
            evidence["variants"] = variants;
            let count = ended.len();
            breaks(
                format!("{count} of {sent} variants logged the user out, the first one: {words}"),
                evidence,
            )
        }
        _ => holds_with(
            format!("none of {sent} variants logged the user out"),
            json!({ "variants": variants }),
        ),
    }
}
