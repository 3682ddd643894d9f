//! Reads and writes the metadata of both sides.
#![allow(clippy::unwrap_used)]

mod support;

use saml::acceptance::TrustedKeys;
use saml::keys::{Certificate, CertificateError};
use saml::message::{AuthnRequest, NameIdFormat, NameIdPolicy};
use saml::metadata::{
    Endpoint, IdpMetadata, IndexedEndpoint, MetadataError, Selection, SpMetadata,
};
use saml::{Limits, binding, names};
use support::{ACS, IDP, SP, ec, other_rsa, rsa};

fn idp() -> IdpMetadata {
    let endpoint = |binding: &str| Endpoint {
        binding: binding.into(),
        location: "https://idp.example/env/saml20/idp/sso".into(),
        response_location: None,
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
                response_location: None,
            },
            index: 0,
            is_default: true,
        }],
        slo: vec![],
        certificates: vec![],
        encryption_certificates: Vec::new(),
        encryption_methods: Vec::new(),
        valid_until: None,
        cache_duration: None,
        authn_requests_signed: false,
        want_assertions_signed: true,
        name_id_formats: vec![NameIdFormat::EmailAddress],
    }
}

#[test]
fn metadata_is_unchanged_after_writing_and_reading() {
    assert_eq!(IdpMetadata::parse(&idp().to_xml()).unwrap(), idp());
    assert_eq!(SpMetadata::parse(&sp().to_xml()).unwrap(), sp());
}

#[test]
fn a_wrong_file_is_an_error_that_says_what_to_do() {
    let error = IdpMetadata::parse(&sp().to_xml()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("give that of the identity provider"),
        "{error}"
    );
    let error = SpMetadata::parse(&idp().to_xml()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("give that of the service provider"),
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
fn a_certificate_is_read_in_every_pasted_form() {
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
        requested_authn_context: None,
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

/// Returns signed metadata with an `ID`.
fn sign_metadata() -> String {
    idp().to_signed_xml("_metadata", &rsa()).unwrap()
}

#[test]
fn signed_metadata_is_accepted_only_with_the_given_certificate() {
    let by =
        |key: saml::keys::SigningKey| TrustedKeys::new(vec![key.certificate().clone()]).unwrap();
    let (right, wrong) = (by(rsa()), by(other_rsa()));
    let read = |text: &str, keys: Option<&TrustedKeys>| {
        let selection = Selection {
            entity_id: None,
            signed_by: keys,
        };
        IdpMetadata::select(text, &selection)
    };
    assert_eq!(read(&sign_metadata(), Some(&right)).unwrap(), idp());
    // Without a required signature, the metadata is accepted unverified.
    assert_eq!(read(&sign_metadata(), None).unwrap(), idp());
    for (text, keys) in [
        (sign_metadata(), &wrong),
        (idp().to_xml(), &right),
        (
            sign_metadata().replace("idp.example/env/saml20", "evil.example/env/saml20"),
            &right,
        ),
    ] {
        let error = read(&text, Some(keys)).unwrap_err();
        assert!(matches!(error, MetadataError::Signature(_)), "{error}");
    }
    // A signature over only a part of the document does not count.
    let aggregate = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{}\">{}</md:EntitiesDescriptor>",
        names::METADATA,
        sign_metadata()
    );
    let error = read(&aggregate, Some(&right)).unwrap_err();
    assert!(matches!(error, MetadataError::Signature(_)), "{error}");
    let provider = sp().to_signed_xml("_sp", &ec()).unwrap();
    let keys = by(ec());
    let selection = Selection {
        entity_id: Some(SP),
        signed_by: Some(&keys),
    };
    assert_eq!(SpMetadata::select(&provider, &selection).unwrap(), sp());
}

#[test]
fn the_requested_entity_of_an_aggregate_is_used() {
    let other = IdpMetadata {
        entity_id: "https://other.example".into(),
        ..idp()
    };
    let wrap = |entities: &[String], attributes: &str| {
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"{}\" {attributes}>{}</md:EntitiesDescriptor>",
            names::METADATA,
            entities.concat()
        )
    };
    let named = |id| Selection {
        entity_id: Some(id),
        signed_by: None,
    };
    // One identity provider among other roles needs no selection.
    let text = wrap(&[sp().to_xml(), idp().to_xml()], "");
    assert_eq!(IdpMetadata::parse(&text).unwrap(), idp());
    assert_eq!(SpMetadata::parse(&text).unwrap(), sp());
    // Two identity providers, one of them in a nested document.
    let text = wrap(&[wrap(&[other.to_xml()], ""), idp().to_xml()], "");
    let error = IdpMetadata::parse(&text).unwrap_err().to_string();
    assert!(
        error.contains(IDP) && error.contains("https://other.example"),
        "{error}"
    );
    assert_eq!(IdpMetadata::select(&text, &named(IDP)).unwrap(), idp());
    let error = IdpMetadata::select(&text, &named("https://none.example")).unwrap_err();
    assert!(matches!(error, MetadataError::NoSuchEntity(_)), "{error}");
    // An earlier `validUntil` of the surrounding element counts.
    let sooner = wrap(&[idp().to_xml()], "validUntil=\"2026-01-01T00:00:00Z\"");
    let metadata = IdpMetadata::parse(&sooner).unwrap();
    let error = metadata.valid_at(support::now()).unwrap_err();
    assert!(error.to_string().contains("2026-01-01"), "{error}");
}

#[test]
fn the_cache_duration_of_metadata_is_read() {
    let fresh = |duration: &str| {
        let metadata = IdpMetadata {
            cache_duration: Some(duration.into()),
            ..idp()
        };
        let metadata = IdpMetadata::parse(&metadata.to_xml())?;
        metadata.fresh_until(support::at("2026-03-02T09:00:00Z"))
    };
    let until = |text: &str| Some(support::at(text));
    assert_eq!(fresh("PT1H").unwrap(), until("2026-03-02T10:00:00Z"));
    assert_eq!(fresh("P1M").unwrap(), until("2026-04-02T09:00:00Z"));
    for wrong in ["an hour", "-PT1H"] {
        let error = fresh(wrong).unwrap_err();
        assert!(matches!(error, MetadataError::CacheDuration(_)), "{error}");
    }
}

#[test]
fn a_key_that_is_rolled_over_is_known_before_and_after() {
    let metadata = IdpMetadata::parse(&idp().to_xml()).unwrap();
    let all = metadata.signing_certificates;
    assert_eq!(
        all,
        [rsa().certificate().clone(), ec().certificate().clone()]
    );
    for key in [rsa(), ec()] {
        let signer = saml::signature::Signer {
            algorithm: key.algorithm(),
            key,
            ..support::signer()
        };
        let xml = signer.sign(&support::response()).unwrap();
        let policy = saml::acceptance::SignaturePolicy::Either;
        support::accept_with(&xml, all.clone(), policy).unwrap();
    }
}

#[test]
fn encryption_methods_come_along() {
    let provider = SpMetadata {
        encryption_certificates: vec![rsa().certificate().clone()],
        encryption_methods: vec!["http://www.w3.org/2009/xmlenc11#aes256-gcm".into()],
        ..sp()
    };
    assert_eq!(SpMetadata::parse(&provider.to_xml()).unwrap(), provider);
}
