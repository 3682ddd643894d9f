//! The URL, credentials and requirements of a SCIM server: the options that `check scim`,
//! `check leaver` and `bench load scim` share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::arguments::web_url;
use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::check::scim;
use rehearsal::check::scim::credentials::Credentials;
use url::Url;

use super::oauth::{ClientCredentials, Issued};
use super::secret::secret;

/// What a SCIM server requires of its clients and of its users.
#[derive(Args)]
pub(crate) struct ScimAccess {
    /// Bearer token; set the environment variable to hide it from the list of processes
    #[arg(
        long,
        value_name = "TOKEN",
        env = "REHEARSAL_SCIM_TOKEN",
        value_parser = secret,
        hide_env_values = true,
        allow_hyphen_values = true,
        conflicts_with = "token_file"
    )]
    token: Option<String>,
    /// File with the bearer token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// User name and password, instead of a token
    #[arg(
        long,
        value_name = "USER:PASSWORD",
        env = "REHEARSAL_SCIM_BASIC",
        value_parser = secret,
        hide_env_values = true,
        conflicts_with_all = ["token", "token_file"]
    )]
    basic: Option<String>,
    #[command(flatten)]
    pub(crate) client: ClientCredentials,
    /// Header to send with every request, such as an API key. Repeatable
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// JSON file with members for every created user, for servers that require more than
    /// their schemas say; {name} stands for the userName
    #[arg(long, value_name = "FILE")]
    user_template: Option<PathBuf>,
    /// Domain of userNames and e-mail addresses, for servers that accept only verified
    /// domains
    #[arg(long, value_name = "DOMAIN", default_value = "example.com")]
    domain: String,
}

/// How many requests a check sends.
#[derive(Args)]
pub(crate) struct RequestRate {
    /// Maximum number of requests per second [default: unlimited]
    #[arg(long = "rate", value_name = "N", value_parser = rate)]
    pub(crate) most: Option<f64>,
}

/// Parses the base URL of a SCIM server. Reports show it, so it must contain no password.
pub(crate) fn scim_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.password().is_some() || !url.username().is_empty() {
        return Err(
            "expected a URL without user name and password; give them by --basic USER:PASSWORD, or a token by --token"
                .to_owned(),
        );
    }
    if let Some(fragment) = url.fragment() {
        return Err(format!(
            "expected a URL without the fragment #{fragment}, because no request contains it"
        ));
    }
    Ok(url)
}

/// Reads the bearer token in the file of an option.
pub(crate) fn token_of_file(option: &str, path: &Path) -> anyhow::Result<Credentials> {
    let text = ambient::text_file::read(path)
        .with_context(|| format!("cannot read {option} {}", path.display()))?;
    let option = format!("{option} {}", path.display());
    bearer(&option, text.trim().to_owned())
}

/// Refuses a token that no request can have in its header.
pub(crate) fn bearer(option: &str, token: String) -> anyhow::Result<Credentials> {
    anyhow::ensure!(!token.is_empty(), "invalid {option}: it is empty");
    anyhow::ensure!(
        reqwest::header::HeaderValue::from_str(&token).is_ok(),
        "invalid {option}: expected a token without line breaks and other control characters"
    );
    if let Some(sign) = token.chars().find(|it| !is_of_a_token(*it)) {
        let fix = match token.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("bearer ") => {
                "give it without the word Bearer".to_owned()
            }
            _ => format!("the character {sign:?} cannot be in a bearer token (RFC 6750 §2.1)"),
        };
        bail!("invalid {option}: {fix}; for another scheme use --header 'Authorization: …'");
    }
    Ok(Credentials::Bearer(token))
}

/// True for the characters of `b64token` (RFC 6750 §2.1), and for other visible ones of ASCII, which
/// some servers use.
fn is_of_a_token(sign: char) -> bool {
    sign.is_ascii_graphic() && sign != '"'
}

/// Parses a number of operations per second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let invalid = || format!("expected a number of requests above 0, got {text}");
    let rate: f64 = text.parse().map_err(|_| invalid())?;
    let is_rate = rate.is_finite() && rate > 0.0;
    is_rate.then_some(rate).ok_or_else(invalid)
}

impl ScimAccess {
    /// Requires one of the ways to authenticate, before anything is sent.
    pub(crate) fn require_credentials(&self) -> anyhow::Result<()> {
        let is_given = self.token.is_some()
            || self.token_file.is_some()
            || self.basic.is_some()
            || !self.header.is_empty()
            || self.client.is_used();
        anyhow::ensure!(
            is_given,
            "credentials of the SCIM server not found; give --token TOKEN (or the environment variable REHEARSAL_SCIM_TOKEN), --token-file FILE, --basic USER:PASSWORD, --header 'NAME: VALUE', or --oauth-token-url URL or --oauth-issuer URL with --client-id ID"
        );
        Ok(())
    }

    /// Returns the credentials of the requests; `fetched` is the token of the authorization
    /// server.
    pub(crate) fn credentials(&self, fetched: Option<&Issued>) -> anyhow::Result<Credentials> {
        if let Some(basic) = &self.basic {
            let Some((user, password)) = basic.split_once(':') else {
                bail!("invalid --basic: expected USER:PASSWORD, got no colon");
            };
            return Ok(Credentials::Basic {
                user: user.to_owned(),
                password: password.to_owned(),
            });
        }
        if let Some(path) = &self.token_file {
            return token_of_file("--token-file", path);
        }
        if let Some(fetched) = fetched {
            // A token with a line break cannot be sent.
            bearer("access token", fetched.client.token())?;
            return Ok(Credentials::OAuth(Arc::clone(&fetched.client)));
        }
        Ok(match self.token.clone() {
            Some(token) => bearer("--token", token)?,
            None => Credentials::Headers,
        })
    }

    /// Returns the options that only the owner of the server can set.
    pub(crate) fn options(&self) -> anyhow::Result<scim::Options> {
        let template = match &self.user_template {
            None => None,
            Some(path) => {
                let text = ambient::text_file::read(path)
                    .with_context(|| format!("cannot read --user-template {}", path.display()))?;
                let invalid = || {
                    format!(
                        "invalid --user-template {}: expected a JSON object",
                        path.display()
                    )
                };
                let template: serde_json::Value = serde_json::from_str(&text)
                    .with_context(|| invalid() + ambient::text_file::quotes_hint(&text))?;
                let Some(members) = template.as_object() else {
                    bail!(invalid());
                };
                // Attribute names are compared without letter case (RFC 7643 §2.1).
                let mut all = members.iter();
                let user_name = all.find(|(name, _)| name.eq_ignore_ascii_case("userName"));
                if let Some((_, value)) = user_name
                    && !value.as_str().is_some_and(|it| it.contains("{name}"))
                {
                    bail!(
                        "invalid --user-template {}: expected a userName with {{name}}, got {value}; every user needs a userName of its own",
                        path.display()
                    );
                }
                Some(template)
            }
        };
        let headers = self.header.iter().map(|one| {
            let Some((name, value)) = one.split_once(':') else {
                bail!("invalid --header: expected NAME: VALUE, got {one}");
            };
            let name = name.trim().to_ascii_lowercase();
            reqwest::header::HeaderName::from_bytes(name.as_bytes())
                .with_context(|| format!("invalid --header: expected a header name, got {name}"))?;
            reqwest::header::HeaderValue::from_str(value.trim()).with_context(|| {
                format!(
                    "invalid --header {name}: expected a value without line breaks and other control characters"
                )
            })?;
            Ok((name, value.trim().to_owned()))
        });
        Ok(scim::Options {
            domain: Some(self.domain.clone()),
            template,
            headers: headers.collect::<anyhow::Result<_>>()?,
            rate: None,
            rate_seconds: None,
            second: None,
            oauth: None,
        })
    }
}
