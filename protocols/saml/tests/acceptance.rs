//! What a service provider accepts, and what it must refuse.
#![allow(clippy::unwrap_used)]

mod support;

use jiff::SignedDuration;
use saml::acceptance::SignaturePolicy;
use saml::keys::SignatureAlgorithm;
use saml::message::{Response, Status, StatusCode};
use saml::names;
use saml::signature::Signer;
use support::{accept, accept_with, ec_for, now, other_rsa, response, rsa, sign_response, signer};

#[test]
fn claims_are_read_as_the_identity_provider_wrote_them() {
    let checked = accept(&sign_response(&signer())).unwrap();
    assert_eq!(checked.name_id().value, "anna@corp.example");
    assert_eq!(
        checked.attribute("groups").unwrap(),
        ["Users", "R&D <west>"]
    );
    assert_eq!(
        checked.attribute("Groups"),
        None,
        "names are letter-case exact"
    );
    assert_eq!(checked.session_index(), Some("_session"));
    assert_eq!(checked.issuer(), support::IDP);
    assert_eq!(checked.assertion_id(), "_assertion");
}

#[test]
fn either_signature_is_enough_unless_the_policy_requires_both() {
    use SignaturePolicy::{Assertion, Both, Either, Response};
    let cases = [
        (true, true, [Either, Assertion, Response, Both].as_slice()),
        (false, true, &[Either, Assertion]),
        (true, false, &[Either, Response]),
        (false, false, &[]),
    ];
    for (of_response, of_assertion, enough_for) in cases {
        let xml = sign_response(&Signer {
            response: of_response,
            assertion: of_assertion,
            ..signer()
        });
        for policy in [Either, Assertion, Response, Both] {
            let outcome = accept_with(&xml, vec![rsa().certificate().clone()], policy);
            if enough_for.contains(&policy) {
                assert!(outcome.is_ok(), "{policy:?}: {outcome:?}");
            } else {
                assert_eq!(outcome.unwrap_err().code(), "not-signed", "{policy:?}");
            }
        }
    }
}

#[test]
fn every_accepted_algorithm_verifies_and_sha1_does_not() {
    for algorithm in SignatureAlgorithm::ACCEPTED {
        let key = if algorithm.uri().contains("ecdsa") {
            ec_for(algorithm)
        } else {
            rsa()
        };
        let trusted = vec![other_rsa().certificate().clone(), key.certificate().clone()];
        let xml = sign_response(&Signer {
            key,
            algorithm,
            ..signer()
        });
        let outcome = accept_with(&xml, trusted, SignaturePolicy::Either);
        assert!(outcome.is_ok(), "{algorithm:?}: {outcome:?}");
    }
    for (strong, weak) in [
        (names::RSA_SHA256, names::RSA_SHA1),
        (names::SHA256, names::SHA1),
    ] {
        let xml = sign_response(&signer()).replace(strong, weak);
        assert_eq!(accept(&xml).unwrap_err().code(), "signature-algorithm");
    }
}

#[test]
fn unlisted_algorithms_and_transforms_are_refused() {
    let xml = sign_response(&signer());
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    let method = |uri: &str| format!("<ds:CanonicalizationMethod Algorithm=\"{uri}\"");
    let transform = |uri: &str| format!("<ds:Transform Algorithm=\"{uri}\"");
    let prefixes = "a b c d e f g h i j k l m n o p q";
    let cases = [
        (
            method(exclusive),
            method("http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
            "signature-algorithm",
        ),
        (
            method(exclusive),
            method("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
            "signature-algorithm",
        ),
        (
            transform(exclusive),
            transform("http://www.w3.org/2006/12/xml-c14n11"),
            "signature-algorithm",
        ),
        (
            transform(enveloped),
            transform("http://www.w3.org/TR/1999/REC-xpath-19991116"),
            "signature-algorithm",
        ),
        (
            format!("{}></ds:Transform>", transform(exclusive)),
            format!(
                "{}><ec:InclusiveNamespaces xmlns:ec=\"{exclusive}\" PrefixList=\"{prefixes}\"/></ds:Transform>",
                transform(exclusive)
            ),
            "signature-algorithm",
        ),
        (
            "</ds:Signature>".to_owned(),
            "<ds:Object/></ds:Signature>".to_owned(),
            "signature-misplaced",
        ),
        (
            "</ds:SignedInfo>".to_owned(),
            "<ds:Reference URI=\"#_assertion\"/></ds:SignedInfo>".to_owned(),
            "signature-misplaced",
        ),
    ];
    for (part, other, code) in cases {
        assert!(xml.contains(&part), "{part} in {xml}");
        let changed = xml.replacen(&part, &other, 1);
        assert_eq!(accept(&changed).unwrap_err().code(), code, "{other}");
    }
}

#[test]
fn another_key_is_refused_even_with_its_certificate() {
    let xml = sign_response(&Signer {
        key: other_rsa(),
        ..signer()
    });
    assert_eq!(accept(&xml).unwrap_err().code(), "signature-invalid");
}

#[test]
fn any_change_after_signing_is_refused() {
    for (from, to) in [
        ("anna@corp.example", "eve@corp.example"),
        (">Users<", ">Admins<"),
        (
            "NotOnOrAfter=\"2026-03-02T09:05",
            "NotOnOrAfter=\"2027-03-02T09:05",
        ),
        ("Recipient=\"https://portal", "Recipient=\"https://p0rtal"),
    ] {
        let xml = sign_response(&signer());
        let changed = xml.replace(from, to);
        assert_ne!(xml, changed, "{from}");
        let refusal = accept(&changed).unwrap_err();
        assert_eq!(refusal.code(), "signature-invalid", "{from}: {refusal}");
    }
}

#[test]
fn a_comment_within_a_value_does_not_cut_it_short() {
    let mut draft = response();
    let subject = draft.assertions[0].subject.as_mut().unwrap();
    subject.name_id.value = "anna@corp.example.evil.example".into();
    let xml = signer().sign(&draft).unwrap();
    let split = xml.replace("anna@corp.example.evil", "anna@corp.example<!-- -->.evil");
    assert_ne!(xml, split);
    let checked = accept(&split).unwrap();
    assert_eq!(checked.name_id().value, "anna@corp.example.evil.example");
}

#[test]
fn messages_other_than_a_signed_response_are_refused_with_the_reason() {
    let xml = sign_response(&signer());
    let declined = Response {
        status: Status {
            code: StatusCode::Responder,
            detail: Some(StatusCode::AuthnFailed),
            message: Some("locked".into()),
        },
        assertions: Vec::new(),
        ..response()
    };
    let cases = [
        (
            format!("<!DOCTYPE a [<!ENTITY x \"y\">]>{xml}"),
            "response-not-xml",
        ),
        (format!("{xml}<x/>"), "response-not-xml"),
        (format!("{xml}x"), "response-not-xml"),
        (String::new(), "response-not-xml"),
        ("<a/>".into(), "not-a-response"),
        (declined.to_xml(), "status-not-success"),
        (
            Response {
                assertions: Vec::new(),
                ..response()
            }
            .to_xml(),
            "no-assertion",
        ),
        (response().to_xml(), "not-signed"),
    ];
    for (document, code) in cases {
        let refusal = accept(&document).unwrap_err();
        assert_eq!(refusal.code(), code, "{refusal}");
    }
}

#[test]
fn each_rule_of_the_profile_is_applied() {
    type Bend = fn(&mut Response);
    let cases: [(&str, Bend); 14] = [
        ("wrong-issuer", |r| {
            r.issuer = Some("https://other.example".into())
        }),
        ("wrong-issuer", |r| {
            r.assertions[0].issuer = "https://other.example".into()
        }),
        ("wrong-destination", |r| {
            r.destination = Some("https://other.example".into())
        }),
        ("wrong-in-response-to", |r| {
            r.in_response_to = Some("_old".into())
        }),
        ("wrong-in-response-to", |r| r.in_response_to = None),
        ("wrong-in-response-to", |r| {
            confirmation(r).in_response_to = None
        }),
        ("wrong-recipient", |r| {
            confirmation(r).recipient = Some("https://other.example".into())
        }),
        ("no-bearer-confirmation", |r| {
            confirmation(r).method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches".into()
        }),
        ("no-bearer-confirmation", |r| {
            confirmation(r).not_on_or_after = None
        }),
        ("expired", |r| {
            confirmation(r).not_on_or_after = Some(now() - SignedDuration::from_secs(60))
        }),
        ("expired", |r| {
            conditions(r).not_on_or_after = Some(now() - SignedDuration::from_secs(60))
        }),
        ("not-yet-valid", |r| {
            conditions(r).not_before = Some(now() + SignedDuration::from_secs(61))
        }),
        ("wrong-audience", |r| {
            conditions(r).audience_restrictions =
                vec![vec![support::SP.into()], vec!["other".into()]]
        }),
        ("wrong-audience", |r| {
            conditions(r).audience_restrictions.clear()
        }),
    ];
    for (code, bend) in cases {
        let mut draft = response();
        bend(&mut draft);
        let refusal = accept(&signer().sign(&draft).unwrap()).unwrap_err();
        assert_eq!(refusal.code(), code, "{refusal}");
        assert!(!refusal.next().is_empty());
    }
}

fn confirmation(response: &mut Response) -> &mut saml::message::SubjectConfirmation {
    &mut response.assertions[0]
        .subject
        .as_mut()
        .unwrap()
        .confirmations[0]
}

fn conditions(response: &mut Response) -> &mut saml::message::Conditions {
    response.assertions[0].conditions.as_mut().unwrap()
}

#[test]
fn the_skew_is_granted_and_not_a_second_more() {
    let mut draft = response();
    confirmation(&mut draft).not_on_or_after = Some(now() - SignedDuration::from_secs(59));
    assert!(accept(&signer().sign(&draft).unwrap()).is_ok());
}

#[test]
fn all_violations_are_reported_not_only_the_first() {
    let mut draft = response();
    draft.destination = Some("https://other.example".into());
    conditions(&mut draft).audience_restrictions = vec![vec!["other".into()]];
    let refusal = accept(&signer().sign(&draft).unwrap()).unwrap_err();
    let codes: Vec<&str> = refusal.violations().map(|one| one.code.name()).collect();
    assert_eq!(codes, ["wrong-destination", "wrong-audience"]);
    assert!(
        !refusal.public().contains("other.example"),
        "nothing for a forger"
    );
}

proptest::proptest! {
    #[test]
    fn no_document_makes_the_path_panic(xml in "(<saml:Assertion|<samlp:Response|<ds:Signature| ID=\"a\"|/>|>|</|[a-z<>&!-]){0,20}") {
        let _ = accept(&xml);
    }
}

/// Returns a Response whose text was changed before signing.
fn sign_changed_response(find: &str, replacement: &str, signer: &Signer) -> String {
    let text = response().to_xml();
    assert!(text.contains(find), "{find} in {text}");
    signer
        .sign_text(&text.replacen(find, replacement, 1))
        .unwrap()
}

#[test]
fn signed_content_that_schema_or_profile_forbid_is_refused() {
    let both = Signer {
        response: true,
        assertion: true,
        ..signer()
    };
    let of_assertion = signer();
    let text = response().to_xml();
    let between = |start: &str, end: &str| {
        let from = text.find(start).unwrap();
        let to = text[from..].find(end).unwrap() + from + end.len();
        text[from..to].to_owned()
    };
    let issued = between(" IssueInstant=", "Z\"");
    let issuer = between("<saml:Issuer xmlns", "</saml:Issuer>");
    let context = between("<saml:AuthnContext>", "</saml:AuthnContext>");
    let in_assertion = format!("<saml:Issuer>{}", support::IDP);
    let formatted = format!(
        "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">{}",
        support::IDP
    );
    let cases = [
        (issued.as_str(), "", &of_assertion, "response-malformed"),
        (
            &issued,
            " IssueInstant=\"today\"",
            &of_assertion,
            "response-malformed",
        ),
        (&issuer, "", &both, "wrong-issuer"),
        (
            &in_assertion,
            &formatted,
            &of_assertion,
            "response-malformed",
        ),
        (&context, "", &of_assertion, "response-malformed"),
        (
            &context,
            "<saml:AuthnContext></saml:AuthnContext>",
            &of_assertion,
            "response-malformed",
        ),
        (
            "<saml:Subject>",
            "<saml:Subject xmlns:p=\"\">",
            &of_assertion,
            "response-not-xml",
        ),
    ];
    for (find, replacement, signer, code) in cases {
        // The signer of this project cannot sign a prefix without a namespace either.
        if code == "response-not-xml" {
            let signed = sign_response(signer).replacen(find, replacement, 1);
            assert_eq!(accept(&signed).unwrap_err().code(), code, "{find}");
            continue;
        }
        let signed = sign_changed_response(find, replacement, signer);
        assert_eq!(
            accept(&signed).unwrap_err().code(),
            code,
            "{find} → {replacement}"
        );
    }
    // A Response without a signature of its own may have no Issuer.
    accept(&sign_changed_response(&issuer, "", &of_assertion)).unwrap();
}
