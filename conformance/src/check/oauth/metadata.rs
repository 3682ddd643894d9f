//! Metadata of authorization servers (RFC 8414).

use serde_json::Value;
use url::Url;

use crate::check::SetUpError;
use crate::check::runner::{Access, AnswerError, read_body};
use crate::json_text;

/// The metadata of an authorization server.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// The issuer whose metadata was requested.
    pub issuer: String,
    /// Where it was found.
    pub url: String,
    /// The document.
    pub document: Value,
}

/// Returns where the metadata of an issuer can be: RFC 8414 §3.1 inserts the well-known part
/// before the path; OpenID Connect appends it, and some servers do that with the name of RFC 8414.
fn places(issuer: &Url) -> Vec<String> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        String::from(url)
    };
    let mut all: Vec<String> = [
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("{path}/.well-known/openid-configuration"),
        format!("{path}/.well-known/oauth-authorization-server"),
    ]
    .map(at)
    .into();
    all.dedup();
    all
}

/// Fetches a JSON document.
pub(super) async fn fetch_json(
    http: &reqwest::Client,
    access: &Access,
    url: &str,
) -> Result<Value, String> {
    let answer = http.get(url).send().await;
    let answer = answer.map_err(|error| AnswerError::of(&error, access.timeout).to_string())?;
    let status = answer.status();
    let body = read_body(answer, access.timeout).await;
    let body = body.map_err(|error| error.to_string())?;
    if !status.is_success() {
        return Err(format!("HTTP {}", status.as_u16()));
    }
    json_text::parse(&body).map_err(|error| error.to_string())
}

impl Metadata {
    /// Reads the metadata of an issuer.
    ///
    /// # Errors
    /// The issuer is not a URL, or has no metadata with a token endpoint.
    pub async fn fetch(issuer: &str, access: &Access) -> Result<Self, SetUpError> {
        let failed = |why: String| {
            SetUpError::new(
                "no-oauth-metadata",
                format!("Cannot read the metadata of the authorization server {issuer}: {why}."),
                "Check --oauth-issuer, or give the token endpoint with --oauth-token-url.",
            )
        };
        let url = Url::parse(issuer).map_err(|error| failed(error.to_string()))?;
        let http = access.client().build();
        let http = http.map_err(|error| failed(error.to_string()))?;
        let mut why = Vec::new();
        for url in places(&url) {
            match fetch_json(&http, access, &url).await {
                Ok(document) if document["token_endpoint"].is_string() => {
                    return Ok(Self {
                        issuer: issuer.to_owned(),
                        url,
                        document,
                    });
                }
                Ok(_) => why.push(format!("{url}: no token_endpoint")),
                Err(error) => why.push(format!("{url}: {error}")),
            }
        }
        Err(failed(why.join("; ")))
    }

    /// Returns the token endpoint.
    ///
    /// # Errors
    /// It is not a URL.
    pub fn token_endpoint(&self) -> Result<Url, SetUpError> {
        let said = self.document["token_endpoint"].as_str().unwrap_or_default();
        Url::parse(said).map_err(|error| {
            SetUpError::new(
                "no-oauth-metadata",
                format!("Invalid token_endpoint in {}: {error}.", self.url),
                "Correct the metadata, or give the token endpoint with --oauth-token-url.",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_where_servers_have_it() {
        let places = |issuer: &str| places(&Url::parse(issuer).unwrap());
        assert_eq!(
            places("https://as.example/tenant"),
            [
                "https://as.example/.well-known/oauth-authorization-server/tenant",
                "https://as.example/tenant/.well-known/openid-configuration",
                "https://as.example/tenant/.well-known/oauth-authorization-server",
            ]
        );
        assert_eq!(
            places("https://as.example/")[0],
            "https://as.example/.well-known/oauth-authorization-server"
        );
    }
}
