//! `rehearsal check idp`: conformance of a SAML identity provider.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use ambient::Ambient;
use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::check::idp::{self, Credentials, Dossier, Fetched, Gathering, Party, Person};

use super::check::Forms;
use super::{read_metadata, write};

/// Arguments of `rehearsal check idp`.
#[derive(Args)]
pub(crate) struct Idp {
    /// The identity provider's metadata.
    #[arg(long, value_name = "FILE|URL", required_unless_present_any = ["replay", "prepare"])]
    metadata: Option<String>,
    /// The user who signs on by the form driver.
    #[arg(long, value_name = "NAME", requires = "password")]
    user: Option<String>,
    /// The user's password.
    #[arg(
        long,
        value_name = "PW",
        env = "REHEARSAL_PASSWORD",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    password: Option<String>,
    /// A person signs on in a browser of their own, for login pages that the
    /// driver can't pass (a second factor, scripts).
    #[arg(long, conflicts_with_all = ["user", "replay"])]
    interactive: bool,
    /// How long to wait for the metadata and, with --interactive, for the
    /// person at each request, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    wait: u64,
    /// The port of the service provider that is played; a free one by default.
    #[arg(long, value_name = "N", default_value_t = 0)]
    sp_port: u16,
    /// Writes the played service provider's metadata, for the identity
    /// provider to register. Its key is kept beside it (.key), so that the
    /// next run is known too.
    #[arg(long, value_name = "FILE")]
    sp_metadata_out: Option<PathBuf>,
    /// Writes the metadata and stops: register it, then run again on the same
    /// port.
    #[arg(long, requires = "sp_metadata_out", requires = "sp_port")]
    prepare: bool,
    /// A user who is switched off, for the checks of manners.
    #[arg(long, value_name = "NAME", requires = "disabled_password")]
    disabled_user: Option<String>,
    /// That user's password.
    #[arg(long, value_name = "PW", allow_hyphen_values = true)]
    disabled_password: Option<String>,
    /// Where the identity provider starts a sign-on by itself; `{sp}` stands
    /// for the service provider's entity ID, percent-encoded.
    #[arg(long, value_name = "URL")]
    initiated_url: Option<String>,
    /// Keeps everything that was seen, without passwords.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Judges a recording again: no identity provider and no person is needed.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    forms: Forms,
}

impl Idp {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let ambient = Ambient::real();
        if let Some(path) = &self.replay {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading {}", path.display()))?;
            let dossier: Dossier = serde_json::from_str(&text).with_context(|| {
                format!("expected a recording of check idp in {}", path.display())
            })?;
            return self.forms.write(idp::judge(&dossier), &ambient);
        }
        let key_file = self
            .sp_metadata_out
            .as_ref()
            .map(|path| path.with_extension("key"));
        let party = Party::start(self.sp_port, key_file.as_deref(), &ambient).await?;
        if let Some(path) = &self.sp_metadata_out {
            write(path, &party.metadata())?;
        }
        let mut err = std::io::stderr();
        let _ = writeln!(err, "playing the service provider {}", party.entity_id);
        if self.prepare {
            return Ok(true);
        }
        let dossier = self.gather(&party, &ambient).await?;
        if let Some(path) = &self.record {
            write(path, &serde_json::to_string_pretty(&dossier)?)?;
        }
        self.forms.write(idp::judge(&dossier), &ambient)
    }

    async fn gather(&self, party: &Party, ambient: &Ambient) -> anyhow::Result<Dossier> {
        let person = match (&self.user, &self.password, self.interactive) {
            (Some(name), Some(password), false) => Person::Driven(Credentials {
                name: name.clone(),
                password: password.clone(),
            }),
            (_, _, true) => {
                let _ = writeln!(
                    std::io::stderr(),
                    "open {} in a browser and follow it",
                    party.desk_url()
                );
                Person::Present(Duration::from_secs(self.wait))
            }
            _ => bail!("expected --user and --password, or --interactive: somebody has to sign on"),
        };
        let pair = self
            .disabled_user
            .as_ref()
            .zip(self.disabled_password.as_ref());
        let place = self.metadata.as_deref().unwrap_or_default();
        let tell = |name: &str, about: &str| {
            let _ = writeln!(std::io::stderr(), "trying {name}: {about}");
        };
        let gathering = Gathering {
            party,
            ambient,
            person,
            disabled: pair.map(|(name, password)| Credentials {
                name: name.clone(),
                password: password.clone(),
            }),
            initiated: self.initiated_url.as_ref().map(|url| {
                let entity = party.entity_id.as_bytes();
                let encoded: String = url::form_urlencoded::byte_serialize(entity).collect();
                url.replace("{sp}", &encoded)
            }),
            metadata: self.fetched(place, ambient).await?,
            tell: &tell,
        };
        Ok(gathering.gather().await?)
    }

    async fn fetched(&self, place: &str, ambient: &Ambient) -> anyhow::Result<Fetched> {
        let body = read_metadata(place, Duration::from_secs(self.wait)).await?;
        if place.starts_with("http://") || place.starts_with("https://") {
            let client = reqwest::Client::builder().no_proxy().build()?;
            return Ok(idp::fetch(&client, place, ambient).await?);
        }
        Ok(Fetched {
            place: place.to_owned(),
            media_type: None,
            cache_control: None,
            body,
            at: ambient.now(),
        })
    }
}
