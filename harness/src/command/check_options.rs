//! The options that all checks have.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rehearsal::check::profile::{Kind, Profile, ProfileError};
use rehearsal::check::runner::{Access, Patience, Runner, Selection};
use rehearsal::check::{Check, list_to_json};

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use url::Url;

use super::report_forms::Forms;
use super::{progress, signals};
use ambient::arguments::web_url;

/// The profiles whose requirements are judged.
#[derive(Args)]
pub(crate) struct Profiles {
    /// Run the checks of this profile and report for each of its requirements whether it is
    /// met; `guide`, the set-up guide (check sp and check idp), adds to all checks.
    /// `rehearsal profiles` lists the names. Repeatable, or several names with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    profile: Vec<String>,
}

impl Profiles {
    /// The profiles that were chosen.
    pub(crate) fn chosen(&self, kind: Kind) -> Result<Vec<&'static Profile>, ProfileError> {
        Profile::chosen(kind, &self.profile)
    }
}

/// The options that all checks have.
#[derive(Args)]
pub(crate) struct Options {
    /// The checks of the chosen profiles; all checks if `None`.
    #[arg(skip)]
    among: Option<Vec<String>>,
    /// List the checks with their levels and titles, and check nothing
    #[arg(long)]
    list: bool,
    /// Run only the checks whose id is, or begins with, ID. Repeatable
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Leave out the checks whose id is, or begins with, ID. Repeatable
    #[arg(long, value_name = "ID")]
    skip: Vec<String>,
    #[command(flatten)]
    connection: Connection,
    /// Seconds that all checks together may take
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    deadline: Duration,
    /// Print no progress
    #[arg(long, short)]
    quiet: bool,
}

/// How the target is reached.
#[derive(Args)]
pub(crate) struct Connection {
    /// Seconds to wait for an answer of the target
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
    /// Certificates in PEM to trust in addition to this machine's authorities, such as the
    /// target's self-signed certificate
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Accept any TLS certificate of the target; only for tests
    #[arg(long)]
    insecure: bool,
    /// HTTP proxy for all requests, except those to addresses of this machine. The environment
    /// variables for proxies are not read
    #[arg(long, value_name = "URL", value_parser = web_url)]
    proxy: Option<Url>,
}

/// Parses a number of seconds above 0.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let invalid = || format!("expected a number of seconds above 0, got {text}");
    let seconds: f64 = text.parse().map_err(|_| invalid())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|it| !it.is_zero())
        .ok_or_else(invalid)
}

/// Parses a time: `250ms`, `1s`, or a number of seconds.
pub(crate) fn latency(text: &str) -> Result<Duration, String> {
    let invalid = || format!("expected a time above 0 such as 250ms or 1s, got {text}");
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = number.trim().parse().map_err(|_| invalid())?;
    let time = Duration::try_from_secs_f64(number * unit).ok();
    time.filter(|it| !it.is_zero()).ok_or_else(invalid)
}

/// Reads the certificates of a PEM file.
fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let text = ambient::text_file::read_bytes(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    Ok(all?)
}

impl Connection {
    /// Returns how the target is reached: timeouts and trusted certificates.
    pub(crate) fn access(&self) -> anyhow::Result<Access> {
        let mut authorities = Vec::new();
        if let Some(path) = &self.ca {
            authorities = certificates(path)
                .with_context(|| format!("cannot read --ca {}", path.display()))?;
            anyhow::ensure!(
                !authorities.is_empty(),
                "invalid --ca {}: expected certificates in PEM, found none",
                path.display()
            );
        }
        // The TLS library reads this variable too, but does not accept a server whose own
        // certificate is in that file.
        if let Some(path) = std::env::var_os("SSL_CERT_FILE") {
            authorities.extend(certificates(Path::new(&path)).unwrap_or_default());
        }
        let access = Access {
            timeout: self.timeout,
            authorities,
            insecure: self.insecure,
            proxy: self.proxy.clone(),
        };
        access
            .check()
            .context("invalid --ca: expected certificates that can be trusted")?;
        Ok(access)
    }
}

impl Options {
    /// Limits the run to the checks of these profiles.
    pub(crate) fn limit_to(&mut self, kind: Kind, chosen: &[&Profile]) {
        self.among = Profile::checks_to_run(kind, chosen);
    }

    /// Returns the checks that `--profile`, `--only` and `--skip` select.
    ///
    /// # Errors
    /// If an option names no check, or if no check is left.
    pub(crate) fn selection(&self, checks: &[Check]) -> anyhow::Result<Selection> {
        let selection = Selection::new(&self.only, &self.skip, checks)?;
        let selection = selection.among(self.among.clone());
        anyhow::ensure!(
            checks.iter().any(|it| selection.includes(&it.id)),
            "no check to run: --skip leaves out every check that the other options select; `--list` shows what is left without it"
        );
        Ok(selection)
    }

    /// Prints the list of checks if `--list` is given, as JSON with `--json`; returns true if it is.
    pub(crate) fn print_list(&self, checks: &[Check], forms: &Forms) -> anyhow::Result<bool> {
        if self.list {
            let selection = self.selection(checks)?;
            let chosen = checks.iter().filter(|it| selection.includes(&it.id));
            let mut out = ambient::terminal::out();
            if forms.is_json() {
                writeln!(out, "{:#}", list_to_json(chosen))?;
                return Ok(true);
            }
            for check in chosen {
                writeln!(out, "{}  {}  {}", check.id, check.level.name(), check.title)?;
            }
        }
        Ok(self.list)
    }

    /// Returns what all checks need: signal, selection, access and time limits.
    pub(crate) fn runner(&self, checks: &[Check]) -> anyhow::Result<Runner> {
        Ok(Runner {
            stop: signals::stop().context("cannot listen to signals")?,
            selection: self.selection(checks)?,
            access: self.connection.access()?,
            patience: Patience::with_deadline(self.deadline),
            progress: progress::progress(self.quiet),
            ..Runner::default()
        })
    }
}
