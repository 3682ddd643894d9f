//! Access tokens of OAuth authorization servers at the SCIM endpoint.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::parties::{Parties, step, text};

const AUDIENCE: &str = "api://scim";

pub(crate) struct Key {
    pub(crate) private: EncodingKey,
    jwk: Value,
}

pub(crate) fn key(kid: &str) -> Key {
    let pair = rcgen::KeyPair::generate().unwrap();
    let raw = rcgen::PublicKeyData::der_bytes(&pair);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Key {
        private: EncodingKey::from_ec_der(pair.serialized_der()),
        jwk: json!({"kty": "EC", "crv": "P-256", "kid": kid,
            "x": part(&raw[1..33]), "y": part(&raw[33..65])}),
    }
}

/// An authorization server that publishes metadata and keys.
pub(crate) struct Issuer {
    pub(crate) url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    /// Issuer in the metadata.
    named: Arc<Mutex<String>>,
    fetches: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let url = format!("{base}/as");
        let keys: Arc<Mutex<Vec<Value>>> = Arc::default();
        let named = Arc::new(Mutex::new(url.clone()));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (shown, issuer, jwks) = (keys.clone(), named.clone(), format!("{base}/jwks"));
        let metadata = async move || {
            let issuer = issuer.lock().unwrap().clone();
            Json(json!({"issuer": issuer, "jwks_uri": jwks}))
        };
        let counted = fetches.clone();
        let jwks = async move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Json(json!({"keys": *shown.lock().unwrap()}))
        };
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server/as", get(metadata))
            .route("/jwks", get(jwks));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            keys,
            named,
            fetches,
        }
    }

    /// Publishes a key.
    pub(crate) fn add_key(&self, key: &Key) {
        self.keys.lock().unwrap().push(key.jwk.clone());
    }
}

fn sign_token(key: &Key, kid: &str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(kid.to_owned());
    encode(&header, claims, &key.private).unwrap()
}

/// Returns the status of `GET /Users` with this token.
async fn fetch_status(base: &str, token: &str) -> u16 {
    let client = reqwest::Client::new();
    let request = client.get(format!("{base}/Users")).bearer_auth(token);
    let answer = request.send().await.unwrap();
    let challenge = answer.headers().get("www-authenticate").cloned();
    let is_told = challenge.is_some_and(|it| it.to_str().unwrap().contains("invalid_token"));
    assert_eq!(is_told, answer.status() == 401);
    answer.status().as_u16()
}

#[tokio::test]
async fn access_tokens_of_an_accepted_issuer_open_the_scim_endpoint() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(3).await;
    let page = admin.get("/api/business/idp-integration").await.is(200);
    let base = text(&page["scim"]["base_url"]);
    let issuer = Issuer::start().await;
    let first = key("k1");
    issuer.keys.lock().unwrap().push(first.jwk.clone());
    let claims = json!({"iss": issuer.url, "sub": "client-1", "client_id": "client-1",
        "aud": [AUDIENCE], "scope": "read scim", "exp": parties.ambient.now().as_second() + 600});
    let ask = async |token: &str| fetch_status(&base, token).await;
    let right = sign_token(&first, "k1", &claims);
    assert_eq!(ask(&right).await, 401, "the issuer is not accepted yet");

    let new = json!({"issuer": issuer.url, "audience": AUDIENCE, "clients": ["client-1"],
        "scope": "scim"});
    let path = step("scim/issuers");
    for (field, value) in [
        ("issuer", json!("ftp://x")),
        ("issuer", json!("https://x.example/?a=b")),
        ("audience", json!("")),
        ("clients", json!([])),
    ] {
        let mut wrong = new.clone();
        wrong[field] = value;
        admin.post(&path, &wrong).await.is(400);
    }
    let added = admin.post(&path, &new).await.is(201);
    admin.post(&path, &new).await.is(409);
    assert_eq!(ask(&right).await, 200);

    let (other, now) = (key("k1"), parties.ambient.now().as_second());
    let mut codes = vec!["token-issuer"];
    for (code, changes) in [
        ("token-audience", json!({"aud": "api://other"})),
        ("token-expired", json!({"exp": now - 61})),
        ("token-not-yet-valid", json!({"nbf": now + 120})),
        (
            "token-client",
            json!({"sub": "client-2", "client_id": "client-2"}),
        ),
        ("token-scope", json!({"scope": "scimmer"})),
    ] {
        let mut wrong = claims.clone();
        for (claim, value) in changes.as_object().unwrap() {
            wrong[claim] = value.clone();
        }
        assert_eq!(ask(&sign_token(&first, "k1", &wrong)).await, 401, "{code}");
        codes.push(code);
    }
    assert_eq!(ask(&sign_token(&other, "k1", &claims)).await, 401);
    codes.push("token-signature");
    let mut parts = right.split('.');
    let (header, body) = (parts.next().unwrap(), parts.next().unwrap());
    let signature = parts.next().unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let public = EncodingKey::from_secret(first.jwk.to_string().as_bytes());
    let hmac = encode(&Header::new(Algorithm::HS256), &claims, &public).unwrap();
    let tampered = URL_SAFE_NO_PAD.encode(claims.to_string().replace("client-1", "client-9"));
    for wrong in [
        format!("{none}.{body}."),
        format!("{none}.{body}.{signature}"),
        hmac,
        format!("{header}.{tampered}.{signature}"),
        "a.b.c".to_owned(),
    ] {
        assert_eq!(ask(&wrong).await, 401, "{wrong}");
    }
    codes.push("token-malformed");
    let log = admin.get("/api/business/audit").await.is(200).to_string();
    for code in codes {
        let times = log.matches(&format!("\"{code}\"")).count();
        assert_eq!(times, 1, "{code} in {log}");
    }

    // The bearer token of the step is valid beside it.
    let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
    assert_eq!(ask(&text(&made["token"])).await, 200);

    let path = format!("{path}/{}", text(&added["id"]));
    for status in [204, 404] {
        let answer = admin.send(Method::DELETE, &path, &Value::Null).await;
        answer.is(status);
    }
    assert_eq!(ask(&right).await, 401, "the issuer was removed");
}

#[tokio::test]
async fn keys_are_fetched_again_when_the_issuer_changes_them() {
    let parties = Parties::start().await;
    let (admin, _) = parties.create_integration(3).await;
    let page = admin.get("/api/business/idp-integration").await.is(200);
    let base = text(&page["scim"]["base_url"]);
    let issuer = Issuer::start().await;
    let (first, second) = (key("k1"), key("k2"));
    issuer.keys.lock().unwrap().push(first.jwk.clone());
    let new = json!({"issuer": issuer.url, "audience": AUDIENCE, "clients": ["c"]});
    admin.post(&step("scim/issuers"), &new).await.is(201);
    let claims = json!({"iss": issuer.url, "sub": "c", "aud": AUDIENCE,
        "exp": parties.ambient.now().as_second() + 86_400});
    let ask =
        async |key: &Key, kid: &str| fetch_status(&base, &sign_token(key, kid, &claims)).await;
    assert_eq!(ask(&first, "k1").await, 200);
    *issuer.keys.lock().unwrap() = vec![second.jwk.clone()];
    // Unknown key IDs do not make the portal fetch each time.
    for _ in 0..5 {
        assert_eq!(ask(&second, "k2").await, 401);
    }
    assert_eq!(issuer.fetches.load(Ordering::Relaxed), 1);
    parties
        .ambient
        .clock()
        .advance(SignedDuration::from_secs(31))
        .unwrap();
    assert_eq!(ask(&second, "k2").await, 200);
    assert_eq!(ask(&first, "k1").await, 401);
    assert_eq!(issuer.fetches.load(Ordering::Relaxed), 2);
    // Metadata of another issuer proves nothing.
    *issuer.named.lock().unwrap() = "https://evil.example".to_owned();
    parties
        .ambient
        .clock()
        .advance(SignedDuration::from_secs(601))
        .unwrap();
    assert_eq!(ask(&second, "k2").await, 401);
}
