//! A second, independent verifier of this project's signatures: the `xmlsec1` tool, if it is
//! installed.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

use std::process::Command;

use saml::signature::Signer;
use support::{response, rsa, signer};

#[test]
fn xmlsec1_accepts_what_we_sign() {
    if Command::new("xmlsec1").arg("--version").output().is_err() {
        eprintln!("skipped: no xmlsec1");
        return;
    }
    let folder = std::env::temp_dir().join(format!("second-judge-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let certificate = folder.join("idp.pem");
    std::fs::write(&certificate, rsa().certificate().to_pem()).unwrap();
    for (of_response, of_assertion) in [(false, true), (true, false), (true, true)] {
        let xml = Signer {
            response: of_response,
            assertion: of_assertion,
            ..signer()
        }
        .sign(&response())
        .unwrap();
        let document = folder.join("response.xml");
        for (document_text, good) in [(xml.clone(), true), (xml.replace("anna@", "eve@"), false)] {
            std::fs::write(&document, document_text).unwrap();
            let output = Command::new("xmlsec1")
                .args(["--verify", "--enabled-key-data", "rsa,x509"])
                .arg("--pubkey-cert-pem")
                .arg(&certificate)
                .args([
                    "--id-attr:ID",
                    "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
                ])
                .args([
                    "--id-attr:ID",
                    "urn:oasis:names:tc:SAML:2.0:protocol:Response",
                ])
                .arg(&document)
                .output()
                .unwrap();
            assert_eq!(output.status.success(), good, "{output:?}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
