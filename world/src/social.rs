//! Simulated social identity providers for the portal's login page: three OpenID Providers
//! (Apple, Google and Facebook) on one loopback port.
//!
//! Each shows a page on which the person chooses an identity. For tests it can send one
//! wrong value at a time ([`Misbehavior`]).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ambient::Ambient;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// The providers: id in the URL, and name on the button.
pub const PROVIDERS: [(&str, &str); 3] = [
    ("apple", "Apple"),
    ("google", "Google"),
    ("facebook", "Facebook"),
];

/// Client id and client secret of the portal at each provider.
const CLIENT: (&str, &str) = ("my-account", "social-client-secret");

/// A person who can be chosen on the pages of the providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The e-mail address.
    pub email: String,
    /// True if the provider has verified the e-mail address.
    pub verified: bool,
}

/// The error that the providers make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misbehavior {
    /// No error.
    #[default]
    None,
    /// The ID token contains another `nonce`.
    Nonce,
    /// The authorization response contains another `state`.
    State,
    /// The ID token has another client as audience (`aud`).
    Audience,
    /// The ID token is signed with a key that is not published.
    Key,
    /// The ID token has expired.
    Expired,
}

impl Misbehavior {
    /// All errors: id, description, value.
    pub const ALL: [(&str, &str, Self); 6] = [
        ("none", "None", Self::None),
        ("nonce", "The id token has another nonce", Self::Nonce),
        ("state", "The answer has another state", Self::State),
        (
            "audience",
            "The id token is for another client",
            Self::Audience,
        ),
        (
            "key",
            "The id token is signed with a key that is not published",
            Self::Key,
        ),
        ("expired", "The id token has expired", Self::Expired),
    ];

    /// Returns the error with this id.
    pub fn by_id(id: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _, _)| *known == id);
        found.map(|(_, _, misbehavior)| *misbehavior)
    }
}

/// The running providers. They stop when this is dropped.
#[derive(Debug)]
pub struct SocialProviders {
    address: SocketAddr,
    controls: SocialControls,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Desk {
    ambient: Ambient,
    base: Url,
    misbehavior: Mutex<Misbehavior>,
    codes: Mutex<HashMap<String, Grant>>,
    identities: Mutex<Vec<Identity>>,
}

/// Sets which people can be chosen at the providers, and which error they make. Clones
/// control the same providers.
#[derive(Debug, Clone)]
pub struct SocialControls(Arc<Desk>);

impl SocialControls {
    /// Creates controls for providers whose URLs are `base` followed by their id.
    /// [`social_router`] serves them.
    pub fn at(base: Url, ambient: Ambient) -> Self {
        let known = |email: &str, verified| Identity {
            email: email.to_owned(),
            verified,
        };
        Self(Arc::new(Desk {
            ambient,
            base,
            misbehavior: Mutex::default(),
            codes: Mutex::default(),
            identities: Mutex::new(vec![
                known("casey@mail.example", true),
                known("robin@mail.example", false),
            ]),
        }))
    }

    /// Returns the people who can be chosen.
    pub fn identities(&self) -> Vec<Identity> {
        lock(&self.0.identities).clone()
    }

    /// Adds a person, or replaces the one with the same e-mail address.
    pub fn add_identity(&self, identity: Identity) {
        let mut all = lock(&self.0.identities);
        all.retain(|known| known.email != identity.email);
        all.push(identity);
    }

    /// Removes the person with this e-mail address.
    pub fn remove_identity(&self, email: &str) {
        lock(&self.0.identities).retain(|known| known.email != email);
    }

    /// Returns the error that the providers make.
    pub fn misbehavior(&self) -> Misbehavior {
        *lock(&self.0.misbehavior)
    }

    /// Sets the error that the providers make from now on.
    pub fn misbehave(&self, misbehavior: Misbehavior) {
        *lock(&self.0.misbehavior) = misbehavior;
    }
}

/// Returns the routes of the providers, each below its id.
pub fn social_router<S: Clone + Send + Sync + 'static>(controls: &SocialControls) -> Router<S> {
    Router::new()
        .route(
            "/{provider}/.well-known/openid-configuration",
            get(show_configuration),
        )
        .route("/{provider}/jwks", get(show_jwks))
        .route("/{provider}/authorize", get(show_page).post(decide))
        .route("/{provider}/token", post(exchange_code))
        .with_state(Arc::clone(&controls.0))
}

/// What an authorization code was issued for.
#[derive(Debug, Clone)]
struct Grant {
    provider: String,
    asked: Asked,
    email: String,
    verified: bool,
}

/// An authorization request (OpenID Connect Core, section 3.1.2.1; RFC 7636).
#[derive(Debug, Clone, Default, Deserialize, serde::Serialize)]
#[serde(default)]
struct Asked {
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// Returns two P-256 keys, made once: the published key, and one that is not published.
fn keys() -> &'static [rcgen::KeyPair; 2] {
    static KEYS: OnceLock<[rcgen::KeyPair; 2]> = OnceLock::new();
    let make = || rcgen::KeyPair::generate().expect("the machine makes keys");
    KEYS.get_or_init(|| [make(), make()])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SocialProviders {
    /// Starts the providers on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(ambient: Ambient) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let base = Url::parse(&format!("http://{address}/")).map_err(std::io::Error::other)?;
        let controls = SocialControls::at(base, ambient);
        let router: Router = social_router(&controls);
        let task = tokio::spawn(ambient::server::serve_to_the_end(listener, router));
        Ok(Self {
            address,
            controls,
            task,
        })
    }

    /// Returns the configuration of the portal for these providers.
    pub fn configuration(&self) -> Vec<sp::SocialProvider> {
        PROVIDERS
            .iter()
            .map(|(id, name)| sp::SocialProvider {
                id: (*id).to_owned(),
                name: (*name).to_owned(),
                issuer: self.controls.0.issuer(id),
                client_id: CLIENT.0.to_owned(),
                client_secret: CLIENT.1.to_owned(),
            })
            .collect()
    }

    /// Returns the address at which the providers listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the controls of the providers.
    pub fn controls(&self) -> &SocialControls {
        &self.controls
    }

    /// Sets the error that the providers make from now on.
    pub fn misbehave(&self, misbehavior: Misbehavior) {
        self.controls.misbehave(misbehavior);
    }
}

impl Drop for SocialProviders {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Desk {
    fn issuer(&self, provider: &str) -> Url {
        let mut url = self.base.clone();
        let below = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{below}/{provider}"));
        url
    }
}

type Shared = State<Arc<Desk>>;

async fn show_configuration(State(desk): Shared, Path(provider): Path<String>) -> Json<Value> {
    let issuer = desk.issuer(&provider);
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

async fn show_jwks() -> Json<Value> {
    use rcgen::PublicKeyData as _;
    // An uncompressed point: 4, x, y (SEC 1, section 2.3.3).
    let point = keys()[0].der_bytes();
    let (x, y) = point[1..].split_at(32);
    Json(json!({"keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    }]}))
}

const STYLE: &str = "
:root{color-scheme:light dark}body{margin:0;font:1rem/1.5 system-ui,sans-serif;background:light-dark(#f3f4f7,#14161a);color:light-dark(#1a1d24,#e8eaee)}
main{max-width:24rem;margin:8vh auto;padding:1.5rem;box-sizing:border-box;background:light-dark(#fff,#1d2026);border:1px solid light-dark(#d9dce3,#363b45);border-radius:.75rem}
h1{font-size:1.4rem;margin:0 0 .5rem}p,small{margin:0;color:light-dark(#555c69,#a9b0bd)}
label{display:block;margin:1rem 0 .25rem;font-weight:600}label.check{font-weight:400}label.check input{width:auto}
div{display:flex;gap:.6rem;margin-top:1.25rem}
input,button{font:inherit;color:inherit;background:light-dark(#fff,#1d2026);border:1px solid light-dark(#868d9b,#747c8a);border-radius:.4rem;padding:.5rem .9rem}
input{width:100%;box-sizing:border-box}button{cursor:pointer}.person{width:100%;margin-top:.5rem;text-align:left}
:focus-visible{outline:3px solid #6d9bff;outline-offset:2px}
@media(max-width:26rem){main{margin:0;border-radius:0;border-width:0 0 1px}}
";

/// Shows the page on which the person chooses an identity.
async fn show_page(
    State(desk): Shared,
    Path(provider): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    if asked.client_id != CLIENT.0 || asked.code_challenge_method != "S256" {
        return (StatusCode::BAD_REQUEST, "an unknown client, or no PKCE").into_response();
    }
    let name = PROVIDERS.iter().find(|(id, _)| *id == provider);
    let name = name.map_or(provider.as_str(), |(_, name)| name);
    let hidden =
        |name: &str, value: &str| maud::html! { input type="hidden" name=(name) value=(value); };
    let request = maud::html! {
        (hidden("client_id", &asked.client_id))
        (hidden("redirect_uri", &asked.redirect_uri))
        (hidden("state", &asked.state))
        (hidden("nonce", &asked.nonce))
        (hidden("code_challenge", &asked.code_challenge))
        (hidden("code_challenge_method", &asked.code_challenge_method))
    };
    let identities = lock(&desk.identities).clone();
    let document = maud::html! {
        (maud::DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Sign in with " (name) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main {
                h1 { "Sign in with " (name) }
                p { "A simulation: choose who you are, or enter another e-mail address." }
                @for identity in &identities {
                    form method="post" {
                        (request)
                        input type="hidden" name="email" value=(identity.email);
                        @if identity.verified { input type="hidden" name="verified" value="yes"; }
                        button.person name="answer" value="allow" {
                            (identity.email)
                            @if !identity.verified { small { " not verified" } }
                        }
                    }
                }
                form method="post" {
                    (request)
                    label for="email" { "E-mail" }
                    input id="email" name="email" type="email" autocomplete="email";
                    label.check for="verified" {
                        input id="verified" name="verified" type="checkbox" value="yes" checked;
                        " " (name) " has verified the address"
                    }
                    div {
                        button name="answer" value="allow" { "Allow" }
                        button name="answer" value="deny" formnovalidate { "Cancel" }
                    }
                }
            } }
        }
    };
    // Without `form-action`: the form leads back to the portal by a redirect.
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; frame-ancestors 'none'",
        STANDARD.encode(Sha256::digest(STYLE))
    );
    let headers = [(header::CONTENT_SECURITY_POLICY, policy)];
    (headers, Html(document.into_string())).into_response()
}

#[derive(Deserialize)]
struct Decision {
    #[serde(flatten)]
    asked: Asked,
    #[serde(default)]
    email: String,
    #[serde(default)]
    verified: String,
    #[serde(default)]
    answer: String,
}

async fn decide(
    State(desk): Shared,
    Path(provider): Path<String>,
    Form(decision): Form<Decision>,
) -> Response {
    let Ok(mut back) = Url::parse(&decision.asked.redirect_uri) else {
        return (StatusCode::BAD_REQUEST, "redirect_uri is not a URL").into_response();
    };
    let state = match *lock(&desk.misbehavior) {
        Misbehavior::State => "another-state".to_owned(),
        _ => decision.asked.state.clone(),
    };
    back.query_pairs_mut().append_pair("state", &state);
    if decision.answer == "deny" {
        back.query_pairs_mut().append_pair("error", "access_denied");
        return Redirect::to(back.as_str()).into_response();
    }
    let code = desk.ambient.rng().token(24);
    back.query_pairs_mut().append_pair("code", &code);
    let grant = Grant {
        provider,
        asked: decision.asked,
        email: decision.email,
        verified: decision.verified == "yes",
    };
    lock(&desk.codes).insert(code, grant);
    Redirect::to(back.as_str()).into_response()
}

#[derive(Deserialize)]
struct Exchange {
    code: String,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    code_verifier: String,
}

/// Exchanges a code for an ID token, once, if the client secret and the code verifier (RFC
/// 7636) match.
async fn exchange_code(
    State(desk): Shared,
    Path(provider): Path<String>,
    Form(exchange): Form<Exchange>,
) -> Response {
    let grant = lock(&desk.codes).remove(&exchange.code);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(exchange.code_verifier.as_bytes()));
    let grant = grant.filter(|grant| {
        grant.provider == provider
            && grant.asked.redirect_uri == exchange.redirect_uri
            && grant.asked.code_challenge == challenge
            && (exchange.client_id.as_str(), exchange.client_secret.as_str()) == CLIENT
    });
    let Some(grant) = grant else {
        let body = Json(json!({"error": "invalid_grant"}));
        return (StatusCode::BAD_REQUEST, body).into_response();
    };
    let misbehavior = *lock(&desk.misbehavior);
    let now = desk.ambient.now().as_second();
    let is = |wrong: Misbehavior| misbehavior == wrong;
    let claims = json!({
        "iss": desk.issuer(&provider),
        "sub": format!("{provider}|{}", grant.email),
        "aud": if is(Misbehavior::Audience) { "somebody-else" } else { CLIENT.0 },
        "iat": now,
        "exp": if is(Misbehavior::Expired) { now - 3600 } else { now + 300 },
        "nonce": if is(Misbehavior::Nonce) { "another-nonce" } else { &grant.asked.nonce },
        "email": grant.email,
        "email_verified": grant.verified,
    });
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("1".to_owned());
    let key = &keys()[usize::from(is(Misbehavior::Key))];
    let key = EncodingKey::from_ec_der(key.serialized_der());
    match jsonwebtoken::encode(&header, &claims, &key) {
        Ok(id_token) => Json(json!({
            "access_token": desk.ambient.rng().token(16),
            "token_type": "Bearer",
            "id_token": id_token,
        }))
        .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
