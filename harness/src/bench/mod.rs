//! Measures throughput, and the physical limit of each operation in the same run.
//!
//! - [`saml`]: signing and verifying Responses; the limit is plain RSA.
//! - [`sync`]: provisioning of a whole directory; the limit is plain creation of users.
//! - [`scim`]: the SCIM server over HTTP; the limit is the database.
//! - [`sso`]: Responses of the mock IdP, with plain RSA as the limit; and its start with
//!   many users.
//! - [`start`]: the start of the parties for one test; the limit is the start of the IdP.
//!
//! Machines are noisy: work and limit are measured alternately in short rounds, and the
//! ratio is the median of the ratios of all rounds.

pub mod saml;
pub mod scim;
pub mod sso;
pub mod start;
pub mod sync;

use std::time::{Duration, Instant};

use serde::Serialize;

/// One measurement, as `--json` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Name of what was measured.
    pub name: String,
    /// Operations per second.
    pub ops_per_sec: f64,
    /// Operations per second of the limit.
    pub limit_ops_per_sec: f64,
    /// Name of the limit.
    pub limit_name: String,
    /// Throughput divided by the limit; 1 is the limit itself.
    pub ratio: f64,
    /// Median latency, in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the latency, in microseconds.
    pub p99_us: f64,
    /// Resident memory of the process at the end, in megabytes.
    pub rss_mb: f64,
}

/// Duration of one round of work or limit.
const ROUND: Duration = Duration::from_millis(100);

/// Measures `work` and `limit` alternately on this thread, for about `time`.
pub fn beside<W, L>(
    (name, mut work): (&str, W),
    (limit_name, mut limit): (&str, L),
    time: Duration,
) -> Measured
where
    W: FnMut(),
    L: FnMut(),
{
    let mut latencies = Vec::new();
    let (mut rates, mut limits) = (Vec::new(), Vec::new());
    // The first round is for warming up and is not counted.
    round(&mut work, &mut Vec::new());
    round(&mut limit, &mut Vec::new());
    let start = Instant::now();
    while start.elapsed() < time || rates.len() < 5 {
        let raw = round(&mut limit, &mut Vec::new());
        let rate = round(&mut work, &mut latencies);
        rates.push(rate);
        limits.push(raw);
    }
    compute_measurement(name, limit_name, latencies, rates, limits)
}

/// Computes the measurement from its rounds; there are as many of `work` as of `limit`.
fn compute_measurement(
    name: &str,
    limit_name: &str,
    mut latencies: Vec<Duration>,
    rates: Vec<f64>,
    limits: Vec<f64>,
) -> Measured {
    latencies.sort_unstable();
    let quantile = |share: usize| {
        let at = (latencies.len() * share / 100).min(latencies.len().saturating_sub(1));
        latencies.get(at).map_or(0.0, Duration::as_secs_f64) * 1e6
    };
    let ratios = rates.iter().zip(&limits).map(|(rate, limit)| rate / limit);
    Measured {
        name: name.to_owned(),
        ratio: median(ratios.collect()),
        ops_per_sec: median(rates),
        limit_ops_per_sec: median(limits),
        limit_name: limit_name.to_owned(),
        p50_us: quantile(50),
        p99_us: quantile(99),
        rss_mb: resident_megabytes(),
    }
}

fn round(work: &mut impl FnMut(), latencies: &mut Vec<Duration>) -> f64 {
    let start = Instant::now();
    let mut done = 0_u32;
    loop {
        let before = Instant::now();
        work();
        latencies.push(before.elapsed());
        done += 1;
        if start.elapsed() >= ROUND {
            return f64::from(done) / start.elapsed().as_secs_f64();
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Read from the Linux kernel; 0 on other systems.
fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
