//! A Response with the four attributes of the guide: signed, verified, canonicalized; and the
//! metadata of its issuer.

use std::hint::black_box;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use saml::Limits;
use saml::acceptance::{Expectations, Expected, Posted, SignaturePolicy, TrustedKeys};
use saml::binding::post;
use saml::message::{
    Assertion, Attribute, AuthnStatement, Conditions, NameId, NameIdFormat, Response, Status,
    Subject, SubjectConfirmation,
};
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use saml::signature::Signer;

use crate::canonical::canonical;
use crate::key::Key;
use crate::{Context, Repetition, Result, expect, read};

const IDP: &str = "https://idp.example/8e3a0c1e-6c52-4f0e-9d55-0d2b8f0c9a11";
const SP: &str = "https://portal.example/0f3b6f1c-7a55-4d0c-8f63-1f1f6f2f7b21";
const ACS: &str = "https://portal.example/webapp/sso/acs/0f3b6f1c-7a55-4d0c-8f63-1f1f6f2f7b21";
const REQUEST: &str = "_5b3f9d0a1c2e4f60718293a4b5c6d7e8";

/// 2026-03-02T09:00:00Z
const NOW: Timestamp = Timestamp::constant(1_772_442_000, 0);

fn response() -> Response {
    let after = |seconds| NOW + SignedDuration::from_secs(seconds);
    let one = |value: &str| vec![value.to_owned()];
    let attribute = |name: &str, values: Vec<String>| Attribute {
        name: name.to_owned(),
        name_format: Some(names::ATTRNAME_UNSPECIFIED.to_owned()),
        values,
    };
    let groups = (0..3).map(|n| format!("6f9619ff-8b86-d011-b42d-00c04fc9{n:04}"));
    Response {
        id: "_e1a2b3c4d5e6f708192a3b4c5d6e7f80".into(),
        issue_instant: NOW,
        destination: Some(ACS.into()),
        in_response_to: Some(REQUEST.into()),
        issuer: Some(IDP.into()),
        status: Status::success(),
        assertions: vec![Assertion {
            id: "_0f1e2d3c4b5a69788796a5b4c3d2e1f0".into(),
            issue_instant: NOW,
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
                authn_instant: NOW,
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

fn signer(key: &Key) -> Result<Signer> {
    let key = key.signing_key()?;
    Ok(Signer {
        response: false,
        assertion: true,
        algorithm: key.algorithm(),
        key,
    })
}

/// The file with the signed Response.
const SIGNED: &str = "response.xml";

/// Signs the Response and writes it to the folder.
pub(crate) fn write(folder: &Path, key: &Key) -> Result<()> {
    let document = signer(key)?.sign(&response())?;
    Ok(std::fs::write(folder.join(SIGNED), document)?)
}

/// From the draft to the document with a signed assertion.
pub(crate) fn sign(context: Context<'_>) -> Result<Repetition> {
    let (signer, response) = (signer(&context.key)?, response());
    // PKCS #1 v1.5 is deterministic.
    let expected = signer.sign(&response)?;
    Ok(Box::new(move || {
        expect(&signer.sign(black_box(&response))?, &expected)
    }))
}

/// From the form field to the checked assertion.
pub(crate) fn verify(context: Context<'_>) -> Result<Repetition> {
    let document = read(context.folder, SIGNED)?;
    let field = post::encode(&document);
    let keys = TrustedKeys::new(vec![context.key.certificate()?])?;
    let expectations = Expectations {
        idp_entity_id: IDP.into(),
        sp_entity_id: SP.into(),
        acs_url: ACS.into(),
        in_response_to: Expected::Request(REQUEST.into()),
        now: NOW,
        clock_skew: SignedDuration::from_secs(60),
    };
    Ok(Box::new(move || {
        let checked = Posted::from_form(black_box(&field), &Limits::default())?
            .verify(&keys, SignaturePolicy::Either)?
            .check(&expectations)?;
        black_box(checked);
        Ok(())
    }))
}

/// The canonical form of a parsed document with a signed assertion.
pub(crate) fn canonicalize(context: Context<'_>) -> Result<Repetition> {
    let text = read(context.folder, SIGNED)?;
    let document = uppsala::parse(&text)?.into_static();
    let root = document.document_element().ok_or("no root element")?;
    // The identity provider writes documents in canonical form.
    let expected = text.into_bytes();
    Ok(Box::new(move || {
        expect(&canonical(black_box(&document), root, None, &[]), &expected)
    }))
}

/// The metadata of an identity provider.
pub(crate) fn metadata(context: Context<'_>) -> Result<Repetition> {
    let sso = format!("{IDP}/saml20/idp/sso");
    let expected = IdpMetadata {
        entity_id: IDP.into(),
        signing_certificates: vec![context.key.certificate()?],
        sso: vec![
            Endpoint::at(names::HTTP_POST, &sso),
            Endpoint::at(names::HTTP_REDIRECT, &sso),
        ],
        slo: vec![Endpoint::at(
            names::HTTP_REDIRECT,
            &format!("{IDP}/saml20/idp/slo"),
        )],
        name_id_formats: vec![NameIdFormat::EmailAddress],
        want_authn_requests_signed: false,
        valid_until: None,
        cache_duration: None,
    };
    let text = expected.to_xml();
    Ok(Box::new(move || {
        expect(&IdpMetadata::parse(black_box(&text))?, &expected)
    }))
}
