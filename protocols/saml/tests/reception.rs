//! AuthnRequests and logout messages: which are authenticated, and which are refused.
#![allow(clippy::unwrap_used)]

mod support;

use saml::Limits;
use saml::acceptance::{Refusal, TrustedKeys};
use saml::binding::{Outgoing, Parameter, post, redirect, send};
use saml::keys::SigningKey;
use saml::message::{
    AuthnContextComparison, AuthnRequest, LogoutRequest, NameId, NameIdFormat, Principal,
    RequestedAuthnContext, authn_strength,
};
use saml::names;
use saml::reception::{Authenticated, Received};
use saml::signature::Signer;
use support::{IDP, SP, ec, now, other_rsa, rsa};

const SLO: &str = "https://idp.example/env/saml20/idp/slo";

fn logout() -> LogoutRequest {
    LogoutRequest {
        id: "_logout".into(),
        issue_instant: now(),
        issuer: SP.into(),
        destination: Some(SLO.into()),
        not_on_or_after: None,
        reason: Some(names::LOGOUT_USER.into()),
        principal: Principal::Named(NameId {
            value: "anna@corp.example".into(),
            format: NameIdFormat::EmailAddress,
            name_qualifier: None,
            sp_name_qualifier: Some(SP.into()),
        }),
        session_indexes: vec!["_one".into(), "_two".into()],
    }
}

fn receive_message(outgoing: &Outgoing) -> Received {
    match outgoing {
        Outgoing::Redirect(url) => {
            let query = url.split_once('?').unwrap().1;
            Received::by_redirect(query, &Limits::default()).unwrap()
        }
        Outgoing::Form(page) => {
            let rest = page.split_once("name=\"SAMLRequest\" type=\"hidden\" value=\"");
            let field = rest.unwrap().1.split_once('"').unwrap().0;
            by_form(field)
        }
    }
}

fn by_form(field: &str) -> Received {
    let limits = Limits::default();
    Received::by_form(Parameter::Request, field, None, &limits).unwrap()
}

fn verify_logout_request(received: Received) -> Result<Authenticated<LogoutRequest>, Refusal> {
    let certificates = [rsa(), ec()].map(|key| key.certificate().clone());
    received.verify(&TrustedKeys::new(certificates.to_vec()).unwrap())
}

fn sent(binding: &str, key: Option<&SigningKey>) -> Received {
    let xml = logout().to_xml();
    receive_message(&send((binding, SLO), Parameter::Request, &xml, None, key).unwrap())
}

#[test]
fn a_signed_message_is_verified_by_both_bindings_and_key_types() {
    for binding in [names::HTTP_REDIRECT, names::HTTP_POST] {
        for key in [rsa(), ec()] {
            let vouched = verify_logout_request(sent(binding, Some(&key))).unwrap();
            assert_eq!(*vouched.message(), logout(), "{binding}");
        }
        assert_eq!(
            verify_logout_request(sent(binding, None))
                .unwrap_err()
                .code(),
            "not-signed"
        );
        let foreign = other_rsa();
        let refusal = verify_logout_request(sent(binding, Some(&foreign))).unwrap_err();
        assert_eq!(refusal.code(), "signature-invalid");
    }
}

#[test]
fn a_message_that_was_changed_or_signed_elsewhere_is_refused() {
    let signed = Signer::of_documents(rsa())
        .sign_document(&logout().to_xml())
        .unwrap();
    let code = |xml: &str| {
        let refusal = verify_logout_request(by_form(&post::encode(xml))).unwrap_err();
        refusal.code().to_owned()
    };
    let changed = signed.replace("anna@", "eve@");
    assert_eq!(code(&changed), "signature-invalid");
    // The signed message inside a forged one.
    let outer = logout().to_xml().replace("_logout", "_forged");
    let wrapped = outer.replace(
        "<samlp:SessionIndex>",
        &format!("<samlp:Extensions>{signed}</samlp:Extensions><samlp:SessionIndex>"),
    );
    assert_eq!(code(&wrapped), "signature-misplaced");
    let twice = signed.replace("</ds:Signature>", "</ds:Signature><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature>");
    assert_eq!(code(&twice), "signature-misplaced");
    let weak = signed.replace(names::RSA_SHA256, names::RSA_SHA1);
    assert_eq!(code(&weak), "signature-algorithm");
    // An enveloped signature does not count for HTTP-Redirect.
    let url = redirect::encode(SLO, Parameter::Request, &signed, None, None).unwrap();
    let refusal = verify_logout_request(receive_message(&Outgoing::Redirect(url))).unwrap_err();
    assert_eq!(refusal.code(), "signature-misplaced");
    // A message of another kind is refused.
    let keys = TrustedKeys::new(vec![rsa().certificate().clone()]).unwrap();
    let other = by_form(&post::encode(&signed)).verify::<AuthnRequest>(&keys);
    assert_eq!(other.unwrap_err().code(), "response-malformed");
}

#[test]
fn a_post_request_is_verified_and_an_unsigned_one_can_be_read_unverified() {
    let request = AuthnRequest {
        id: "_request".into(),
        issue_instant: now(),
        issuer: SP.into(),
        destination: Some(IDP.into()),
        acs_url: None,
        acs_index: None,
        protocol_binding: None,
        name_id_policy: None,
        force_authn: true,
        is_passive: false,
        requested_authn_context: Some(RequestedAuthnContext {
            comparison: AuthnContextComparison::Minimum,
            class_refs: vec![names::PASSWORD.into()],
        }),
    };
    let endpoint = (names::HTTP_POST, IDP);
    let key = ec();
    let outgoing = send(
        endpoint,
        Parameter::Request,
        &request.to_xml(),
        None,
        Some(&key),
    );
    let received = receive_message(&outgoing.unwrap());
    assert_eq!(received.claimed_issuer().unwrap(), SP);
    assert!(received.is_signed().unwrap());
    assert_eq!(received.at_its_word::<AuthnRequest>().unwrap(), request);
    let keys = TrustedKeys::new(vec![ec().certificate().clone()]).unwrap();
    let vouched = received.verify::<AuthnRequest>(&keys).unwrap();
    assert_eq!(*vouched.message(), request);
}

#[test]
fn contexts_compare_as_the_standard_says() {
    use AuthnContextComparison::{Better, Exact, Maximum, Minimum};
    let (weak, strong) = (names::PASSWORD, names::PASSWORD_PROTECTED_TRANSPORT);
    let other = "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard";
    for (comparison, named, got, expected) in [
        (Exact, weak, weak, true),
        (Exact, weak, strong, false),
        (Minimum, weak, strong, true),
        (Minimum, strong, weak, false),
        (Maximum, strong, weak, true),
        (Maximum, weak, strong, false),
        (Better, weak, strong, true),
        (Better, strong, strong, false),
        (Minimum, other, strong, false),
        (Exact, other, other, true),
    ] {
        let requested = RequestedAuthnContext {
            comparison,
            class_refs: vec![named.into()],
        };
        let allowed = requested.allows(got, authn_strength);
        assert_eq!(allowed, expected, "{comparison:?} {named}, came {got}");
    }
}
