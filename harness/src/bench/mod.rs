//! Throughput, each beside its physical limit measured in the same run.
//!
//! - [`saml`]: signing and verifying responses, beside raw RSA.
//! - [`sync`]: a whole directory provisioned, beside bare creations.
//! - [`scim`]: the SCIM server over HTTP, beside the database's own pace.
//! - [`sso`]: the mock IdP's answers beside raw RSA; its start with many users.
//! - [`start`]: parties for one test, beside the IdP alone.
//!
//! The machines that this runs on are noisy: work and limit take turns in
//! short rounds, and the ratio is the median of the rounds' ratios.

pub mod saml;
pub mod scim;
pub mod sso;
pub mod start;
pub mod sync;

use std::time::{Duration, Instant};

use serde::Serialize;

/// One measurement, in the machine form that the design fixes.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// What was measured.
    pub name: String,
    /// Operations in a second.
    pub ops_per_sec: f64,
    /// The limit's operations in a second.
    pub limit_ops_per_sec: f64,
    /// What the limit is.
    pub limit_name: String,
    /// Work over limit; 1 is the limit itself.
    pub ratio: f64,
    /// Median latency, in microseconds.
    pub p50_us: f64,
    /// The latency that 99 of 100 stay under, in microseconds.
    pub p99_us: f64,
    /// The process' resident memory at the end, in megabytes.
    pub rss_mb: f64,
}

/// How long a round of work, or of its limit, lasts.
const ROUND: Duration = Duration::from_millis(100);

/// Measures `work` beside `limit` on this thread, for about `time`.
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
    // The first round warms up and is forgotten.
    round(&mut work, &mut Vec::new());
    round(&mut limit, &mut Vec::new());
    let start = Instant::now();
    while start.elapsed() < time || rates.len() < 5 {
        let raw = round(&mut limit, &mut Vec::new());
        let rate = round(&mut work, &mut latencies);
        rates.push(rate);
        limits.push(raw);
    }
    measured(name, limit_name, latencies, rates, limits)
}

/// A measurement from its rounds, of which work and limit have as many.
fn measured(
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

/// From the kernel, where it tells; else 0.
fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}
