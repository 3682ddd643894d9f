//! Signing and verifying on one core: a Response of about 4.7 kB with the four attributes
//! of the guide.

use std::hint::black_box;
use std::time::Duration;

use ::saml::Limits;
use ::saml::acceptance::{Expectations, Expected, Posted, SignaturePolicy, TrustedKeys};
use ::saml::binding::post;
use ::saml::keys::{Certificate, SigningKey};
use ::saml::message::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Response, Status,
    Subject, SubjectConfirmation,
};
use ::saml::names;
use ::saml::signature::Signer;
use jiff::{SignedDuration, Timestamp};

use super::{Measured, beside};

const IDP: &str = "https://idp.example/8e3a0c1e-6c52-4f0e-9d55-0d2b8f0c9a11";
const SP: &str = "https://portal.example/0f3b6f1c-7a55-4d0c-8f63-1f1f6f2f7b21";
const ACS: &str = "https://portal.example/webapp/sso/acs/0f3b6f1c-7a55-4d0c-8f63-1f1f6f2f7b21";
const REQUEST: &str = "_5b3f9d0a1c2e4f60718293a4b5c6d7e8";

/// The Response to measure with cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the Response to measure with: {0}")]
pub struct BenchError(String);

pub(super) fn bench_error(error: impl std::fmt::Display) -> BenchError {
    BenchError(error.to_string())
}

struct Bench {
    key: SigningKey,
    now: Timestamp,
}

impl Bench {
    fn new(now: Timestamp) -> Result<Self, BenchError> {
        let material = mock_idp::generate_key("Bench", now).map_err(bench_error)?;
        let certificate = Certificate::parse(&material.certificate).map_err(bench_error)?;
        let key = SigningKey::new(&material.private_key, certificate).map_err(bench_error)?;
        Ok(Self { key, now })
    }

    fn signer(&self) -> Signer {
        Signer {
            key: self.key.clone(),
            response: false,
            assertion: true,
            algorithm: self.key.algorithm(),
        }
    }

    fn response(&self) -> Response {
        let after = |seconds| self.now + SignedDuration::from_secs(seconds);
        let attribute = |name: &str, values: Vec<String>| Attribute {
            name: name.to_owned(),
            name_format: Some(names::ATTRNAME_UNSPECIFIED.to_owned()),
            values,
        };
        let one = |value: &str| vec![value.to_owned()];
        let groups = (0..3).map(|n| format!("6f9619ff-8b86-d011-b42d-00c04fc9{n:04}"));
        Response {
            id: "_e1a2b3c4d5e6f708192a3b4c5d6e7f80".into(),
            issue_instant: self.now,
            destination: Some(ACS.into()),
            in_response_to: Some(REQUEST.into()),
            issuer: Some(IDP.into()),
            status: Status::success(),
            assertions: vec![Assertion {
                id: "_0f1e2d3c4b5a69788796a5b4c3d2e1f0".into(),
                issue_instant: self.now,
                issuer: IDP.into(),
                subject: Some(Subject {
                    name_id: NameId {
                        value: "grace.hopper@lumen.example".into(),
                        format: NameIdFormat::EmailAddress,
                        name_qualifier: None,
                        sp_name_qualifier: None,
                    },
                    confirmations: vec![SubjectConfirmation {
                        method: names::BEARER.into(),
                        recipient: Some(ACS.into()),
                        not_on_or_after: Some(after(300)),
                        not_before: None,
                        in_response_to: Some(REQUEST.into()),
                    }],
                }),
                conditions: Some(Conditions {
                    not_before: Some(after(-60)),
                    not_on_or_after: Some(after(300)),
                    audience_restrictions: vec![one(SP)],
                }),
                authn_statements: vec![AuthnStatement {
                    authn_instant: self.now,
                    session_index: Some("_99887766554433221100ffeeddccbbaa".into()),
                    session_not_on_or_after: None,
                    class_ref: names::PASSWORD_PROTECTED_TRANSPORT.into(),
                }],
                attributes: vec![
                    attribute("name", one("grace.hopper@lumen.example")),
                    attribute("displayname", one("Grace Hopper")),
                    attribute(
                        "objectidentifier",
                        one("a3bb189e-8bf9-3888-9912-ace4e6543002"),
                    ),
                    attribute("groups", groups.collect()),
                ],
            }],
        }
    }
}

/// `bench sign`: from the draft to the signed document; the limit is the plain signature of
/// the key.
///
/// # Errors
/// [`BenchError`].
pub fn sign(now: Timestamp, time: Duration) -> Result<Measured, BenchError> {
    let bench = Bench::new(now)?;
    let (signer, response) = (bench.signer(), bench.response());
    let document = signer.sign(&response).map_err(bench_error)?;
    let data = &document.as_bytes()[..512];
    let name = format!("sign: draft to document of {} bytes", document.len());
    Ok(beside(
        (&name, || {
            black_box(signer.sign(black_box(&response)).is_ok());
        }),
        ("raw RSA-2048 signature with SHA-256", || {
            black_box(
                bench
                    .key
                    .sign(bench.key.algorithm(), black_box(data))
                    .is_ok(),
            );
        }),
        time,
    ))
}

/// `bench verify`: from the form field to the checked assertion; the limit is the plain
/// verification of one signature.
///
/// # Errors
/// [`BenchError`].
pub fn verify(now: Timestamp, time: Duration) -> Result<Measured, BenchError> {
    let bench = Bench::new(now)?;
    let document = bench
        .signer()
        .sign(&bench.response())
        .map_err(bench_error)?;
    let field = post::encode(&document);
    let certificate = bench.key.certificate().clone();
    let keys = TrustedKeys::new(vec![certificate.clone()]).map_err(bench_error)?;
    let expectations = Expectations {
        idp_entity_id: IDP.into(),
        sp_entity_id: SP.into(),
        acs_url: ACS.into(),
        in_response_to: Expected::Request(REQUEST.into()),
        now,
        clock_skew: SignedDuration::from_secs(60),
    };
    let accepted = || {
        Posted::from_form(&field, &Limits::default())?
            .verify(&keys, SignaturePolicy::Either)?
            .check(&expectations)
    };
    accepted().map_err(bench_error)?;
    let data = &document.as_bytes()[..512];
    let algorithm = bench.key.algorithm();
    let signature = bench.key.sign(algorithm, data).map_err(bench_error)?;
    let name = format!(
        "verify: form field to checked assertion of {} bytes",
        document.len()
    );
    Ok(beside(
        (&name, || {
            black_box(accepted().is_ok());
        }),
        ("raw RSA-2048 verification with SHA-256", || {
            black_box(certificate.verifies(algorithm, black_box(data), black_box(&signature)));
        }),
        time,
    ))
}
