//! An OAuth authorization server, and the SCIM server that accepts its access tokens. Both are
//! correct, or have one flaw.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ambient::Ambient;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rehearsal::check::scim::wire::{Pending, ScimAnswer, ScimRequest, Wire, WireError};
use serde_json::{Value, json};

use crate::mutant_scim::{MutantServer, let_in};

pub(crate) const CLIENT: &str = "client-1";
pub(crate) const SECRET: &str = "the first secret: 1+1=2 & so on";
pub(crate) const SECOND: &str = "the second secret";
pub(crate) const REVOKED: &str = "the revoked secret";
const AUDIENCE: &str = "api://scim";

/// What a server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    MetadataIssuer,
    NoResponseTypes,
    OffersNone,
    NoTokenType,
    Cached,
    NoLifetime,
    OtherError,
    NoChallenge,
    AnySecret,
    NoAuthentication,
    OneSecret,
    RevokedLives,
    AnyAudience,
    AnyIssuer,
    AnySubject,
    AssertionForever,
    NoExpiry,
    NotBefore,
    UnsignedAssertion,
    UnverifiedAssertion,
    PublicKeyAsSecret,
    Replay,
    UnverifiedToken,
    UnsignedToken,
    IssuerKeyAsSecret,
    ExpiredToken,
    OtherAudience,
}

/// A key pair of P-256.
pub(crate) struct Key {
    pub(crate) pem: String,
    private: EncodingKey,
    public: DecodingKey,
    /// The public key as servers keep it, in PEM.
    public_pem: String,
    jwk: Value,
}

impl Key {
    pub(crate) fn new() -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let raw = rcgen::PublicKeyData::der_bytes(&pair).to_vec();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (part(&raw[1..33]), part(&raw[33..65]));
        Self {
            pem: pair.serialize_pem(),
            private: EncodingKey::from_ec_der(pair.serialized_der()),
            public: DecodingKey::from_ec_components(&x, &y).unwrap(),
            public_pem: pair.public_key_pem().replace("\r\n", "\n"),
            jwk: json!({"kty": "EC", "crv": "P-256", "kid": "as-1", "alg": "ES256", "x": x, "y": y}),
        }
    }
}

impl Key {
    /// Returns the public key as a key set.
    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [self.jwk]})
    }
}

/// What the verification of a JWT leaves out.
#[derive(Clone, Copy, Default)]
struct Lax {
    unsigned: bool,
    unverified: bool,
    public_as_secret: bool,
}

/// Verifies a JWT by ES256 (or HS256 with this secret); returns its claims.
fn claims(token: &str, key: &Key, secret: Option<&str>, lax: Lax) -> Option<Value> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, body, signature] = parts[..] else {
        return None;
    };
    let part = |text: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    };
    let (header, body) = (part(header)?, part(body)?);
    let algorithm = header["alg"].as_str()?;
    if algorithm == "none" {
        return (lax.unsigned && signature.is_empty()).then_some(body);
    }
    let (algorithm, key) = match (algorithm, secret) {
        ("HS256", Some(secret)) => (
            Algorithm::HS256,
            &DecodingKey::from_secret(secret.as_bytes()),
        ),
        ("HS256", None) if lax.public_as_secret => {
            let public = key.public_pem.as_bytes();
            (Algorithm::HS256, &DecodingKey::from_secret(public))
        }
        ("ES256", None) => (Algorithm::ES256, &key.public),
        _ => return None,
    };
    if lax.unverified {
        return Some(body);
    }
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Value>(token, key, &validation);
    decoded.ok().map(|it| it.claims)
}

/// The authorization server and the SCIM server behind it.
pub(crate) struct Servers {
    pub(crate) base: String,
    flaw: Option<Flaw>,
    key: Key,
    pub(crate) client: Key,
    pub(crate) ambient: Ambient,
    /// Lifetime of access tokens, in seconds.
    life: i64,
    used: Mutex<BTreeSet<String>>,
    numbers: AtomicUsize,
    scim: MutantServer,
    /// Tokens that were revoked before their end, because they were used so often.
    uses: Mutex<HashMap<String, usize>>,
    most_uses: usize,
    /// How far the clock moves with each SCIM request.
    pub(crate) tick: SignedDuration,
}

impl Servers {
    pub(crate) fn new(base: String, flaw: Option<Flaw>, ambient: Ambient) -> Self {
        Self {
            base,
            flaw,
            key: Key::new(),
            client: Key::new(),
            ambient,
            life: 3600,
            used: Mutex::default(),
            numbers: AtomicUsize::default(),
            scim: MutantServer::default(),
            uses: Mutex::default(),
            most_uses: usize::MAX,
            tick: SignedDuration::ZERO,
        }
    }

    /// Tokens end after so many seconds, or after so many requests.
    pub(crate) fn with_short_tokens(mut self, life: i64, most_uses: usize) -> Self {
        (self.life, self.most_uses) = (life, most_uses);
        self
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn now(&self) -> i64 {
        self.ambient.now().as_second()
    }

    pub(crate) fn metadata(&self) -> Value {
        let mut metadata = json!({
            "issuer": self.base,
            "token_endpoint": format!("{}/token", self.base),
            "jwks_uri": format!("{}/jwks", self.base),
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        });
        if self.has(Flaw::MetadataIssuer) {
            metadata["issuer"] = format!("{}/", self.base).into();
        }
        if self.has(Flaw::NoResponseTypes) {
            metadata["response_types_supported"] = Value::Null;
        }
        if self.has(Flaw::OffersNone) {
            let name = "token_endpoint_auth_signing_alg_values_supported";
            metadata[name] = json!(["ES256", "none"]);
        }
        metadata
    }

    pub(crate) fn jwks(&self) -> Value {
        self.key.jwks()
    }

    /// Returns an access token that ends at this time.
    pub(crate) fn access_token(&self, audience: Option<&str>, end: i64) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some("as-1".to_owned());
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let claims = json!({"iss": self.base, "sub": CLIENT, "client_id": CLIENT, "exp": end,
            "aud": audience.unwrap_or(AUDIENCE), "jti": format!("t{number}")});
        jsonwebtoken::encode(&header, &claims, &self.key.private).unwrap()
    }

    fn has_secret(&self, secret: &str) -> bool {
        let is_second = secret == SECOND && !self.has(Flaw::OneSecret);
        let is_revoked = secret == REVOKED && self.has(Flaw::RevokedLives);
        let is_wrong = secret != REVOKED && self.has(Flaw::AnySecret);
        secret == SECRET || is_second || is_revoked || is_wrong
    }

    /// True if an assertion authenticates the client.
    fn accepts(&self, assertion: &str) -> bool {
        let lax = Lax {
            unsigned: self.has(Flaw::UnsignedAssertion),
            unverified: self.has(Flaw::UnverifiedAssertion),
            public_as_secret: self.has(Flaw::PublicKeyAsSecret),
        };
        let own = claims(assertion, &self.client, None, lax);
        let by_secret = || claims(assertion, &self.client, Some(SECRET), Lax::default());
        let Some(claims) = own.or_else(by_secret) else {
            return false;
        };
        let (issuer, subject) = match claims["iss"] == "https://workloads.example" {
            true => ("https://workloads.example", "workload-1"),
            false => (CLIENT, CLIENT),
        };
        let now = self.now();
        let end = claims["exp"].as_i64();
        let is_over = end.is_some_and(|end| end < now) && !self.has(Flaw::AssertionForever);
        let lacks_end = end.is_none() && !self.has(Flaw::NoExpiry);
        let is_early = claims["nbf"].as_i64().is_some_and(|start| start > now + 60);
        let token_url = format!("{}/token", self.base);
        let jti = claims["jti"].as_str().unwrap_or_default().to_owned();
        let is_right = (claims["iss"] == issuer || self.has(Flaw::AnyIssuer))
            && (claims["sub"] == subject || self.has(Flaw::AnySubject))
            && (claims["aud"] == *token_url || self.has(Flaw::AnyAudience))
            && !is_over
            && !lacks_end
            && (!is_early || self.has(Flaw::NotBefore));
        is_right && (self.used.lock().unwrap().insert(jti) || self.has(Flaw::Replay))
    }

    /// True if the request authenticates the client.
    fn authenticates(&self, headers: &HeaderMap, form: &HashMap<String, String>) -> bool {
        if let Some(assertion) = form.get("client_assertion") {
            return self.accepts(assertion);
        }
        let basic = headers.get("authorization").map(|value| {
            let encoded = value.to_str().unwrap().trim_start_matches("Basic ");
            let pair = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
            let (id, secret) = pair.split_once(':').unwrap();
            let plain = |text: &str| {
                let mut pairs = url::form_urlencoded::parse(text.as_bytes());
                pairs.next().unwrap().0.into_owned()
            };
            (plain(id), plain(secret))
        });
        let posted = form.get("client_id").zip(form.get("client_secret"));
        let posted = posted.map(|(id, secret)| (id.clone(), secret.clone()));
        match basic.or(posted) {
            Some((id, secret)) => id == CLIENT && self.has_secret(&secret),
            None => self.has(Flaw::NoAuthentication),
        }
    }

    /// Answers at the token endpoint.
    pub(crate) fn token(&self, headers: &HeaderMap, body: &str) -> Response {
        let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect();
        let json = ("content-type", "application/json");
        if !self.authenticates(headers, &form) {
            let error = match self.has(Flaw::OtherError) {
                true => "access_denied",
                false => "invalid_client",
            };
            let body = json!({"error": error}).to_string();
            if self.has(Flaw::NoChallenge) {
                return (StatusCode::BAD_REQUEST, [json], body).into_response();
            }
            let headers = [json, ("www-authenticate", "Basic")];
            return (StatusCode::UNAUTHORIZED, headers, body).into_response();
        }
        let mut body = json!({
            "access_token": self.access_token(None, self.now() + self.life),
            "token_type": "Bearer",
            "expires_in": self.life,
        });
        if self.has(Flaw::NoTokenType) {
            body["token_type"] = Value::Null;
        }
        if self.has(Flaw::NoLifetime) {
            body["expires_in"] = Value::Null;
        }
        let caching = match self.has(Flaw::Cached) {
            true => "private",
            false => "no-store",
        };
        let headers = [json, ("cache-control", caching)];
        (StatusCode::OK, headers, body.to_string()).into_response()
    }

    /// True if the SCIM server accepts this access token.
    fn opens(&self, token: &str) -> bool {
        let lax = Lax {
            unsigned: self.has(Flaw::UnsignedToken),
            unverified: self.has(Flaw::UnverifiedToken),
            public_as_secret: self.has(Flaw::IssuerKeyAsSecret),
        };
        let Some(claims) = claims(token, &self.key, None, lax) else {
            return false;
        };
        let end = claims["exp"].as_i64().unwrap_or_default();
        let mut uses = self.uses.lock().unwrap();
        let times = uses.entry(token.to_owned()).or_default();
        *times += 1;
        *times <= self.most_uses
            && (end > self.now() || self.has(Flaw::ExpiredToken))
            && (claims["aud"] == AUDIENCE || self.has(Flaw::OtherAudience))
    }
}

/// The SCIM server.
impl Wire for Servers {
    fn send<'a>(&'a self, asked: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        Box::pin(async move {
            if !self.tick.is_zero() {
                self.ambient.clock().advance(self.tick).unwrap();
            }
            let mut asked = asked.clone();
            let header = asked.header("authorization").unwrap_or_default();
            let token = header.split_once(' ').map_or("", |(_, token)| token);
            if self.opens(token) {
                let_in(&mut asked);
            }
            self.scim.send(&asked).await
        })
    }
}
