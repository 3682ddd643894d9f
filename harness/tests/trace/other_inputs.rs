//! Files of other kinds, and inputs without a message: the report says what they are and what to do.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::inputs::{Done, REQUEST, trace_input};

const ASSERTION: &str = "<a:Assertion xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_t\" \
    Version=\"2.0\" IssueInstant=\"2026-06-01T12:00:00Z\"><a:Issuer>https://idp.example</a:Issuer>\
    <a:Subject><a:NameID>jo</a:NameID></a:Subject></a:Assertion>";

/// Checks the exit status, texts that are said, and texts that are not.
#[track_caller]
fn expect(input: &[u8], status: i32, said: &[&str], unsaid: &[&str]) -> Done {
    let done = trace_input(input, &[]);
    let all = format!("{}{}", done.text, done.errors);
    assert_eq!(done.status, status, "{all}");
    for words in said {
        assert!(all.contains(words), "\"{words}\" is missing: {all}");
    }
    for words in unsaid {
        assert!(!all.contains(words), "\"{words}\" is said: {all}");
    }
    assert!(!all.contains("hunter"), "{all}");
    assert!(!all.contains(['\u{1b}', '\u{9b}']), "{all}");
    done
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn har(entries: &[Value]) -> String {
    json!({"log": {"entries": entries}}).to_string()
}

fn posted(value: &str, response: &Value) -> Value {
    json!({
        "request": {"method": "POST", "url": "https://jo:hunter2@sp.example/acs?x=hunter3",
            "postData": {"text": "", "params": [{"name": "SAMLResponse", "value": value}]}},
        "response": response,
    })
}

#[test]
fn compressed_files_and_other_encodings_are_read() {
    expect(
        &gzip(REQUEST.as_bytes()),
        0,
        &["AuthnRequest —", "unwrapped from gzip"],
        &[],
    );
    let wide = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("SAMLRequest={}", BASE64.encode(REQUEST).replace('+', "%2B"));
        text.encode_utf16().flat_map(unit).collect()
    };
    for bytes in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
        expect(&bytes, 0, &["AuthnRequest —"], &[]);
    }
    let in_base64 = BASE64.encode(gzip(REQUEST.as_bytes()));
    let said = ["AuthnRequest —", "compressed with gzip (RFC 1952)"];
    expect(in_base64.as_bytes(), 0, &said, &[]);
    let marked = [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat();
    expect(&marked, 0, &["AuthnRequest —"], &[]);
    let declared = format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>{REQUEST}");
    let said = ["the XML declaration says UTF-16, but the bytes are UTF-8"];
    expect(declared.as_bytes(), 0, &said, &[]);
    expect(BASE64.encode(&declared).as_bytes(), 0, &said, &[]);
    let latin: Vec<u8> = REQUEST
        .replace("https://sp.example", "M\u{fc}ller")
        .chars()
        .map(|it| u8::try_from(u32::from(it)).unwrap())
        .collect();
    let said = [
        "Müller",
        "every XML parser refuses it",
        "read as Windows-1252",
    ];
    expect(BASE64.encode(&latin).as_bytes(), 1, &said, &[]);
    expect(&latin, 0, &["Müller", "it was read as Windows-1252"], &[]);
}

#[test]
fn a_small_file_that_decompresses_to_gigabytes_is_refused() {
    let zeros = vec![b' '; 1 << 20];
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..257 {
        out.write_all(&zeros).unwrap();
    }
    let bomb = out.finish().unwrap();
    assert!(bomb.len() < 4 << 20, "{}", bomb.len());
    expect(&bomb, 2, &["decompresses to more than 256 MiB"], &[]);
    let cut = &gzip(REQUEST.as_bytes())[..60];
    expect(cut, 2, &["cannot decompress the gzip file"], &[]);
}

#[test]
fn files_without_text_are_named() {
    let rows: &[(&[u8], &str)] = &[
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
            "a PNG picture; paste the text",
        ),
        (
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            "a JPEG picture; paste the text",
        ),
        (
            b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\0",
            "a PDF document; paste the text",
        ),
        (
            b"PK\x03\x04\x14\0\x06\0",
            "a ZIP archive, or a document of an office program; unpack it",
        ),
        (
            b"\x30\x82\x09\x00\x02\x01\x03\x30\x82",
            "a PKCS#12 file (.p12, .pfx)",
        ),
        (b"\x30\x82\x02\x00\x30\x82\x01\x00", "a certificate (DER)"),
        (b"SQLite format 3\0\x10\0", "an SQLite database; export"),
        (b"\x01\x02\x03\x04\xfe\xff\0\x01", "binary data, not text"),
    ];
    for (bytes, words) in rows {
        expect(
            bytes,
            2,
            &["no SAML message found", words],
            &["save the file as UTF-8"],
        );
        expect(&gzip(bytes), 2, &[words], &[]);
    }
}

#[test]
fn an_input_without_a_message_is_named_with_its_cause() {
    let mut artifact = vec![0, 4, 0, 1];
    artifact.extend([0xab; 20]);
    artifact.extend([0x5e; 20]);
    let artifact = BASE64.encode(artifact);
    let in_url = format!(
        "https://sp.example/acs?SAMLart={}&RelayState=a",
        artifact
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D")
    );
    let certificate = include_str!("../../../fixtures/trace/ec-certificate.txt").trim();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqbyJ9.AAAA";
    let rows: Vec<(String, &[&str])> = vec![
        (String::new(), &["the input is empty"]),
        (" \r\n".to_owned(), &["the input is empty"]),
        ("<base64>".to_owned(), &["placeholder"]),
        ("SAMLResponse=…".to_owned(), &["placeholder"]),
        ("SAMLResponse: {{ saml }}".to_owned(), &["placeholder"]),
        ("%SAMLResponse%".to_owned(), &["placeholder"]),
        ("SAMLResponse=PHNhbWxwOlJlc3BvbnNl...".to_owned(), &["the value is shortened (…)"]),
        (in_url, &["type code 4, endpoint index 1", "SourceID abababababababababababababababababababab (", "ArtifactResponse"]),
        (format!("SAMLart={artifact}"), &["SAMLart is an artifact"]),
        (pem, &["this is the certificate", "--metadata"]),
        (certificate.to_owned(), &["this is the certificate"]),
        ("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----".to_owned(), &["this is a private key (PEM, PRIVATE KEY)", "--key"]),
        (token.to_owned(), &["JSON Web Token", "it is not SAML"]),
        (format!("{{\"id_token\":\"{token}\"}}"), &["JSON Web Token"]),
        ("https://idp.example/authorize?client_id=hunter2&response_type=code".to_owned(), &["OpenID Connect or OAuth"]),
        ("https://sp.example/callback?code=hunter2&state=hunter3".to_owned(), &["an answer of OpenID Connect or OAuth"]),
        ("undefined".to_owned(), &["placeholder"]),
        ("***".to_owned(), &["placeholder"]),
        ("[REDACTED]".to_owned(), &["placeholder"]),
        ("Started POST \"/saml\"\n  Parameters: {\"SAMLResponse\"=>\"[FILTERED]\", \"x\"=>\"hunter2\"}".to_owned(), &["the value of SAMLResponse is [FILTERED], not the message", "filter_parameters"]),
        ("SAMLResponse=***&RelayState=hunter2".to_owned(), &["the value of SAMLResponse is ***"]),
        ("{\"SAMLRequest\": null, \"a\": \"hunter2\"}".to_owned(), &["the value of SAMLRequest is null", "one step earlier"]),
        ("SAMLResponse: undefined\nRelayState: hunter2".to_owned(), &["the value of SAMLResponse is undefined"]),
        ("{\"method\":\"POST\"}".to_owned(), &["neither a HAR file"]),
        ("https://idp.example/adfs/ls?wa=wsignin1.0&wtrealm=x".to_owned(), &["WS-Federation (wa=wsignin1.0)"]),
        ("<html><body>AADSTS50105: The signed in user hunter2 is not assigned</body></html>".to_owned(), &["AADSTS50105", "is not assigned to the Entra application"]),
        ("Error AADSTS9999999: x".to_owned(), &["AADSTS9999999, which is not explained here", "error?code=9999999"]),
        ("MSIS7007: The requested relying party trust 'x' is unspecified".to_owned(), &["no relying party trust has the Issuer"]),
        ("403. That's an error. Error: app_not_configured_for_user".to_owned(), &["the Entity ID of the SAML app at Google"]),
        ("<html>Sorry, you cannot access X because you are not assigned this app in Okta.</html>".to_owned(), &["not assigned to the application at Okta"]),
    ];
    for (input, said) in rows {
        let done = expect(input.as_bytes(), 2, said, &[]);
        assert!(!done.errors.contains("5e5e"), "{}", done.errors);
    }
}

#[test]
fn a_har_file_without_a_message_says_what_it_contains() {
    let get =
        |url: &str| json!({"request": {"method": "GET", "url": url}, "response": {"status": 200}});
    let late = har(&[
        get("https://app.example/home"),
        get("https://cdn.example/a.js"),
    ]);
    expect(
        late.as_bytes(),
        2,
        &[
            "2 requests, to app.example, cdn.example",
            "before the login",
            "Preserve log",
        ],
        &[],
    );
    let lost = json!({"request": {"method": "POST", "url": "https://sp.example/acs", "bodySize": 4000}, "response": {"status": 302}});
    expect(
        har(&[lost]).as_bytes(),
        2,
        &["the forms of 1 POST requests are missing"],
        &["before the login"],
    );
    let lost = json!({"request": {"method": "POST", "url": "https://sp.example/acs", "bodySize": -1,
        "headers": [{"name": "Content-Length", "value": "4000"}]}, "response": {"status": 302}});
    expect(
        har(&[lost]).as_bytes(),
        2,
        &["the forms of 1 POST requests are missing"],
        &[],
    );
    let filtered = posted("[FILTERED]", &json!({"status": 302}));
    expect(
        har(&[filtered]).as_bytes(),
        2,
        &["the value of SAMLResponse is [FILTERED]"],
        &[],
    );
    let page = json!({"status": 200, "content": {"mimeType": "text/html", "text": "<p>AADSTS700016: hunter2</p>"}});
    let failed =
        json!({"request": {"method": "GET", "url": "https://idp.example"}, "response": page});
    expect(
        har(&[failed]).as_bytes(),
        2,
        &["in entry 1 of the HAR file", "AADSTS700016"],
        &[],
    );
    let oauth = get("https://idp.example/authorize?client_id=a&response_type=code");
    expect(har(&[oauth]).as_bytes(), 2, &["OpenID Connect"], &[]);
    expect(
        har(&[]).as_bytes(),
        2,
        &["the HAR file contains no request"],
        &[],
    );
}

#[test]
fn the_answer_to_a_posted_response_is_told_and_not_judged() {
    let value = BASE64.encode(ASSERTION);
    let page = "<html><head><style>x</style></head><body><h1>Login failed</h1>\u{1b}[2J<script>s</script> Try again</body></html>";
    let refused = json!({"status": 403, "content": {"mimeType": "text/html", "text": page}});
    let file = har(&[posted(&value, &refused)]);
    let said = [
        "What the receiver answered (observed, not judged)",
        "403 (entry 1: POST https://sp.example/acs)",
        "Login failed \u{fffd}[2J Try again",
    ];
    expect(file.as_bytes(), 1, &said, &[]);
    let moved = json!({"status": 302, "redirectURL": "https://sp.example/app?token=hunter4", "content": {}});
    let file = har(&[posted(&value, &moved)]);
    let done = trace_input(file.as_bytes(), &["--json"]);
    let accounts: Value = serde_json::from_str(&done.text).unwrap();
    let expected = json!({"place": "entry 1: POST https://sp.example/acs", "status": 302, "location": "https://sp.example/app", "text": null});
    assert_eq!(accounts[0]["answer"], expected, "{}", done.text);
}

#[test]
fn an_assertion_of_ws_federation_is_explained() {
    let of = |assertion: &str| {
        format!(
            "<t:RequestSecurityTokenResponse xmlns:t=\"http://schemas.xmlsoap.org/ws/2005/02/trust\">\
             <t:RequestedSecurityToken>{assertion}</t:RequestedSecurityToken></t:RequestSecurityTokenResponse>"
        )
    };
    let escaped =
        |xml: &str| url::form_urlencoded::byte_serialize(xml.as_bytes()).collect::<String>();
    let form = format!(
        "wa=wsignin1.0&wresult={}&wctx=hunter2",
        escaped(&of(ASSERTION))
    );
    let page = format!(
        "<html><form><input name=\"wresult\" value=\"{}\"></form></html>",
        of(ASSERTION)
            .replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;")
    );
    for input in [of(ASSERTION), form, page] {
        let said = [
            "this is a message of WS-Federation (wresult)",
            "unwrapped from",
            "https://idp.example",
            "nothing is signed",
        ];
        expect(
            input.as_bytes(),
            1,
            &said,
            &[
                "Recipient is",
                "has no Recipient",
                "is not a SAML 2.0 message",
            ],
        );
    }
    let old = "<s:Assertion xmlns:s=\"urn:oasis:names:tc:SAML:1.0:assertion\" MajorVersion=\"1\"/>";
    expect(
        of(old).as_bytes(),
        0,
        &["one of SAML 1.1, which is not judged"],
        &[],
    );
}

#[test]
fn each_cause_of_a_document_that_cannot_be_parsed_has_its_own_text() {
    let dtd = format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{REQUEST}");
    let deep = format!("{}{}", "<a>".repeat(300), "</a>".repeat(300));
    let deep = REQUEST.replace("</p:AuthnRequest>", &format!("{deep}</p:AuthnRequest>"));
    let prefix = REQUEST
        .replace("xmlns:a=", "xmlns:b=")
        .replace("a:Issuer", "saml:Issuer");
    let cut = &REQUEST[..REQUEST.len() - 30];
    let encoded = BASE64.encode(REQUEST);
    let well_formed = "is not well-formed";
    for (input, status, said) in [
        (dtd.as_str(), 1, "document type declaration"),
        (deep.as_str(), 2, "larger than what trace reads"),
        (
            prefix.as_str(),
            1,
            "xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
        ),
        (cut, 1, "The copy is incomplete"),
        (cut, 1, "AuthnRequest, which cannot be parsed — the input"),
        (deep.as_str(), 2, "AuthnRequest, too large — the input"),
        (&encoded[..200], 1, "The copy is incomplete"),
    ] {
        expect(input.as_bytes(), status, &[said], &[well_formed]);
    }
    let long = REQUEST.replace("</a:Issuer>", &format!("{}</a:Issuer>", "x".repeat(9000)));
    expect(
        &long.as_bytes()[..8192],
        1,
        &["cut a text at 8192 characters"],
        &[],
    );
    let broken = REQUEST.replace("<a:Issuer>", "<a:Issuer x=1>");
    expect(broken.as_bytes(), 1, &[well_formed], &["incomplete"]);
}

#[test]
fn metadata_at_an_address_that_is_not_supported_are_refused_with_one_error() {
    for (place, words) in [
        (
            "ftp://jo:hunter2@idp.example/metadata",
            "with ftp://. Download them",
        ),
        (
            "file:///etc/metadata.xml",
            "Give the path of the file: /etc/metadata.xml.",
        ),
    ] {
        let done = trace_input(REQUEST.as_bytes(), &["--metadata", place]);
        assert_eq!(done.status, 2, "{}", done.errors);
        assert!(done.errors.contains(words), "{}", done.errors);
        assert!(!done.errors.contains("hunter"), "{}", done.errors);
        assert_eq!(done.errors.lines().count(), 1, "{}", done.errors);
    }
}
