//! The parties of the tests: an attacker with an account, a victim, and a service provider that
//! trusts one identity provider.

#![allow(dead_code, reason = "each user of this module uses a part")]

use std::sync::LazyLock;

use faults::{Cover, Fault, Forged, Honest, Ineffective, MoreKeys};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256,
    RsaKeySize, SignatureAlgorithm,
};
use saml::Limits;
use saml::acceptance::{
    Checked, Expectations, Expected, Posted, Refusal, SignaturePolicy, TrustedKeys,
};
use saml::encryption::DecryptionKeys;
use saml::keys::{Certificate, SigningKey};
use saml::message::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Response, Status,
    Subject, SubjectConfirmation,
};
use saml::names;
use saml::signature::Signer;

const IDP: &str = "https://idp.example/env";
const SP: &str = "https://portal.example/42";
const ACS: &str = "https://portal.example/webapp/sso/acs/42";
const REQUEST: &str = "_request";
const ATTACKER: &str = "mallory@corp.example";
/// The user whom the faults claim to be.
pub(crate) const VICTIM: &str = "anna@corp.example";

fn key() -> SigningKey {
    certify(&KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap())
}

fn ec_key(algorithm: &'static SignatureAlgorithm) -> SigningKey {
    certify(&KeyPair::generate_for(algorithm).unwrap())
}

fn certify(key: &KeyPair) -> SigningKey {
    let params = CertificateParams::new(vec!["idp.example".to_owned()]).unwrap();
    let certificate = params.self_signed(key).unwrap();
    let certificate = Certificate::from_der(certificate.der().to_vec()).unwrap();
    SigningKey::new(&key.serialize_pem(), certificate).unwrap()
}

pub(crate) static OWN: LazyLock<SigningKey> = LazyLock::new(key);
/// The keys that the metadata announces after [`OWN`].
pub(crate) static MORE: LazyLock<MoreKeys> = LazyLock::new(|| MoreKeys {
    rsa: key(),
    p256: ec_key(&PKCS_ECDSA_P256_SHA256),
    p384: ec_key(&PKCS_ECDSA_P384_SHA384),
});
static FOREIGN_EC: LazyLock<SigningKey> = LazyLock::new(|| ec_key(&PKCS_ECDSA_P256_SHA256));
static FOREIGN: LazyLock<SigningKey> = LazyLock::new(key);
/// The service provider's own key.
pub(crate) static RECIPIENT: LazyLock<SigningKey> = LazyLock::new(key);

pub(crate) fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn response(who: &str) -> Response {
    let minutes = |n| now() + SignedDuration::from_mins(n);
    let attribute = |name: &str, value: &str| Attribute {
        name: name.into(),
        name_format: None,
        values: vec![value.into()],
    };
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
                    value: who.into(),
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
            attributes: vec![attribute("name", who), attribute("groups", "Users")],
        }],
    }
}

/// The identity provider's key.
pub(crate) fn own() -> SigningKey {
    OWN.clone()
}

/// The identity provider's certificate.
pub(crate) fn certificate() -> Certificate {
    OWN.certificate().clone()
}

/// The certificates of the identity provider's metadata.
pub(crate) fn trusted() -> Vec<Certificate> {
    let all = [&*OWN, &MORE.rsa, &MORE.p256, &MORE.p384];
    all.map(|it| it.certificate().clone()).to_vec()
}

/// Makes the message of a fault.
pub(crate) fn forge(fault: &Fault) -> Result<Forged, Ineffective> {
    forge_for_cover(fault, Cover::Assertion)
}

/// The honest messages with these signatures about both users, as they are posted.
pub(crate) fn honest_at(cover: Cover) -> [String; 2] {
    [ATTACKER, VICTIM].map(|who| make_message(&[], who, cover).unwrap().field)
}

/// Makes the message of a fault from a Response whose IDs contain this number.
pub(crate) fn forge_with_number(
    fault: &Fault,
    cover: Cover,
    number: u32,
) -> Result<Forged, Ineffective> {
    let mut response = response(ATTACKER);
    response.id = format!("_response-{number}");
    response.assertions[0].id = format!("_assertion-{number}");
    make_message_from(std::slice::from_ref(fault), &response, cover)
}

/// Makes the message of a fault for a service provider that accepts only encrypted assertions.
pub(crate) fn forge_encrypted(fault: &Fault) -> Result<Forged, Ineffective> {
    let who = if fault.impersonates() {
        ATTACKER
    } else {
        VICTIM
    };
    make_message_in_form(
        std::slice::from_ref(fault),
        &response(who),
        Cover::Assertion,
        true,
    )
}

/// Makes the message of a fault for a service provider that demands these signatures.
pub(crate) fn forge_for_cover(fault: &Fault, cover: Cover) -> Result<Forged, Ineffective> {
    let who = if fault.impersonates() {
        ATTACKER
    } else {
        VICTIM
    };
    make_message(std::slice::from_ref(fault), who, cover)
}

fn make_message(faults: &[Fault], who: &str, cover: Cover) -> Result<Forged, Ineffective> {
    make_message_from(faults, &response(who), cover)
}

fn make_message_from(
    faults: &[Fault],
    response: &Response,
    cover: Cover,
) -> Result<Forged, Ineffective> {
    make_message_in_form(faults, response, cover, false)
}

fn make_message_in_form(
    faults: &[Fault],
    response: &Response,
    cover: Cover,
    encrypts: bool,
) -> Result<Forged, Ineffective> {
    let signer = Signer {
        key: OWN.clone(),
        response: cover != Cover::Assertion,
        assertion: cover != Cover::Response,
        algorithm: OWN.algorithm(),
    };
    let honest = Honest {
        response,
        signer: &signer,
        foreign: &FOREIGN,
        foreign_ec: &FOREIGN_EC,
        more_keys: Some(&MORE),
        recipient: Some(RECIPIENT.certificate()),
        forged: VICTIM,
        elsewhere: "http://127.0.0.1:9",
        encrypts,
        demands_both: false,
    };
    faults::forge(faults, &honest)
}

/// Runs the service provider's whole path, from form field to checked assertion.
pub(crate) fn judge_response(field: &str) -> Result<Checked, Refusal> {
    let own = DecryptionKeys::new(vec![RECIPIENT.clone()]);
    let keys = TrustedKeys::new(trusted()).unwrap();
    Posted::from_form(field, &Limits::default())?
        .verify_or_decrypt(&keys, SignaturePolicy::Either, Some(&own))?
        .check(&Expectations {
            idp_entity_id: IDP.into(),
            sp_entity_id: SP.into(),
            acs_url: ACS.into(),
            in_response_to: Expected::Request(REQUEST.into()),
            now: now(),
            clock_skew: SignedDuration::from_secs(60),
        })
}
