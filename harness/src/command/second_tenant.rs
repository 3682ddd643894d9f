//! Options of `check scim` for another tenant of the server.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use rehearsal::check::scim::SecondTenant;
use rehearsal::check::scim::credentials::Credentials;
use url::Url;

use super::scim_access::without_query;

/// Another tenant of the server.
#[derive(Args)]
pub(crate) struct SecondTenantArgs {
    /// Bearer token of another tenant, which must not reach what the first one has [default:
    /// tenants are not checked]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "REHEARSAL_SCIM_SECOND_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true,
        conflicts_with = "second_token_file"
    )]
    second_token: Option<String>,
    /// File with the bearer token of another tenant
    #[arg(long, value_name = "FILE")]
    second_token_file: Option<PathBuf>,
    /// SCIM base URL of the other tenant [default: that of --base-url]
    #[arg(long, value_name = "URL")]
    second_base_url: Option<Url>,
}

impl SecondTenantArgs {
    /// The other tenant, if there is one.
    pub(crate) fn tenant(&self) -> anyhow::Result<Option<SecondTenant>> {
        let token = match &self.second_token_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!("cannot read --second-token-file {}", path.display())
                })?;
                Some(text.trim().to_owned())
            }
            None => self.second_token.clone(),
        };
        let Some(token) = token else {
            return Ok(None);
        };
        anyhow::ensure!(!token.is_empty(), "the token of the second tenant is empty");
        Ok(Some(SecondTenant {
            credentials: Credentials::Bearer(token),
            base: self.second_base_url.as_ref().map(without_query),
        }))
    }
}
