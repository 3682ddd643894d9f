//! Options of `check sp` for a second tenant of the service provider, which trusts its own
//! identity provider.

use std::path::PathBuf;
use std::time::Duration;

use ambient::Ambient;
use ambient::arguments::{web_url, whole_number};
use clap::Args;
use rehearsal::check::SetUpError;
use rehearsal::check::sp::{Disable, Judge, Person, Provider, Target, Variants};
use url::Url;

use super::KeyFile;
use super::check::read_sp_metadata;

/// The second tenant.
#[derive(Args)]
pub(crate) struct SecondIdp {
    /// URL at which a login of a second tenant starts. This tenant trusts a second identity
    /// provider that Rehearsal plays. Without this option, the checks that keep tenants apart do
    /// not run
    #[arg(
        long,
        value_name = "URL", value_parser = web_url,
        requires = "second_user",
        requires = "second_expect"
    )]
    second_start_url: Option<Url>,
    /// Port of the second identity provider [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    second_idp_port: u16,
    /// Write the metadata of the second identity provider, for the second tenant to trust; its
    /// key is kept next to it (.key)
    #[arg(long, value_name = "FILE")]
    second_idp_metadata_out: Option<PathBuf>,
    /// User of the second tenant
    #[arg(long, value_name = "NAME")]
    second_user: Option<String>,
    /// Regular expression that matches the body of the probe URL for every user who is logged in
    /// to the second tenant, such as the name of the tenant
    #[arg(long, value_name = "REGEX")]
    second_expect: Option<regex::Regex>,
    /// Metadata of the service provider for the second tenant [default: that of --metadata]
    #[arg(long, value_name = "FILE|URL")]
    second_metadata: Option<String>,
    /// Shell command that disables the second identity provider at the service provider. It runs
    /// after the other checks of the two tenants, and then no login of the second identity provider
    /// may work. If only a person can do it, give 'read -r _' and press Enter when it is done
    #[arg(long, value_name = "COMMAND", requires = "second_start_url")]
    second_disable_command: Option<String>,
}

impl SecondIdp {
    /// Starts the second identity provider, if an option asks for it.
    pub(crate) async fn start_provider(
        &self,
        ambient: &Ambient,
    ) -> anyhow::Result<Option<Provider>> {
        let out = self.second_idp_metadata_out.as_deref();
        if self.second_start_url.is_none() && out.is_none() {
            return Ok(None);
        }
        let key_file = KeyFile::next_to("--second-idp-metadata-out", out)?;
        let port = self.second_idp_port;
        let provider = Provider::start(port, key_file.path(), ambient).await?;
        if let Some(path) = out {
            key_file.write_metadata(path, &provider.metadata())?;
        }
        Ok(Some(provider))
    }

    /// Returns the second tenant as a target.
    ///
    /// # Errors
    /// If its metadata cannot be read.
    pub(crate) async fn judge(
        &self,
        provider: Option<Provider>,
        first: &Judge,
        wait: Duration,
    ) -> Result<Option<Judge>, SetUpError> {
        let (Some(provider), Some(start_url), Some(user), Some(expect)) = (
            provider,
            &self.second_start_url,
            &self.second_user,
            &self.second_expect,
        ) else {
            return Ok(None);
        };
        let (metadata, document) = match &self.second_metadata {
            Some(place) => read_sp_metadata((place, None), wait, &first.runner).await?,
            None => (first.target.metadata.clone(), first.target.document.clone()),
        };
        Ok(Some(Judge {
            target: Target {
                metadata,
                document,
                start_url: Some(start_url.clone()),
                start_form: Vec::new(),
                probe_url: first.target.probe_url.clone(),
                logout_url: None,
                logout_form: Vec::new(),
                disable: self.second_disable_command.clone().map(Disable::by_command),
                memory: None,
                expect: expect.clone().into(),
            },
            provider,
            person: Person {
                user: user.clone(),
                ..first.person.clone()
            },
            variants: Variants::None,
            runner: first.runner.clone(),
            ambient: first.ambient.clone(),
        }))
    }
}
