//! `rehearsal bench`: throughput beside its physical limit.

use std::io::Write as _;
use std::time::Duration;

use ambient::Ambient;
use clap::{Args, ValueEnum};
use rehearsal::bench::{Measured, saml, scim, sso, start, sync};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Signing responses.
    Sign,
    /// Verifying responses.
    Verify,
    /// The SCIM server.
    Scim,
    /// Provisioning a directory from the simulated IdP, in 100 groups.
    Sync,
    /// The mock IdP's answers to who is signed on, and its start.
    Sso,
    /// The start of all parties, as a test in Rust pays for it.
    Start,
}

/// Arguments of `rehearsal bench`.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure; everything by default.
    what: Option<What>,
    /// The size that the directories grow to; the SCIM server is first measured
    /// at 1,000 and 10,000.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    users: usize,
    /// For how long each, in seconds.
    #[arg(long, value_name = "N", default_value_t = 3)]
    seconds: u64,
    /// Prints the machine form.
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub(crate) async fn perform(&self) -> anyhow::Result<bool> {
        let now = Ambient::real().now();
        let time = Duration::from_secs(self.seconds);
        let wanted = |what| self.what.is_none_or(|only| only == what);
        let mut measured: Vec<Measured> = Vec::new();
        if wanted(What::Sign) {
            measured.push(saml::sign(now, time)?);
        }
        if wanted(What::Verify) {
            measured.push(saml::verify(now, time)?);
        }
        if wanted(What::Scim) {
            let mut sizes: Vec<usize> = [1000, 10_000]
                .into_iter()
                .filter(|size| *size < self.users)
                .collect();
            sizes.push(self.users.max(20));
            measured.extend(scim::measure(&sizes, time).await?);
        }
        if wanted(What::Sync) {
            measured.extend(sync::measure(self.users, 100).await?);
        }
        if wanted(What::Sso) {
            // They have a runtime of their own: one thread, as for one core.
            let users = self.users;
            let both = tokio::task::spawn_blocking(move || {
                Ok::<_, saml::Unready>([sso::sso(now, time)?, sso::start_up(now, users)?])
            });
            measured.extend(both.await??);
        }
        if wanted(What::Start) {
            measured.push(start::start(now, time).await?);
        }
        let mut out = std::io::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&measured)?)?;
            return Ok(true);
        }
        for one in &measured {
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
                std::io::stderr(),
                "built without optimization: the figures mean little"
            )?;
        }
        Ok(true)
    }
}
