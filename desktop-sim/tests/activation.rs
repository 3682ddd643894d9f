//! Tests the app with a minimal portal and identity provider, over real sockets.
#![allow(clippy::unwrap_used, missing_docs)]

use ambient::Ambient;
use axum::extract::Form;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use desktop_sim::{ActivationError, App, Credentials, DeviceIdentity, Transcript};
use serde_json::{Value, json};
use url::Url;

const LOGIN: &str = r#"<form method="post" action="/flow"><input name="username"><input type="password" name="password"></form>"#;
const ANSWER: &str = r#"<form method="post" action="/acs"><input type="hidden" name="SAMLResponse" value="QUJD"><input type="hidden" name="RelayState" value="r1"></form>"#;

/// The example key of RFC 8410, section 10.3.
const KEY: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";

fn sign_license(device_id: &str) -> String {
    let end = Ambient::real().now().as_second() + 3600;
    let claims = json!({"aud": "desktop", "jti": "l1", "device_id": device_id, "exp": end,
        "revalidate_after": end});
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    header.kid = Some("k1".to_owned());
    let der = base64::engine::general_purpose::STANDARD
        .decode(KEY)
        .unwrap();
    let key = jsonwebtoken::EncodingKey::from_ed_der(&der);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

async fn serve() -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let sso_url = base.join("/sso").unwrap();
    let router = Router::new()
        .route(
            "/desktop/v1/activations",
            post(move |Json(body): Json<Value>| async move {
                assert_eq!(body["device"]["id"], "mac-1");
                Json(json!({"activation_id": "a1", "activation_secret": "s", "sso_url": sso_url.as_str()}))
            }),
        )
        .route(
            "/desktop/v1/activations/a1/response",
            post(|Json(body): Json<Value>| async move {
                assert_eq!(body["saml_response"], "QUJD");
                assert_eq!(body["relay_state"], "r1");
                Json(json!({
                    "license": {"id": "l1", "email": "a@b.example"},
                    "license_token": "t",
                    "signed_license": sign_license("mac-1"),
                }))
            }),
        )
        .route(
            "/desktop/v1/keys",
            get(|| async {
                Json(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k1",
                    "x": "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}]}))
            }),
        )
        .route("/sso", get(|| async { Redirect::to("/flow") }))
        .route(
            "/flow",
            get(|| async { Html(LOGIN) }).post(
                |Form(fields): Form<Vec<(String, String)>>| async move {
                    let right = fields.contains(&("password".to_owned(), "right".to_owned()));
                    Html(if right { ANSWER } else { LOGIN })
                },
            ),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

async fn start_app() -> App {
    let device = DeviceIdentity {
        id: "mac-1".into(),
        name: "A Mac".into(),
    };
    App::new(serve().await, device, Ambient::real()).unwrap()
}

fn credentials(password: &str) -> Credentials {
    Credentials {
        username: "a@b.example".into(),
        password: password.into(),
    }
}

#[tokio::test]
async fn the_app_sends_the_idps_response_to_the_portal_and_is_activated() {
    let mut transcript = Transcript::default();
    let activated = start_app()
        .await
        .activate("a@b.example", Some(&credentials("right")), &mut transcript)
        .await
        .unwrap();
    assert_eq!(activated.license.id, "l1");
    assert_eq!(transcript.saml_response.as_deref(), Some("QUJD"));
    assert!(transcript.was_prompted());
}

#[tokio::test]
async fn a_wrong_corporate_password_ends_after_one_try() {
    let outcome = start_app()
        .await
        .activate(
            "a@b.example",
            Some(&credentials("wrong")),
            &mut Transcript::default(),
        )
        .await;
    assert!(matches!(
        outcome,
        Err(ActivationError::WrongCredentials { .. })
    ));
}

#[tokio::test]
async fn without_a_password_the_app_says_that_the_idp_wants_one() {
    let outcome = start_app()
        .await
        .activate("a@b.example", None, &mut Transcript::default())
        .await;
    assert!(matches!(
        outcome,
        Err(ActivationError::PasswordWanted { .. })
    ));
}
