//! `rehearsal health`: the health check of the container image, which has no `curl`.

use std::time::Duration;

use ambient::arguments::{web_url, whole_number};
use anyhow::{Context as _, bail};
use clap::Args;
use url::Url;

/// Exit status 0 if the URL answers 2xx, otherwise 2.
#[derive(Args)]
pub(crate) struct Health {
    /// URL to request, for example `/readyz` of a party
    #[arg(value_parser = web_url)]
    url: Url,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = whole_number::<u64>(1..=86_400))]
    timeout: u64,
}

impl Health {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(self.timeout))
            .build()?;
        let answer = client.get(self.url.clone()).send().await;
        let answer = answer.with_context(|| format!("cannot reach {}", self.url))?;
        if !answer.status().is_success() {
            bail!("{} answered {}", self.url, answer.status());
        }
        Ok(true)
    }
}
