//! Writes the seed files of the fuzz targets, one folder for each target: the message of every
//! fault and control, a request and a logout by each binding, and metadata. Run: `cargo run -p
//! rehearsal-faults --example seeds -- FOLDER`

#![allow(clippy::unwrap_used, reason = "a tool for developers")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::path::PathBuf;

use jiff::Timestamp;
use saml::binding::{Parameter, redirect};
use saml::message::{LogoutRequest, LogoutResponse, NameId, NameIdFormat, Principal, Status};
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use saml::signature::Signer;

fn main() {
    let folder = std::env::args().nth(1);
    let root = PathBuf::from(folder.unwrap_or_else(|| "seeds".to_owned()));
    let write = |target: &str, name: &str, text: &str| {
        let folder = root.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    };
    let all = faults::catalogue().unwrap().into_iter();
    for fault in all.chain(faults::controls().unwrap()) {
        let forged = world::forge(&fault).unwrap();
        // Very large messages would only slow the fuzzer down.
        if forged.xml.len() < 64 * 1024 {
            write("response", &fault.id, &forged.xml);
        }
    }
    let signer = Signer::of_documents(world::own());
    let (request, response) = logout();
    for (name, parameter, xml) in [
        ("logout-request", Parameter::Request, request.to_xml()),
        ("logout-response", Parameter::Response, response.to_xml()),
    ] {
        write("message", name, &xml);
        write(
            "message",
            &format!("{name}-signed"),
            &signer.sign_document(&xml).unwrap(),
        );
        let url = redirect::encode(SLO, parameter, &xml, Some("state"), Some(&world::own()));
        let url = url.unwrap();
        let query = url.split_once('?').unwrap().1;
        write("message", &format!("{name}-query"), query);
        write("redirect", name, query);
        write("pasted", name, &xml);
        write(
            "pasted",
            &format!("{name}-url"),
            &format!("GET {url} HTTP/1.1"),
        );
        let lines = query.as_bytes().chunks(70).map(String::from_utf8_lossy);
        let lines: String = lines.map(|line| format!("> {line}\n")).collect();
        write("pasted", &format!("{name}-mail"), &lines);
        let escaped = xml.replace('"', "\\\"").replace('<', "&lt;");
        write(
            "pasted",
            &format!("{name}-escaped"),
            &format!("{{\"xml\":\"{escaped}\"}}"),
        );
    }
    for (name, page) in PAGES {
        write("page", name, page);
    }
    write("cookies", "attributes", COOKIES);
    for value in ["7", "0", "Fri, 02 Jan 2026 03:04:15 GMT"] {
        // The first byte is the number of the attempt.
        write("retry_after", value, &format!("\u{1}{value}"));
    }
    let metadata = metadata();
    write("metadata", "idp", &metadata.to_xml());
    let signed = metadata.to_signed_xml("_m", &world::own()).unwrap();
    write("metadata", "idp-signed", &signed);
}

/// A page of each kind that a reader of forms distinguishes.
const PAGES: [(&str, &str); 5] = [
    (
        "login",
        r#"<!DOCTYPE html><form method="post" action="/login?a=1&amp;b=2"><input type="hidden" name="t" value="1"><input name="user"><input type="password" name="pass"><button name="go" value="1">Sign in</button></form>"#,
    ),
    (
        "response",
        r#"<body onload="document.forms[0].submit()"><form method="post" action="https://sp.example/acs"><input type="hidden" name="SAMLResponse" value="PHNhbWw+"><input type="hidden" name="RelayState" value="s"></form>"#,
    ),
    (
        "consent",
        r#"<form method="post"><textarea name="why"></textarea><select name="for"><option value="1" selected>a</option></select><button name="no">Cancel</button><button name="yes">I agree</button></form>"#,
    ),
    (
        "refresh",
        r#"<meta http-equiv="refresh" content="0; url='/next'"><p role="alert">Wait</p>"#,
    ),
    (
        "frames",
        r#"<base href="//x"><template><form action="?"></template><svg><form><input name=a value=1 form=f></svg>"#,
    ),
];

const COOKIES: &str = "a=1; Path=/; Secure; HttpOnly; SameSite=None
b=2; Domain=.example.com; Max-Age=60
__Host-c=3; Secure; Path=/
d=4; Domain=com; Expires=Fri, 02 Jan 2026 03:04:15 GMT
e=5; SameSite=Strict; Path=/saml
f=6; Domain=sp.example.com; SameSite=Lax
";

const SLO: &str = "https://portal.example/webapp/sso/slo/42";

fn logout() -> (LogoutRequest, LogoutResponse) {
    let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let request = LogoutRequest {
        id: "_logout".into(),
        issue_instant: now,
        issuer: "https://idp.example/env".into(),
        destination: Some(SLO.into()),
        not_on_or_after: Some(now),
        reason: None,
        principal: Principal::Named(NameId {
            value: "anna@corp.example".into(),
            format: NameIdFormat::EmailAddress,
            name_qualifier: None,
            sp_name_qualifier: None,
        }),
        session_indexes: vec!["_session".into()],
    };
    let response = LogoutResponse {
        id: "_answer".into(),
        issue_instant: now,
        issuer: "https://idp.example/env".into(),
        destination: Some(SLO.into()),
        in_response_to: Some("_logout".into()),
        status: Status::success(),
    };
    (request, response)
}

fn metadata() -> IdpMetadata {
    let endpoint = Endpoint::at(names::HTTP_REDIRECT, "https://idp.example/env/sso");
    IdpMetadata {
        entity_id: "https://idp.example/env".into(),
        signing_certificates: vec![world::certificate()],
        sso: vec![endpoint.clone()],
        slo: vec![endpoint],
        name_id_formats: Vec::new(),
        want_authn_requests_signed: true,
        valid_until: None,
        cache_duration: Some("PT1H".into()),
    }
}
