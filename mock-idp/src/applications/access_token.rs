//! The environment as an OAuth authorization server: metadata (RFC 8414), key set (RFC 7517),
//! and signed access tokens (RFC 9068).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use saml::keys::{SignatureAlgorithm, SigningKey};
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::keys::{default_key, signer};
use super::oauth_client::ProtectedResource;
use crate::Idp;
use crate::directory::get_environment;
use crate::refusal::{Refused, Result};
use crate::store::keys;

/// Returns the name of a signature algorithm in a JWT (RFC 7518 §3.1). XML Signature and JWS
/// have the same form of signatures, also for ECDSA.
fn jws_name(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => "RS256",
        SignatureAlgorithm::RsaSha384 => "RS384",
        SignatureAlgorithm::RsaSha512 => "RS512",
        SignatureAlgorithm::RsaPssSha256 => "PS256",
        SignatureAlgorithm::RsaPssSha384 => "PS384",
        SignatureAlgorithm::RsaPssSha512 => "PS512",
        SignatureAlgorithm::EcdsaSha256 => "ES256",
        SignatureAlgorithm::EcdsaSha384 => "ES384",
        SignatureAlgorithm::EcdsaSha512 => "ES512",
    }
}

/// Returns the public key as a JWK.
fn jwk(id: &str, key: &SigningKey) -> Option<Value> {
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (_, certificate) = X509Certificate::from_der(key.certificate().der()).ok()?;
    let mut jwk = match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(rsa) => {
            // DER has a zero before a number that would be negative otherwise.
            let bare = |number: &[u8]| {
                let zeros = number.iter().take_while(|byte| **byte == 0).count();
                encoded(&number[zeros..])
            };
            json!({"kty": "RSA", "n": bare(rsa.modulus), "e": bare(rsa.exponent)})
        }
        PublicKey::EC(point) => {
            let coordinates = point.data().strip_prefix(&[4])?;
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            let curve = key.certificate().key().strip_prefix("EC ")?;
            json!({"kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y)})
        }
        _ => return None,
    };
    jwk["kid"] = id.into();
    jwk["use"] = "sig".into();
    jwk["alg"] = jws_name(key.algorithm()).into();
    Some(jwk)
}

impl Idp {
    /// Returns the issuer of an environment's access tokens.
    pub(crate) fn oauth_issuer(&self, environment_id: &str) -> String {
        format!("{}/{environment_id}/as", self.base_url)
    }

    /// Returns the token endpoint of an environment.
    pub(crate) fn token_endpoint(&self, environment_id: &str) -> String {
        format!("{}/token", self.oauth_issuer(environment_id))
    }

    /// Returns the metadata of the environment's authorization server (RFC 8414 §2).
    pub(crate) async fn oauth_metadata(&self, environment_id: &str) -> Result<Value> {
        let mut db = self.store.read().await?;
        get_environment(&mut db, environment_id).await?;
        let issuer = self.oauth_issuer(environment_id);
        Ok(json!({
            "issuer": issuer,
            "token_endpoint": self.token_endpoint(environment_id),
            "jwks_uri": format!("{issuer}/jwks"),
            // There is no authorization endpoint, but the member is required.
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": [
                "HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA",
            ],
        }))
    }

    /// Returns the public signing keys of the environment.
    pub(crate) async fn oauth_keys(&self, environment_id: &str) -> Result<Value> {
        let mut db = self.store.read().await?;
        get_environment(&mut db, environment_id).await?;
        let all = keys::list(&mut db, environment_id).await?;
        let signing = all.iter().filter(|key| key.purpose == "SIGNING");
        let public: Vec<Value> = signing
            .filter_map(|key| jwk(&key.id, &signer(key).ok()?))
            .collect();
        Ok(json!({"keys": public}))
    }

    /// Signs an access token (RFC 9068 §2) with the default key of the environment.
    pub(super) async fn sign_access_token(
        &self,
        environment_id: &str,
        client: &str,
        (resource, scope): (&ProtectedResource, &str),
        lifetime: SignedDuration,
    ) -> Result<String> {
        let now = self.now().as_second();
        let mut claims = json!({
            "iss": self.oauth_issuer(environment_id),
            "sub": client,
            "aud": resource.audience,
            "client_id": client,
            "iat": now,
            "exp": now.saturating_add(lifetime.as_secs()),
            "jti": self.new_id(),
        });
        if !scope.is_empty() {
            claims["scope"] = scope.into();
        }
        self.sign_jwt(environment_id, "at+jwt", &claims).await
    }

    /// Signs a JWT of this type with the default key of the environment.
    pub(crate) async fn sign_jwt(
        &self,
        environment_id: &str,
        kind: &str,
        claims: &Value,
    ) -> Result<String> {
        let row = {
            let mut db = self.store.read().await?;
            default_key(&mut db, environment_id).await?
        };
        let key = signer(&row)?;
        let algorithm = key.algorithm();
        let header = json!({"typ": kind, "alg": jws_name(algorithm), "kid": row.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = key
            .sign(algorithm, signed.as_bytes())
            .map_err(|error| Refused::Internal(error.to_string()))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
