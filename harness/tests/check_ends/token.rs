//! Tokens by OAuth client credentials: with a secret, and by an assertion that
//! the client signs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::IntoResponse as _;
use serde_json::Value;

use super::mutant_scim::TOKEN;
use super::running::rehearsal;
use super::target::{Behavior, Target};

/// A token endpoint with one client, which has a secret.
async fn start_token_endpoint() -> String {
    start_counted_token_endpoint(3600).await.0
}

/// A token endpoint that knows one client and issues tokens with this lifetime; with the number of
/// requests.
async fn start_counted_token_endpoint(life: u32) -> (String, Arc<AtomicUsize>) {
    let times = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&times);
    let answer = async move |headers: axum::http::HeaderMap| {
        counted.fetch_add(1, Ordering::Relaxed);
        let json = ("content-type", "application/json");
        // Y2xpZW50OnNlY3JldA== is client:secret.
        let is_known = headers
            .get("authorization")
            .is_some_and(|it| it == "Basic Y2xpZW50OnNlY3JldA==");
        if is_known {
            let token = serde_json::json!({"access_token": TOKEN, "token_type": "Bearer",
                "expires_in": life});
            let headers = [json, ("cache-control", "no-store")];
            return (headers, token.to_string()).into_response();
        }
        let refusal = r#"{"error": "invalid_client"}"#;
        let headers = [json, ("www-authenticate", "Basic")];
        (axum::http::StatusCode::UNAUTHORIZED, headers, refusal).into_response()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/token", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, times)
}

#[tokio::test]
async fn a_token_is_fetched_by_client_credentials() {
    let target = Target::start(Behavior::HangsAfter(usize::MAX)).await;
    let url = start_token_endpoint().await;
    for (secret, code) in [("secret", 0), ("wrong", 2)] {
        let arguments = [
            "check",
            "scim",
            "--base-url",
            &target.base,
            "--oauth-token-url",
            &url,
            "--client-id",
            "client",
            "--client-secret",
            secret,
            "--read-only",
            "--json",
        ];
        let mut command = tokio::process::Command::from(rehearsal(&arguments));
        let output = command.kill_on_drop(true).output().await.unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{report}");
        let error = &report["error"]["code"];
        let expected = if code == 0 {
            Value::Null
        } else {
            "no-token".into()
        };
        assert_eq!(*error, expected, "{report}");
    }
}

/// A token endpoint with one client, which signs assertions with its key.
async fn start_token_endpoint_of_keys(public_key: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let audience = url.clone();
    let answer = move |headers: axum::http::HeaderMap, body: String| async move {
        let form: std::collections::HashMap<String, String> =
            url::form_urlencoded::parse(body.as_bytes())
                .into_owned()
                .collect();
        let assertion = form.get("client_assertion").map_or("", String::as_str);
        let key = jsonwebtoken::DecodingKey::from_ec_der(&public_key);
        let mut wanted = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
        wanted.set_audience(&[audience]);
        wanted.set_issuer(&["client"]);
        let claims = jsonwebtoken::decode::<Value>(assertion, &key, &wanted);
        let is_known = claims
            .is_ok_and(|it| it.claims["sub"] == "client" && it.header.kid.as_deref() == Some("k1"));
        let is_bare = !headers.contains_key("authorization");
        if is_known && is_bare && form["scope"] == "scim" {
            let token =
                serde_json::json!({"access_token": TOKEN, "expires_in": 3600, "scope": "scim"});
            return (axum::http::StatusCode::OK, token.to_string());
        }
        let refusal = r#"{"error": "invalid_client"}"#;
        (axum::http::StatusCode::UNAUTHORIZED, refusal.to_owned())
    };
    let router = axum::Router::new().route("/token", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_token_is_fetched_by_an_assertion_that_the_client_signs() {
    let target = Target::start(Behavior::HangsAfter(usize::MAX)).await;
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let url = start_token_endpoint_of_keys(key.public_key_raw().to_vec()).await;
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let own = file("own.key", &key.serialize_pem());
    let other = file(
        "other.key",
        &rcgen::KeyPair::generate().unwrap().serialize_pem(),
    );
    let no_key = file("no.key", "nothing");
    for (key, code, error) in [
        (&own, 0, Value::Null),
        (&other, 2, "no-token".into()),
        (&no_key, 2, "client-key-unusable".into()),
    ] {
        let arguments = [
            "check",
            "scim",
            "--base-url",
            &target.base,
            "--oauth-token-url",
            &url,
            "--client-id",
            "client",
            "--client-key",
            key,
            "--client-key-id",
            "k1",
            "--scope",
            "scim",
            "--json",
            "--only",
            "SCIM-PROFILE-15",
            "--only",
            "SCIM-PROFILE-17",
            "--only",
            "SCIM-PROFILE-18",
            "--only",
            "SCIM-PROFILE-19",
        ];
        let mut command = tokio::process::Command::from(rehearsal(&arguments));
        let output = command.kill_on_drop(true).output().await.unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{report}");
        assert_eq!(report["error"]["code"], error, "{report}");
        if code == 0 {
            assert_eq!(report["summary"]["passed"], 4, "{report}");
        }
    }
}

/// Runs `check scim` with these options; returns exit code and report.
async fn run_check(base: &str, options: &[&str]) -> (Option<i32>, Value) {
    let fixed = ["check", "scim", "--base-url", base, "--json"];
    let arguments: Vec<&str> = fixed.iter().chain(options).copied().collect();
    let mut command = tokio::process::Command::from(rehearsal(&arguments));
    let output = command.kill_on_drop(true).output().await.unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code(), report)
}

#[tokio::test]
async fn the_token_endpoint_is_read_from_the_metadata_of_the_issuer() {
    let target = Target::start(Behavior::HangsAfter(usize::MAX)).await;
    let token_url = start_token_endpoint().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}/as", listener.local_addr().unwrap());
    let metadata = serde_json::json!({"issuer": issuer, "token_endpoint": token_url,
        "response_types_supported": []});
    let router = axum::Router::new().route(
        "/.well-known/oauth-authorization-server/as",
        axum::routing::get(async move || axum::Json(metadata)),
    );
    tokio::spawn(async move { axum::serve(listener, router).await });
    let options = [
        "--oauth-issuer",
        &issuer,
        "--client-id",
        "client",
        "--client-secret",
        "secret",
        "--only",
        "SCIM-OAUTH-",
    ];
    let (code, report) = run_check(&target.base, &options).await;
    assert_eq!(code, Some(0), "{report}");
    let checks = report["checks"].as_array().unwrap();
    let passed: Vec<&str> = checks
        .iter()
        .filter(|it| it["verdict"] == "pass")
        .filter_map(|it| it["id"].as_str())
        .collect();
    let wanted = ["01", "02", "03", "04", "05", "06", "07", "08", "09", "40"];
    let wanted = wanted.map(|it| format!("SCIM-OAUTH-{it}"));
    assert_eq!(passed, wanted, "{report}");
}

#[tokio::test]
async fn an_expired_key_and_a_silent_issuer_are_no_findings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pem");
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let certificate = params.self_signed(&pair).unwrap().pem();
    std::fs::write(&path, certificate + &pair.serialize_pem()).unwrap();
    let key = path.to_str().unwrap();
    // Nothing listens there.
    let nowhere = "http://127.0.0.1:9";
    let by_key = ["--client-id", "c", "--client-key", key];
    let by_secret = ["--client-id", "c", "--client-secret", "s"];
    let federated = ["--client-id", "c", "--client-auth", "federated"];
    for (place, client, error) in [
        ("--oauth-token-url", by_key, "client-key-expired"),
        ("--oauth-issuer", by_key, "client-key-expired"),
        ("--oauth-issuer", by_secret, "no-oauth-metadata"),
        ("--oauth-token-url", by_secret, "no-token"),
        ("--oauth-token-url", federated, "no-client-assertion"),
    ] {
        let options = [&[place, nowhere][..], &client].concat();
        let (code, report) = run_check(nowhere, &options).await;
        assert_eq!(code, Some(2), "{report}");
        assert_eq!(report["error"]["code"], error, "{report}");
        let message = report["error"]["message"].as_str().unwrap();
        assert!(!message.contains('\n'), "{message}");
    }
}

#[tokio::test]
async fn load_renews_its_token_too() {
    let target = Target::start(Behavior::HangsAfter(usize::MAX)).await;
    // A token without a lifetime is renewed before each request.
    let (url, times) = start_counted_token_endpoint(0).await;
    let arguments = [
        "bench",
        "load",
        "scim",
        "--base-url",
        &target.base,
        "--oauth-token-url",
        &url,
        "--client-id",
        "client",
        "--client-secret",
        "secret",
        "--users",
        "3",
        "--duration",
        "1",
        "--quiet",
    ];
    let mut command = tokio::process::Command::from(rehearsal(&arguments));
    let output = command.kill_on_drop(true).output().await.unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(times.load(Ordering::Relaxed) > 5);
}
