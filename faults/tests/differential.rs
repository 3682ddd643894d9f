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
use std::sync::LazyLock;

use saml::keys::Certificate;

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

/// Controls whose algorithm the tool has only since version 1.3.
const NEW_ALGORITHMS: [&str; 1] = ["rsa-pss"];

/// True for the versions of the tool before 1.3.
static IS_OLD: LazyLock<bool> = LazyLock::new(|| {
    let output = Command::new("xmlsec1").arg("--version").output();
    let output = output.expect("the feature xmlsec needs the tool xmlsec1");
    String::from_utf8_lossy(&output.stdout).starts_with("xmlsec1 1.2.")
});

/// True if the key of one of these certificates made the signature.
fn holds_for_xmlsec(folder: &Path, xml: &str, trusted: &[Certificate]) -> bool {
    trusted.iter().any(|it| is_made_by(folder, xml, it))
}

fn is_made_by(folder: &Path, xml: &str, certificate: &Certificate) -> bool {
    std::fs::write(folder.join("idp.pem"), certificate.to_pem()).unwrap();
    // Version 1.3 renamed this kind of key.
    let ec = if *IS_OLD { "ecdsa" } else { "ec" };
    let keys = match certificate.key().starts_with("EC") {
        true => format!("{ec},x509"),
        false => "rsa,x509".to_owned(),
    };
    let document = folder.join("response.xml");
    std::fs::write(&document, xml).unwrap();
    let mut command = Command::new("xmlsec1");
    command.args(["--verify", "--enabled-key-data", &keys, "--pubkey-cert-pem"]);
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
    let mut differ = BTreeMap::new();
    let mut compared = 0;
    let all = faults::catalogue().unwrap().into_iter();
    for fault in all.chain(faults::controls().unwrap()) {
        // libxmlsec1 would have to decrypt the assertion first.
        let is_unknown = *IS_OLD && NEW_ALGORITHMS.contains(&fault.id.as_str());
        if fault.encrypts_assertion() || is_unknown {
            continue;
        }
        let forged = world::forge(&fault).unwrap();
        let ours = match world::judge_response(&forged.field) {
            Ok(_) => true,
            Err(refusal) if NOT_ITS_BUSINESS.contains(&refusal.code()) => continue,
            Err(refusal) => refusal.code() != "signature-invalid",
        };
        compared += 1;
        let trusted = match fault.needs_more_keys() {
            true => world::trusted(),
            false => vec![world::certificate()],
        };
        let theirs = holds_for_xmlsec(folder.path(), &forged.xml, &trusted);
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
    let trusted = [world::certificate()];
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
        assert!(
            holds_for_xmlsec(folder.path(), &forged.xml, &trusted),
            "{id}"
        );
    }
}
