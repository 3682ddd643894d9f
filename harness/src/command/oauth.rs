//! Gets a token by the OAuth 2.0 client credentials grant (RFC 6749 §4.4).

use std::path::{Path, PathBuf};

use ambient::Ambient;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rehearsal::check::SetUpError;
use rehearsal::check::runner::{Access, read_body};
use rehearsal::check::scim::{OAuthToken, TriedAssertion};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use url::Url;

/// Client credentials, used instead of a token.
#[derive(Args)]
pub(crate) struct ClientCredentials {
    /// Token endpoint, to get the token by OAuth client credentials
    #[arg(
        long,
        value_name = "URL",
        requires = "client_id",
        conflicts_with_all = ["token", "token_file", "basic"]
    )]
    oauth_token_url: Option<Url>,
    /// Client ID
    #[arg(long, value_name = "ID", requires = "oauth_token_url")]
    client_id: Option<String>,
    /// Client secret; set the environment variable to hide it from the list of processes
    #[arg(
        long,
        value_name = "SECRET",
        env = "REHEARSAL_CLIENT_SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// File with the client secret
    #[arg(long, value_name = "FILE", requires = "oauth_token_url")]
    client_secret_file: Option<PathBuf>,
    /// File with the client's private key in PEM, RSA or EC P-256: the client authenticates with
    /// a signed assertion (private_key_jwt) instead of a secret
    #[arg(
        long,
        value_name = "FILE",
        requires = "oauth_token_url",
        conflicts_with = "client_secret_file"
    )]
    client_key: Option<PathBuf>,
    /// Key ID (`kid`) of that key, by which the server finds the public key
    #[arg(long, value_name = "KID", requires = "client_key")]
    client_key_id: Option<String>,
    /// Scope to request
    #[arg(long, value_name = "SCOPE", requires = "oauth_token_url")]
    scope: Option<String>,
}

/// An access token that was issued.
pub(crate) struct Issued {
    pub(crate) token: String,
    /// The other members of the answer, for the checks of the token endpoint.
    pub(crate) said: OAuthToken,
}

/// How the client authenticates.
enum Proof {
    Secret(String),
    Assertion(String),
}

/// What is wrong with an assertion that must be refused (RFC 7523 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Ended,
    Audience,
    Client,
    Unsigned,
    Key,
}

/// All faults, with their description in reports.
const FAULTS: [(Fault, &str); 5] = [
    (Fault::Ended, "it has expired"),
    (Fault::Audience, "it is for another audience"),
    (Fault::Client, "it is from another client"),
    (Fault::Unsigned, "it is not signed"),
    (Fault::Key, "it is signed with another key"),
];

/// Validity of an assertion, in seconds.
const ASSERTION_LIFE: i64 = 300;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl ClientCredentials {
    /// Requests a token; None if no token endpoint was given. If the client signs assertions,
    /// `tries_faults` also sends some that must be refused.
    ///
    /// # Errors
    /// The secret or the key cannot be read, the authorization server cannot be reached, or it
    /// issues no token.
    pub(crate) async fn token(
        &self,
        access: &Access,
        ambient: &Ambient,
        tries_faults: bool,
    ) -> Result<Option<Issued>, SetUpError> {
        let Some(url) = &self.oauth_token_url else {
            return Ok(None);
        };
        let refused = |what: String| {
            SetUpError::new(
                "no-token",
                format!("Cannot get an access token at {url}: {what}."),
                "Check --oauth-token-url, --client-id and --client-secret or --client-key: the authorization server must allow the client the grant client_credentials.",
            )
        };
        let id = self.client_id.as_deref().unwrap_or_default();
        let own_key = self
            .client_key
            .as_deref()
            .map(ClientKey::read)
            .transpose()?;
        let assertion = |key: &ClientKey, fault| self.assertion(key, url, id, ambient, fault);
        let proof = match &own_key {
            Some(key) => Proof::Assertion(assertion(key, None)?),
            None => Proof::Secret(self.secret()?),
        };
        let client = access.client().build();
        let client = client.map_err(|error| refused(error.to_string()))?;
        let ask = async |proof: &Proof| -> Result<(reqwest::StatusCode, Value), SetUpError> {
            let mut form = vec![("grant_type", "client_credentials")];
            form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
            let request = client.post(url.clone());
            let request = match proof {
                Proof::Secret(secret) => request.basic_auth(id, Some(secret)),
                Proof::Assertion(assertion) => {
                    form.push(("client_assertion_type", ASSERTION_TYPE));
                    form.push(("client_assertion", assertion));
                    request
                }
            };
            let answer = request.form(&form).send().await;
            let answer = answer.map_err(|error| {
                refused(format!("no answer from the authorization server: {error}"))
            })?;
            let status = answer.status();
            let body = read_body(answer, access.timeout).await;
            let body = body.map_err(|error| refused(error.to_string()))?;
            Ok((status, serde_json::from_str(&body).unwrap_or_default()))
        };
        let (status, said) = ask(&proof).await?;
        let has_token = |said: &Value| said["access_token"].is_string();
        let mut tried = Vec::new();
        if let (Some(key), true, true) = (&own_key, tries_faults, has_token(&said)) {
            for (fault, name) in FAULTS {
                let proof = Proof::Assertion(assertion(key, Some(fault))?);
                let (status, said) = ask(&proof).await?;
                tried.push(TriedAssertion {
                    fault: name,
                    status: status.as_u16(),
                    is_issued: status.is_success() && has_token(&said),
                });
            }
        }
        match said["access_token"].as_str() {
            Some(token) if status.is_success() => Ok(Some(Issued {
                token: token.to_owned(),
                said: OAuthToken {
                    expires_in: said["expires_in"].as_u64(),
                    scope: said["scope"].as_str().map(str::to_owned),
                    by_assertion: matches!(proof, Proof::Assertion(_)),
                    tried,
                },
            })),
            _ => {
                let why = said["error_description"].as_str();
                let why = why.or(said["error"].as_str()).unwrap_or("no access_token");
                Err(refused(format!(
                    "the authorization server answered {status}, {why}"
                )))
            }
        }
    }

    /// Returns the client's secret.
    fn secret(&self) -> Result<String, SetUpError> {
        if let Some(path) = &self.client_secret_file {
            let read = std::fs::read_to_string(path).map_err(|error| {
                SetUpError::new(
                    "no-client-secret",
                    format!(
                        "Cannot read the client's secret from {}: {error}.",
                        path.display()
                    ),
                    "Check --client-secret-file.",
                )
            })?;
            return Ok(read.trim_end_matches(['\r', '\n']).to_owned());
        }
        self.client_secret.clone().ok_or_else(|| {
            SetUpError::new(
                "no-client-secret",
                "The OAuth client has neither a secret nor a key.",
                "Give --client-secret, --client-secret-file or --client-key.",
            )
        })
    }

    /// Returns a signed assertion of the client (RFC 7523 §2.2), valid or with this fault.
    fn assertion(
        &self,
        own_key: &ClientKey<'_>,
        url: &Url,
        id: &str,
        ambient: &Ambient,
        fault: Option<Fault>,
    ) -> Result<String, SetUpError> {
        let path = own_key.path;
        let other_key = match fault {
            Some(Fault::Key) => {
                let other = rcgen::KeyPair::generate();
                let other = other.map_err(|error| unusable_key(path, &error.to_string()))?;
                Some(ClientKey::of_ec(path, &other))
            }
            _ => None,
        };
        let key = other_key.as_ref().unwrap_or(own_key);
        let mut header = Header::new(key.algorithm);
        header.kid.clone_from(&self.client_key_id);
        let client = match fault {
            Some(Fault::Client) => format!("another-{id}"),
            _ => id.to_owned(),
        };
        let audience = match fault {
            Some(Fault::Audience) => "https://another.example/token",
            _ => url.as_str(),
        };
        let now = ambient.now().as_second();
        let issued = match fault {
            Some(Fault::Ended) => now - 4 * ASSERTION_LIFE,
            _ => now,
        };
        let claims = json!({
            "iss": client,
            "sub": client,
            "aud": audience,
            "jti": ambient.rng().hex(16),
            "iat": issued,
            "exp": issued + ASSERTION_LIFE,
        });
        let signed = jsonwebtoken::encode(&header, &claims, &key.key);
        let signed = signed.map_err(|error| unusable_key(path, &error.to_string()))?;
        if fault != Some(Fault::Unsigned) {
            return Ok(signed);
        }
        // RFC 7518 §3.6: an unsigned JWT has the algorithm none and an empty signature.
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "typ": "JWT"}).to_string());
        let claims = signed.split('.').nth(1).unwrap_or_default();
        Ok(format!("{header}.{claims}."))
    }
}

fn unusable_key(path: &Path, why: &str) -> SetUpError {
    SetUpError::new(
        "client-key-unusable",
        format!(
            "Cannot sign with the client's key {}: {why}.",
            path.display()
        ),
        "Give --client-key a private key in PEM, RSA or EC P-256, without a password.",
    )
}

/// The private key of the client and its signature algorithm.
struct ClientKey<'p> {
    /// The file of `--client-key`, for error texts.
    path: &'p Path,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl<'p> ClientKey<'p> {
    fn of_ec(path: &'p Path, key: &rcgen::KeyPair) -> Self {
        Self {
            path,
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(key.serialized_der()),
        }
    }

    fn read(path: &'p Path) -> Result<Self, SetUpError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| unusable_key(path, &error.to_string()))?;
        let rsa =
            RsaPrivateKey::from_pkcs8_pem(&text).or_else(|_| RsaPrivateKey::from_pkcs1_pem(&text));
        if let Ok(key) = rsa {
            let der = key.to_pkcs1_der();
            let der = der.map_err(|error| unusable_key(path, &error.to_string()))?;
            return Ok(Self {
                path,
                algorithm: Algorithm::RS256,
                key: EncodingKey::from_rsa_der(der.as_bytes()),
            });
        }
        let key = rcgen::KeyPair::from_pem(&text);
        let key = key.map_err(|_| {
            unusable_key(
                path,
                "the file is neither an RSA nor an EC private key in PEM",
            )
        })?;
        if !key.is_compatible(&rcgen::PKCS_ECDSA_P256_SHA256) {
            return Err(unusable_key(path, "the key is neither RSA nor EC P-256"));
        }
        Ok(Self::of_ec(path, &key))
    }
}
