//! `rehearsal trace` on files as people paste, save and export them. Each file under
//! `fixtures/trace` must be read and judged as its row says. The output must not call anything
//! correct that was not checked.
#![allow(clippy::unwrap_used)]

#[path = "trace/inputs.rs"]
mod inputs;
#[path = "trace/other_inputs.rs"]
mod other_inputs;

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/trace")
        .join(name)
}

struct Traced {
    text: String,
    errors: String,
    status: i32,
}

fn trace(file: &str, options: &[&str]) -> Traced {
    let done = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .arg("trace")
        .arg(fixture(file))
        .args(["--at", "2026-06-01T12:00:30Z"])
        .args(options)
        .output()
        .unwrap();
    Traced {
        text: String::from_utf8(done.stdout).unwrap(),
        errors: String::from_utf8(done.stderr).unwrap(),
        status: done.status.code().unwrap(),
    }
}

/// The file, the exit status, texts that the output contains, and texts that it does not
/// contain.
type Row = (
    &'static str,
    i32,
    &'static [&'static str],
    &'static [&'static str],
);

const HOLDS: &str = "it covers Assertion and holds";

const ROWS: &[Row] = &[
    (
        "base64-url-safe.txt",
        0,
        &["URL-safe alphabet"],
        &["does not hold"],
    ),
    (
        "percent-encoded-twice.txt",
        0,
        &["percent-encoded 2 times"],
        &["does not hold"],
    ),
    (
        "zlib-header.txt",
        0,
        &["AuthnRequest", "zlib header", "raw DEFLATE"],
        &[],
    ),
    (
        "byte-order-mark.har",
        0,
        &[
            "AuthnRequest — entry",
            "Response — entry",
            "the AuthnRequest of entry",
        ],
        &["No XML", "whether InResponseTo"],
    ),
    (
        "saml-tracer.json",
        0,
        &[
            "AuthnRequest — request 1: GET",
            "Response — request 2: POST",
        ],
        &["No XML"],
    ),
    (
        "single-quotes.html",
        0,
        &["form of a page", "Response —"],
        &["No XML"],
    ),
    (
        "name-and-value-lines.txt",
        0,
        &["unwrapped from line", "Response —"],
        &[],
    ),
    ("utf-16.xml", 0, &["the text is UTF-16LE", HOLDS], &[]),
    (
        "deflated-byte-order-mark.txt",
        0,
        &["byte order mark"],
        &["does not hold"],
    ),
    (
        "artifact-response.xml",
        0,
        &[
            "ArtifactResponse: only what it carries is judged",
            "unwrapped from ArtifactResponse",
            "jo@example.com",
        ],
        &["does not hold"],
    ),
    (
        "pretty-printed.xml",
        1,
        &["pretty-printed after it was signed"],
        &["holds, by"],
    ),
    (
        "request-id-begins-with-digit.xml",
        1,
        &["is not a valid xs:ID", "AADSTS7500529"],
        &[],
    ),
    (
        "request-exact-context.xml",
        0,
        &["demands exactly PasswordProtectedTransport", "AADSTS75011"],
        &["xs:ID"],
    ),
    (
        "logout-unsigned.xml",
        1,
        &["it is not signed", "ended at 2020-01-01T00:00:00Z"],
        &[],
    ),
    (
        "metadata.xml",
        0,
        &["Entity", "SingleSignOnService", "key for signing", "until"],
        &["Who signed what"],
    ),
];

#[test]
fn every_input_is_read_and_judged_as_its_row_says() {
    let mut wrong = Vec::new();
    for (file, status, said, unsaid) in ROWS {
        let traced = trace(file, &[]);
        if traced.status != *status {
            wrong.push(format!("{file}: exit status {}", traced.status));
        }
        for words in *said {
            if !traced.text.contains(words) {
                wrong.push(format!("{file}: \"{words}\" is missing"));
            }
        }
        for words in *unsaid {
            if traced.text.contains(words) {
                wrong.push(format!("{file}: \"{words}\" is said"));
            }
        }
        if !wrong.is_empty() {
            wrong.push(format!("{}{}", traced.text, traced.errors));
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_key_counts_only_for_the_entity_that_announces_it() {
    let aggregate = fixture("aggregate.xml");
    let metadata = ["--metadata", aggregate.to_str().unwrap()];
    let traced = trace("signed-by-other-entity.xml", &metadata);
    assert_eq!(traced.status, 1, "{}", traced.text);
    assert!(
        traced.text.contains("which is not its Issuer"),
        "{}",
        traced.text
    );
}

#[test]
fn unjudged_parts_are_named() {
    let traced = trace("utf-16.xml", &[]);
    for words in [
        "Not judged",
        "give the issuer's metadata (--metadata)",
        "give its entity ID (--audience)",
        "give the URL of its assertion consumer service (--acs)",
    ] {
        assert!(traced.text.contains(words), "{words}: {}", traced.text);
    }
    let other = trace("utf-16.xml", &["--audience", "https://other.example"]);
    assert_eq!(other.status, 1, "{}", other.text);
    assert!(
        other.text.contains("not https://other.example"),
        "{}",
        other.text
    );
}

#[test]
fn a_signature_is_not_judged_by_the_metadata_of_another_entity() {
    let folder = tempfile::tempdir().unwrap();
    let certificate_of = |xml: &str, entity_id: &str| {
        let (_, rest) = xml.split_once(entity_id).unwrap();
        let (_, rest) = rest.split_once("<ds:X509Certificate>").unwrap();
        rest.split_once("</ds:X509Certificate>")
            .unwrap()
            .0
            .to_owned()
    };
    // Another key too: one that fits would be named as a key of another entity.
    let metadata = std::fs::read_to_string(fixture("metadata.xml")).unwrap();
    let aggregate = std::fs::read_to_string(fixture("aggregate.xml")).unwrap();
    let own = certificate_of(&metadata, "https://idp.example.com/metadata");
    let other = certificate_of(&aggregate, "https://other.example.org/metadata");
    let metadata: String = metadata
        .replace(
            "https://idp.example.com/metadata",
            "https://sp.example.com/metadata",
        )
        .replace(&own, &other);
    let path = folder.path().join("other.xml");
    std::fs::write(&path, &metadata).unwrap();
    // A service provider with the metadata of another identity provider refuses the message.
    let traced = trace("utf-16.xml", &["--metadata", path.to_str().unwrap()]);
    assert_eq!(traced.status, 1, "{}", traced.text);
    let said =
        "the metadata is of https://sp.example.com/metadata: it contains neither this Issuer";
    assert!(traced.text.contains(said), "{}", traced.text);
    // Those of a service provider say nothing about it.
    let service = metadata
        .replace("IDPSSODescriptor", "SPSSODescriptor")
        .replace("SingleSignOnService", "AssertionConsumerService");
    std::fs::write(&path, service).unwrap();
    let traced = trace("utf-16.xml", &["--metadata", path.to_str().unwrap()]);
    assert_eq!(traced.status, 0, "{}", traced.text);
    let said = "given is of https://sp.example.com/metadata, a service provider, and the Issuer";
    assert!(traced.text.contains(said), "{}", traced.text);
    std::fs::write(&path, &metadata).unwrap();
    // If the metadata is that of the Issuer but lacks the key, the message must be refused.
    let issuer = std::fs::read_to_string(&path).unwrap();
    let issuer = issuer.replace(
        "https://sp.example.com/metadata",
        "https://idp.example.com/metadata",
    );
    std::fs::write(&path, issuer).unwrap();
    let traced = trace("utf-16.xml", &["--metadata", path.to_str().unwrap()]);
    assert_eq!(traced.status, 1, "{}", traced.text);
}

#[test]
fn destination_and_recipient_are_compared_with_the_given_url() {
    let own = ["--acs", "https://sp.example.com/acs"];
    let right = trace("utf-16.xml", &own);
    assert_eq!(right.status, 0, "{}", right.text);
    assert!(!right.text.contains("--acs"), "{}", right.text);
    let several = ["--acs", "https://sp.example.com/old", own[0], own[1]];
    assert_eq!(trace("utf-16.xml", &several).status, 0);
    // A URL with a slash at its end is a different URL.
    let other = trace("utf-16.xml", &["--acs", "https://sp.example.com/acs/"]);
    assert_eq!(other.status, 1, "{}", other.text);
    let said = "Destination is https://sp.example.com/acs, not https://sp.example.com/acs/:";
    assert!(other.text.contains(said), "{}", other.text);
    // One cause is reported once: the Recipient is the same URL.
    assert!(!other.text.contains("Recipient is"), "{}", other.text);
}

#[test]
fn metadata_in_base64_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.b64");
    let metadata = std::fs::read(fixture("metadata.xml")).unwrap();
    std::fs::write(&path, BASE64.encode(metadata)).unwrap();
    let traced = trace("utf-16.xml", &["--metadata", path.to_str().unwrap()]);
    assert_eq!(traced.status, 0, "{}{}", traced.text, traced.errors);
    assert!(traced.text.contains(HOLDS), "{}", traced.text);
}

#[test]
fn a_key_file_of_another_kind_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sp.key");
    // The beginning of a PKCS#12 file (RFC 7292 §4): PFX with version 3.
    let pfx: &[u8] = &[0x30, 0x82, 0x09, 0x00, 0x02, 0x01, 0x03, 0x30, 0x82, 0x08];
    for (content, words) in [
        (pfx, "openssl pkcs12 -in"),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            "got a public key",
        ),
    ] {
        std::fs::write(&path, content).unwrap();
        let traced = trace("utf-16.xml", &["--key", path.to_str().unwrap()]);
        assert_eq!(traced.status, 2, "{}", traced.text);
        assert!(traced.errors.contains(words), "{}", traced.errors);
    }
}

/// Explains a request and one or two Responses, as `name: value` lines.
fn trace_conversation(edits: &[(&str, &str)], responses: usize) -> String {
    const REQUEST: &str = "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
        xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_asked\" Version=\"2.0\" \
        IssueInstant=\"2026-06-01T12:00:00Z\" AssertionConsumerServiceURL=\"https://sp.example/acs\">\
        <saml:Issuer>https://sp.example</saml:Issuer></samlp:AuthnRequest>";
    const RESPONSE: &str = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
        xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_answer\" Version=\"2.0\" \
        IssueInstant=\"2026-06-01T12:00:00Z\" Destination=\"https://sp.example/acs\" \
        InResponseTo=\"_asked\"><saml:Assertion ID=\"_a\" Version=\"2.0\" \
        IssueInstant=\"2026-06-01T12:00:00Z\"><saml:Conditions><saml:AudienceRestriction>\
        <saml:Audience>https://sp.example</saml:Audience></saml:AudienceRestriction>\
        </saml:Conditions></saml:Assertion></samlp:Response>";
    let mut response = RESPONSE.to_owned();
    for (old, new) in edits {
        assert!(response.contains(old), "{old}");
        response = response.replace(old, new);
    }
    let mut lines = format!("SAMLRequest: {}\n", BASE64.encode(REQUEST));
    for _ in 0..responses {
        lines.push_str(&format!("SAMLResponse: {}\n", BASE64.encode(&response)));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.txt");
    std::fs::write(&path, lines).unwrap();
    trace(path.to_str().unwrap(), &[]).text
}

#[test]
fn a_response_is_compared_with_the_request_that_it_answers() {
    const UNKNOWN: &str = "whether InResponseTo is the ID";
    let same = trace_conversation(&[], 1);
    assert!(same.contains("the AuthnRequest of "), "{same}");
    for unsaid in [
        UNKNOWN,
        "but the request asked",
        "the Issuer of the request",
        "already delivered",
    ] {
        assert!(!same.contains(unsaid), "{unsaid}: {same}");
    }
    for (old, new, said) in [
        (
            "InResponseTo=\"_asked\"",
            "InResponseTo=\"_other\"",
            "which is not the ID of the only AuthnRequest",
        ),
        (
            "Destination=\"https://sp.example/acs\"",
            "Destination=\"https://sp.example/old\"",
            "but the request asked for https://sp.example/acs",
        ),
        (
            "<saml:Audience>https://sp.example<",
            "<saml:Audience>https://sp.example/<",
            "not https://sp.example, the Issuer of the request",
        ),
    ] {
        let other = trace_conversation(&[(old, new)], 1);
        assert!(other.contains(said), "{said}: {other}");
    }
    let twice = trace_conversation(&[], 2);
    assert!(twice.contains("was already delivered"), "{twice}");
}

#[test]
fn an_input_without_a_message_is_an_error_that_names_the_valid_inputs() {
    let folder = tempfile::tempdir().unwrap();
    for (content, words) in [
        ("{\"a\": 1}", "neither a HAR file"),
        ("nothing here", "no SAML message found in 12 bytes"),
        (
            "<!DOCTYPE html><html><form></form></html>",
            "this is a web page",
        ),
    ] {
        let path = folder.path().join("input");
        std::fs::write(&path, content).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
            .arg("trace")
            .arg(&path)
            .output()
            .unwrap();
        let errors = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.xml");
    let request = "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
        xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_1\" Version=\"2.0\" \
        IssueInstant=\"2026-06-01T12:00:00Z\"><saml:Issuer>\u{9b}2J</saml:Issuer></samlp:AuthnRequest>";
    std::fs::write(&path, request).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .arg("trace")
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains("\u{fffd}2J"), "{text}");
    assert!(!text.contains('\u{9b}'), "{text}");
}
