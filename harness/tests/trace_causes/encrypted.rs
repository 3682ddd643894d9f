//! An encrypted assertion is judged like one in plain text.

use super::requests::request;
use super::signed::*;

const STALE: [&str; 3] = [
    "it may be within the encrypted assertion",
    "only the service provider can read",
    "anybody could have written this",
];

#[test]
fn a_decrypted_assertion_is_compared_with_its_response() {
    trace(&encrypted(&[])).expect(0, &["decrypted below", "holds, by a key"], &STALE);
    let rows: [(Edit<'_>, &str); 3] = [
        (
            (
                "acs\" InResponseTo=\"_req\"></saml:SubjectConfirmationData>",
                "acs\" InResponseTo=\"_other\"></saml:SubjectConfirmationData>",
            ),
            "InResponseTo of SubjectConfirmationData (_other) is not that of the Response (_req)",
        ),
        (
            (
                "</saml:Issuer><samlp:Status>",
                "/x</saml:Issuer><samlp:Status>",
            ),
            "that of the Response https://idp.example/x",
        ),
        (
            (
                "Recipient=\"https://sp.example/acs\"",
                "Recipient=\"https://x.example\"",
            ),
            "Recipient https://x.example is not the Destination https://sp.example/acs",
        ),
    ];
    for (edit, said) in rows {
        for message in [signed(&[edit]), encrypted(&[edit])] {
            trace_bare(&message).expect(1, &[said], &STALE);
        }
    }
}

#[test]
fn a_decrypted_assertion_is_compared_with_the_request() {
    let asked = request(&[
        (
            "<saml:Issuer>https://sp.example<",
            "<saml:Issuer>https://sp2.example<",
        ),
        (
            "</samlp:AuthnRequest>",
            "<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"/></samlp:AuthnRequest>",
        ),
    ]);
    let said = [
        "not https://sp2.example, the Issuer of the request",
        "the request demands a NameID in the format",
    ];
    for answer in [signed(&[]), encrypted(&[])] {
        let both = lines(&[("SAMLRequest", &asked), ("SAMLResponse", &answer)]);
        trace_bare(&both).expect(1, &said, &STALE[..2]);
    }
    let unknown = ["whether InResponseTo is the ID of a request"];
    trace(&encrypted(&[])).expect(0, &unknown, &[]);
}

#[test]
fn a_signature_of_the_response_covers_the_encrypted_assertion() {
    let encryption = encryption();
    let outside = encryption.encrypt_assertions(&unsigned(&[])).unwrap();
    trace(&outside).expect(1, &["nothing is signed"], &[]);
    let signer = saml::signature::Signer {
        response: true,
        ..saml::signature::Signer::of_documents(IDP.key.clone())
    };
    let outside = signer.sign_text(&outside).unwrap();
    trace(&outside).expect(
        0,
        &["only the Response is signed"],
        &["nothing is signed", STALE[0], STALE[2]],
    );
}

#[test]
fn nothing_is_known_about_the_signature_of_what_cannot_be_decrypted() {
    let other = saml::encryption::Encryption {
        recipient: IDP.key.certificate().clone(),
        ..encryption()
    };
    let message = other.encrypt_assertions(&signed(&[])).unwrap();
    trace(&message).expect(
        1,
        &[
            "encrypted for another key",
            "not known: the assertion cannot be decrypted",
            STALE[0],
        ],
        &[STALE[2]],
    );
}

#[test]
fn prefixes_that_only_the_response_declares_are_completed() {
    let own = "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ";
    let bare = signed(&[(own, "<saml:Assertion ")]);
    let message = encryption().encrypt_assertions(&bare).unwrap();
    trace(&message).expect(
        0,
        &[
            "uses namespace prefixes that only the elements around it declare (saml)",
            "holds, by a key",
        ],
        &STALE,
    );
}
