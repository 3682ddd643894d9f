//! The options of an OAuth client, which gets the access tokens for a SCIM server by client
//! credentials (RFC 6749 §4.4).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::secret::secret;
use ambient::Ambient;
use clap::{Args, ValueEnum};
use rehearsal::check::SetUpError;
use rehearsal::check::oauth::{
    AssertionFault, Authentication, Client, ClientKey, Federated, Metadata, Settings, TokenRequest,
};
use rehearsal::check::runner::Access;
use rehearsal::check::scim::{OAuthToken, TriedAssertion};
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
    /// Issuer of the access tokens, an OAuth authorization server: its metadata (RFC 8414) names
    /// the token endpoint and is checked
    #[arg(
        long,
        value_name = "URL",
        requires = "client_id",
        conflicts_with_all = ["token", "token_file", "basic"]
    )]
    oauth_issuer: Option<String>,
    /// Client ID
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// How the client authenticates [default: private-key-jwt with --client-key, else
    /// secret-basic]
    #[arg(long, value_name = "METHOD", requires = "client_id")]
    client_auth: Option<Method>,
    /// Client secret; set the environment variable to hide it from the list of processes
    #[arg(
        long,
        value_name = "SECRET",
        env = "REHEARSAL_CLIENT_SECRET",
        value_parser = secret,
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// File with the client secret
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,
    /// File with the client's private key in PEM, RSA or EC P-256: the client authenticates with
    /// a signed assertion (private_key_jwt) instead of a secret. A certificate in the same file
    /// adds its thumbprint (x5t#S256) to the assertions
    #[arg(
        long,
        value_name = "FILE",
        requires = "client_id",
        conflicts_with = "client_secret_file"
    )]
    client_key: Option<PathBuf>,
    /// Key ID (`kid`) of that key, by which the server finds the public key
    #[arg(long, value_name = "KID", requires = "client_key")]
    client_key_id: Option<String>,
    /// Issuer (`iss`) of federated assertions, which --client-key signs
    #[arg(long, value_name = "URL", requires_all = ["client_key", "federated_subject"])]
    federated_issuer: Option<String>,
    /// Subject (`sub`) of federated assertions
    #[arg(long, value_name = "SUBJECT", requires = "federated_issuer")]
    federated_subject: Option<String>,
    /// File with the token of the platform, as Kubernetes and CI services write it: it is sent as
    /// federated assertion, and read again for each token
    #[arg(
        long,
        value_name = "FILE",
        requires = "client_id",
        conflicts_with_all = ["client_key", "client_secret_file"]
    )]
    client_assertion_file: Option<PathBuf>,
    /// Audience (`aud`) of client assertions [default: the token endpoint]
    #[arg(long, value_name = "AUDIENCE", requires = "client_id")]
    assertion_audience: Option<String>,
    /// Scope to request
    #[arg(long, value_name = "SCOPE", requires = "client_id")]
    scope: Option<String>,
    /// Audience to request, as Auth0 and others require it
    #[arg(long, value_name = "AUDIENCE", requires = "client_id")]
    audience: Option<String>,
    /// File with a second secret of the client that is valid too, to check a rotation
    #[arg(long, value_name = "FILE", requires = "client_id")]
    second_client_secret_file: Option<PathBuf>,
    /// File with a revoked secret of the client, which must be refused
    #[arg(long, value_name = "FILE", requires = "client_id")]
    revoked_client_secret_file: Option<PathBuf>,
    /// File with an access token that has expired, which the SCIM server must refuse
    #[arg(long, value_name = "FILE", requires = "client_id")]
    expired_token_file: Option<PathBuf>,
    /// File with a valid access token for another API, which the SCIM server must refuse
    #[arg(long, value_name = "FILE", requires = "client_id")]
    other_audience_token_file: Option<PathBuf>,
}

/// How the client authenticates at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// HTTP Basic with the secret (client_secret_basic)
    SecretBasic,
    /// The secret in the form (client_secret_post)
    SecretPost,
    /// An assertion signed with the secret (client_secret_jwt)
    SecretJwt,
    /// An assertion signed with the client's private key (private_key_jwt)
    PrivateKeyJwt,
    /// An assertion of another issuer (workload identity federation)
    Federated,
}

impl ClientCredentials {
    /// True if an option names an authorization server.
    pub(crate) fn is_used(&self) -> bool {
        self.oauth_token_url.is_some() || self.oauth_issuer.is_some()
    }
}

/// The client with its first access token.
pub(crate) struct Issued {
    pub(crate) client: Arc<Client>,
    /// What the token endpoint answered, for the checks of profiles.
    pub(crate) said: OAuthToken,
}

/// The assertions that profiles want to be refused, with their description in reports.
const FAULTS: [(AssertionFault, &str); 5] = [
    (AssertionFault::Expired, "it has expired"),
    (AssertionFault::Audience, "it is for another audience"),
    (AssertionFault::Issuer, "it is from another client"),
    (AssertionFault::Unsigned, "it is not signed"),
    (AssertionFault::OtherKey, "it is signed with another key"),
];

fn read(option: &str, path: &Path) -> Result<String, SetUpError> {
    let text = ambient::text_file::read(path).map_err(|error| {
        SetUpError::new(
            "no-client-secret",
            format!("Cannot read {option} {}: {error}.", path.display()),
            format!("Check {option}."),
        )
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_option(option: &str, path: Option<&PathBuf>) -> Result<Option<String>, SetUpError> {
    path.map(|path| read(option, path)).transpose()
}

impl ClientCredentials {
    /// Requests a token; None if neither a token endpoint nor an issuer was given. If the client
    /// signs assertions, `tries_faults` also sends some that must be refused.
    ///
    /// # Errors
    /// The secret or the key cannot be read, the authorization server cannot be reached, or it
    /// issues no token.
    pub(crate) async fn request_token(
        &self,
        access: &Access,
        ambient: &Ambient,
        tries_faults: bool,
    ) -> Result<Option<Issued>, SetUpError> {
        if self.oauth_token_url.is_none() && self.oauth_issuer.is_none() {
            return Ok(None);
        }
        // The files first: a wrong one is named before any request.
        let authentication = self.authentication(ambient)?;
        let metadata = match &self.oauth_issuer {
            Some(issuer) => Some(Metadata::fetch(issuer, access).await?),
            None => None,
        };
        let token_url = match (&self.oauth_token_url, &metadata) {
            (Some(url), _) => url.clone(),
            (None, Some(metadata)) => metadata.token_endpoint()?,
            (None, None) => return Ok(None),
        };
        let by_assertion = !matches!(
            authentication,
            Authentication::SecretBasic(_) | Authentication::SecretPost(_)
        );
        let settings = Settings {
            token_url,
            metadata,
            client_id: self.client_id.clone().unwrap_or_default(),
            authentication,
            scope: self.scope.clone(),
            audience: self.audience.clone(),
            assertion_audience: self.assertion_audience.clone(),
            second_secret: read_option(
                "--second-client-secret-file",
                self.second_client_secret_file.as_ref(),
            )?,
            revoked_secret: read_option(
                "--revoked-client-secret-file",
                self.revoked_client_secret_file.as_ref(),
            )?,
            expired_token: read_option("--expired-token-file", self.expired_token_file.as_ref())?,
            other_audience_token: read_option(
                "--other-audience-token-file",
                self.other_audience_token_file.as_ref(),
            )?,
        };
        let (client, answer) = Client::start(settings, access, ambient).await?;
        let mut tried = Vec::new();
        if tries_faults && client.signs_assertions() {
            for (fault, name) in FAULTS {
                let answer = client.request(&TokenRequest::Faulty(fault)).await;
                let answer = answer.map_err(|why| {
                    SetUpError::new(
                        "no-token",
                        format!("Cannot send a wrong assertion to the token endpoint: {why}."),
                        "Run the checks again once the authorization server answers.",
                    )
                })?;
                tried.push(TriedAssertion {
                    fault: name,
                    status: answer.status,
                    is_issued: answer.token().is_some(),
                });
            }
        }
        Ok(Some(Issued {
            client: Arc::new(client),
            said: OAuthToken {
                expires_in: answer.body["expires_in"].as_u64(),
                scope: answer.body["scope"].as_str().map(str::to_owned),
                by_assertion,
                tried,
            },
        }))
    }

    /// Returns how the client authenticates.
    fn authentication(&self, ambient: &Ambient) -> Result<Authentication, SetUpError> {
        let key = || match &self.client_key {
            Some(path) => ClientKey::read(path, self.client_key_id.clone(), ambient.now()),
            None => Err(SetUpError::new(
                "no-client-key",
                "This way of client authentication needs a private key.",
                "Give --client-key.",
            )),
        };
        let default = match (&self.client_assertion_file, &self.federated_issuer) {
            (None, None) if self.client_key.is_some() => Method::PrivateKeyJwt,
            (None, None) => Method::SecretBasic,
            _ => Method::Federated,
        };
        Ok(match self.client_auth.unwrap_or(default) {
            Method::SecretBasic => Authentication::SecretBasic(self.secret()?),
            Method::SecretPost => Authentication::SecretPost(self.secret()?),
            Method::SecretJwt => Authentication::SecretJwt(self.secret()?),
            Method::PrivateKeyJwt => Authentication::PrivateKeyJwt(key()?),
            Method::Federated => Authentication::Federated(self.read_federated_assertion(key)?),
        })
    }

    fn read_federated_assertion(
        &self,
        key: impl Fn() -> Result<ClientKey, SetUpError>,
    ) -> Result<Federated, SetUpError> {
        match (&self.client_assertion_file, &self.federated_issuer) {
            (Some(path), _) => {
                // A file that cannot be read is a mistake of the set-up, not a finding.
                read("--client-assertion-file", path)?;
                Ok(Federated::File(path.clone()))
            }
            (None, Some(issuer)) => Ok(Federated::Signed {
                issuer: issuer.clone(),
                subject: self.federated_subject.clone().unwrap_or_default(),
                key: key()?,
            }),
            (None, None) => Err(SetUpError::new(
                "no-client-assertion",
                "Federated client authentication needs assertions of another issuer.",
                "Give --client-assertion-file, or --federated-issuer, --federated-subject and --client-key.",
            )),
        }
    }

    /// Returns the client's secret.
    fn secret(&self) -> Result<String, SetUpError> {
        if let Some(path) = &self.client_secret_file {
            return read("--client-secret-file", path);
        }
        self.client_secret.clone().ok_or_else(|| {
            SetUpError::new(
                "no-client-secret",
                "The OAuth client has neither a secret nor a key.",
                "Give --client-secret, --client-secret-file or --client-key.",
            )
        })
    }
}
