//! `rehearsal bench`: measures throughput and the physical limit to compare it with.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ambient::Ambient;
use ambient::arguments::whole_number;
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use rehearsal::bench::{Measured, saml, scim, sso, start, sync};
use rehearsal::check::runner::Progress;

use super::bench_compare::Compare;
use super::bench_load::Load;
use super::check_options::seconds;
use super::{progress, signals};

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Signing of Responses
    Sign,
    /// Verification of Responses
    Verify,
    /// The SCIM server
    Scim,
    /// Provisioning of a directory with 100 groups by the simulated IdP
    Sync,
    /// Responses of the mock IdP to users with a session, and its start
    Sso,
    /// The start of all parties, as in a test in Rust
    Start,
}

/// Measurements of other endpoints, and their comparison.
#[derive(Subcommand)]
enum Elsewhere {
    /// Send load to an endpoint of yours and check every answer
    #[command(subcommand)]
    Load(Load),
    /// Compare two results of `bench load --json`
    #[command(
        after_help = "Example: rehearsal bench compare before.json after.json --max-slower 10%"
    )]
    Compare(Compare),
}

/// Arguments of `rehearsal bench`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    elsewhere: Option<Elsewhere>,
    /// What to measure [default: everything]
    what: Option<What>,
    /// Number of users that the directory grows to; the SCIM server is measured at 1,000
    /// and 10,000 first
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = whole_number::<usize>(1..=10_000_000))]
    users: usize,
    /// Duration of each measurement in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Print no progress
    #[arg(long, short)]
    quiet: bool,
}

impl Bench {
    pub(crate) async fn perform(&self) -> anyhow::Result<u8> {
        match &self.elsewhere {
            Some(Elsewhere::Load(load)) => return load.perform().await,
            Some(Elsewhere::Compare(compare)) => return compare.perform(),
            None => {}
        }
        let stop = signals::stop().context("cannot listen to signals")?;
        let measured: Mutex<Vec<Measured>> = Mutex::default();
        let progress = progress::progress(self.quiet);
        progress.begin("bench", self.steps());
        let signal = tokio::select! {
            done = self.measure(&measured, &progress) => {
                done?;
                None
            }
            signal = stop.wait() => Some(signal),
        };
        progress.end();
        let measured = measured
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        self.print(&measured)?;
        match signal {
            None => Ok(0),
            Some(signal) => {
                let mut err = ambient::terminal::err();
                writeln!(
                    err,
                    "interrupted by {} after {} figures",
                    signal.name(),
                    measured.len()
                )?;
                Ok(signal.exit_code())
            }
        }
    }

    fn steps(&self) -> usize {
        What::value_variants()
            .iter()
            .filter(|what| self.what.is_none_or(|only| only == **what))
            .count()
    }

    async fn measure(&self, all: &Mutex<Vec<Measured>>, progress: &Progress) -> anyhow::Result<()> {
        let keep = |figures: Vec<Measured>| {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(figures);
        };
        let now = Ambient::real().now();
        let time = self.seconds;
        let wanted = |what: What| {
            let chosen = self.what.is_none_or(|only| only == what);
            if chosen {
                progress.step("", what.about());
            }
            chosen
        };
        if wanted(What::Sign) {
            let figure = tokio::task::spawn_blocking(move || saml::sign(now, time));
            keep(vec![figure.await??]);
        }
        if wanted(What::Verify) {
            let figure = tokio::task::spawn_blocking(move || saml::verify(now, time));
            keep(vec![figure.await??]);
        }
        if wanted(What::Scim) {
            let mut sizes: Vec<usize> = [1000, 10_000]
                .into_iter()
                .filter(|size| *size < self.users)
                .collect();
            sizes.push(self.users.max(20));
            keep(scim::measure(&sizes, time).await?);
        }
        if wanted(What::Sync) {
            keep(sync::measure(self.users, 100).await?);
        }
        if wanted(What::Sso) {
            // They get a runtime of their own with one thread, because they measure one
            // core.
            let users = self.users;
            let both = tokio::task::spawn_blocking(move || {
                Ok::<_, saml::BenchError>([sso::sso(now, time)?, sso::start_up(now, users)?])
            });
            keep(both.await??.to_vec());
        }
        if wanted(What::Start) {
            keep(vec![start::start(now, time).await?]);
        }
        Ok(())
    }

    fn print(&self, measured: &[Measured]) -> anyhow::Result<()> {
        let mut out = ambient::terminal::out();
        if self.json {
            let json = serde_json::to_string_pretty(&measured)?;
            writeln!(ambient::terminal::out_json(), "{json}")?;
            return Ok(());
        }
        for one in measured {
            writeln!(
                out,
                "{}\n  {:.0} a second, {:.3} of {} ({:.0} a second)\n  p50 {:.1} µs, p99 {:.1} µs, {:.0} MB",
                one.name,
                one.ops_per_sec,
                one.ratio,
                one.limit_name,
                one.limit_ops_per_sec,
                one.p50_us,
                one.p99_us,
                one.rss_mb
            )?;
        }
        if cfg!(debug_assertions) {
            writeln!(
                ambient::terminal::err(),
                "built without optimization: the figures are not meaningful"
            )?;
        }
        Ok(())
    }
}

impl What {
    fn about(self) -> &'static str {
        match self {
            Self::Sign => "signing responses",
            Self::Verify => "verifying responses",
            Self::Scim => "the SCIM server",
            Self::Sync => "provisioning a directory",
            Self::Sso => "answers of the mock IdP",
            Self::Start => "the start of all parties",
        }
    }
}
