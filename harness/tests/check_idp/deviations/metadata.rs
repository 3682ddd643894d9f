//! Deviations in the metadata (judge: `metadata`).

use rehearsal::check::idp::recording::Opened;

use super::Deviation;
use super::edits::{before, metadata};

#[rustfmt::skip]
pub(super) const METADATA: &[Deviation] = &[
    (
        "the metadata contains a DTD",
        |it| before(it, "<md:EntityDescriptor", "<!DOCTYPE x>"),
        &["SAML-IDP-MD-01"],
    ),
    (
        "the metadata is that of a service provider",
        |it| {
            it.metadata.body = "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"urn:x\"/>".to_owned();
        },
        &["SAML-IDP-MD-02"],
    ),
    (
        "the metadata was changed after signing",
        |it| {
            let body = &mut it.metadata.body;
            assert!(body.contains("<ds:Signature "), "{body}");
            *body = body.replacen("<md:NameIDFormat>", "<md:NameIDFormat> ", 1);
        },
        &["SAML-IDP-MD-19"],
    ),
    (
        "a NameIDFormat after the endpoints (wrong order)",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:entity</md:NameIDFormat>",
            )
        },
        &["SAML-IDP-MD-03"],
    ),
    (
        "validUntil of the metadata is in the past",
        |it| {
            metadata(
                it,
                "entityID=",
                "validUntil=\"2020-01-01T00:00:00Z\" entityID=",
            )
        },
        &["SAML-IDP-MD-05"],
    ),
    (
        "cacheDuration is one second",
        |it| metadata(it, "entityID=", "cacheDuration=\"PT1S\" entityID="),
        &["SAML-IDP-MD-06"],
    ),
    (
        "an invalid certificate in the metadata",
        |it| {
            metadata(
                it,
                "</md:KeyDescriptor>",
                "</md:KeyDescriptor><md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
            )
        },
        &["SAML-IDP-MD-07"],
    ),
    (
        "a certificate with a short key, signed with SHA-1",
        |it| {
            metadata(
                it,
                "</md:KeyDescriptor>",
                &format!(
                    "</md:KeyDescriptor><md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{WEAK}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
                ),
            )
        },
        &["SAML-IDP-MD-08", "SAML-IDP-MD-10"],
    ),
    (
        "no SingleSignOnService with HTTP-Redirect",
        |it| metadata(it, "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP"),
        &["SAML-IDP-MD-11"],
    ),
    (
        "no SingleSignOnService with HTTP-POST",
        |it| metadata(it, "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP"),
        &["SAML-IDP-MD-12"],
    ),
    (
        "a SingleSignOnService with an unknown binding",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:SingleSignOnService Binding=\"urn:x\" Location=\"https://idp.example/\"/>",
            )
        },
        &["SAML-IDP-MD-13"],
    ),
    (
        "an endpoint with a relative URL",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP\" Location=\"/sso\"/>",
            )
        },
        &["SAML-IDP-MD-14"],
    ),
    (
        "an endpoint without TLS",
        |it| {
            before(
                it,
                "</md:IDPSSODescriptor>",
                "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP\" Location=\"http://idp.example/sso\"/>",
            )
        },
        &["SAML-IDP-MD-15"],
    ),
    (
        "an announced endpoint that is not served",
        |it| {
            it.opened.push(Opened {
                what: "SingleLogoutService".to_owned(),
                method: "GET".to_owned(),
                url: "https://idp.example/".to_owned(),
                status: Some(404),
                trouble: None,
            })
        },
        &["SAML-IDP-MD-16"],
    ),
    (
        "the metadata has the media type of HTML",
        |it| it.metadata.media_type = Some("text/html".to_owned()),
        &["SAML-IDP-MD-17"],
    ),
    (
        "an unknown NameIDFormat in the metadata",
        |it| {
            before(
                it,
                "<md:SingleSignOnService",
                "<md:NameIDFormat>urn:x</md:NameIDFormat>",
            )
        },
        &["SAML-IDP-MD-18"],
    ),
    (
        "the metadata contains a private key",
        |it| {
            metadata(
                it,
                "<md:IDPSSODescriptor",
                "<!-- -----BEGIN PRIVATE KEY----- --><md:IDPSSODescriptor",
            );
        },
        &["SAML-IDP-MD-01", "SAML-IDP-MD-20"],
    ),
    (
        "WantAuthnRequestsSigned is not a boolean",
        |it| {
            metadata(
                it,
                "<md:IDPSSODescriptor",
                "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"no\"",
            )
        },
        &["SAML-IDP-MD-21"],
    ),
    (
        "the metadata contains the same key twice",
        |it| {
            let body = it.metadata.body.clone();
            let key = &body[body.find("<md:KeyDescriptor").unwrap()
                ..body.find("</md:KeyDescriptor>").unwrap()];
            before(
                it,
                "<md:KeyDescriptor",
                &format!("{key}</md:KeyDescriptor>"),
            );
        },
        &["SAML-IDP-MD-22"],
    ),
    (
        "the certificate has expired",
        |it| it.metadata.at = "2200-01-01T00:00:00Z".parse().unwrap(),
        &["SAML-IDP-MD-09"],
    ),
];

/// A certificate with an RSA key of 1024 bits, signed with SHA-1; made for this test.
const WEAK: &str = "MIIB/DCCAWWgAwIBAgIUPIsrg51ISNSqMzY5dfd6izFE/yswDQYJKoZIhvcNAQEFBQAwDzENMAsGA1UEAwwEd2VhazAgFw0yNjExMjUyMzM4MDJaGA8yMTI2MTEwMTIzMzgwMlowDzENMAsGA1UEAwwEd2VhazCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAvu3skKoPBat95iYu5XicQ+BzsBvUX6yM77Gm+v4/GwAESSBiVDYW1RLzsc8CTH2LsZ3YNmNw7fpduiab6+n0PoeVh0ALGIPtDkuoAzPJpEN8OR/QnaOZQcIvx1Aln+VP1vfu+f2mekdlHMfZSt0yZrc9ErmkdqlkSLul8p/o6RMCAwEAAaNTMFEwHQYDVR0OBBYEFDzB3Ve5enrTFUYd4uEzYuGq0qz1MB8GA1UdIwQYMBaAFDzB3Ve5enrTFUYd4uEzYuGq0qz1MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQEFBQADgYEAZnPFY3qjB19MW0Y8kdNJZ4KAas4TFkDJ5GM1/5bMeGtZMPWZayTN5mnDZNFSvcKfwJTMsllI7haoUx0E7K7MXpTiNR/ZaCiWzisPZnNlKLDzG61qUZDDuG9nxCUiZsm4w9AFdsMGLYvD5B0E8ZcbhM6nyBxPAuXY/UALbFcmKl4=";
