//! The control port accepts requests from programs and refuses those from
//! web pages.

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
