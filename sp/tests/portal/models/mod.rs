//! Compares random sequences of requests with small models of activations, of
//! licenses and of the configurator.
//!
//! `PROPTEST_CASES` sets the number of sequences per model [default: 6].

mod activations;
mod configurator;
mod licenses;

use std::sync::{Arc, LazyLock};

use proptest::test_runner::Config;
use reqwest::Client;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::parties::Parties;

/// Async runtime for the requests of these synchronous tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn configuration() -> Config {
    let cases = std::env::var("PROPTEST_CASES");
    Config {
        cases: cases.map_or(6, |cases| cases.parse().unwrap()),
        // Each shrinking step runs a whole sequence.
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    }
}

/// A portal, and a snapshot of the initial state of each sequence.
struct Prepared<T> {
    parties: Parties,
    /// Clients and ids that stay valid.
    with: T,
    snapshot: Value,
}

impl<T> Prepared<T> {
    fn control(parties: &Parties) -> String {
        let url = parties.portal().control_url().unwrap();
        format!("{url}/control/snapshot")
    }

    /// Starts a portal and prepares it once with `prepare`.
    fn new(prepare: impl AsyncFnOnce(&Parties) -> T) -> Arc<Self> {
        RUNTIME.block_on(async {
            let parties = Parties::start().await;
            let with = prepare(&parties).await;
            let answer = reqwest::get(Self::control(&parties)).await.unwrap();
            let snapshot = answer.json().await.unwrap();
            Arc::new(Self {
                parties,
                with,
                snapshot,
            })
        })
    }

    /// Restores the initial state.
    fn restore(&self) {
        RUNTIME.block_on(async {
            let url = Self::control(&self.parties);
            let answer = Client::new().put(url).json(&self.snapshot).send().await;
            let answer = answer.unwrap();
            assert_eq!(answer.status(), 204, "{}", answer.text().await.unwrap());
        });
    }
}
