//! Metadata as both sides export and import it.
#![allow(clippy::unwrap_used)]

mod support;

use saml::keys::{Certificate, CertificateError};
use saml::message::{AuthnRequest, NameIdFormat, NameIdPolicy};
use saml::metadata::{Endpoint, IdpMetadata, IndexedEndpoint, MetadataError, SpMetadata};
use saml::{Limits, binding, names};
use support::{ACS, IDP, SP, ec, other_rsa, rsa};

fn idp() -> IdpMetadata {
    let endpoint = |binding: &str| Endpoint {
        binding: binding.into(),
        location: "https://idp.example/env/saml20/idp/sso".into(),
    };
    IdpMetadata {
        entity_id: IDP.into(),
        signing_certificates: vec![rsa().certificate().clone(), ec().certificate().clone()],
        sso: vec![endpoint(names::HTTP_POST), endpoint(names::HTTP_REDIRECT)],
        slo: vec![],
        name_id_formats: vec![NameIdFormat::EmailAddress],
        want_authn_requests_signed: false,
        valid_until: Some(support::now()),
        cache_duration: Some("PT1H".into()),
    }
}

fn sp() -> SpMetadata {
    SpMetadata {
        entity_id: SP.into(),
        acs: vec![IndexedEndpoint {
            endpoint: Endpoint {
                binding: names::HTTP_POST.into(),
                location: ACS.into(),
            },
            index: 0,
            is_default: true,
        }],
        slo: vec![],
        certificates: vec![],
        encryption_certificates: Vec::new(),
        authn_requests_signed: false,
        want_assertions_signed: true,
        name_id_formats: vec![NameIdFormat::EmailAddress],
    }
}

#[test]
fn metadata_comes_back_as_it_was_written() {
    assert_eq!(IdpMetadata::parse(&idp().to_xml()).unwrap(), idp());
    assert_eq!(SpMetadata::parse(&sp().to_xml()).unwrap(), sp());
}

#[test]
fn the_wrong_file_is_named_with_what_to_do() {
    let error = IdpMetadata::parse(&sp().to_xml()).unwrap_err();
    assert!(
        error.to_string().contains("upload the identity provider's"),
        "{error}"
    );
    let error = SpMetadata::parse(&idp().to_xml()).unwrap_err();
    assert!(
        error.to_string().contains("upload the service provider's"),
        "{error}"
    );
    let none = IdpMetadata {
        signing_certificates: vec![],
        ..idp()
    };
    let error = IdpMetadata::parse(&none.to_xml()).unwrap_err();
    assert_eq!(error, MetadataError::NoSigningCertificate);
    let error = idp().valid_at(support::now()).unwrap_err();
    assert_eq!(error, MetadataError::Expired(support::now()));
}

#[test]
fn a_certificate_is_read_however_it_was_pasted() {
    let own = rsa().certificate().clone();
    let pem = own.to_pem();
    let spaced = pem.replace('\n', "\r\n  \t");
    for text in [
        pem.clone(),
        spaced,
        own.to_base64(),
        format!("subject=CN\n{pem}\n"),
    ] {
        assert_eq!(Certificate::parse(&text).unwrap(), own, "{text}");
    }
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    assert_eq!(
        Certificate::parse(key).unwrap_err(),
        CertificateError::PrivateKey
    );
    let cut = pem.replace("-----END CERTIFICATE-----", "");
    let error = Certificate::parse(&cut).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("-----END CERTIFICATE----- is missing"),
        "{error}"
    );
}

#[test]
fn a_signed_redirect_verifies_over_its_own_octets() {
    let request = AuthnRequest {
        id: "_r".into(),
        issue_instant: support::now(),
        issuer: SP.into(),
        destination: Some("https://idp.example/sso".into()),
        acs_url: Some(ACS.into()),
        acs_index: None,
        protocol_binding: Some(names::HTTP_POST.into()),
        name_id_policy: Some(NameIdPolicy {
            format: Some(NameIdFormat::EmailAddress),
            allow_create: true,
        }),
        force_authn: false,
        is_passive: false,
        requested_authn_context: vec![],
    };
    let url = binding::redirect::encode(
        "https://idp.example/sso",
        binding::Parameter::Request,
        &request.to_xml(),
        Some("state"),
        Some(&rsa()),
    )
    .unwrap();
    let query = url.split_once('?').unwrap().1;
    let message = binding::redirect::decode(query, &Limits::default()).unwrap();
    assert_eq!(AuthnRequest::parse(&message.xml).unwrap(), request);
    let signature = message.signature.unwrap();
    let theirs = [other_rsa().certificate().clone()];
    let ours = [ec().certificate().clone(), rsa().certificate().clone()];
    assert!(signature.verify(&ours));
    assert!(!signature.verify(&theirs));
    let moved = query.replace("RelayState=state", "RelayState=other");
    let message = binding::redirect::decode(&moved, &Limits::default()).unwrap();
    assert!(!message.signature.unwrap().verify(&ours));
}
