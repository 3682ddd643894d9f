//! Every fault is also made for a service provider that accepts only encrypted assertions, and is
//! still a fault there.
#![allow(clippy::unwrap_used)]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::encryption::{ContentCipher, OaepHash};

fn is_accepted(forged: &faults::Forged) -> bool {
    world::judge_response(&forged.field).is_ok()
}

#[test]
fn every_fault_of_a_signed_assertion_has_an_encrypted_form() {
    let mut impossible = Vec::new();
    for fault in faults::catalogue().unwrap() {
        let is_of_assertion =
            fault.covers.is_empty() || fault.covers[0] == faults::Cover::Assertion;
        if fault.encrypts() || !is_of_assertion {
            continue;
        }
        match world::forge_encrypted(&fault) {
            Ok(forged) => {
                assert!(forged.xml.contains("EncryptedAssertion"), "{}", fault.id);
                // Some are faults only by their delivery, or because of the name.
                let plain = is_accepted(&world::forge(&fault).unwrap());
                assert!(plain || !is_accepted(&forged), "{} is accepted", fault.id);
            }
            Err(error) => impossible.push((fault.id, error.reason)),
        }
    }
    assert_eq!(impossible, []);
}

/// Returns the message of a fault, and what a service provider decrypts first.
fn forge_and_decrypt(id: &str) -> (String, String) {
    let all = faults::catalogue().unwrap();
    let fault = all.iter().find(|fault| fault.id == id).unwrap();
    let xml = world::forge_encrypted(fault).unwrap().xml;
    let mut values = xml.split("<xenc:CipherValue>").skip(1);
    let mut value = || {
        let text = values.next().unwrap().split('<').next().unwrap();
        STANDARD.decode(text).unwrap()
    };
    let (key, content) = (value(), value());
    let key = OaepHash::Sha1.decrypt(&world::RECIPIENT, &key).unwrap();
    let plain = ContentCipher::Aes256Gcm.decrypt(&key, &content).unwrap();
    (xml, String::from_utf8(plain).unwrap())
}

#[test]
fn a_declaration_is_where_it_has_an_effect() {
    for (id, outside, inside) in [
        ("doctype", "<!DOCTYPE Response>", "<saml:Assertion "),
        (
            "external-dtd",
            "<!DOCTYPE Response SYSTEM ",
            "<saml:Assertion ",
        ),
        ("leading-text", "text<samlp:Response", "<saml:Assertion "),
        (
            "internal-entity",
            "<samlp:Response",
            "<!DOCTYPE Response [<!ENTITY who ",
        ),
        (
            "external-entity",
            "<samlp:Response",
            "<!DOCTYPE Response [<!ENTITY file ",
        ),
        (
            "entity-expansion",
            "<samlp:Response",
            "<!DOCTYPE Response [<!ENTITY a ",
        ),
        (
            "assertion-id-by-entity",
            "<samlp:Response",
            "<!DOCTYPE Response [<!ENTITY id ",
        ),
        (
            "utf-7",
            "<samlp:Response",
            "<?xml version=\"1.0\" encoding=\"UTF-7\"?><saml:",
        ),
    ] {
        let (xml, plain) = forge_and_decrypt(id);
        assert!(xml.starts_with(outside), "{id}: {xml}");
        assert!(plain.starts_with(inside), "{id}: {plain}");
        assert!(plain.ends_with("</saml:Assertion>"), "{id}: {plain}");
    }
    let (_, plain) = forge_and_decrypt("nul-in-name-id");
    assert!(plain.contains('\0'), "{plain}");
}
