//! The control port accepts requests from programs that know its secret, and
//! refuses those from web pages.

use reqwest::{Client, Method, StatusCode};
use serde_json::json;

use crate::parties::Parties;

#[tokio::test(flavor = "multi_thread")]
async fn no_web_page_reaches_the_control_port() {
    let parties = Parties::start().await;
    let admin = parties.register_account("ada@lumen.example").await;
    let control = parties.portal().control_url().unwrap();
    let send = |method: Method, path: &str, name: &'static str, value: &'static str| {
        let url = format!("{control}{path}");
        let request = Client::new().request(method, url).header(name, value);
        async move { request.send().await.unwrap().status() }
    };
    for (method, path, name, value, wanted) in [
        // A form of another site: browsers send it without a CORS preflight.
        (
            Method::POST,
            "/control/reset",
            "origin",
            "http://evil.example",
            403,
        ),
        (
            Method::POST,
            "/control/reset",
            "content-type",
            "text/plain",
            415,
        ),
        // DNS rebinding: a host name of the attacker that resolves
        // to 127.0.0.1.
        (
            Method::GET,
            "/control/snapshot",
            "host",
            "evil.example",
            403,
        ),
        (
            Method::GET,
            "/control/snapshot",
            "sec-fetch-site",
            "cross-site",
            403,
        ),
    ] {
        let got = send(method, path, name, value).await;
        assert_eq!(got.as_u16(), wanted, "{path} with {name}: {value}");
    }
    // The state was not reset.
    admin.get("/api/session").await.is(200);
    let got = send(Method::POST, "/control/reset", "accept", "*/*").await;
    assert_eq!(got, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_port_needs_its_secret() {
    let parties = Parties::start().await;
    let admin = parties.register_account("ada@lumen.example").await;
    let secret = parties.portal().control_secret().unwrap();
    let with = parties.portal().control_url().unwrap();
    let without = with.strip_suffix(&format!("/{secret}")).unwrap();
    assert!(secret.len() >= 22, "at least 128 bits");
    let send = async |method: &str, url: String, token: Option<&str>| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Client::new().request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    };
    let wrong = "x".repeat(secret.len());
    for (method, path) in [
        ("PUT", "/control/clock"),
        ("PUT", "/sim/clock"),
        ("POST", "/control/license-keys"),
        ("POST", "/control/license-keys/cancel"),
        ("PUT", "/control/scim-rate-limit"),
        ("POST", "/control/reset"),
        ("GET", "/control/snapshot"),
        ("PUT", "/control/snapshot"),
        ("GET", "/control/of-a-later-version"),
    ] {
        for (url, token) in [
            (format!("{without}{path}"), None),
            (format!("{without}{path}"), Some(wrong.as_str())),
            (format!("{without}/{wrong}{path}"), None),
        ] {
            let answer = send(method, url, token).await;
            assert_eq!(answer.status(), 401, "{method} {path}");
            assert!(answer.headers().contains_key("www-authenticate"));
            let problem: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(problem["code"], "control-secret-missing");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("control_url of the ready file"), "{detail}");
            assert!(!detail.contains(secret), "{detail}");
        }
    }
    // The state was not reset.
    admin.get("/api/session").await.is(200);
    for path in ["/healthz", "/control/clock", "/sim/clock"] {
        let answer = send("GET", format!("{without}{path}"), None).await;
        assert_eq!(answer.status(), 200, "{path} is open");
    }
    let token = Some(secret);
    let by_path = send("GET", format!("{with}/control/snapshot"), None).await;
    let by_token = send("GET", format!("{without}/control/snapshot"), token).await;
    assert_eq!(by_path.status(), StatusCode::OK);
    assert_eq!(by_token.status(), StatusCode::OK);
    let reset = send("POST", format!("{without}/control/reset"), token).await;
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    let shown = format!("{:?}", parties.portal());
    assert!(!shown.contains(secret), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_port_names_the_member_that_is_wrong_and_lists_keys() {
    let parties = Parties::start().await;
    let control = parties.portal().control_url().unwrap();
    let send = async |method: &str, path: &str, body: serde_json::Value| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = Client::new().request(method, format!("{control}{path}"));
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: serde_json::Value = answer.json().await.unwrap();
        (status, body)
    };
    let keys = "/control/license-keys";
    for (method, path, body, part) in [
        (
            "POST",
            keys,
            json!({"seats": 0}),
            "invalid seats: expected a whole number of 1 or more",
        ),
        (
            "POST",
            keys,
            json!({"seats": 1, "devices": 0}),
            "invalid devices: ",
        ),
        (
            "POST",
            keys,
            json!({"seats": "two"}),
            "invalid seats: invalid type: string",
        ),
        ("POST", keys, json!({}), "missing field `seats`"),
        (
            "POST",
            keys,
            json!({"seats": 1, "ends": "soon"}),
            "invalid ends: expected 2027-01-31 or 2027-01-31T12:00:00Z, got \"soon\"",
        ),
        (
            "PUT",
            "/sim/clock",
            json!({"now": "tomorrow"}),
            "invalid now: expected a time such as 2027",
        ),
        (
            "PUT",
            "/sim/clock",
            json!({}),
            "exactly one of now and advance_seconds",
        ),
    ] {
        let (status, problem) = send(method, path, body).await;
        assert_eq!(status, 400, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(part) && !detail.contains("line 1"),
            "{detail}"
        );
    }
    // The last day ends at midnight.
    let (status, made) = send("POST", keys, json!({"seats": 2, "ends": "2927-01-31"})).await;
    assert_eq!(status, 201, "{made}");
    let (status, known) = send("GET", keys, json!({})).await;
    assert_eq!(status, 200, "{known}");
    let all = known["keys"].as_array().unwrap();
    let mine = all.iter().find(|it| it["key"] == made["key"]).unwrap();
    assert_eq!(mine["ends"], "2927-02-01T00:00:00Z");
    assert_eq!(mine["state"], "valid");
}
