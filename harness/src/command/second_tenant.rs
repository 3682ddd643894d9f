//! Options of `check scim` for another tenant of the server.

use std::path::PathBuf;

use clap::Args;
use rehearsal::check::scim::SecondTenant;
use url::Url;

use super::scim_access::{bearer, scim_url, token_of_file};
use super::secret::secret;

/// Another tenant of the server.
#[derive(Args)]
pub(crate) struct SecondTenantArgs {
    /// Bearer token of another tenant. Without it, the checks that keep tenants apart do not
    /// run
    #[arg(
        long,
        value_name = "TOKEN",
        env = "REHEARSAL_SCIM_SECOND_TOKEN",
        value_parser = secret,
        hide_env_values = true,
        allow_hyphen_values = true,
        conflicts_with = "second_token_file"
    )]
    second_token: Option<String>,
    /// File with the bearer token of another tenant
    #[arg(long, value_name = "FILE")]
    second_token_file: Option<PathBuf>,
    /// SCIM base URL of the other tenant [default: that of --base-url]
    #[arg(long, value_name = "URL", value_parser = scim_url)]
    second_base_url: Option<Url>,
}

impl SecondTenantArgs {
    /// Returns the other tenant, if a token of it is given.
    pub(crate) fn tenant(&self) -> anyhow::Result<Option<SecondTenant>> {
        let credentials = match (&self.second_token_file, &self.second_token) {
            (Some(path), _) => token_of_file("--second-token-file", path)?,
            (None, Some(token)) => bearer("--second-token", token.clone())?,
            (None, None) => return Ok(None),
        };
        Ok(Some(SecondTenant {
            credentials,
            base: self.second_base_url.as_ref().map(Url::to_string),
        }))
    }
}
