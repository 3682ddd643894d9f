//! First answers of a SCIM server that no check can read.

use super::running::run;

/// Starts a server that answers every request with this media type and body.
pub(super) async fn answer_all_with(media_type: &'static str, body: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let answer = async move || ([("content-type", media_type)], body);
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

#[tokio::test]
async fn a_scim_server_with_invalid_json_is_not_called_a_wrong_base_url() {
    let (scim, json) = ("application/scim+json", "application/json");
    for (media_type, body, code, expected) in [
        (
            scim,
            r#"{"Resources": [{"displayName": "\ud800"}]}"#,
            "invalid-json",
            "invalid JSON at line 1, column 39 (byte 38) in the member Resources[0].displayName: ",
        ),
        (json, "", "invalid-json", "the body is empty, expected JSON"),
        ("text/plain", "", "invalid-json", "the body is empty"),
        (
            "text/plain",
            "{\"a\": 1",
            "invalid-json",
            "EOF while parsing an object",
        ),
        (scim, "OK", "invalid-json", "(byte 0): expected value"),
        (
            json,
            "[]",
            "wrong-base-url",
            "answered 200 (application/json): []",
        ),
        (
            "text/plain",
            "OK",
            "wrong-base-url",
            "answered 200 (text/plain): OK",
        ),
        (
            json,
            "<p>Log in</p>",
            "wrong-base-url",
            "that says \"Log in\"",
        ),
    ] {
        let base = answer_all_with(media_type, body).await;
        let ended = run(&["check", "scim", "--base-url", &base, "--token", "x"]).await;
        let paragraph = ended.paragraph();
        assert!(
            paragraph.contains(&format!("({code})")),
            "{body}: {paragraph}"
        );
        assert!(paragraph.contains(expected), "{body}: {paragraph}");
    }
    // A number that no client can read is a finding about that list.
    let long = r#"{"totalResults": 99999999999999999999, "Resources": []}"#;
    let base = answer_all_with(scim, long).await;
    let only = ["--read-only", "--only", "SCIM-PAGE-02", "--quiet"];
    let scim = ["check", "scim", "--base-url", &base, "--token", "x"];
    let ended = run(&[&scim[..], &only].concat()).await;
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let says = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        says.contains("totalResults is 1e+20, expected an integer from 0 to"),
        "{says}"
    );
}

#[tokio::test]
async fn a_target_that_limits_requests_for_too_long_is_not_called_another_mistake() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let answer = async || {
        let status = axum::http::StatusCode::TOO_MANY_REQUESTS;
        (status, [("retry-after", "9")], "slow down")
    };
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let folder = tempfile::tempdir().unwrap();
    let metadata = |role: &str, endpoint: &str| {
        let path = folder.path().join(format!("{role}.xml"));
        let document = format!(
            "<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='{base}'>\
             <{role} protocolSupportEnumeration='urn:oasis:names:tc:SAML:2.0:protocol'>\
             <{endpoint} Binding='urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' Location='{base}/saml'/>\
             </{role}></EntityDescriptor>"
        );
        std::fs::write(&path, document).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let idp = metadata("IDPSSODescriptor", "SingleSignOnService");
    let sp = metadata("SPSSODescriptor", "AssertionConsumerService index='0'");
    let (start, probe) = (format!("{base}/login"), format!("{base}/me"));
    let scim = ["scim", "--base-url", &base, "--token", "x"];
    let idp = ["idp", "--metadata", &idp, "--user", "jo", "--password", "x"];
    let sp = [
        "sp",
        "--metadata",
        &sp,
        "--start-url",
        &start,
        "--probe-url",
        &probe,
        "--expect",
        "jo",
    ];
    for of_kind in [&scim[..], &idp, &sp] {
        let ended = run(&[&["check"], of_kind, &["--timeout", "1"]].concat()).await;
        let paragraph = ended.paragraph();
        let said = "(rate-limited)";
        assert!(paragraph.contains(said), "{of_kind:?}: {paragraph}");
        let said = "the time until the next request is longer than --timeout or --deadline allows";
        assert!(paragraph.contains(said), "{of_kind:?}: {paragraph}");
    }
}
