//! Compares the verdict of libxmlsec1 on each signature with this project's verdict. Where they
//! differ, one of them is wrong.
//!
//! libxmlsec1 knows XML signatures, not SAML. Its verdict does not count for documents that are
//! refused for their structure, algorithm or text.

#![cfg(feature = "xmlsec")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Refusals before the signature is verified, or by rules of SAML only.
const NOT_ITS_BUSINESS: [&str; 11] = [
    "response-not-encoded",
    "response-too-large",
    "response-not-xml",
    "not-a-response",
    "response-malformed",
    "status-not-success",
    "no-assertion",
    "many-assertions",
    "not-signed",
    "signature-misplaced",
    "signature-algorithm",
];

fn holds_for_xmlsec(folder: &Path, xml: &str) -> bool {
    let document = folder.join("response.xml");
    std::fs::write(&document, xml).unwrap();
    let mut command = Command::new("xmlsec1");
    command.args([
        "--verify",
        "--enabled-key-data",
        "rsa,x509",
        "--pubkey-cert-pem",
    ]);
    command.arg(folder.join("idp.pem"));
    for element in ["assertion:Assertion", "protocol:Response"] {
        let name = format!("urn:oasis:names:tc:SAML:2.0:{element}");
        command.args(["--id-attr:ID", &name]);
    }
    let output = command.arg(&document).output();
    output
        .expect("the feature xmlsec needs the tool xmlsec1")
        .status
        .success()
}

#[test]
fn both_verifiers_agree_on_every_signature() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("idp.pem"), world::certificate().to_pem()).unwrap();
    let mut differ = BTreeMap::new();
    let mut compared = 0;
    let all = faults::catalogue().unwrap().into_iter();
    for fault in all.chain(faults::controls().unwrap()) {
        // libxmlsec1 would have to decrypt the assertion first.
        if fault.encrypted.is_some() {
            continue;
        }
        let forged = world::forge(&fault).unwrap();
        let ours = match world::judge_response(&forged.field) {
            Ok(_) => true,
            Err(refusal) if NOT_ITS_BUSINESS.contains(&refusal.code()) => continue,
            Err(refusal) => refusal.code() != "signature-invalid",
        };
        compared += 1;
        let theirs = holds_for_xmlsec(folder.path(), &forged.xml);
        if ours != theirs {
            differ.insert(fault.id, format!("ours {ours}, libxmlsec1 {theirs}"));
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(compared > 70, "only {compared} documents were compared");
}

#[test]
fn content_that_transforms_remove_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("idp.pem"), world::certificate().to_pem()).unwrap();
    let ids = [
        "xpath-transform",
        "xpath-filter-transform",
        "xslt-transform",
    ];
    for id in ids {
        let mut all = faults::catalogue().unwrap().into_iter();
        let fault = all.find(|fault| fault.id == id).unwrap();
        assert!(fault.impersonates(), "{id}");
        let forged = world::forge(&fault).unwrap();
        // libxmlsec1 carries out the transform, which removes the forged name.
        assert!(holds_for_xmlsec(folder.path(), &forged.xml), "{id}");
    }
}
