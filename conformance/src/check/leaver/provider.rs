//! The played identity provider: the one of `check sp`, and in addition a JSON Web Key Set
//! (RFC 7517) with which the application verifies revocation requests. Like Okta's, it is at
//! `/oauth2/v1/keys`.

use std::path::Path;

use ambient::Ambient;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use saml::keys::{Certificate, SigningKey};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::check::played::Played;
use crate::check::{PlayError, sp};

/// The played identity provider.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its SAML half: entity ID, keys and metadata.
    pub saml: sp::Provider,
    /// `iss` of revocation requests: the base URL, without a slash at the end.
    pub issuer: String,
}

impl Provider {
    /// Starts the identity provider on this port of the loopback interface; 0 chooses a free
    /// port. The key in `key_file` is used again if the file exists.
    ///
    /// # Errors
    /// [`PlayError`]: the port is in use, or the key file cannot be read or written.
    pub async fn start(
        port: u16,
        key_file: Option<&Path>,
        ambient: &Ambient,
    ) -> Result<Self, PlayError> {
        let played = Played::bind(port, key_file, ambient).await?;
        let issuer = played.base.clone();
        let provider = Self {
            saml: sp::Provider::of(&played)?,
            issuer: issuer.clone(),
        };
        let keys = key_set(&provider.saml.key);
        let about = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/oauth2/v1/keys")});
        let rest = Router::new()
            .route("/sso", get(explain).post(explain))
            .route("/slo", get(explain).post(explain))
            .route("/oauth2/v1/keys", get(move || async move { Json(keys) }))
            .route(
                "/.well-known/oauth-authorization-server",
                get(move || async move { Json(about) }),
            );
        played.serve(provider.metadata(), rest);
        Ok(provider)
    }

    /// Returns the SAML metadata that the application must trust.
    pub fn metadata(&self) -> String {
        self.saml.metadata()
    }
}

/// Returns the `kid` of a key: the SHA-256 fingerprint of its certificate.
pub(super) fn key_id(key: &SigningKey) -> String {
    key.certificate().fingerprint_sha256().replace(':', "")
}

/// Returns the public key as a JSON Web Key Set. The set is empty if the key is not an RSA
/// key.
fn key_set(key: &SigningKey) -> Value {
    let keys: Vec<Value> = modulus_and_exponent(key.certificate())
        .map(|[n, e]| {
            json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key_id(key), "n": n, "e": e})
        })
        .into_iter()
        .collect();
    json!({ "keys": keys })
}

fn modulus_and_exponent(certificate: &Certificate) -> Option<[String; 2]> {
    let (_, read) = X509Certificate::from_der(certificate.der()).ok()?;
    let Ok(PublicKey::RSA(key)) = read.public_key().parsed() else {
        return None;
    };
    let number = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
        URL_SAFE_NO_PAD.encode(&bytes[start..])
    };
    Some([number(key.modulus), number(key.exponent)])
}

async fn explain() -> &'static str {
    "This is the identity provider that `rehearsal check leaver` plays. It answers only logins that the check itself starts."
}
