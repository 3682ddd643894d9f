//! A small identity provider: keys, and a valid response that the tests change.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use saml::Limits;
use saml::acceptance::{
    Checked, Expectations, Expected, Posted, Refusal, SignaturePolicy, TrustedKeys,
};
use saml::binding::post;
use saml::keys::{Certificate, SignatureAlgorithm, SigningKey};
use saml::message::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Response, Status,
    Subject, SubjectConfirmation,
};
use saml::names;
use saml::signature::Signer;

pub const IDP: &str = "https://idp.example/env";
pub const SP: &str = "https://portal.example/42";
pub const ACS: &str = "https://portal.example/webapp/sso/acs/42";
pub const REQUEST: &str = "_request";

pub fn rsa() -> SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
        pair(&KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
    });
    KEY.clone()
}

pub fn other_rsa() -> SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
        pair(&KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
    });
    KEY.clone()
}

pub fn ec() -> SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| pair(&KeyPair::generate().unwrap()));
    KEY.clone()
}

/// Returns the EC key whose curve belongs to the algorithm.
pub fn ec_for(algorithm: SignatureAlgorithm) -> SigningKey {
    let curve = match algorithm {
        SignatureAlgorithm::EcdsaSha384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        SignatureAlgorithm::EcdsaSha512 => &rcgen::PKCS_ECDSA_P521_SHA512,
        _ => &rcgen::PKCS_ECDSA_P256_SHA256,
    };
    pair(&KeyPair::generate_for(curve).unwrap())
}

fn pair(key: &KeyPair) -> SigningKey {
    let params = CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
    let certificate = params.self_signed(key).unwrap();
    let certificate = Certificate::from_der(certificate.der().to_vec()).unwrap();
    SigningKey::new(&key.serialize_pem(), certificate).unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn now() -> Timestamp {
    at("2026-03-02T09:00:00Z")
}

pub fn response() -> Response {
    let minutes = |n| now() + SignedDuration::from_mins(n);
    Response {
        id: "_response".into(),
        issue_instant: now(),
        destination: Some(ACS.into()),
        in_response_to: Some(REQUEST.into()),
        issuer: Some(IDP.into()),
        status: Status::success(),
        assertions: vec![Assertion {
            id: "_assertion".into(),
            issue_instant: now(),
            issuer: IDP.into(),
            subject: Some(Subject {
                name_id: NameId {
                    value: "anna@corp.example".into(),
                    format: NameIdFormat::EmailAddress,
                    name_qualifier: None,
                    sp_name_qualifier: None,
                },
                confirmations: vec![SubjectConfirmation {
                    method: names::BEARER.into(),
                    recipient: Some(ACS.into()),
                    not_on_or_after: Some(minutes(5)),
                    not_before: None,
                    in_response_to: Some(REQUEST.into()),
                }],
            }),
            conditions: Some(Conditions {
                not_before: Some(minutes(-1)),
                not_on_or_after: Some(minutes(5)),
                audience_restrictions: vec![vec![SP.into()]],
            }),
            authn_statements: vec![AuthnStatement {
                authn_instant: minutes(-1),
                session_index: Some("_session".into()),
                session_not_on_or_after: None,
                class_ref: names::PASSWORD_PROTECTED_TRANSPORT.into(),
            }],
            attributes: vec![Attribute {
                name: "groups".into(),
                name_format: None,
                values: vec!["Users".into(), "R&D <west>".into()],
            }],
        }],
    }
}

pub fn signer() -> Signer {
    Signer {
        key: rsa(),
        response: false,
        assertion: true,
        algorithm: SignatureAlgorithm::RsaSha256,
    }
}

pub fn expectations() -> Expectations {
    Expectations {
        idp_entity_id: IDP.into(),
        sp_entity_id: SP.into(),
        acs_url: ACS.into(),
        in_response_to: Expected::Request(REQUEST.into()),
        now: now(),
        clock_skew: SignedDuration::from_secs(60),
    }
}

/// Runs all stages of a service provider.
pub fn accept(xml: &str) -> Result<Checked, Refusal> {
    accept_with(
        xml,
        vec![rsa().certificate().clone()],
        SignaturePolicy::Either,
    )
}

pub fn accept_with(
    xml: &str,
    trusted: Vec<Certificate>,
    policy: SignaturePolicy,
) -> Result<Checked, Refusal> {
    Posted::from_form(&post::encode(xml), &Limits::default())?
        .verify(&TrustedKeys::new(trusted).unwrap(), policy)?
        .check(&expectations())
}

/// Returns a Response with the signatures of this signer.
pub fn sign_response(signer: &Signer) -> String {
    signer.sign(&response()).unwrap()
}
