//! Tokens by OAuth client credentials: with a secret, and by an assertion that
//! the client signs.

use serde_json::Value;

use super::mutant_scim::TOKEN;
use super::running::rehearsal;
use super::target::{Behavior, Target};

/// A token endpoint with one client, which has a secret.
async fn token_endpoint() -> String {
    async fn answer(headers: axum::http::HeaderMap) -> (axum::http::StatusCode, String) {
        // Y2xpZW50OnNlY3JldA== is client:secret.
        let is_known = headers
            .get("authorization")
            .is_some_and(|it| it == "Basic Y2xpZW50OnNlY3JldA==");
        if is_known {
            let token = serde_json::json!({"access_token": TOKEN, "token_type": "Bearer"});
            return (axum::http::StatusCode::OK, token.to_string());
        }
        let refusal = r#"{"error": "invalid_client"}"#;
        (axum::http::StatusCode::UNAUTHORIZED, refusal.to_owned())
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/token", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_token_is_fetched_by_client_credentials() {
    let target = Target::start(Behavior::HangsAfter(usize::MAX)).await;
    let url = token_endpoint().await;
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
async fn token_endpoint_of_keys(public_key: Vec<u8>) -> String {
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
    let url = token_endpoint_of_keys(key.public_key_raw().to_vec()).await;
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
