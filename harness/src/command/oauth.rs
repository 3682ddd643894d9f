//! Gets a token by the OAuth 2.0 client credentials grant (RFC 6749 §4.4).

use clap::Args;
use rehearsal::check::SetUpError;
use rehearsal::check::runner::{Access, read_body};
use serde_json::Value;
use url::Url;

/// Client credentials, used instead of a token.
#[derive(Args)]
pub(crate) struct ClientCredentials {
    /// Token endpoint, to get the token by OAuth client credentials
    #[arg(
        long,
        value_name = "URL",
        requires_all = ["client_id", "client_secret"],
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
}

/// A token that was issued.
pub(crate) struct Issued {
    pub(crate) token: String,
    /// How long it lives, in seconds, where the server says so.
    pub(crate) expires_in: Option<u64>,
}

impl ClientCredentials {
    /// Requests a token; None if no token endpoint was given.
    ///
    /// # Errors
    /// When the authorization server cannot be reached or issues no token.
    pub(crate) async fn token(&self, access: &Access) -> Result<Option<Issued>, SetUpError> {
        let Some(url) = &self.oauth_token_url else {
            return Ok(None);
        };
        let refused = |what: String| {
            SetUpError::new(
                "no-token",
                format!("At {url}, {what}."),
                "Check --oauth-token-url, --client-id and --client-secret: the client has to be allowed the grant client_credentials.",
            )
        };
        let client = access.client().build();
        let client = client.map_err(|error| refused(error.to_string()))?;
        let answer = client
            .post(url.clone())
            .basic_auth(
                self.client_id.as_deref().unwrap_or_default(),
                self.client_secret.as_deref(),
            )
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .map_err(|error| refused(format!("cannot reach the authorization server: {error}")))?;
        let status = answer.status();
        let body = read_body(answer, access.timeout).await;
        let body = body.map_err(|error| refused(error.to_string()))?;
        let said: Value = serde_json::from_str(&body).unwrap_or_default();
        match said["access_token"].as_str() {
            Some(token) if status.is_success() => Ok(Some(Issued {
                token: token.to_owned(),
                expires_in: said["expires_in"].as_u64(),
            })),
            _ => {
                let why = said["error_description"].as_str();
                let why = why.or(said["error"].as_str()).unwrap_or("no access_token");
                Err(refused(format!(
                    "the authorization server issued no token: {status}, {why}"
                )))
            }
        }
    }
}
