//! `rehearsal check idp`: conformance checks of a SAML identity provider.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ambient::Ambient;
use ambient::arguments::whole_number;
use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::check::idp::{self, Credentials, Fetched, Gathering, Party, Person, Recording};
use rehearsal::check::profile::{Kind, Profile};
use rehearsal::check::runner::{Access, Runner, Selection};
use rehearsal::check::{CheckReport, SetUpError};
use saml::metadata::{IdpMetadata, MetadataError, Selection as EntitySelection};

use super::check::unless_interrupted;
use super::check_options::{Options, Profiles};
use super::outputs::{self, Outputs};
use super::report_forms::Forms;
use super::report_forms::writable;
use super::secret::secret;
use super::{KeyFile, fetch_document};

/// Arguments of `rehearsal check idp`.
#[derive(Args)]
pub(crate) struct Idp {
    /// Metadata of the identity provider
    #[arg(long, value_name = "FILE|URL", required_unless_present_any = ["replay", "prepare", "list"])]
    metadata: Option<String>,
    /// Entity ID of the identity provider, if the metadata contains several entities
    #[arg(long, value_name = "E")]
    entity_id: Option<String>,
    #[command(flatten)]
    profiles: Profiles,
    /// User name that Rehearsal types into the login page
    #[arg(long, value_name = "NAME", requires = "password")]
    user: Option<String>,
    /// Password of the user
    #[arg(
        long,
        value_name = "PW",
        env = "REHEARSAL_PASSWORD",
        value_parser = secret,
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    password: Option<String>,
    /// Let a person sign on in their own browser, for login pages that Rehearsal cannot
    /// fill in (second factor, scripts)
    #[arg(long, conflicts_with = "user")]
    interactive: bool,
    /// Seconds to wait until the metadata can be read [default: 30] and, with --interactive,
    /// for the person at each request [default: 120]
    #[arg(long, value_name = "SECONDS", value_parser = whole_number::<u64>(0..=86_400))]
    wait: Option<u64>,
    /// Port of the service provider that Rehearsal plays [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    sp_port: u16,
    /// Write the metadata of the service provider that Rehearsal plays, to register it at
    /// the identity provider. The key is kept next to it (.key), so that the next run uses
    /// the same key
    #[arg(long, value_name = "FILE")]
    sp_metadata_out: Option<PathBuf>,
    /// Write the metadata and stop: register it, then run again with the same port
    #[arg(long, requires = "sp_metadata_out", requires = "sp_port")]
    prepare: bool,
    /// User name of a disabled account, used by the security checks
    #[arg(long, value_name = "NAME", requires = "disabled_password")]
    disabled_user: Option<String>,
    /// Password of the disabled account. With a wrong one, SAML-IDP-SEC-16 passes although it
    /// tested nothing
    #[arg(long, value_name = "PW", allow_hyphen_values = true)]
    disabled_password: Option<String>,
    /// URL at which the identity provider starts IdP-initiated sign-on; `{sp}` stands for
    /// the entity ID of the service provider, percent-encoded
    #[arg(long, value_name = "URL")]
    initiated_url: Option<String>,
    /// Write everything that was observed to this file, without the passwords that were typed.
    /// The messages of the identity provider are kept as they are
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Judge a recording again, without an identity provider or a person
    #[arg(long, value_name = "FILE", conflicts_with_all = ["metadata", "entity_id", "user", "interactive", "prepare", "sp_metadata_out", "sp_port", "wait", "disabled_user", "initiated_url", "record"])]
    replay: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    forms: Forms,
}

fn judge_recording(
    recording: &Recording,
    chosen: &[&'static Profile],
    selection: &Selection,
) -> CheckReport {
    idp::judge_also(recording, |id| selection.asks_for(id))
        .with_profiles(chosen)
        .keep_selected(selection)
}

impl Idp {
    pub(crate) async fn perform(mut self) -> anyhow::Result<u8> {
        // Includes the checks that only profiles require, because --only may name them.
        let checks = Kind::Idp.checks();
        let chosen = self.profiles.chosen(Kind::Idp)?;
        self.options.limit_to(Kind::Idp, &chosen);
        let selection = self.options.selection(&checks)?;
        let unasked = idp::profile_catalogue().into_iter();
        let unasked: Vec<_> = unasked.filter(|it| !selection.asks_for(&it.id)).collect();
        let mut checks = checks;
        checks.retain(|it| !unasked.contains(it));
        if self.options.print_list(&checks, &self.forms)? {
            return Ok(0);
        }
        let recordings = [
            ("--record", self.record.as_deref()),
            ("--replay", self.replay.as_deref()),
        ];
        outputs::require_file("--record", self.record.as_deref())?;
        self.forms.verify(&checks, &recordings)?;
        self.record.iter().try_for_each(|it| writable(it))?;
        self.forms
            .mask([self.password.clone(), self.disabled_password.clone()]);
        let ambient = Ambient::real();
        if let Some(path) = &self.replay {
            let text = ambient::text_file::read(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let recording: Recording = serde_json::from_str(&text)
                .with_context(|| format!("{} is not a recording of check idp", path.display()))?;
            let report = judge_recording(&recording, &chosen, &selection);
            return self.forms.write(report.with_assessments(&chosen), &ambient);
        }
        // Before anything is written or started, so that an invalid file changes nothing.
        let runner = self.options.runner(&checks)?;
        let key_file = KeyFile::next_to("--sp-metadata-out", self.sp_metadata_out.as_deref())?;
        let party = Party::start(self.sp_port, key_file.path(), &ambient).await?;
        if let Some(path) = &self.sp_metadata_out {
            key_file.write_metadata(path, &party.metadata())?;
        }
        if self.prepare {
            return self.print_next_steps();
        }
        let _ = writeln!(
            ambient::terminal::err(),
            "playing the service provider {}",
            party.entity_id
        );
        key_file.say_if_new("identity provider");
        let (started_at, started) = (ambient.now(), Instant::now());
        let place = self.metadata.as_deref().unwrap_or_default();
        let total = checks
            .iter()
            .filter(|it| runner.selection.includes(&it.id))
            .count();
        let mut recorded = Outputs::default();
        let report = match self.gather(&party, &ambient, &runner).await? {
            Ok(recording) => {
                let text = serde_json::to_string_pretty(&recording)?;
                recorded.write(self.record.as_deref(), || text);
                judge_recording(&recording, &chosen, &runner.selection)
            }
            Err(error) => CheckReport::of_error("check idp", place, error, started_at),
        };
        runner.progress.end();
        let report = runner.report(report, total, started.elapsed());
        let report = report.without_untried().with_assessments(&chosen);
        let code = self.forms.write(report, &ambient);
        recorded.finish()?;
        code
    }

    /// Prints what to do after `--prepare`.
    fn print_next_steps(&self) -> anyhow::Result<u8> {
        let path = self.sp_metadata_out.as_deref().unwrap_or(Path::new(""));
        let (file, port) = (path.display(), self.sp_port);
        super::print_next_steps(
            path,
            &format!(
                "register {file} at the identity provider as a service provider, and give a user access to it"
            ),
            &format!(
                "idp --metadata FILE|URL --user NAME --password PASSWORD --sp-port {port} --sp-metadata-out {file}"
            ),
            ": with another key the identity provider does not know the service provider.",
        )
    }

    async fn gather(
        &self,
        party: &Party,
        ambient: &Ambient,
        runner: &Runner,
    ) -> anyhow::Result<Result<Recording, SetUpError>> {
        let person = match (&self.user, &self.password, self.interactive) {
            (Some(name), Some(password), false) => Person::Driven(Credentials {
                name: name.clone(),
                password: password.clone(),
            }),
            (_, _, true) => {
                let _ = writeln!(
                    ambient::terminal::err(),
                    "open {} in a browser and follow the instructions",
                    party.start_page_url()
                );
                Person::Present(Duration::from_secs(self.wait.unwrap_or(120)))
            }
            _ => bail!("no user to sign on with: give --user and --password, or --interactive"),
        };
        if self.disabled_user.is_some() && self.disabled_user == self.user {
            bail!(
                "invalid --disabled-user: expected another user than that of --user; disable an account for it"
            );
        }
        let pair = self
            .disabled_user
            .as_ref()
            .zip(self.disabled_password.as_ref());
        let place = self.metadata.as_deref().unwrap_or_default();
        let fetched = self.fetch_or_read(place, ambient, &runner.access);
        let metadata = match unless_interrupted(&runner.stop, fetched).await {
            Ok(metadata) => metadata,
            Err(error) => return Ok(Err(error)),
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
            metadata,
            runner,
        };
        // A recording may be judged again with other checks.
        let gathered = match self.record {
            Some(_) => gathering.gather_of(|_| true).await,
            None => gathering.gather().await,
        };
        Ok(gathered.map_err(|trouble| trouble.to_set_up_error()))
    }

    async fn fetch_or_read(
        &self,
        place: &str,
        ambient: &Ambient,
        access: &Access,
    ) -> Result<Fetched, SetUpError> {
        let wait = Duration::from_secs(self.wait.unwrap_or(30));
        let fetched = fetch_document(place, wait, access).await?;
        let selection = EntitySelection {
            entity_id: self.entity_id.as_deref(),
            signed_by: None,
        };
        // The checks report what is wrong with the metadata of one entity.
        if let Err(error @ (MetadataError::Aggregate { .. } | MetadataError::NoSuchEntity(_))) =
            IdpMetadata::select(&fetched.text, &selection)
        {
            return Err(SetUpError::new(
                "which-entity",
                format!("Cannot choose an entity of {place}: {error}."),
                "Name the identity provider with --entity-id.",
            ));
        }
        Ok(Fetched {
            entity_id: self.entity_id.clone(),
            ..Fetched::of(place, fetched, ambient.now())
        })
    }
}
