//! The time that a test needs to start its own parties, until both are ready.

use std::time::{Duration, Instant};

use ambient::Ambient;
use jiff::Timestamp;

use super::saml::{BenchError, bench_error};
use super::{Measured, compute_measurement};
use world::{Options, Rehearsal};

/// Measures [`Rehearsal::start`]; the limit is the start of the mock IdP alone, with one
/// database. The keys exist before, because a process generates them only once.
///
/// # Errors
/// [`BenchError`].
pub async fn start(now: Timestamp, time: Duration) -> Result<Measured, BenchError> {
    let key = mock_idp::generate_key("Bench", now).map_err(bench_error)?;
    let (mut latencies, mut rates, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    time_full_start().await?;
    let began = Instant::now();
    while began.elapsed() < time || rates.len() < 5 {
        limits.push(rate(time_idp_start(&key).await?));
        let took = time_full_start().await?;
        rates.push(rate(took));
        latencies.push(took);
    }
    Ok(compute_measurement(
        "start: portal, IdP and name server for one test",
        "start of the IdP alone",
        latencies,
        rates,
        limits,
    ))
}

fn rate(took: Duration) -> f64 {
    1.0 / took.as_secs_f64()
}

/// Returns the duration of the start; stopping the parties is not counted.
async fn time_full_start() -> Result<Duration, BenchError> {
    let options = Options {
        unrecorded: true,
        ..Options::default()
    };
    let began = Instant::now();
    let parties = Rehearsal::start(options).await.map_err(bench_error)?;
    let took = began.elapsed();
    parties.shutdown().await;
    Ok(took)
}

async fn time_idp_start(key: &mock_idp::KeyMaterial) -> Result<Duration, BenchError> {
    let folder = tempfile::tempdir().map_err(bench_error)?;
    let database = folder.path().join("idp.db");
    let config = mock_idp::Config {
        database_url: format!("sqlite://{}?mode=rwc", database.display()),
        durable: false,
        signing_key: Some(key.clone()),
        ..mock_idp::Config::default()
    };
    let began = Instant::now();
    let idp = mock_idp::start(config, Ambient::real())
        .await
        .map_err(bench_error)?;
    let took = began.elapsed();
    idp.shutdown().await;
    Ok(took)
}
