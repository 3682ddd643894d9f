//! `rehearsal bench load`: load on an endpoint of another project.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ambient::Ambient;
use ambient::arguments::whole_number;
use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use rehearsal::check::idp::{Fetched, Party};
use rehearsal::check::leaver::Application;
use rehearsal::check::load::report::{About, Floor, Report};
use rehearsal::check::load::scim::{Mix, Work};
use rehearsal::check::load::{self, Ended, Loop, Plan, Setting, idp, scim, sp};
use rehearsal::check::runner::{Access, Runner};
use rehearsal::check::sp::{Person, Provider};
use rehearsal::check::{SetUpError, Signal};
use url::Url;

use super::bench_load_login::{Login, People};
use super::check::{attributes, held, read_sp_metadata};
use super::check_options::{Connection, latency, seconds};
use super::command_line::command_line;
use super::outputs::{Outputs, is_standard_output, require_one_printed};
use super::person_file::PersonFile;
use super::scim_access::{ScimAccess, rate, scim_url};
use super::{KeyFile, fetch_document, progress, report_forms, signals};

/// Duration of a run when neither `--duration` nor `--count` is given.
const USUAL: Duration = Duration::from_secs(30);

/// Largest number of operations at the same time in an open loop, by default.
const AT_ONCE: usize = 256;

/// The target of the load.
#[derive(Subcommand)]
pub(crate) enum Load {
    /// Load on a SCIM 2.0 server: reads, filters, writes and changes of groups on users that
    /// are created for it and deleted afterwards
    #[command(
        after_help = "Example: rehearsal bench load scim --base-url https://scim.example/v2 --token-file scim.token --rate 25 --duration 60 --min-rate 25 --max-p99 1s --html load.html"
    )]
    Scim(Box<Scim>),
    /// Load on a SAML identity provider: signs people on and verifies each Response
    #[command(
        after_help = "Example: rehearsal bench load idp --metadata https://idp.example/metadata --sp-port 8555 --sp-metadata-out sp.xml --users people.txt --concurrency 4"
    )]
    Idp(Box<Idp>),
    /// Load on a SAML service provider: plays its identity provider and logs people in
    #[command(
        after_help = "Example: rehearsal bench load sp --metadata https://sp.example/metadata --start-url 'https://sp.example/login?email={user}' --probe-url https://sp.example/whoami --idp-port 8444 --idp-metadata-out idp.xml --users people.txt --rate 10"
    )]
    Sp(Box<Sp>),
    /// Load on a service provider and its identity provider together: logs people in as their
    /// browsers would
    #[command(
        after_help = "Example: rehearsal bench load login --start-url https://sp.example/login --probe-url https://sp.example/whoami --users people.txt --concurrency 4"
    )]
    Login(Box<Login>),
}

impl Load {
    pub(crate) async fn perform(&self) -> anyhow::Result<u8> {
        match self {
            Self::Scim(scim) => scim.perform().await,
            Self::Idp(idp) => idp.perform().await,
            Self::Sp(sp) => sp.perform().await,
            Self::Login(login) => login.perform().await,
        }
    }
}

/// How much load is sent, what it has to reach, and where the result goes.
#[derive(Args)]
pub(super) struct Options {
    /// Open loop: start this number of operations per second, whether earlier ones have ended
    /// or not. The latency counts from when an operation was due [default: closed loop]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// Closed loop: number of callers, each of whom waits for their answer [default: 1]. With
    /// --rate: largest number of operations at the same time [default: 256]
    #[arg(long, value_name = "N", value_parser = whole_number::<u32>(1..=10_000))]
    concurrency: Option<u32>,
    /// Seconds in which the rate, or the number of callers, grows to its full size
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    ramp: Option<Duration>,
    /// Seconds after which no operation starts [default: 30, unless --count is given]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// Largest number of operations [default: unlimited]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>(1..=u64::MAX))]
    count: Option<u64>,
    /// Lowest number of successful operations per second; below it the exit status is 1
    #[arg(long, value_name = "N", value_parser = rate)]
    min_rate: Option<f64>,
    /// Highest 99th percentile of the latency, such as 1s or 250ms; above it the exit status
    /// is 1
    #[arg(long, value_name = "TIME", value_parser = latency)]
    max_p99: Option<Duration>,
    /// Highest number of errors; above it the exit status is 1
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole_number::<u64>(0..=u64::MAX))]
    max_errors: u64,
    /// Write the result as JSON; `-` prints it instead of the summary
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the result as one HTML file with plots; `-` prints it instead of the summary
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    pub(super) connection: Connection,
    /// Print no progress
    #[arg(long, short)]
    quiet: bool,
}

impl Options {
    fn plan(&self, is_counted: bool) -> Plan {
        let concurrency = self
            .concurrency
            .map(|it| usize::try_from(it).unwrap_or(usize::MAX));
        let pace = match self.rate {
            Some(rate) => Loop::Open {
                rate,
                at_once: concurrency.unwrap_or(AT_ONCE),
            },
            None => Loop::Closed {
                callers: concurrency.unwrap_or(1),
            },
        };
        let is_counted = is_counted || self.count.is_some();
        Plan {
            pace,
            ramp: self.ramp.unwrap_or_default(),
            duration: self.duration.or((!is_counted).then_some(USUAL)),
            count: self.count,
        }
    }

    fn floor(&self) -> Floor {
        Floor {
            min_rate: self.min_rate,
            max_p99_ms: self.max_p99.map(|it| it.as_secs_f64() * 1000.0),
            max_errors: self.max_errors,
        }
    }

    /// The setting of a run; `is_counted` if something else than `--count` ends it.
    pub(super) fn setting(&self, what: &str, is_counted: bool) -> anyhow::Result<Setting> {
        self.verify_outputs()?;
        let progress = progress::progress(self.quiet);
        progress.begin(what, 0);
        Ok(Setting {
            plan: self.plan(is_counted),
            stop: signals::stop().context("cannot listen to signals")?,
            progress,
        })
    }

    /// Refuses files that cannot be written, or one file for both, before anything is sent.
    fn verify_outputs(&self) -> anyhow::Result<()> {
        let files = [
            ("--json", self.json.as_deref()),
            ("--html", self.html.as_deref()),
        ];
        require_one_printed(&files, false)?;
        report_forms::require_own_files(&files)?;
        let mut files = files.iter().filter_map(|(_, file)| *file);
        files.try_for_each(report_forms::writable)
    }

    /// Writes the result in every requested form; returns the exit status.
    pub(super) fn report(
        &self,
        (kind, target): (&'static str, &str),
        setting: &Setting,
        ambient: &Ambient,
        ended: Result<Ended, SetUpError>,
    ) -> anyhow::Result<u8> {
        setting.progress.end();
        let signal = setting.stop.signal();
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => return self.refuse(kind, &error, signal),
        };
        let took = jiff::SignedDuration::try_from_secs_f64(ended.figures.seconds)?;
        let about = About {
            kind,
            target: target.to_owned(),
            started_at: ambient.now() - took,
            command_line: command_line(),
            signal,
        };
        let report = Report::new(about, &setting.plan, self.floor(), ended);
        let json = serde_json::to_string_pretty(&report)?;
        let mut outputs = Outputs::default();
        outputs.write(self.html.as_deref(), || report.html());
        outputs.write(self.json.as_deref(), || format!("{json}\n"));
        outputs.print_text(&report.terminal());
        outputs.finish()?;
        if let Some(signal) = signal {
            return Ok(signal.exit_code());
        }
        if report.is_unreached() {
            writeln!(
                ambient::terminal::err(),
                "cannot reach {target}: no operation got an answer"
            )?;
            return Ok(2);
        }
        Ok(u8::from(!report.missed.is_empty()))
    }

    fn refuse(&self, kind: &str, error: &SetUpError, signal: Option<Signal>) -> anyhow::Result<u8> {
        if self.json.as_deref().is_some_and(is_standard_output) {
            let json = serde_json::json!({ "error": error });
            writeln!(
                ambient::terminal::out_json(),
                "{}",
                serde_json::to_string_pretty(&json)?
            )?;
        }
        write!(
            ambient::terminal::err(),
            "{}",
            error.paragraph(&format!("bench load {kind}"))
        )?;
        Ok(signal.map_or(2, Signal::exit_code))
    }
}

/// Load on a SCIM server.
#[derive(Args)]
pub(crate) struct Scim {
    /// SCIM base URL, below which `/Users` is
    #[arg(long, value_name = "URL", value_parser = scim_url)]
    base_url: Url,
    #[command(flatten)]
    access: ScimAccess,
    /// How often each operation comes, by weight, such as read=70,filter=30. Operations:
    /// read, list, filter, create, replace, patch, group, delete
    /// [default: read=40,list=5,filter=25,create=6,replace=4,patch=8,group=8,delete=4]
    #[arg(long, value_name = "NAME=WEIGHT,…", conflicts_with = "first_sync")]
    mix: Option<Mix>,
    /// Number of users that are created before the measurement
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole_number::<u64>(2..=1_000_000))]
    users: u64,
    /// Play the first synchronization of a directory instead: create N users and groups of
    /// 50, and read them back
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>(1..=10_000_000), conflicts_with = "count")]
    first_sync: Option<u64>,
    #[command(flatten)]
    options: Options,
}

impl Scim {
    async fn perform(&self) -> anyhow::Result<u8> {
        self.access.require_credentials()?;
        let ambient = Ambient::real();
        let access = self.options.connection.access()?;
        let setting = self
            .options
            .setting("bench load scim", self.first_sync.is_some())?;
        let target = ("scim", self.base_url.as_str());
        let client = &self.access.client;
        let fetched = client.request_token(&access, &ambient, false);
        let fetched = match super::check::unless_interrupted(&setting.stop, fetched).await {
            Ok(fetched) => fetched,
            Err(error) => return self.options.report(target, &setting, &ambient, Err(error)),
        };
        let work = match self.first_sync {
            Some(users) => Work::FirstSync(users),
            None => Work::Mixed {
                mix: self.mix.clone().unwrap_or_default(),
                users: self.users,
            },
        };
        let load = scim::Load::new(
            &self.base_url,
            &access,
            &self.access.credentials(fetched.as_ref())?,
            &self.access.options()?,
            work,
            &ambient,
        )
        .context("cannot set up the HTTP client")?;
        let ended = load.run(&setting).await;
        self.options.report(target, &setting, &ambient, ended)
    }
}

/// Reads the lines of a file that are neither empty nor begin with `#`.
pub(super) fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = ambient::text_file::read(path)
        .with_context(|| format!("cannot read --users {}", path.display()))?;
    let lines = text.lines().map(str::trim);
    let lines: Vec<String> = lines
        .filter(|it| !it.is_empty() && !it.starts_with('#'))
        .map(str::to_owned)
        .collect();
    ensure!(
        !lines.is_empty(),
        "invalid --users {}: expected a person per line, got none",
        path.display()
    );
    Ok(lines)
}

/// Load on an identity provider.
#[derive(Args)]
pub(crate) struct Idp {
    /// Metadata of the identity provider
    #[arg(long, value_name = "FILE|URL")]
    metadata: String,
    /// Entity ID of the identity provider, if the metadata contains several entities
    #[arg(long, value_name = "E")]
    entity_id: Option<String>,
    #[command(flatten)]
    people: People,
    /// Port of the service provider that Rehearsal plays [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    sp_port: u16,
    /// Write the metadata of the service provider that Rehearsal plays, and keep its key next
    /// to it (.key), as `check idp` does: an identity provider that is set up for `check idp`
    /// with this file and port is set up for this too
    #[arg(long, value_name = "FILE")]
    sp_metadata_out: Option<PathBuf>,
    /// Seconds to wait until the metadata can be read
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = whole_number::<u64>(0..=86_400))]
    wait: u64,
    #[command(flatten)]
    options: Options,
}

impl Idp {
    async fn perform(&self) -> anyhow::Result<u8> {
        let people = self.people.read()?;
        let ambient = Ambient::real();
        let access = self.options.connection.access()?;
        let setting = self.options.setting("bench load idp", false)?;
        let target = ("idp", self.metadata.as_str());
        let file = self.sp_metadata_out.as_deref();
        let key_file = KeyFile::next_to("--sp-metadata-out", file)?;
        let party = Party::start(self.sp_port, key_file.path(), &ambient).await?;
        if let Some(path) = file {
            key_file.write_metadata(path, &party.metadata())?;
        }
        key_file.say_if_new("identity provider");
        let ended = match self.fetch_metadata(&ambient, &access, &setting).await {
            Ok(metadata) => match idp::Load::new(party, &metadata, people, access, &ambient) {
                Ok(load) => load.run(&setting).await,
                Err(error) => Err(error.to_set_up_error()),
            },
            Err(error) => Err(error),
        };
        self.options.report(target, &setting, &ambient, ended)
    }

    async fn fetch_metadata(
        &self,
        ambient: &Ambient,
        access: &Access,
        setting: &Setting,
    ) -> Result<Fetched, SetUpError> {
        let wait = Duration::from_secs(self.wait);
        let fetched = fetch_document(&self.metadata, wait, access);
        let fetched = super::check::unless_interrupted(&setting.stop, fetched).await?;
        Ok(Fetched {
            entity_id: self.entity_id.clone(),
            ..Fetched::of(&self.metadata, fetched, ambient.now())
        })
    }
}

/// Load on a service provider.
#[derive(Args)]
pub(crate) struct Sp {
    /// Metadata of the service provider
    #[arg(long, value_name = "FILE|URL")]
    metadata: String,
    /// Entity ID of the service provider, if the metadata contains several entities
    #[arg(long, value_name = "E")]
    entity_id: Option<String>,
    /// URL at which a login starts; {user} stands for the user. Without it, unsolicited
    /// Responses are sent
    #[arg(long, value_name = "URL")]
    start_url: Option<String>,
    /// URL that, with the cookies of a login, shows which user is logged in; {user} stands
    /// for the user
    #[arg(long, value_name = "URL")]
    probe_url: String,
    /// Regular expression that matches the body of the probe URL when the user is logged in;
    /// {user} stands for the user
    #[arg(long, value_name = "REGEX", default_value = "{user}")]
    expect: String,
    /// Attribute of the assertions, instead of the common ones; {user} stands for the user.
    /// Repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    #[command(flatten)]
    person: PersonFile,
    /// User who logs in again and again
    #[arg(long, value_name = "NAME", default_value = "jo@example.com")]
    user: String,
    /// File with the people who log in in turn, one user name per line
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    users: Option<PathBuf>,
    /// Port of the identity provider that Rehearsal plays [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, value_parser = whole_number::<u16>(0..=65_535))]
    idp_port: u16,
    /// Write the metadata of the identity provider that Rehearsal plays, and keep its key next
    /// to it (.key), as `check sp` does: a service provider that is set up for `check sp` with
    /// this file and port is set up for this too
    #[arg(long, value_name = "FILE")]
    idp_metadata_out: Option<PathBuf>,
    /// Seconds to wait until the metadata can be read
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = whole_number::<u64>(0..=86_400))]
    wait: u64,
    #[command(flatten)]
    options: Options,
}

impl Sp {
    async fn perform(&self) -> anyhow::Result<u8> {
        let people = match &self.users {
            Some(path) => load::People::try_from(lines(path)?)?,
            None => load::People::one(self.user.clone()),
        };
        let attributes = attributes(&self.attribute)?;
        let template = self.person.template()?;
        let ambient = Ambient::real();
        let access = self.options.connection.access()?;
        let setting = self.options.setting("bench load sp", false)?;
        let file = self.idp_metadata_out.as_deref();
        let key_file = KeyFile::next_to("--idp-metadata-out", file)?;
        let provider = Provider::start(self.idp_port, key_file.path(), &ambient).await?;
        if let Some(path) = file {
            key_file.write_metadata(path, &provider.metadata())?;
        }
        key_file.say_if_new("service provider");
        let runner = Runner {
            stop: setting.stop.clone(),
            access: access.clone(),
            ..Runner::default()
        };
        let target = ("sp", self.metadata.as_str());
        let place = (self.metadata.as_str(), self.entity_id.as_deref());
        let wait = Duration::from_secs(self.wait);
        let ended = match read_sp_metadata(place, wait, &runner).await {
            Ok((metadata, _)) => {
                let attributes = match attributes.is_empty() {
                    // The same attributes as those of `check sp`.
                    true => Person::of_profiles("", &held(&[], &metadata)).attributes,
                    false => attributes,
                };
                let application = Application::new(
                    metadata,
                    self.start_url.clone(),
                    self.probe_url.clone(),
                    self.expect.clone(),
                    attributes,
                )?;
                let application = match template {
                    Some(template) => application.with_template(template),
                    None => application,
                };
                let load = sp::Load::new(application, provider, people, access, &ambient);
                load.run(&setting).await
            }
            Err(error) => Err(error),
        };
        self.options.report(target, &setting, &ambient, ended)
    }
}
