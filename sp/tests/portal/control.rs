//! The control port accepts requests from programs that know its secret, and
//! refuses those from web pages.

use reqwest::{Client, Method, StatusCode};

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
