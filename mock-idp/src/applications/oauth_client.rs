//! The OAuth settings of a worker: how it authenticates, and what its access tokens are for.

use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::settings::is_url;
use crate::directory::Document;
use crate::refusal::{Refused, Result};

/// How a client authenticates at the token endpoint, with PingOne's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Method {
    #[default]
    #[serde(rename = "CLIENT_SECRET_BASIC")]
    SecretBasic,
    #[serde(rename = "CLIENT_SECRET_POST")]
    SecretPost,
    #[serde(rename = "CLIENT_SECRET_JWT")]
    SecretJwt,
    #[serde(rename = "PRIVATE_KEY_JWT")]
    PrivateKeyJwt,
}

/// The names of [`Method`].
pub(super) const METHODS: [&str; 4] = [
    "CLIENT_SECRET_BASIC",
    "CLIENT_SECRET_POST",
    "CLIENT_SECRET_JWT",
    "PRIVATE_KEY_JWT",
];

/// The OAuth settings of a worker.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClientSettings {
    #[serde(rename = "tokenEndpointAuthMethod")]
    pub method: Method,
    /// Public keys of the client, as JSON or, as in PingOne, as text.
    #[serde(deserialize_with = "key_set")]
    pub jwks: Option<JwkSet>,
    pub jwks_url: Option<String>,
    /// What access tokens are for; without it, they are for the management API.
    pub resource: Option<ProtectedResource>,
    /// Not in PingOne: assertions of other issuers that authenticate the client.
    pub federated_credentials: Vec<FederatedCredential>,
}

/// The API that a client gets access tokens for. Not in PingOne, where it is a resource of its
/// own with grants.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ProtectedResource {
    pub audience: String,
    /// Scopes that the client may request. It gets all of them if it requests none.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// An issuer whose assertions authenticate the client (workload identity federation).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FederatedCredential {
    pub issuer: String,
    pub subject: String,
    pub audiences: Vec<String>,
    #[serde(default, deserialize_with = "key_set")]
    pub jwks: Option<JwkSet>,
    #[serde(default)]
    pub jwks_url: Option<String>,
}

fn key_set<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<JwkSet>, D::Error> {
    use serde::de::Error as _;
    let set = match Value::deserialize(from)? {
        Value::Null => return Ok(None),
        Value::String(text) => serde_json::from_str(&text),
        value => serde_json::from_value(value),
    };
    set.map(Some).map_err(D::Error::custom)
}

impl ClientSettings {
    /// Parses the settings of a stored worker.
    pub(super) fn of(document: &Document) -> Result<Self> {
        serde_json::from_value(Value::Object(document.clone()))
            .map_err(|error| Refused::invalid("application", error.to_string()))
    }

    /// Parses the settings of a worker that is to be stored.
    pub(super) fn check(document: &Document) -> Result<()> {
        let settings = Self::of(document)?;
        let urls = settings.federated_credentials.iter();
        let urls = urls.flat_map(|it| [Some(&it.issuer), it.jwks_url.as_ref()]);
        for url in urls.chain([settings.jwks_url.as_ref()]).flatten() {
            if !is_url(url) {
                return Err(Refused::invalid(
                    "jwksUrl",
                    format!("expected http or https URLs, got {url:?}"),
                ));
            }
        }
        let has_keys = settings.jwks.is_some() || settings.jwks_url.is_some();
        if settings.method == Method::PrivateKeyJwt && !has_keys {
            return Err(Refused::required("jwks"));
        }
        Ok(())
    }
}
