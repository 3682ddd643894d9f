//! Checks Responses. The stages *posted* → *verified* → *checked* are in the
//! `saml` crate; *unspent* (not used before) is here.

use saml::Limits;
use saml::acceptance::{Checked, Code, Expectations, Expected, Posted, Refusal};
use saml::binding::Parameter;
use saml::encryption::DecryptionKeys;
use saml::message::authn_strength;
use saml::names;
use saml::reception::Received;

use super::claims::check_length;
use super::subject;
use crate::Portal;
use crate::configurator::Integration;
use crate::refusal::{Refused, kinds};
use crate::store::logins::SsoRequestRow;
use crate::store::{self, Db, instant, to_microseconds};

/// The AuthnRequest that the Response must answer.
#[derive(Debug, Clone, Copy)]
pub enum ExpectedRequest<'a> {
    /// This AuthnRequest, which the browser's cookie identifies.
    Request(&'a SsoRequestRow),
    /// No AuthnRequest of this browser is open.
    Nothing,
    /// The browser sent no cookie, so its AuthnRequest cannot be found.
    NoCookie,
}

/// A checked Response, with the AuthnRequest that it answers. It may have been
/// used before.
pub struct CheckedResponse<'a> {
    checked: Checked,
    request: Option<&'a SsoRequestRow>,
}

/// A checked Response that was not used before. The transaction in which it was
/// created marks it as used.
pub struct Unspent<'a>(&'a Checked);

impl Unspent<'_> {
    /// The checked content of the Response.
    pub fn content(&self) -> &Checked {
        self.0
    }
}

/// Verifies and checks a Response.
///
/// # Errors
/// If the Response is refused.
pub async fn receive<'a>(
    portal: &Portal,
    integration: &Integration,
    asked: ExpectedRequest<'a>,
    saml_response: &str,
) -> Result<CheckedResponse<'a>, Refused> {
    let decryption = if integration.tenant.encryption == 1 {
        Some(DecryptionKeys::new(vec![portal.request_key().await?]))
    } else {
        None
    };
    let (checked, asked) = check(
        portal,
        integration,
        decryption.as_ref(),
        asked,
        saml_response,
    )?;
    check_authn_context(integration, &checked)?;
    if let ExpectedRequest::Request(request) = asked {
        check_authn_instant(portal, integration, request, &checked)?;
    }
    check_length("ID of the assertion", checked.assertion_id())?;
    check_length("NameID", &subject::name_id_to_text(checked.name_id()))?;
    Ok(CheckedResponse {
        checked,
        request: match asked {
            ExpectedRequest::Request(request) => Some(request),
            ExpectedRequest::Nothing | ExpectedRequest::NoCookie => None,
        },
    })
}

impl<'a> CheckedResponse<'a> {
    /// The AuthnRequest that it answers; `None` for IdP-initiated SSO.
    pub fn request(&self) -> Option<&'a SsoRequestRow> {
        self.request
    }

    /// Marks the assertion and the AuthnRequest as used. They are used once the
    /// transaction is committed; a concurrent transaction with the same
    /// assertion waits for that.
    ///
    /// # Errors
    /// If one of them was used before; then the transaction must not be
    /// committed.
    pub async fn mark_used(&self, portal: &Portal, db: &mut Db) -> Result<Unspent<'_>, Refused> {
        let checked = &self.checked;
        let end = checked.not_on_or_after() + portal.config.clock_skew;
        let first = store::logins::see_assertion(
            db,
            checked.issuer(),
            checked.assertion_id(),
            to_microseconds(end.max(portal.now())),
        )
        .await?;
        if !first {
            let replayed = Refused::new(
                &kinds::ASSERTION_REPLAYED,
                format!(
                    "the assertion {} of {} was already accepted: each assertion is accepted once",
                    checked.assertion_id(),
                    checked.issuer()
                ),
            );
            return Err(replayed.with_verified_message());
        }
        if let Some(request) = self.request
            && !store::logins::spend(db, &request.relay_state).await?
        {
            let answered = Refused::new(
                &kinds::REQUEST_ANSWERED,
                format!(
                    "the AuthnRequest {} was answered before",
                    request.request_id
                ),
            );
            return Err(answered.with_verified_message());
        }
        Ok(Unspent(checked))
    }
}

/// Checks that the authentication context meets the tenant's
/// `RequestedAuthnContext` (saml-core §3.3.2.2.1). An IdP that cannot meet it
/// must answer with an error status, not with a weaker context.
fn check_authn_context(integration: &Integration, checked: &Checked) -> Result<(), Refused> {
    let Some(requested) = &integration.requested_authn_context else {
        return Ok(());
    };
    let got = checked
        .authn_context_class()
        .unwrap_or(names::AUTHN_UNSPECIFIED);
    if requested.allows(got, authn_strength) {
        return Ok(());
    }
    Err(Refused::new(
        &kinds::WRONG_CONTEXT,
        format!(
            "expected an authentication context that is {} {}, got {got}",
            requested.comparison.name(),
            requested.class_refs.join(" or ")
        ),
    )
    .with_verified_message())
}

/// If the tenant requires ForceAuthn, checks that the user signed on after the AuthnRequest. Whoever
/// has the browser can remove ForceAuthn from an AuthnRequest that is not signed.
fn check_authn_instant(
    portal: &Portal,
    integration: &Integration,
    request: &SsoRequestRow,
    checked: &Checked,
) -> Result<(), Refused> {
    let since = instant(request.created) - portal.config.clock_skew;
    let is_new = checked.authn_instant().is_some_and(|it| it >= since);
    if integration.tenant.force_authn != 1 || is_new {
        return Ok(());
    }
    let got = checked
        .authn_instant()
        .map_or_else(|| "none".to_owned(), |it| it.to_string());
    Err(Refused::new(
        &kinds::OLD_SIGN_ON,
        format!(
            "expected AuthnInstant after the AuthnRequest, because it has ForceAuthn; got {got}"
        ),
    )
    .with_verified_message())
}

/// True if a posted Response has an `InResponseTo` attribute. Nothing is
/// verified; the answer for an unreadable message is false.
pub fn claims_to_answer(saml_response: &str) -> bool {
    Received::by_form(Parameter::Response, saml_response, None, &Limits::default())
        .and_then(|response| response.claimed_in_response_to())
        .is_ok_and(|request| request.is_some())
}

/// True if the only violation is that the Response answers a request although
/// none was expected.
fn is_only_unsolicited(refusal: &Refusal) -> bool {
    refusal
        .violations()
        .all(|violation| violation.code == Code::Unsolicited)
}

fn cookie_missing(portal: &Portal, refusal: &Refusal) -> Refused {
    let base_url = &portal.base_url;
    Refused::new(
        &kinds::COOKIE_MISSING,
        format!(
            "the Response answers an AuthnRequest, but the browser sent no cookie that identifies its requests; {}",
            refusal.private()
        ),
    )
    .with_advice(format!(
        "Open {base_url} in this browser, allow cookies for it, and start again at Continue with SSO. Begin and end the login within an hour, in one browser, at this very address."
    ))
    .with_verified_message()
}

/// Checks the Response against the AuthnRequest of this browser. If the tenant
/// accepts unsolicited Responses, a Response without `InResponseTo` passes as
/// well; it then answers no request.
fn check<'a>(
    portal: &Portal,
    integration: &Integration,
    decryption: Option<&DecryptionKeys>,
    asked: ExpectedRequest<'a>,
    saml_response: &str,
) -> Result<(Checked, ExpectedRequest<'a>), Refused> {
    let sp = portal.service_provider(&integration.tenant.id);
    let in_response_to = match asked {
        ExpectedRequest::Request(request) => Expected::Request(request.request_id.clone()),
        ExpectedRequest::Nothing | ExpectedRequest::NoCookie => Expected::Unsolicited,
    };
    let mut expectations = Expectations {
        idp_entity_id: integration.idp_entity_id.clone(),
        sp_entity_id: sp.entity_id,
        acs_url: sp.acs_url,
        in_response_to,
        now: portal.now(),
        clock_skew: portal.config.clock_skew,
    };
    let verified = Posted::from_form(saml_response, &Limits::default())?.verify_or_decrypt(
        &integration.keys,
        integration.policy,
        decryption,
    )?;
    let may_be_unsolicited =
        integration.unsolicited && matches!(asked, ExpectedRequest::Request(_));
    let again = may_be_unsolicited.then(|| verified.clone());
    let refusal = match (verified.check(&expectations), asked) {
        (Ok(checked), ExpectedRequest::Request(_)) => return Ok((checked, asked)),
        (Ok(checked), ExpectedRequest::Nothing | ExpectedRequest::NoCookie)
            if integration.unsolicited =>
        {
            return Ok((checked, asked));
        }
        (Ok(_), ExpectedRequest::Nothing | ExpectedRequest::NoCookie) => {
            let unsolicited = Refused::new(
                &kinds::UNSOLICITED,
                "no open AuthnRequest of this browser: it was already answered, has expired, was sent by another browser or never existed",
            );
            return Err(unsolicited.with_verified_message());
        }
        (Err(refusal), ExpectedRequest::NoCookie) if is_only_unsolicited(&refusal) => {
            return Err(cookie_missing(portal, &refusal));
        }
        (Err(refusal), _) => refusal,
    };
    if let Some(verified) = again {
        expectations.in_response_to = Expected::Unsolicited;
        if let Ok(checked) = verified.check(&expectations) {
            return Ok((checked, ExpectedRequest::Nothing));
        }
    }
    Err(Refused::from(refusal).with_verified_message())
}
