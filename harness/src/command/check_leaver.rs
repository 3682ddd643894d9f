//! `rehearsal check leaver`: the command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ambient::Ambient;
use ambient::arguments::{web_url, whole_number};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use rehearsal::check::leaver::{
    Application, Issue, Judge, Mover, Plan, Provider, RealPace, Revocation, SubjectFormat, Tokens,
    catalogue,
};
use rehearsal::check::profile::{Kind, Profile};
use rehearsal::check::{CheckReport, SetUpError, UserUrl, scim};
use url::Url;

use super::KeyFile;
use super::check::{attributes, read_sp_metadata, unless_interrupted};
use super::check_options::{Options, Profiles};
use super::person_file::PersonFile;
use super::report_forms::Forms;
use super::scim_access::{RequestRate, ScimAccess, scim_url};

/// Arguments of `rehearsal check leaver`.
#[derive(Args)]
pub(crate) struct Leaver {
    /// Write `--idp-metadata-out` and the key beside it, and check nothing: for an
    /// application that must trust the metadata before it starts
    #[arg(long, requires = "idp_metadata_out", requires = "idp_port")]
    prepare: bool,
    /// Base URL of the application's SCIM server: the part before `/Users`
    #[arg(long, value_name = "URL", value_parser = scim_url, required_unless_present_any = ["prepare", "list"])]
    scim_url: Option<Url>,
    #[command(flatten)]
    access: ScimAccess,
    #[command(flatten)]
    rate: RequestRate,
    /// SAML metadata of the application as a service provider
    #[arg(long, value_name = "FILE|URL", required_unless_present_any = ["prepare", "list"])]
    sp_metadata: Option<String>,
    /// Entity ID of the service provider, if the metadata has several entities
    #[arg(long, value_name = "E")]
    entity_id: Option<String>,
    /// URL at which a login starts; {user} is replaced with the userName. Without it,
    /// unsolicited Responses are sent
    #[arg(long, value_name = "URL")]
    start_url: Option<String>,
    /// URL of a page that shows who is logged in, fetched with the cookies of the login;
    /// {user} is replaced with the userName
    #[arg(long, value_name = "URL", required_unless_present_any = ["prepare", "list"])]
    probe_url: Option<String>,
    /// Regular expression that the body of `--probe-url` matches if and only if the person is
    /// logged in; {user} is replaced with the userName
    #[arg(long, value_name = "REGEX", default_value = "{user}")]
    expect: String,
    /// Attribute of the assertions, instead of the common ones. {user} is replaced with the
    /// userName; an attribute with {group} is sent only while the person is in the group of
    /// `--group`. Repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    #[command(flatten)]
    person: PersonFile,
    /// userName of a person who exists already and can log in. If no person whom SCIM created
    /// can log in, this person shows whether the set-up is wrong or the application
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// displayName of the group that gives access. All persons are added to it
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// displayName of another group, whose rights `--probe-url` shows
    #[arg(long, value_name = "NAME", requires = "mover_expect")]
    mover_group: Option<String>,
    /// Regular expression that the body of `--probe-url` matches if the person has the rights
    /// of `--mover-group`
    #[arg(long, value_name = "REGEX", requires = "mover_group")]
    mover_expect: Option<regex::Regex>,
    /// URL requested with a person's API token as the bearer token; status 2xx means that the
    /// token works
    #[arg(long, value_name = "URL")]
    token_probe: Option<String>,
    /// URL to which the browser posts after a login, and which answers with an API token: JSON
    /// with access_token or token, or only the token
    #[arg(long, value_name = "URL", requires = "token_probe")]
    token_url: Option<String>,
    /// Shell command that prints an API token of the person $REHEARSAL_USER, who is logged in
    /// with the cookies $REHEARSAL_COOKIE
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "token_probe",
        conflicts_with = "token_url"
    )]
    token_command: Option<String>,
    /// Endpoint of Okta's Universal Logout (global token revocation)
    #[arg(long, value_name = "URL", value_parser = web_url)]
    revocation_url: Option<Url>,
    /// How revocation requests identify a person
    #[arg(long, value_name = "FORMAT", default_value = "email")]
    revocation_subject: RevocationSubject,
    /// Seconds after which a session or token of a person who left must have ended
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = whole_number::<u64>(1..=86_400))]
    max_seconds: u64,
    /// Port of the played identity provider [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    idp_port: u16,
    /// Write the metadata of the played identity provider to this file, for the application to
    /// trust. Its key is kept beside it (`.key`), so that the application trusts the next run
    /// too
    #[arg(long, value_name = "FILE")]
    idp_metadata_out: Option<PathBuf>,
    /// Seconds to wait until `--sp-metadata` can be read
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = whole_number::<u64>(0..=86_400))]
    wait: u64,
    #[command(flatten)]
    profiles: Profiles,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    forms: Forms,
}

/// How revocation requests identify a person (RFC 9493).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RevocationSubject {
    /// By the e-mail address
    Email,
    /// By the entity ID of the identity provider and the NameID
    IssSub,
}

impl Leaver {
    pub(crate) async fn perform(mut self) -> anyhow::Result<u8> {
        let checks = catalogue();
        let chosen = self.profiles.chosen(Kind::Leaver)?;
        self.verify_limit(&chosen)?;
        self.options.limit_to(Kind::Leaver, &chosen);
        if self.options.print_list(&checks, &self.forms)? {
            return Ok(0);
        }
        if !self.prepare {
            self.access.require_credentials()?;
        }
        self.forms.verify(&checks, &[])?;
        let plan = self.plan()?;
        let attributes = attributes(&self.attribute)?;
        let template = self.person.template()?;
        let runner = self.options.runner(&checks)?;
        let ambient = Ambient::real();
        let key_file = KeyFile::next_to("--idp-metadata-out", self.idp_metadata_out.as_deref())?;
        let provider = Provider::start(self.idp_port, key_file.path(), &ambient).await?;
        if let Some(path) = &self.idp_metadata_out {
            key_file.write_metadata(path, &provider.metadata())?;
        }
        let (Some(scim_url), Some(place), Some(probe_url), false) = (
            &self.scim_url,
            &self.sp_metadata,
            &self.probe_url,
            self.prepare,
        ) else {
            return self.say_what_is_next();
        };
        let _ = writeln!(
            ambient::terminal::err(),
            "playing the identity provider {}",
            provider.saml.entity_id
        );
        key_file.say_if_new("application");
        let started_at = ambient.now();
        let refused = |error: SetUpError| {
            let report = CheckReport::of_error("check leaver", place, error, started_at);
            let report = runner.report(report, checks.len(), Duration::ZERO);
            self.forms.write(report, &ambient)
        };
        let client = &self.access.client;
        let fetched = client.request_token(&runner.access, &ambient, false);
        let fetched = match unless_interrupted(&runner.stop, fetched).await {
            Ok(fetched) => fetched,
            Err(error) => return refused(error),
        };
        let entity = (place.as_str(), self.entity_id.as_deref());
        let metadata = read_sp_metadata(entity, Duration::from_secs(self.wait), &runner).await;
        let metadata = match metadata {
            Ok((metadata, _)) => metadata,
            Err(error) => return refused(error.with_renamed("--metadata", "--sp-metadata")),
        };
        let application = Application::new(
            metadata,
            self.start_url.clone(),
            probe_url.clone(),
            self.expect.clone(),
            attributes,
        )?;
        let application = match template {
            Some(template) => application.with_template(template),
            None => application,
        };
        let wire = scim::wire::Http::to(scim_url.clone(), runner.access.clone())
            .context("cannot set up the HTTP client")?;
        let judge = Judge {
            directory: scim::Judge {
                wire: &wire,
                base: scim_url.to_string(),
                credentials: self.access.credentials(fetched.as_ref())?,
                options: scim::Options {
                    rate: self.rate.most,
                    ..self.access.options()?
                },
                read_only: false,
                runner,
                ambient: ambient.clone(),
            },
            application,
            provider,
            plan,
            pace: Arc::new(RealPace),
        };
        let report = judge.judge().await;
        let report = report.with_profiles(&chosen).with_assessments(&chosen);
        self.forms.write(report, &ambient)
    }

    /// Refuses a limit with which the requirements of a profile could pass although they are not
    /// met.
    fn verify_limit(&self, chosen: &[&Profile]) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.max_seconds > 0,
            "invalid --max-seconds: expected a number of seconds above 0, got 0"
        );
        for profile in chosen {
            if let Some(most) = profile.max_seconds.filter(|most| self.max_seconds > *most) {
                bail!(
                    "invalid --max-seconds: the profile {} allows at most {most} seconds, got {}",
                    profile.name,
                    self.max_seconds
                );
            }
        }
        Ok(())
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let mover = self.mover_group.clone().zip(self.mover_expect.clone());
        let issue = match (&self.token_url, &self.token_command) {
            (Some(url), _) => Some(Issue::Post(UserUrl::parse("--token-url", url)?)),
            (None, Some(command)) => Some(Issue::Command(command.clone())),
            (None, None) => None,
        };
        let tokens = match (&self.token_probe, issue) {
            (None, _) => None,
            (Some(probe), Some(issue)) => Some(Tokens {
                issue,
                probe: UserUrl::parse("--token-probe", probe)?,
            }),
            (Some(_), None) => {
                bail!("--token-probe needs a token: give --token-url or --token-command")
            }
        };
        Ok(Plan {
            group: self.group.clone(),
            mover: mover.map(|(group, expect)| Mover { group, expect }),
            tokens,
            revocation: self.revocation_url.clone().map(|url| Revocation {
                url,
                format: match self.revocation_subject {
                    RevocationSubject::Email => SubjectFormat::Email,
                    RevocationSubject::IssSub => SubjectFormat::IssSub,
                },
            }),
            known_user: self.user.clone(),
            limit: Duration::from_secs(self.max_seconds),
        })
    }

    /// Prints what to do after `--prepare`.
    fn say_what_is_next(&self) -> anyhow::Result<u8> {
        let path = self.idp_metadata_out.as_deref().unwrap_or(Path::new(""));
        let (file, port) = (path.display(), self.idp_port);
        super::print_next_steps(
            path,
            &format!("give {file} to the application as the metadata of its identity provider"),
            &format!(
                "leaver --scim-url URL --token-file FILE --sp-metadata FILE|URL --start-url URL --probe-url URL --idp-port {port} --idp-metadata-out {file}"
            ),
            " secret: with it, anyone can log in to that application as any user.",
        )
    }
}
