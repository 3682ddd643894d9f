//! `rehearsal check`: conformance and security of somebody else's endpoint.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ambient::Ambient;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use rehearsal::check::scim;
use rehearsal::check::sp::{Judge, Person, Provider, Target};
use rehearsal::check::{CheckReport, baseline};
use saml::metadata::SpMetadata;
use url::Url;

use super::pipelines::{write_for_github, write_located};
use super::{read_metadata, write};

/// What to check.
#[derive(Subcommand)]
pub(crate) enum Check {
    /// A SAML service provider: plays its identity provider, sends good
    /// responses and every fault of the catalogue.
    #[command(
        after_help = "Example: rehearsal check sp --metadata https://sp.example/metadata --start-url https://sp.example/login --probe-url https://sp.example/whoami --expect 'jo@example.com' --idp-port 8444 --idp-metadata-out idp.xml"
    )]
    Sp(Box<Sp>),
    /// A SCIM 2.0 server: finds out what it supports, judges it, and deletes
    /// what it made.
    #[command(
        after_help = "Example: rehearsal check scim --base-url https://scim.example/v2 --token \"$TOKEN\" --html scim.html"
    )]
    Scim(Box<Scim>),
    /// A SAML identity provider: plays its service provider, tries every
    /// variant of a request, and judges metadata, manners and every Response.
    #[command(
        after_help = "Example: rehearsal check idp --metadata https://idp.example/metadata --sp-port 8555 --sp-metadata-out sp.xml --user jo@example.com --password …"
    )]
    Idp(Box<super::check_idp::Idp>),
}

impl Check {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        match self {
            Self::Sp(sp) => sp.perform().await,
            Self::Scim(scim) => scim.perform().await,
            Self::Idp(idp) => idp.perform().await,
        }
    }
}

/// Where the report goes.
#[derive(Args)]
pub(crate) struct Forms {
    /// Prints the machine form.
    #[arg(long)]
    json: bool,
    /// Writes JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Writes the report as one HTML file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Writes SARIF 2.1.0, for code scanning.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Writes a code quality report for GitLab.
    #[arg(long, value_name = "FILE")]
    gitlab: Option<PathBuf>,
    /// Failures that are known: a JSON array of {"id", "reason", "until"?}.
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Shows passwords and tokens in the reports; masked by default.
    #[arg(long)]
    show_secrets: bool,
}

impl Forms {
    /// Writes the report in every form that was asked for; whether all is well.
    pub(crate) fn write(&self, report: CheckReport, ambient: &Ambient) -> anyhow::Result<bool> {
        let report = match &self.expected {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("reading {}", path.display()))?;
                let expected =
                    baseline::read(&text).with_context(|| format!("reading {}", path.display()))?;
                report.against(&expected, ambient.now())?
            }
            None => report,
        };
        let report = if self.show_secrets {
            report
        } else {
            report.masked()
        };
        if let Some(path) = &self.junit {
            write(path, &report.junit())?;
        }
        if let Some(path) = &self.html {
            write(path, &report.html())?;
        }
        if let Some(path) = &self.sarif {
            write_located(path, &report, CheckReport::sarif)?;
        }
        if let Some(path) = &self.gitlab {
            write_located(path, &report, CheckReport::code_quality)?;
        }
        write_for_github(&report)?;
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&report.json())?)?;
        } else {
            write!(out, "{}", super::for_terminal(&report))?;
        }
        super::name_written(&[&self.html, &self.junit, &self.sarif, &self.gitlab])?;
        Ok(report.is_well())
    }
}

/// The service provider that is judged.
#[derive(Args)]
pub(crate) struct SpTarget {
    /// The service provider's metadata.
    #[arg(
        long,
        required = false,
        required_unless_present = "prepare",
        value_name = "FILE|URL"
    )]
    metadata: String,
    /// Where a login starts.
    #[arg(
        long,
        required = false,
        required_unless_present = "prepare",
        value_name = "URL"
    )]
    start_url: Url,
    /// Fetched with the cookies of a login, it tells who is in.
    #[arg(
        long,
        required = false,
        required_unless_present = "prepare",
        value_name = "URL"
    )]
    probe_url: Url,
    /// Matches the probe's body when the user is in.
    #[arg(
        long,
        required = false,
        required_unless_present = "prepare",
        value_name = "REGEX"
    )]
    expect: regex::Regex,
}

/// Arguments of `rehearsal check sp`.
#[derive(Args)]
pub(crate) struct Sp {
    /// Writes `--idp-metadata-out` and the key beside it, and judges nothing:
    /// for a service provider that has to trust the metadata before it runs.
    #[arg(long, requires = "idp_metadata_out", requires = "idp_port")]
    prepare: bool,
    #[command(flatten)]
    target: Option<SpTarget>,
    /// The port of the identity provider that is played; a free one by default.
    #[arg(long, value_name = "N", default_value_t = 0)]
    idp_port: u16,
    /// Writes the played identity provider's metadata, for the service
    /// provider to trust. Its key is kept beside it (.key), so that the next
    /// run is trusted too.
    #[arg(long, value_name = "FILE")]
    idp_metadata_out: Option<PathBuf>,
    /// The user of the good responses; by default the `email` parameter of the
    /// start URL.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// An attribute of the assertions, in place of those that the guide maps;
    /// `{user}` stands for the user. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    /// How long to wait for the metadata to be there, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
    #[command(flatten)]
    forms: Forms,
}

impl Sp {
    async fn perform(self) -> anyhow::Result<bool> {
        let ambient = Ambient::real();
        let key_file = self
            .idp_metadata_out
            .as_ref()
            .map(|path| path.with_extension("key"));
        let provider = Provider::start(self.idp_port, key_file.as_deref(), &ambient).await?;
        if let Some(path) = &self.idp_metadata_out {
            write(path, &provider.metadata())?;
        }
        let _ = writeln!(
            std::io::stderr(),
            "playing the identity provider {}",
            provider.entity_id
        );
        let Some(target) = &self.target else {
            return Ok(true);
        };
        let metadata = read_metadata(&target.metadata, Duration::from_secs(self.wait)).await?;
        let metadata = SpMetadata::parse(&metadata)
            .with_context(|| format!("reading the metadata {}", target.metadata))?;
        let judge = Judge {
            person: self.person(&target.start_url)?,
            target: Target {
                metadata,
                start_url: target.start_url.clone(),
                probe_url: target.probe_url.clone(),
                expect: target.expect.clone(),
            },
            provider,
            ambient: ambient.clone(),
        };
        let report = judge.judge().await?;
        self.forms.write(report, &ambient)
    }

    fn person(&self, start_url: &Url) -> anyhow::Result<Person> {
        let in_url = || {
            let mut pairs = start_url.query_pairs();
            pairs
                .find(|(name, _)| name == "email")
                .map(|(_, value)| value.into_owned())
        };
        let user = self.user.clone().or_else(in_url);
        let mut person = Person::of_the_guide(user.as_deref().unwrap_or("jo@example.com"));
        if !self.attribute.is_empty() {
            person.attributes = self
                .attribute
                .iter()
                .map(|one| match one.split_once('=') {
                    Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
                    None => bail!("expected --attribute NAME=VALUE, came {one}"),
                })
                .collect::<anyhow::Result<_>>()?;
        }
        Ok(person)
    }
}

/// Arguments of `rehearsal check scim`.
#[derive(Args)]
pub(crate) struct Scim {
    /// The address that `/Users` follows.
    #[arg(long, value_name = "URL")]
    base_url: Url,
    /// The bearer token; the environment hides it from the list of processes.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "REHEARSAL_SCIM_TOKEN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    token: String,
    /// Changes nothing: runs the checks that need no resources of their own.
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    forms: Forms,
}

impl Scim {
    async fn perform(self) -> anyhow::Result<bool> {
        let ambient = Ambient::real();
        let stopped = Arc::new(AtomicBool::new(false));
        tokio::spawn(interruption(stopped.clone()));
        let wire = scim::wire::Http::to(self.base_url.clone()).context("setting HTTP up")?;
        let judge = scim::Judge {
            wire: &wire,
            base: self.base_url.to_string(),
            token: self.token.clone(),
            read_only: self.read_only,
            stopped,
            ambient: ambient.clone(),
        };
        let report = judge.judge().await?;
        self.forms.write(report, &ambient)
    }
}

/// The first Ctrl-C lets the checks clean up; the second ends the command.
async fn interruption(stopped: Arc<AtomicBool>) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    stopped.store(true, Ordering::Relaxed);
    let _ = writeln!(
        std::io::stderr(),
        "interrupted: deleting what was made; once more to leave it"
    );
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(2);
    }
}
