//! The spaces of LogoutRequests: each variant can be made, differs from all others, and names at most
//! the attacker for this project's reader of logout messages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faults::{SignedRequest, Variant, forge_signed_request, logout_spaces};
use saml::Limits;
use saml::acceptance::TrustedKeys;
use saml::binding::Parameter;
use saml::message::{LogoutRequest, NameId, NameIdFormat, Principal};
use saml::reception::Received;
use saml::signature::Signer;

const GENUINE: &str = "mallory@corp.example";

fn request() -> String {
    let request = LogoutRequest {
        id: "_logout".to_owned(),
        issue_instant: world::now(),
        issuer: "https://idp.example/env".to_owned(),
        destination: Some("https://portal.example/slo".to_owned()),
        not_on_or_after: None,
        reason: None,
        principal: Principal::Named(NameId {
            value: GENUINE.to_owned(),
            format: NameIdFormat::EmailAddress,
            name_qualifier: None,
            sp_name_qualifier: None,
        }),
        session_indexes: Vec::new(),
    };
    let signer = Signer::of_documents(world::OWN.clone());
    signer.sign_document(&request.to_xml()).unwrap()
}

fn variants() -> Vec<Variant> {
    let all = logout_spaces().unwrap().into_iter();
    all.flat_map(|space| space.variants().unwrap()).collect()
}

fn verify_logout_request(xml: &str) -> Result<LogoutRequest, String> {
    let keys = TrustedKeys::new(vec![world::OWN.certificate().clone()]).unwrap();
    let field = STANDARD.encode(xml);
    let verified = Received::by_form(Parameter::Request, &field, None, &Limits::default())
        .and_then(|it| it.verify::<LogoutRequest>(&keys));
    let verified = verified.map_err(|refusal| refusal.code().to_owned())?;
    Ok(verified.message().clone())
}

#[test]
fn every_variant_differs_and_none_ends_the_sessions_of_the_victim() {
    let genuine = request();
    verify_logout_request(&genuine).unwrap();
    let mut seen = BTreeMap::new();
    for variant in variants() {
        let request = SignedRequest {
            xml: &genuine,
            genuine: GENUINE,
            forged: world::VICTIM,
            now: world::now(),
            foreign: &world::OWN,
        };
        let forged = forge_signed_request(&variant.fault, &request).unwrap();
        assert!(forged.contains(world::VICTIM), "{}", variant.words);
        assert!(forged.contains(GENUINE), "{}", variant.words);
        // The genuine request may count: it logs out the attacker only.
        if let Ok(request) = verify_logout_request(&forged) {
            let Principal::Named(name) = request.principal else {
                panic!("{}", variant.words);
            };
            assert_eq!(name.value, GENUINE, "accepted: {}", variant.words);
        }
        if let Some(other) = seen.insert(forged, variant.words.clone()) {
            panic!("{} is {other}", variant.words);
        }
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

#[test]
fn each_place_is_usual_or_a_variant_of_a_usual_one() {
    let usual = variants().iter().filter(|it| it.is_usual).count();
    assert!((8..25).contains(&usual), "{usual}");
}
