//! What `rehearsal trace` says about messages that fail: each case names its cause and what to do,
//! and nothing is refused that a receiver may accept.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const ISSUER: &str = "https://idp.example.com/metadata";
const OTHER: &str = "https://other.example.org/metadata";

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/trace")
        .join(name);
    let bytes = std::fs::read(path).unwrap();
    saml::encoding::decode(&bytes).unwrap().text
}

/// The signed Response of the fixtures.
fn response() -> String {
    fixture("utf-16.xml")
}

/// Explains a text, with the text of the metadata if one is given. Returns the exit status and the
/// output.
fn trace_with(message: &str, metadata: Option<&str>, options: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("message"), message).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    command.arg("trace").arg(path("message")).args(options);
    if !options.contains(&"--at") {
        command.args(["--at", "2026-06-01T12:00:30Z"]);
    }
    if let Some(metadata) = metadata {
        std::fs::write(path("metadata"), metadata).unwrap();
        command.arg("--metadata").arg(path("metadata"));
    }
    let done = command.output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
    (done.status.code().unwrap(), text)
}

fn trace(message: &str) -> (i32, String) {
    trace_with(message, None, &[])
}

/// Checks the exit status, texts that are said, and texts that are not.
#[track_caller]
fn expect((status, text): (i32, String), expected: i32, said: &[&str], unsaid: &[&str]) {
    assert_eq!(status, expected, "{text}");
    for words in said {
        assert!(text.contains(words), "\"{words}\" is missing: {text}");
    }
    for words in unsaid {
        assert!(!text.contains(words), "\"{words}\" is said: {text}");
    }
}

/// Replaces a part that must be there.
#[track_caller]
fn with(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old}: {text}");
    text.replace(old, new)
}

/// Returns the first certificate after `place`, in base64.
fn certificate_after(xml: &str, place: &str) -> String {
    let (_, rest) = xml.split_once(place).unwrap();
    let (_, rest) = rest.split_once("<ds:X509Certificate>").unwrap();
    let (certificate, _) = rest.split_once("</ds:X509Certificate>").unwrap();
    certificate.to_owned()
}

fn soap(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

const LOGOUT: &str = "<p:LogoutRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
    xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_l\" Version=\"2.0\" \
    IssueInstant=\"2026-06-01T12:00:00Z\"><a:Issuer>https://idp.example</a:Issuer>\
    <a:NameID>jo</a:NameID><p:SessionIndex>_s</p:SessionIndex></p:LogoutRequest>";

#[test]
fn a_soap_fault_is_a_failure() {
    let fault = "<s:Fault><faultcode>s:Server</faultcode>\
        <faultstring>Unable to resolve artifact</faultstring></s:Fault>";
    let said = ["SOAP fault", "s:Server: Unable to resolve artifact"];
    expect(trace(&soap(fault)), 1, &said, &["not signed"]);
}

#[test]
fn an_artifact_response_without_a_message_is_a_failure() {
    let of = |status: &str| {
        soap(&format!(
            "<p:ArtifactResponse xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_a\" \
             Version=\"2.0\" IssueInstant=\"2026-06-01T12:00:00Z\"><p:Status><p:StatusCode \
             Value=\"urn:oasis:names:tc:SAML:2.0:status:{status}\"/></p:Status></p:ArtifactResponse>"
        ))
    };
    expect(
        trace(&of("Success")),
        1,
        &["contains no message", "used already"],
        &[],
    );
    let denied = of("Responder");
    expect(
        trace(&denied),
        1,
        &["the responder refused"],
        &["contains no message"],
    );
}

#[test]
fn what_soap_carries_needs_no_signature_of_its_own() {
    expect(
        trace(&soap(LOGOUT)),
        0,
        &["who sent it"],
        &["it is not signed: by"],
    );
    expect(trace(LOGOUT), 1, &["it is not signed: by"], &[]);
    let response = response();
    let (before, rest) = response.split_once("<ds:Signature").unwrap();
    let (_, after) = rest.split_once("</ds:Signature>").unwrap();
    let unsigned = format!("{before}{after}");
    expect(trace(&unsigned), 1, &["nothing is signed"], &[]);
    expect(
        trace(&soap(&unsigned)),
        0,
        &["who sent it"],
        &["nothing is signed"],
    );
}

#[test]
fn a_key_that_several_entities_announce_belongs_to_each() {
    let aggregate = fixture("aggregate.xml");
    let own = certificate_after(&aggregate, ISSUER);
    let other = certificate_after(&aggregate, OTHER);
    let shared = with(&aggregate, &other, &own);
    // In both orders: the entity that comes first is not preferred.
    let swapped = shared
        .replace(ISSUER, "first")
        .replace(OTHER, ISSUER)
        .replace("first", OTHER);
    for metadata in [&shared, &swapped] {
        let said = [&*format!("by a key that {ISSUER} announces")];
        expect(
            trace_with(&response(), Some(metadata), &[]),
            0,
            &said,
            &["not its Issuer"],
        );
    }
}

#[test]
fn a_wrong_signature_value_is_not_blamed_on_the_metadata() {
    let damaged = with(&response(), "XTOYZTof", "XTOYZToF");
    let metadata = fixture("metadata.xml");
    let said = [
        "did not make its SignatureValue",
        "the metadata is not the cause",
    ];
    let unsaid = ["its key is not in the metadata"];
    expect(
        trace_with(&damaged, Some(&metadata), &[]),
        1,
        &said,
        &unsaid,
    );
    // Without metadata too.
    expect(trace(&damaged), 1, &said[..1], &unsaid);
}

#[test]
fn the_issuer_of_the_signed_part_counts() {
    // The first Issuer is that of the Response, which is not signed.
    let response = response().replacen(ISSUER, "https://elsewhere.example", 1);
    let said = [
        "the Issuer of the assertion is",
        "that of the Response https://elsewhere.example",
    ];
    let unsaid = [
        "which is not its Issuer",
        "the Issuer is https://elsewhere.example",
    ];
    expect(
        trace_with(&response, Some(&fixture("metadata.xml")), &[]),
        1,
        &said,
        &unsaid,
    );
}

#[test]
fn a_change_of_the_certificate_is_named_with_both_certificates() {
    let aggregate = fixture("aggregate.xml");
    let other = certificate_after(&aggregate, OTHER);
    let metadata = fixture("metadata.xml");
    let metadata = with(&metadata, &certificate_after(&metadata, ISSUER), &other);
    let said = [
        "its key is not in the metadata",
        "Certificate in the message: CN=idp.example.com",
        "In the metadata of https://idp.example.com/metadata: CN=idp.example.com",
        "SHA-256 fingerprint",
        "rollover",
    ];
    expect(trace_with(&response(), Some(&metadata), &[]), 1, &said, &[]);
}

#[test]
fn a_key_of_another_kind_is_named() {
    const EC: &str = include_str!("../../fixtures/trace/ec-certificate.txt");
    let metadata = fixture("metadata.xml");
    let metadata = with(&metadata, &certificate_after(&metadata, ISSUER), EC.trim());
    let said = ["rsa-sha256 needs a key of kind RSA", "EC P-256"];
    expect(
        trace_with(&response(), Some(&metadata), &[]),
        1,
        &said,
        &["cannot be judged"],
    );
}

#[test]
fn small_differences_of_names_are_named() {
    for (name, difference) in [
        (
            format!("{ISSUER}/"),
            "they differ only by a slash at the end",
        ),
        (ISSUER.to_uppercase(), "they differ only in letter case"),
    ] {
        let metadata = with(&fixture("metadata.xml"), ISSUER, &name);
        let traced = trace_with(&response(), Some(&metadata), &[]);
        expect(traced, 1, &[difference], &["same aggregate"]);
    }
    let metadata = with(&fixture("metadata.xml"), ISSUER, "https://new.example");
    let said = ["which is not in the metadata; the key is that of https://new.example"];
    expect(
        trace_with(&response(), Some(&metadata), &[]),
        1,
        &said,
        &["same aggregate"],
    );
    for (option, value) in [
        ("--acs", "https://sp.example.com/acs/"),
        ("--audience", "https://sp.example.com/metadata/"),
    ] {
        let traced = trace_with(&response(), None, &[option, value]);
        expect(
            traced,
            1,
            &["they differ only by a slash at the end; enter"],
            &[],
        );
    }
    let traced = trace_with(&response(), None, &["--acs", "notaurl"]);
    expect(traced, 2, &["expected a URL"], &[]);
}

#[test]
fn expired_metadata_and_certificates_are_named() {
    let metadata = fixture("metadata.xml");
    let entity = "<md:EntityDescriptor ";
    let expired = "<md:EntityDescriptor validUntil=\"2020-01-01T00:00:00Z\" ";
    let traced = trace_with(&response(), Some(&with(&metadata, entity, expired)), &[]);
    expect(
        traced,
        0,
        &["valid until 2020-01-01T00:00:00Z (validUntil)"],
        &[],
    );
    expect(
        trace_with(&response(), Some(&metadata), &[]),
        0,
        &[],
        &["expired", "validUntil"],
    );
    let later = trace_with(
        &response(),
        Some(&metadata),
        &["--at", "2040-01-01T00:00:00Z"],
    );
    expect(
        later,
        1,
        &["the certificate of the signature expired: CN=idp"],
        &[],
    );
}

#[test]
fn a_service_provider_without_the_key_that_it_needs_is_refused() {
    let role = |signed: &str, logout: &str| {
        format!(
            r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sp.example"><md:SPSSODescriptor AuthnRequestsSigned="{signed}" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{logout}<md:AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example/acs"/></md:SPSSODescriptor></md:EntityDescriptor>"#
        )
    };
    let said = [
        "service provider: AuthnRequestsSigned",
        "no signing key is announced, so they cannot be verified",
    ];
    expect(trace(&role("true", "")), 1, &said, &[]);
    expect(trace(&role("false", "")), 0, &[], &["signing key"]);
    let logout = r#"<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://sp.example/slo"/>"#;
    let said = ["announces SingleLogoutService and no signing key"];
    expect(trace(&role("false", logout)), 0, &said, &[]);
}

#[test]
fn unusual_keys_of_metadata_are_described() {
    let metadata = fixture("metadata.xml");
    let certificate = certificate_after(&metadata, ISSUER);
    let damaged = with(&metadata, &certificate, "AAAA");
    let said = [
        "no signing certificate in the metadata can be read",
        "X.509",
    ];
    expect(trace_with(&response(), Some(&damaged), &[]), 2, &said, &[]);
    let (before, rest) = metadata.split_once("<ds:X509Data>").unwrap();
    let (_, after) = rest.split_once("</ds:X509Data>").unwrap();
    let value = "<ds:KeyValue><ds:RSAKeyValue/></ds:KeyValue>";
    let by_value = format!("{before}{value}{after}");
    let said = [
        "RSAKeyValue, without a certificate",
        "announced as KeyValue",
    ];
    expect(trace(&by_value), 0, &said, &["announces no signing key"]);
    // AD FS and Entra announce roles of other protocols in the same document.
    let role = "<md:RoleDescriptor protocolSupportEnumeration=\"other\"/><md:IDPSSODescriptor";
    let roles = with(&metadata, "<md:IDPSSODescriptor", role);
    expect(trace(&roles), 0, &[], &["does not support SAML 2.0"]);
    let aggregate = with(&fixture("aggregate.xml"), OTHER, ISSUER);
    expect(
        trace(&aggregate),
        0,
        &["in the metadata more than once"],
        &[],
    );
}

#[test]
fn a_status_is_explained_by_its_most_specific_code() {
    let of = |detail: &str, message: &str| {
        format!(
            "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_a\" Version=\"2.0\" \
             IssueInstant=\"2026-06-01T12:00:00Z\" Destination=\"https://sp.example\"><p:Status>\
             <p:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><p:StatusCode \
             Value=\"urn:oasis:names:tc:SAML:2.0:status:{detail}\"/></p:StatusCode>\
             <p:StatusMessage>{message}</p:StatusMessage></p:Status></p:Response>"
        )
    };
    for (detail, message, advice) in [
        ("NoPassive", "", "again without IsPassive"),
        ("NoAuthnContext", "", "leave it out of the request"),
        ("InvalidNameIDPolicy", "", "leave NameIDPolicy out"),
        ("UnsupportedBinding", "", "leave ProtocolBinding out"),
        (
            "RequestDenied",
            "AADSTS50105: x",
            "is not assigned to the Entra application",
        ),
    ] {
        expect(trace(&of(detail, message)), 1, &[advice], &[]);
    }
}

#[test]
fn a_name_id_in_another_format_than_requested_is_named() {
    let of = |format: &str| {
        let request = format!(
            "<p:AuthnRequest xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:a=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_req1\" Version=\"2.0\" \
             IssueInstant=\"2026-06-01T12:00:00Z\"><a:Issuer>https://sp.example.com/metadata\
             </a:Issuer><p:NameIDPolicy Format=\"{format}\"/></p:AuthnRequest>"
        );
        let lines = [("SAMLRequest", request), ("SAMLResponse", response())];
        let lines = lines.map(|(name, xml)| format!("{name}: {}\n", BASE64.encode(xml)));
        trace(&lines.concat())
    };
    const DEMANDED: &str = "the request demands a NameID in the format";
    expect(
        of("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        0,
        &[DEMANDED],
        &[],
    );
    for same in [
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
    ] {
        expect(of(same), 0, &["Answers"], &[DEMANDED]);
    }
}

#[test]
fn a_long_relay_state_is_named_and_not_printed_complete() {
    let of = |length: usize| {
        let message = BASE64.encode(response()).replace('+', "%2B");
        trace(&format!(
            "SAMLResponse={message}&RelayState={}",
            "x".repeat(length)
        ))
    };
    expect(of(80), 0, &[], &["at most 80"]);
    let long = "x".repeat(3000);
    expect(
        of(3000),
        0,
        &["RelayState has 3000 bytes", "… (3000 bytes)"],
        &[&long],
    );
}

#[test]
fn the_groups_of_entra_are_explained() {
    let of = |name: &str, value: &str| {
        let statement = format!(
            "</saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name=\"{name}\">\
             <saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"
        );
        trace(&with(&response(), "</saml:AuthnStatement>", &statement)).1
    };
    let link = of(
        "http://schemas.microsoft.com/claims/groups.link",
        "https://graph",
    );
    assert!(link.contains("more than 150 groups"), "{link}");
    let groups = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";
    let ids = of(groups, "6f1d4c3a-0b1e-4d5f-9c2a-1234567890ab");
    assert!(ids.contains("object IDs of Entra"), "{ids}");
    let names = of(groups, "Sales");
    assert!(!names.contains("object IDs of Entra"), "{names}");
}

#[test]
fn encrypted_parts_are_not_refused_for_what_trace_does_not_know() {
    let response = response();
    let (before, rest) = response.split_once("<saml:NameID").unwrap();
    let (_, after) = rest.split_once("</saml:NameID>").unwrap();
    let method = "<x:EncryptionMethod xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\" \
        Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"/>";
    let encrypted = format!("{before}<saml:EncryptedID>{method}</saml:EncryptedID>{after}");
    let (_, text) = trace(&encrypted);
    assert!(text.contains("the user's name: it is encrypted"), "{text}");
    assert!(text.contains("choose AES-GCM"), "{text}");
    assert!(!text.contains("has no NameID"), "{text}");
    let (before, rest) = response.split_once("<saml:Assertion").unwrap();
    let (_, after) = rest.split_once("</saml:Assertion>").unwrap();
    let encrypted = format!("{before}<saml:EncryptedAssertion/>{after}");
    let (_, text) = trace(&encrypted);
    assert!(text.contains("a signature may be within it"), "{text}");
    assert!(!text.contains("anybody could have written"), "{text}");
}
