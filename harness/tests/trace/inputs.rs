//! What people paste: the message is read, and the report says what was changed to read it. The
//! table of all changes is in `conformance/src/inspection/pasted/tests.rs`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// The result of `rehearsal trace -`.
pub(super) struct Done {
    pub(super) status: i32,
    pub(super) text: String,
    pub(super) errors: String,
}

pub(super) fn trace_input(input: &[u8], options: &[&str]) -> Done {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .args(["trace", "-", "--at", "2026-06-01T12:00:30Z"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let done = child.wait_with_output().unwrap();
    Done {
        status: done.status.code().unwrap(),
        text: String::from_utf8(done.stdout).unwrap(),
        errors: String::from_utf8(done.stderr).unwrap(),
    }
}

pub(super) const REQUEST: &str = "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_asked\" Version=\"2.0\" \
    IssueInstant=\"2026-06-01T12:00:00Z\"><a:Issuer>https://sp.example</a:Issuer></p:AuthnRequest>";

/// Returns the value of a parameter by HTTP-Redirect, without percent-encoding.
fn deflated(xml: &str) -> String {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(xml.as_bytes()).unwrap();
    BASE64.encode(out.finish().unwrap())
}

#[test]
fn every_line_of_a_list_is_explained() {
    let encoded = BASE64.encode(REQUEST).replace('+', "%2B");
    let line = |name: &str| format!("{name}={encoded}&RelayState={name}\n");
    let lines = [
        line("SAMLRequest"),
        line("SAMLResponse"),
        line("SAMLRequest"),
    ]
    .concat();
    let done = trace_input(lines.as_bytes(), &["--json"]);
    let accounts: Value = serde_json::from_str(&done.text).unwrap();
    let of = |name: &str| -> Vec<String> {
        let all = accounts.as_array().unwrap().iter();
        all.map(|it| it[name].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(of("place"), ["line 1", "line 2", "line 3"]);
    assert_eq!(
        of("parameter"),
        ["SAMLRequest", "SAMLResponse", "SAMLRequest"]
    );
    assert_eq!(accounts[1]["says"][0][1], "SAMLResponse");
}

#[test]
fn a_repair_is_reported_in_one_remark_and_in_json() {
    let value = BASE64.encode(REQUEST);
    let input = format!(
        "SAMLRequest='{}',",
        value.replace('+', " ").trim_end_matches('=')
    );
    let done = trace_input(input.as_bytes(), &["--json"]);
    let accounts: Value = serde_json::from_str(&done.text).unwrap();
    let repairs = serde_json::json!(["spaces", "padding"]);
    assert_eq!(accounts[0]["repairs"], repairs, "{}", done.text);
    let remarks: Vec<&str> = accounts[0]["remarks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .filter(|it| it.contains("was changed"))
        .collect();
    assert_eq!(
        remarks,
        [
            "the input was changed, because it cannot be read as it is. Spaces in the value were read \
          as plus signs: the value was not percent-encoded (+ is %2B), or was decoded twice. If a \
          service provider gets it like this, it cannot read the message. The number of = at the end \
          of the base64 was corrected: strict receivers refuse such a value. Check whether it was \
          copied completely"
        ]
    );
    let done = trace_input(input.as_bytes(), &[]);
    assert!(done.text.contains("Spaces in the value"), "{}", done.text);
    let plain = trace_input(REQUEST.as_bytes(), &["--json"]);
    let accounts: Value = serde_json::from_str(&plain.text).unwrap();
    assert_eq!(accounts[0]["repairs"], serde_json::json!([]));
}

#[test]
fn the_signature_of_a_decoded_query_is_not_judged() {
    let metadata = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/trace/metadata.xml"
    );
    let request = REQUEST
        .replace("https://sp.example", "https://idp.example.com/metadata")
        .replace("Version", "Destination=\"https://x.example/sso\" Version");
    let value = deflated(&request);
    assert!(value.contains('+'), "{value}");
    let encoded = |text: &str| {
        text.replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D")
    };
    let query = |value: &str, algorithm: &str| {
        format!("https://x.example/sso?SAMLRequest={value}&SigAlg={algorithm}&Signature=AAAA")
    };
    let algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256".replace('#', "%23");
    let sent = query(&encoded(&value), &encoded(&algorithm.replace(':', "%3A")));
    let decoded = query(&value, &algorithm);
    let damaged = query(&value.replace('+', " "), &algorithm);
    let trace = |input: &str| trace_input(input.as_bytes(), &["--metadata", metadata]);
    let done = trace(&sent);
    assert_eq!(done.status, 1, "{}", done.text);
    assert!(
        done.text
            .contains("the signature of the query does not hold"),
        "{}",
        done.text
    );
    for input in [decoded, damaged] {
        let done = trace(&input);
        assert_eq!(done.status, 0, "{}", done.text);
        assert!(done.text.contains("this copy is decoded"), "{}", done.text);
    }
}

#[test]
fn passwords_beside_a_message_are_not_printed() {
    let value = deflated(REQUEST).replace('+', "%2B");
    let input = format!(
        "curl 'https://jo:hunter2@idp.example/sso?password=hunter3&SAMLRequest={value}&x=hunter4' \\\n  \
         -H 'cookie: sid=hunter5' --data-raw 'password=hunter6'"
    );
    for options in [&["--json"] as &[&str], &["--xml"]] {
        let done = trace_input(input.as_bytes(), options);
        assert_eq!(
            (done.status, done.errors.as_str()),
            (0, ""),
            "{}",
            done.text
        );
        assert!(done.text.contains("AuthnRequest"), "{}", done.text);
        assert!(!done.text.contains("hunter"), "{}", done.text);
    }
}
