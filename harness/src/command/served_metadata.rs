//! Options of `check sp` for a service provider that fetches the metadata of the played identity
//! provider again.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use rehearsal::check::sp::{Provider, Refetch};

use super::check_options::seconds;
use super::write;

/// How the service provider fetches the metadata again.
#[derive(Args)]
pub(crate) struct ServedMetadata {
    /// The service provider fetches the metadata of the played identity provider again, from
    /// http://127.0.0.1:N/metadata with the N of --idp-port: seconds to wait until it has a
    /// changed document. Without this option, new, retired and expired keys are not checked
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    metadata_refetch_wait: Option<Duration>,
    /// Sign the metadata, for a service provider that requires it. The certificate to
    /// configure there is written next to --idp-metadata-out (.pem)
    #[arg(
        long,
        requires = "metadata_refetch_wait",
        requires = "idp_metadata_out"
    )]
    sign_metadata: bool,
}

impl ServedMetadata {
    /// Returns the provider, changed as these options say.
    pub(crate) fn of(&self, provider: Provider, out: Option<&Path>) -> anyhow::Result<Provider> {
        let Some(wait) = self.metadata_refetch_wait else {
            return Ok(provider);
        };
        if let Some(path) = out.filter(|_| self.sign_metadata) {
            let certificate = provider.key.certificate().to_pem();
            write(&path.with_extension("pem"), &certificate)?;
        }
        Ok(provider.with_refetch(Refetch::new(wait, self.sign_metadata))?)
    }
}
