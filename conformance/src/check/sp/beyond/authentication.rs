//! Checks of a service provider that asks for a way of signing on: it refuses a weaker or an older
//! sign-on. The identity provider may ignore these wishes, and a user can remove them from an
//! AuthnRequest that is not signed.

use faults::Edit;
use saml::message::{AuthnRequest, authn_strength};
use saml::names;

use super::{Beyond, Judged, Stop, breaks, holds_with, response_with, rows, skip};
use crate::check::Harm;

rows! {
"SAML-SP-AUTHN-01", Should, Harm::Protection, "saml-core §3.3.2.2.1"; "An authentication context that does not meet RequestedAuthnContext is refused";
    expects "a refusal of a Response whose AuthnContextClassRef is unspecified, because the AuthnRequest asked for another class: an identity provider may ignore RequestedAuthnContext, and a user can remove it from an AuthnRequest that is not signed";
    fix "Compare AuthnContextClassRef with the classes that you requested, although the identity provider has to do so, too.";
    judge_context
"SAML-SP-AUTHN-02", Should, Harm::Protection, "saml-core §3.4.1"; "After ForceAuthn, a sign-on from before the AuthnRequest is refused";
    expects "a refusal of an AuthnInstant one day before the AuthnRequest: an identity provider may ignore ForceAuthn, and a user can remove it from an AuthnRequest that is not signed";
    fix "If you set ForceAuthn, compare AuthnInstant with the time of your AuthnRequest, with a small allowed clock skew.";
    judge_instant
}

/// Returns the AuthnRequest of a login.
async fn request(beyond: &Beyond<'_>) -> Result<AuthnRequest, Stop> {
    let requests = beyond.read_requests().await?;
    let Some(request) = requests.first() else {
        return skip("not judged: there is no AuthnRequest");
    };
    AuthnRequest::parse(&request.xml)
        .map_err(|error| Stop::Skip(format!("cannot read the AuthnRequest: {error}")))
}

/// Passes if a Response with this change is refused.
async fn require_refusal(beyond: &Beyond<'_>, edit: Edit) -> Judged {
    let Some(fault) = response_with(vec![edit]) else {
        return skip("cannot create the Response: no control was found");
    };
    let answer = beyond.login().attempt(Some(&fault), beyond.base).await?;
    match answer.is_accepted() {
        true => breaks(answer.to_sentence(), answer.evidence()),
        false => holds_with(answer.to_sentence(), answer.evidence()),
    }
}

async fn judge_context(beyond: &Beyond<'_>) -> Judged {
    let Some(requested) = request(beyond).await?.requested_authn_context else {
        return skip("not judged: the AuthnRequest has no RequestedAuthnContext");
    };
    if requested.allows(names::AUTHN_UNSPECIFIED, authn_strength) {
        return skip("not judged: the class unspecified meets RequestedAuthnContext");
    }
    let edit = Edit::Content {
        at: "Response/Assertion/AuthnStatement/AuthnContext/AuthnContextClassRef".to_owned(),
        xml: names::AUTHN_UNSPECIFIED.to_owned(),
    };
    require_refusal(beyond, edit).await
}

async fn judge_instant(beyond: &Beyond<'_>) -> Judged {
    if !request(beyond).await?.force_authn {
        return skip("not judged: the AuthnRequest has no ForceAuthn");
    }
    let edit = Edit::Attribute {
        at: "Response/Assertion/AuthnStatement".to_owned(),
        name: "AuthnInstant".to_owned(),
        value: Some("{now-86400}".to_owned()),
    };
    require_refusal(beyond, edit).await
}
