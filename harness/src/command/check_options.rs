//! The options that all checks have.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rehearsal::check::Check;
use rehearsal::check::profile::{Kind, Profile, ProfileError};
use rehearsal::check::runner::{Access, Patience, Runner, Selection, SelectionError};

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::{progress, signals};

/// Whose rules hold.
#[derive(Args)]
pub(crate) struct Profiles {
    /// Whose rules hold: runs the checks of that list and says for each of its
    /// requirements whether it is met; `guide`, the set-up guide, adds to all
    /// checks. `rehearsal profiles` lists the names. May be repeated, and take
    /// several names with commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    profile: Vec<String>,
}

impl Profiles {
    /// The profiles that were chosen.
    pub(crate) fn chosen(&self, kind: Kind) -> Result<Vec<&'static Profile>, ProfileError> {
        Profile::chosen(kind, &self.profile)
    }
}

/// Options that all checks have.
#[derive(Args)]
pub(crate) struct Options {
    /// The checks of the chosen profiles; all checks if `None`.
    #[arg(skip)]
    among: Option<Vec<String>>,
    /// Lists the checks with their levels and titles, and judges nothing.
    #[arg(long)]
    list: bool,
    /// Judges only the checks whose id is, or begins with, ID. May be repeated.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Leaves out the checks whose id is, or begins with, ID. May be repeated.
    #[arg(long, value_name = "ID")]
    skip: Vec<String>,
    /// How long an answer of the target is waited for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
    /// How long all checks together may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    deadline: Duration,
    /// Certificates in PEM to trust beside this machine's authorities; also
    /// the target's own, if it is self-signed.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Accepts any TLS certificate of the target. Only for tests.
    #[arg(long)]
    insecure: bool,
    /// Prints no progress.
    #[arg(long, short)]
    quiet: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let invalid = || format!("expected a number of seconds above 0, got {text}");
    let seconds: f64 = text.parse().map_err(|_| invalid())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|it| !it.is_zero())
        .ok_or_else(invalid)
}

/// The certificates in a PEM file.
fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)?.collect();
    Ok(all?)
}

impl Options {
    /// Limits the run to the checks of these profiles.
    pub(crate) fn limit_to(&mut self, kind: Kind, chosen: &[&Profile]) {
        self.among = Profile::checks_to_run(kind, chosen);
    }

    /// The checks to judge.
    pub(crate) fn selection(&self, checks: &[Check]) -> Result<Selection, SelectionError> {
        let selection = Selection::new(&self.only, &self.skip, checks)?;
        Ok(selection.among(self.among.clone()))
    }

    /// Prints the checks, where they were asked for; whether they were.
    pub(crate) fn print_list(&self, checks: &[Check]) -> anyhow::Result<bool> {
        if self.list {
            let selection = self.selection(checks)?;
            let mut out = std::io::stdout().lock();
            for check in checks.iter().filter(|it| selection.includes(&it.id)) {
                writeln!(out, "{}  {}  {}", check.id, check.level.name(), check.title)?;
            }
        }
        Ok(self.list)
    }

    /// How the target is reached.
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
        // The machine's TLS reads the same variable, but for a server whose
        // certificate is in that file itself.
        if let Some(path) = std::env::var_os("SSL_CERT_FILE") {
            authorities.extend(certificates(Path::new(&path)).unwrap_or_default());
        }
        let access = Access {
            timeout: self.timeout,
            authorities,
            insecure: self.insecure,
        };
        access
            .check()
            .context("invalid --ca: expected certificates that can be trusted")?;
        Ok(access)
    }

    /// Everything that the checks go by.
    pub(crate) fn runner(&self, checks: &[Check]) -> anyhow::Result<Runner> {
        Ok(Runner {
            stop: signals::stop().context("cannot listen to signals")?,
            selection: self.selection(checks)?,
            access: self.access()?,
            patience: Patience::with_deadline(self.deadline),
            progress: progress::progress(self.quiet),
            ..Runner::default()
        })
    }
}
