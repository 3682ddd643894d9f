//! Signatures that cover something else than what would be read, or are in the wrong place.
#![allow(clippy::unwrap_used)]

mod support;

use support::{accept, sign_response, signer};

/// Returns the element from its start tag to its end tag.
fn cut<'x>(xml: &'x str, start: &str, end: &str) -> &'x str {
    let from = xml.find(start).unwrap();
    let to = xml[from..].find(end).unwrap() + from + end.len();
    &xml[from..to]
}

#[test]
fn wrapped_signatures_are_refused_wherever_the_forgery_is() {
    let xml = sign_response(&signer());
    let genuine = cut(&xml, "<saml:Assertion", "</saml:Assertion>");
    let signature = cut(genuine, "<ds:Signature", "</ds:Signature>");
    let forged = genuine
        .replace(signature, "")
        .replace("_assertion", "_forged")
        .replace("anna@", "eve@");
    let bare = genuine.replace(signature, "");
    let with_object = |inner: &str| {
        signature.replace(
            "</ds:Signature>",
            &format!("<ds:Object>{inner}</ds:Object></ds:Signature>"),
        )
    };
    let forged_with = |signature: &str| {
        forged.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
    };
    let same_id = genuine.replace(signature, "").replace("anna@", "eve@");
    let variants = [
        (
            "forgery before",
            xml.replace(genuine, &format!("{forged}{genuine}")),
        ),
        (
            "forgery after",
            xml.replace(genuine, &format!("{genuine}{forged}")),
        ),
        (
            "genuine in the forgery",
            xml.replace(
                genuine,
                &forged.replace("</saml:Assertion>", &format!("{genuine}</saml:Assertion>")),
            ),
        ),
        (
            "forgery with the signature, genuine beside",
            xml.replace(genuine, &format!("{}{bare}", forged_with(signature))),
        ),
        (
            "genuine in an Object of the forgery's signature",
            xml.replace(genuine, &forged_with(&with_object(&bare))),
        ),
        (
            "genuine in an extension",
            xml.replace(
                "<samlp:Status>",
                &format!("<samlp:Extensions>{genuine}</samlp:Extensions><samlp:Status>"),
            )
            .replacen(
                &format!("</samlp:Status>{genuine}"),
                &format!("</samlp:Status>{forged}"),
                1,
            ),
        ),
        (
            "the same ID twice",
            xml.replace(genuine, &format!("{same_id}{genuine}")),
        ),
        (
            "response in a response",
            format!(
                "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_outer\" Version=\"2.0\" IssueInstant=\"2026-03-02T09:00:00Z\"><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{}{}</samlp:Response>",
                forged.replacen(
                    "<saml:Assertion",
                    "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
                    0
                ),
                xml
            ),
        ),
    ];
    for (name, document) in variants {
        assert_ne!(document, xml, "{name}");
        match accept(&document) {
            Ok(checked) => panic!("{name}: accepted {}", checked.name_id().value),
            Err(refusal) => assert!(
                [
                    "many-assertions",
                    "signature-misplaced",
                    "signature-invalid"
                ]
                .contains(&refusal.code()),
                "{name}: {refusal}"
            ),
        }
    }
}

#[test]
fn a_signature_has_to_follow_the_issuer() {
    let signed = sign_response(&signer());
    let start = signed.find("<ds:Signature").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &signed[start..end];
    let moved = signed.replacen(signature, "", 1).replacen(
        "</saml:Assertion>",
        &format!("{signature}</saml:Assertion>"),
        1,
    );
    assert_eq!(accept(&moved).unwrap_err().code(), "signature-misplaced");
}
