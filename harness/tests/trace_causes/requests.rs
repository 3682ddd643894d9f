//! Requests and messages of logout.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::io::Write as _;

use super::signed::*;

const REQUEST: &str = "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_req\" Version=\"2.0\" \
    IssueInstant=\"2026-11-30T12:00:00Z\" AssertionConsumerServiceURL=\"https://sp.example/acs\" \
    Destination=\"https://idp.example/sso\"><saml:Issuer>https://sp.example</saml:Issuer></samlp:AuthnRequest>";

pub(super) fn request(edits: &[Edit<'_>]) -> String {
    with(REQUEST, edits)
}

/// Percent-encodes the base64 of a message.
pub(super) fn encoded(bytes: &[u8]) -> String {
    url::form_urlencoded::byte_serialize(BASE64.encode(bytes).as_bytes()).collect()
}

pub(super) fn deflated(xml: &str) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(xml.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn each_binding_has_its_encoding() {
    let (request, response) = (request(&[]), signed(&[]));
    let url = |name: &str, bytes: &[u8]| format!("https://x.example/y?{name}={}", encoded(bytes));
    let compressed = url("SAMLRequest", &deflated(&request));
    trace(&compressed).expect(0, &["AuthnRequest"], &["is not compressed"]);
    trace(&url("SAMLRequest", request.as_bytes())).expect(1, &["is not compressed"], &[]);
    for bytes in [response.as_bytes(), &deflated(&response)] {
        let done = trace(&url("SAMLResponse", bytes));
        done.expect(
            1,
            &["a Response must not be (saml-profiles §4.1.2)"],
            &["not compressed"],
        );
    }
    let form = format!("SAMLResponse={}", encoded(&deflated(&response)));
    trace(&form).expect(0, &["the Response is compressed by DEFLATE"], &[]);
    let form = format!("SAMLResponse={}", encoded(response.as_bytes()));
    trace(&form).expect(0, &[], &["DEFLATE"]);
    let binding = (
        "Destination=",
        "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Destination=",
    );
    let done = trace(&with(&request, &[binding]));
    done.expect(
        1,
        &["ProtocolBinding demands the Response by HTTP-Redirect"],
        &[],
    );
}

#[test]
fn sha_1_is_obsolete_and_no_reason_to_refuse() {
    let query = format!(
        "https://idp.example/sso?SAMLRequest={}&SigAlg={}&Signature=AAAA",
        encoded(&deflated(&request(&[]))),
        "http%3A%2F%2Fwww.w3.org%2F2000%2F09%2Fxmldsig%23rsa-sha1"
    );
    let forged = ["can be forged"];
    trace(&query).expect(0, &["SHA-1 in the signature", "choose RSA-SHA256"], &forged);
    // The advice for the digest is another one.
    let digest = (
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2000/09/xmldsig#sha1",
    );
    trace(&with(&signed(&[]), &[digest])).expect(
        1,
        &["SHA-1 in the digest", "choose the digest method SHA-256"],
        &forged,
    );
}

#[test]
fn a_request_is_compared_with_the_metadata_of_its_service_provider() {
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://sp.example\">\
         <md:SPSSODescriptor AuthnRequestsSigned=\"true\" protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         {}<md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://sp.example/acs\" index=\"0\"/></md:SPSSODescriptor></md:EntityDescriptor>",
        sp_key_descriptor("signing")
    );
    let other = request(&[("https://sp.example/acs", "https://sp.example/saml/acs")]);
    let said = [
        "AssertionConsumerServiceURL is https://sp.example/saml/acs, and the metadata of https://sp.example has https://sp.example/acs",
        "says AuthnRequestsSigned=\"true\"",
    ];
    trace_with(&other, &metadata, &[]).expect(1, &said, &["WantAuthnRequestsSigned"]);
    let same = trace_with(&request(&[]), &metadata, &[]);
    same.expect(1, &said[1..], &["AssertionConsumerServiceURL is"]);
    let unsigned = metadata.replace(" AuthnRequestsSigned=\"true\"", "");
    trace_with(&request(&[]), &unsigned, &[]).expect(0, &[], &said);
}

#[test]
fn a_request_that_asks_for_another_address_is_named() {
    let http = request(&[("https://sp.example/acs", "http://sp.example/acs")]);
    trace(&http).expect(
        0,
        &[
            "itself asks for the Response at http://sp.example/acs",
            "X-Forwarded-Proto",
        ],
        &[],
    );
    let format = "</saml:Issuer><samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:unspecified\"/>";
    trace(&request(&[("</saml:Issuer>", format)])).expect(
        0,
        &[
            "NameIDPolicy: the format",
            "identity providers answer InvalidNameIDPolicy",
        ],
        &["itself asks for"],
    );
}

#[test]
fn a_refused_logout_is_explained_as_a_logout() {
    let of = |status: &str| {
        let answer = format!(
            "<samlp:LogoutResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_l\" Version=\"2.0\" \
             IssueInstant=\"2026-11-30T12:00:00Z\" Destination=\"https://sp.example/slo\" InResponseTo=\"_q\">\
             <saml:Issuer>https://idp.example</saml:Issuer><samlp:Status>{status}</samlp:Status></samlp:LogoutResponse>"
        );
        let signer = saml::signature::Signer::of_documents(IDP.key.clone());
        trace(&signer.sign_document(&answer).unwrap())
    };
    let code = |name: &str, inner: &str| {
        let name = format!("urn:oasis:names:tc:SAML:2.0:status:{name}");
        format!("<samlp:StatusCode Value=\"{name}\">{inner}</samlp:StatusCode>")
    };
    let partial = "the logout did not succeed everywhere";
    of(&code("Requester", "")).expect(
        1,
        &[
            "the other party refused the LogoutRequest",
            "SPNameQualifier",
        ],
        &[partial, "ACS URL", "NameIDPolicy"],
    );
    of(&code("Success", "")).expect(0, &[], &[partial, "failed"]);
    for top in ["Success", "Responder"] {
        of(&code(top, &code("PartialLogout", ""))).expect(0, &[partial], &["failed"]);
    }
}
