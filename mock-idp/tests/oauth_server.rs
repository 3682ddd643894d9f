//! The environment as an OAuth authorization server: ways of client authentication, refused
//! assertions, rotation of secrets, metadata and signed access tokens.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, encode};
use reqwest::Method;
use serde_json::{Value, json};

use world::{World, browser, start_of_time};

const AUDIENCE: &str = "https://portal.example/scim/acme/v2";
const OUTSIDE: &str = "https://workloads.example";

/// Returns an EC key and its public part as a JWK set.
fn key() -> (EncodingKey, Value) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let raw = rcgen::PublicKeyData::der_bytes(&pair);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k1",
        "x": part(&raw[1..33]), "y": part(&raw[33..65])});
    let private = EncodingKey::from_ec_der(pair.serialized_der());
    (private, json!({"keys": [jwk]}))
}

struct Client<'w> {
    world: &'w World,
    id: String,
}

impl<'w> Client<'w> {
    async fn new(world: &'w World, settings: Value) -> Self {
        let mut worker = json!({"name": "SCIM client", "protocol": "OPENID_CONNECT",
            "enabled": true,
            "resource": {"audience": AUDIENCE, "scopes": ["scim", "scim.read"]}});
        for (name, value) in settings.as_object().unwrap() {
            worker[name] = value.clone();
        }
        let id = world.create("/applications", worker).await;
        Self { world, id }
    }

    fn issuer(&self) -> String {
        format!("{}/{}/as", self.world.idp.base_url(), self.world.env)
    }

    async fn fetch_secret(&self) -> String {
        let path = format!("/applications/{}/secret", self.id);
        let shown = self.world.show(&path).await;
        shown["secret"].as_str().unwrap().to_owned()
    }

    /// Requests a token with these form fields in addition to the grant type.
    async fn ask(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(fields);
        let url = format!("{}/token", self.issuer());
        let answer = browser().post(url).form(&form).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let status = answer.status().as_u16();
        let has_challenge = answer.headers().contains_key("www-authenticate");
        assert_eq!(has_challenge, status == 401);
        (status, answer.json().await.unwrap())
    }

    async fn ask_by_secret(&self, secret: &str) -> u16 {
        let fields = [("client_id", self.id.as_str()), ("client_secret", secret)];
        self.ask(&fields).await.0
    }

    async fn ask_by_assertion(&self, assertion: &str, more: &[(&str, &str)]) -> (u16, Value) {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let mut fields = vec![
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
        ];
        fields.extend(more);
        self.ask(&fields).await
    }

    fn claims(&self, jti: &str) -> Value {
        let now = self.world.ambient.now().as_second();
        json!({"iss": self.id, "sub": self.id, "aud": format!("{}/token", self.issuer()),
            "exp": now + 300, "jti": jti})
    }
}

fn sign_jwt(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, key).unwrap()
}

#[tokio::test]
async fn an_access_token_is_signed_by_a_published_key() {
    let world = World::new().await;
    let client = Client::new(&world, json!({})).await;
    let secret = client.fetch_secret().await;
    let fields = [
        ("client_id", client.id.as_str()),
        ("client_secret", &secret),
    ];
    let (status, issued) = client.ask(&fields).await;
    assert_eq!((status, &issued["scope"]), (200, &json!("scim scim.read")));
    let issuer = client.issuer();
    let base = world.idp.base_url();
    let inserted = format!(
        "{base}/.well-known/oauth-authorization-server/{}/as",
        world.env
    );
    for url in [
        inserted,
        format!("{issuer}/.well-known/oauth-authorization-server"),
        format!("{issuer}/.well-known/openid-configuration"),
    ] {
        let metadata: Value = browser()
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(metadata["issuer"], *issuer);
        assert_eq!(metadata["token_endpoint"], format!("{issuer}/token"));
        let keys = metadata["jwks_uri"].as_str().unwrap();
        let keys: JwkSet = browser()
            .get(keys)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = issued["access_token"].as_str().unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let mut wanted = Validation::new(header.alg);
        wanted.validate_exp = false;
        wanted.set_audience(&[AUDIENCE]);
        wanted.set_issuer(&[&issuer]);
        let key = DecodingKey::from_jwk(key).unwrap();
        let claims = jsonwebtoken::decode::<Value>(token, &key, &wanted)
            .unwrap()
            .claims;
        assert_eq!(claims["client_id"], *client.id);
        assert_eq!(claims["exp"], start_of_time().as_second() + 3600);
        // It is for another API than the management API.
        let url = format!("{base}/v1/environments/{}/users", world.env);
        let answer = browser().get(url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
    for (scope, status) in [("scim", 200), ("scim admin", 400)] {
        let mut fields = fields.to_vec();
        fields.push(("scope", scope));
        let (got, answer) = client.ask(&fields).await;
        assert_eq!(got, status, "{answer}");
        if status == 400 {
            assert_eq!(answer["error"], "invalid_scope");
        }
    }
}

#[tokio::test]
async fn two_secrets_are_valid_until_the_former_one_ends() {
    let world = World::new().await;
    let client = Client::new(&world, json!({})).await;
    let path = format!("/applications/{}/secret", client.id);
    let first = client.fetch_secret().await;
    let end = "2026-03-01T09:00:00Z";
    let keep = json!({"previous": {"expiresAt": end}});
    world.change(Method::POST, &path, keep.clone()).await;
    let second = client.fetch_secret().await;
    for (secret, status) in [(&first, 200), (&second, 200), (&"x".to_owned(), 401)] {
        assert_eq!(client.ask_by_secret(secret).await, status);
    }
    world.advance(3600).await;
    assert_eq!(client.ask_by_secret(&first).await, 401);
    assert_eq!(client.ask_by_secret(&second).await, 200);
    // A rotation without `previous` ends the former secret at once.
    world.change(Method::POST, &path, json!({})).await;
    assert_eq!(client.ask_by_secret(&second).await, 401);
    let third = client.fetch_secret().await;
    let keep = json!({"previous": {"expiresAt": "2026-03-02T00:00:00Z"}});
    world.change(Method::POST, &path, keep).await;
    assert_eq!(client.ask_by_secret(&third).await, 200);
    let url = format!("{}/v1{}/previous", world.idp.base_url(), world.at(&path));
    let request = browser().delete(url).bearer_auth("admin-token");
    assert_eq!(request.send().await.unwrap().status(), 204);
    assert_eq!(client.ask_by_secret(&third).await, 401);
}

#[tokio::test]
async fn an_assertion_that_is_wrong_is_refused() {
    let world = World::new().await;
    let (own, jwks) = key();
    let (other, _) = key();
    let settings = json!({"tokenEndpointAuthMethod": "PRIVATE_KEY_JWT", "jwks": jwks});
    let client = Client::new(&world, settings).await;
    let secret = client.fetch_secret().await;
    assert_eq!(client.ask_by_secret(&secret).await, 401);
    let now = start_of_time().as_second();
    let cases: [(&str, Value, bool); 9] = [
        ("right", json!({}), true),
        (
            "for the issuer",
            json!({"aud": ["x", client.issuer()]}),
            true,
        ),
        (
            "another audience",
            json!({"aud": "https://other.example"}),
            false,
        ),
        (
            "another issuer",
            json!({"iss": "https://other.example"}),
            false,
        ),
        ("another subject", json!({"sub": world.app}), false),
        ("expired", json!({"exp": now - 300}), false),
        ("valid for years", json!({"exp": now + 100_000_000}), false),
        ("not valid yet", json!({"nbf": now + 300}), false),
        ("without exp", json!({"exp": null}), false),
    ];
    for (name, changes, is_right) in cases {
        let mut claims = client.claims(name);
        for (claim, value) in changes.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        let assertion = sign_jwt(Algorithm::ES256, &own, &claims);
        let (status, answer) = client.ask_by_assertion(&assertion, &[]).await;
        assert_eq!(status, if is_right { 200 } else { 401 }, "{name}: {answer}");
        if !is_right {
            assert_eq!(answer["error"], "invalid_client", "{name}");
        }
        let again = client.ask_by_assertion(&assertion, &[]).await;
        assert_eq!(again.0, 401, "{name} twice");
    }
    let claims = client.claims("forged");
    let right = sign_jwt(Algorithm::ES256, &own, &claims);
    let body = right.split('.').nth(1).unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let public = EncodingKey::from_secret(jwks.to_string().as_bytes());
    for (name, assertion) in [
        (
            "by another key",
            sign_jwt(Algorithm::ES256, &other, &claims),
        ),
        ("unsigned", format!("{none}.{body}.")),
        ("HMAC", sign_jwt(Algorithm::HS256, &public, &claims)),
        ("no JWT", "x".to_owned()),
    ] {
        let (status, answer) = client.ask_by_assertion(&assertion, &[]).await;
        assert_eq!(
            (status, &answer["error"]),
            (401, &json!("invalid_client")),
            "{name}"
        );
    }
    // The refused assertions did not use up this jti.
    assert_eq!(client.ask_by_assertion(&right, &[]).await.0, 200);
    let both = [("client_secret", secret.as_str())];
    let (status, answer) = client.ask_by_assertion(&right, &both).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")));
}

#[tokio::test]
async fn a_client_signs_with_its_secret() {
    let world = World::new().await;
    let settings = json!({"tokenEndpointAuthMethod": "CLIENT_SECRET_JWT"});
    let client = Client::new(&world, settings).await;
    let secret = EncodingKey::from_secret(client.fetch_secret().await.as_bytes());
    let wrong = EncodingKey::from_secret(b"wrong");
    for (jti, key, status) in [("1", &secret, 200), ("2", &wrong, 401)] {
        let assertion = sign_jwt(Algorithm::HS256, key, &client.claims(jti));
        assert_eq!(client.ask_by_assertion(&assertion, &[]).await.0, status);
    }
}

#[tokio::test]
async fn another_issuer_authenticates_the_client() {
    let world = World::new().await;
    let (outside, jwks) = key();
    let credential = json!({"issuer": OUTSIDE, "subject": "repo:acme/scim",
        "audiences": ["api://tokens"], "jwks": jwks});
    let client = Client::new(&world, json!({"federatedCredentials": [credential]})).await;
    let now = start_of_time().as_second();
    for (name, changes, status) in [
        ("right", json!({}), 200),
        ("subject", json!({"sub": "repo:evil/scim"}), 401),
        ("audience", json!({"aud": client.issuer()}), 401),
        ("issuer", json!({"iss": "https://evil.example"}), 401),
    ] {
        let mut claims = json!({"iss": OUTSIDE, "sub": "repo:acme/scim", "aud": "api://tokens",
            "exp": now + 300, "jti": name});
        for (claim, value) in changes.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        let assertion = sign_jwt(Algorithm::ES256, &outside, &claims);
        let id = [("client_id", client.id.as_str())];
        let (got, answer) = client.ask_by_assertion(&assertion, &id).await;
        assert_eq!(got, status, "{name}: {answer}");
    }
    // The client's own secret is valid beside it.
    assert_eq!(
        client.ask_by_secret(&client.fetch_secret().await).await,
        200
    );
}

/// A SCIM server that keeps the last token it got, and accepts none that it does not know.
async fn start_scim_server() -> (String, Arc<Mutex<Vec<String>>>) {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let held = seen.clone();
    let users = async move |headers: axum::http::HeaderMap| {
        let header = headers.get("authorization").map(|it| it.to_str().unwrap());
        held.lock()
            .unwrap()
            .push(header.unwrap_or_default().to_owned());
        let list = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
        axum::Json(json!({"schemas": [list], "totalResults": 0, "Resources": []}))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/Users", axum::routing::get(users));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

#[tokio::test]
async fn provisioning_authenticates_in_each_of_these_ways() {
    let world = World::new().await;
    let (url, seen) = start_scim_server().await;
    let issuer = format!("{}/{}/as", world.idp.base_url(), world.env);
    let keys = format!("{issuer}/jwks");
    let trusted = json!([{"issuer": issuer, "subject": "engine", "jwksUrl": keys,
        "audiences": [format!("{issuer}/token")]}]);
    for (way, client, engine) in [
        ("Client Secret Basic", json!({}), json!({})),
        (
            "Client Secret Post",
            json!({}),
            json!({"OAUTH_SCOPE": "scim"}),
        ),
        (
            "Client Secret JWT",
            json!({"tokenEndpointAuthMethod": "CLIENT_SECRET_JWT"}),
            json!({}),
        ),
        (
            "Private Key JWT",
            json!({"tokenEndpointAuthMethod": "PRIVATE_KEY_JWT", "jwksUrl": keys}),
            json!({"OAUTH_ASSERTION_AUDIENCE": issuer}),
        ),
        (
            "Federated",
            json!({"federatedCredentials": trusted}),
            json!({"OAUTH_SUBJECT": "engine"}),
        ),
    ] {
        let mut client_settings = client;
        client_settings["name"] = way.into();
        let client = Client::new(&world, client_settings).await;
        let mut settings = json!({"SCIM_URL": url,
            "AUTHENTICATION_METHOD": "OAuth 2 Client Credentials",
            "OAUTH_TOKEN_REQUEST": format!("{issuer}/token"),
            "OAUTH_CLIENT_ID": client.id, "OAUTH_CLIENT_AUTHENTICATION": way});
        if way.contains("Secret") {
            settings["OAUTH_CLIENT_SECRET"] = client.fetch_secret().await.into();
        }
        for (name, value) in engine.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let path = world.at("/propagation/stores/connection/status");
        for _ in 0..2 {
            let body = json!({"name": "Portal", "type": "scim", "configuration": settings});
            let (_, answer) = world.call(Method::POST, &path, Some(body)).await;
            assert_eq!(answer["status"], "SUCCESS", "{way}: {answer}");
        }
        let tokens = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(tokens.len(), 2, "{way}");
        assert_eq!(
            tokens[0], tokens[1],
            "{way}: the token is kept until it ends"
        );
        let token = tokens[0].strip_prefix("Bearer ").unwrap();
        let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap();
        assert_eq!(claims.claims["client_id"], *client.id, "{way}");
    }
}
