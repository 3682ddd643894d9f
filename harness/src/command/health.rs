//! `rehearsal health`: the health check of the container image, which has no `curl`. It requests a
//! URL, or `/readyz` of the running parties.

use std::io::Write as _;
use std::time::Duration;

use ambient::arguments::{web_url, whole_number};
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use url::Url;
use world::Trust;

use super::target_file::TargetArgument;

/// Exit status 0 if the URL answers 2xx, otherwise 2.
#[derive(Args)]
pub(crate) struct Health {
    /// URL to request, for example `/readyz` of a party [default: those of the portal and of the
    /// identity provider of the running `rehearsal up`]
    #[arg(value_parser = web_url)]
    url: Option<Url>,
    #[command(flatten)]
    target: TargetArgument,
    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = whole_number::<u64>(1..=86_400))]
    timeout: u64,
}

impl Health {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let (urls, client) = self.urls().await?;
        let client = client.timeout(Duration::from_secs(self.timeout)).build()?;
        for url in urls {
            let answer = client.get(url.clone()).send().await;
            let answer = answer.with_context(|| format!("cannot reach {url}"))?;
            if !answer.status().is_success() {
                bail!("{url} answered {}", answer.status());
            }
            writeln!(ambient::terminal::out(), "{url}: ready")?;
        }
        Ok(true)
    }

    /// Returns the URL of the command line, or those of the running parties, and a client that
    /// trusts them.
    async fn urls(&self) -> anyhow::Result<(Vec<Url>, reqwest::ClientBuilder)> {
        if let Some(url) = &self.url {
            return Ok((vec![url.clone()], reqwest::Client::builder().no_proxy()));
        }
        let ready = self.target.read().await?;
        let urls: anyhow::Result<Vec<Url>> = ["/sp/base_url", "/idp/base_url"]
            .iter()
            .map(|pointer| {
                let base = ready.pointer(pointer).and_then(Value::as_str);
                let base = base.with_context(|| format!("invalid target: {pointer} not found"))?;
                Url::parse(&format!("{}/readyz", base.trim_end_matches('/')))
                    .with_context(|| format!("invalid {pointer}: expected a URL, got {base:?}"))
            })
            .collect();
        Ok((urls?, Trust::of(&ready)?.client()))
    }
}
