//! Checks that the messages of the identity provider follow the OASIS schemas: every element is
//! at its place in the sequence (saml-schema-protocol, saml-schema-assertion, xmldsig-core).
//! `scripts/interop/saml-sps.sh` validates the same Responses with the XSDs themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use world::{World, browser, open};

/// An element, and the order of its children: `?` at most once, `*` any number.
const SEQUENCES: [(&str, &[&str]); 16] = [
    (
        "Response",
        &[
            "Issuer?",
            "Signature?",
            "Extensions?",
            "Status",
            "Assertion*",
            "EncryptedAssertion*",
        ],
    ),
    ("Status", &["StatusCode", "StatusMessage?", "StatusDetail?"]),
    ("StatusCode", &["StatusCode?"]),
    (
        "Assertion",
        &[
            "Issuer",
            "Signature?",
            "Subject?",
            "Conditions?",
            "Advice?",
            "AuthnStatement*",
            "AuthzDecisionStatement*",
            "AttributeStatement*",
        ],
    ),
    (
        "Subject",
        &["NameID?", "EncryptedID?", "SubjectConfirmation*"],
    ),
    (
        "SubjectConfirmation",
        &["NameID?", "SubjectConfirmationData?"],
    ),
    (
        "Conditions",
        &["AudienceRestriction*", "OneTimeUse?", "ProxyRestriction?"],
    ),
    ("AudienceRestriction", &["Audience*"]),
    ("AuthnStatement", &["SubjectLocality?", "AuthnContext"]),
    (
        "AuthnContext",
        &[
            "AuthnContextClassRef?",
            "AuthnContextDecl?",
            "AuthenticatingAuthority*",
        ],
    ),
    ("AttributeStatement", &["Attribute*"]),
    ("Attribute", &["AttributeValue*"]),
    (
        "Signature",
        &["SignedInfo", "SignatureValue", "KeyInfo?", "Object*"],
    ),
    (
        "SignedInfo",
        &["CanonicalizationMethod", "SignatureMethod", "Reference*"],
    ),
    ("Reference", &["Transforms?", "DigestMethod", "DigestValue"]),
    ("KeyInfo", &["KeyName?", "KeyValue?", "X509Data?"]),
];

/// Returns every element with the local names of its children. The document must be canonical:
/// no comment, no CDATA, no empty-element tag.
fn elements(xml: &str) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for tag in xml.split('<').skip(1) {
        let inside = tag.split('>').next().unwrap();
        if inside.starts_with('/') {
            open.pop().unwrap();
            continue;
        }
        let name = inside.split([' ', '/']).next().unwrap();
        let local = name.rsplit(':').next().unwrap().to_owned();
        if let Some(parent) = open.last() {
            all[*parent].1.push(local.clone());
        }
        all.push((local, Vec::new()));
        if !inside.ends_with('/') {
            open.push(all.len() - 1);
        }
    }
    assert!(open.is_empty(), "{xml}");
    all
}

/// True if the children are in the order of the sequence.
fn follows(children: &[String], sequence: &[&str]) -> bool {
    let mut rest = children.iter().peekable();
    for step in sequence {
        let name = step.trim_end_matches(['?', '*']);
        let mut met = 0;
        while rest.next_if(|child| *child == name).is_some() {
            met += 1;
        }
        let fits = match step.chars().last() {
            Some('*') => true,
            Some('?') => met <= 1,
            _ => met == 1,
        };
        if !fits {
            return false;
        }
    }
    rest.next().is_none()
}

fn demand(xml: &str) {
    let all = elements(xml);
    for (name, children) in &all {
        let Some((_, sequence)) = SEQUENCES.iter().find(|(known, _)| known == name) else {
            continue;
        };
        assert!(
            follows(children, sequence),
            "<{name}>: expected {sequence:?}, got {children:?}\n{xml}"
        );
    }
    assert_eq!(all[0].0, "Response");
}

fn decode(field: &str) -> String {
    String::from_utf8(STANDARD.decode(field).unwrap()).unwrap()
}

#[tokio::test]
async fn every_answer_has_the_schemas_order_in_every_signed_form() {
    let world = World::new().await;
    let app = format!("/applications/{}", world.app);
    for (assertion, response) in [(true, false), (false, true), (true, true)] {
        let signing = json!({"assertionSigned": assertion, "responseSigned": response});
        world.change(Method::PATCH, &app, signing).await;
        let page = world.sign_on(&browser(), &world.request()).await;
        let xml = decode(&page.saml_response());
        assert_eq!(
            xml.matches("SignedInfo>").count(),
            2 * (usize::from(assertion) + usize::from(response))
        );
        demand(&xml);
    }
    let mut passive = world.request();
    passive.is_passive = true;
    let declined = open(browser().get(world.redirect(&passive))).await;
    let xml = decode(&declined.saml_response());
    assert!(xml.contains("NoPassive"));
    demand(&xml);
}

#[test]
fn a_signature_in_the_wrong_place_is_seen() {
    let misplaced = ["Issuer", "Status", "Assertion", "Signature"].map(str::to_owned);
    assert!(!follows(&misplaced, SEQUENCES[0].1));
    let right = ["Issuer", "Signature", "Status", "Assertion"].map(str::to_owned);
    assert!(follows(&right, SEQUENCES[0].1));
}
