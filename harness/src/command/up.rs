//! `rehearsal up`: the parties, kept running until the command is stopped.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rehearsal::seed::Seed;
use rehearsal::{Options, World};

use super::write;

/// Arguments of `rehearsal up`.
#[derive(Args)]
pub(crate) struct Up {
    /// The portal's port; a free one by default.
    #[arg(long, value_name = "N", default_value_t = 0)]
    sp_port: u16,
    /// The IdP's port; a free one by default.
    #[arg(long, value_name = "N", default_value_t = 0)]
    idp_port: u16,
    /// The name server's port; a free one by default.
    #[arg(long, value_name = "N", default_value_t = 0)]
    dns_port: u16,
    /// The world reaches the parties by HTTPS. The certificate of the authority
    /// that is made for it is where `tls.ca_file` of the ready file says.
    #[arg(long)]
    tls: bool,
    /// Where the portal keeps its data (sqlite://PATH?mode=rwc or
    /// postgres://…); the IdP's lies beside a file. Temporary by default.
    #[arg(long, value_name = "URL", env = "REHEARSAL_DATABASE_URL")]
    database_url: Option<String>,
    /// The demo organization trusts this identity provider in place of the
    /// simulated one.
    #[arg(long, value_name = "FILE|URL", conflicts_with = "empty")]
    idp_metadata: Option<String>,
    /// The simulated identity provider registers this service provider as an
    /// application, with the guide's attribute mappings. May be repeated.
    #[arg(long, value_name = "FILE|URL", conflicts_with = "empty")]
    sp_metadata: Vec<String>,
    /// The set-up as one file, TOML or JSON: seats, domains, groups, users,
    /// applications, faults (`rehearsal schema seed`).
    #[arg(long, value_name = "FILE", conflicts_with = "empty")]
    seed: Option<PathBuf>,
    /// Starts without the demo organization.
    #[arg(long)]
    empty: bool,
    /// Writes addresses and credentials to this file once all is ready.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl Up {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let seed = match &self.seed {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("reading {}", path.display()))?;
                Seed::read(&text).with_context(|| format!("reading {}", path.display()))?
            }
            None => Seed::default(),
        };
        let options = Options {
            portal_port: self.sp_port,
            idp_port: self.idp_port,
            dns_port: self.dns_port,
            database_url: self.database_url.clone(),
            untapped: true,
            tls: self.tls,
            ..Options::default()
        };
        let mut world = World::with(options).await.context("starting the parties")?;
        if !self.empty {
            world
                .demo_organization(seed.plan())
                .await
                .context("setting the demo organization up")?;
        }
        if let Some(place) = &self.idp_metadata {
            let metadata = super::read_metadata(place, Duration::from_secs(30)).await?;
            world
                .trusts("Ada", &metadata)
                .await
                .with_context(|| format!("trusting the identity provider of {place}"))?;
        }
        let mut documents = BTreeMap::new();
        for application in &seed.applications {
            let patience = Duration::from_secs(30);
            if let Some(place) = &application.metadata {
                let document = super::read_metadata(place, patience).await?;
                documents.insert(application.name.clone(), document);
            }
        }
        world
            .plants(&seed, &documents)
            .await
            .context("planting the seed")?;
        for place in &self.sp_metadata {
            let metadata = super::read_metadata(place, Duration::from_secs(30)).await?;
            world
                .registers(place, &metadata)
                .await
                .with_context(|| format!("registering the service provider of {place}"))?;
        }
        let ready = serde_json::to_string_pretty(&world.ready())?;
        if let Some(path) = &self.ready_file {
            // Whole or not at all: who waits for the file must not read half.
            let draft = path.with_extension("draft");
            write(&draft, &ready)?;
            std::fs::rename(&draft, path).with_context(|| format!("writing {}", path.display()))?;
        }
        let mut out = std::io::stdout();
        writeln!(out, "{ready}")?;
        let _ = writeln!(std::io::stderr(), "ready; stop with Ctrl-C");
        stopped().await?;
        world.rehearsal.shutdown().await;
        Ok(true)
    }
}

/// Waits for Ctrl-C or, where there is one, a request to terminate.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
