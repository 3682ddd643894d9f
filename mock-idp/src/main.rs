//! `mock-idp serve`: the identity provider on its own, for compose and by hand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ambient::{Ambient, Chance, SimulatedClock};
use clap::{Parser, Subcommand};
use serde::Deserialize;
use url::Url;

#[derive(Parser)]
#[command(name = "mock-idp", about = "A Ping-like identity provider.", version)]
struct Command {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Runs until stopped. Example: mock-idp serve --listen 127.0.0.1:9031 --ready-file ready.json
    Serve(Serve),
}

/// Flags win over the environment, the environment over the TOML file.
#[derive(clap::Args, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Serve {
    /// A TOML file with the same names, e.g. `listen = "0.0.0.0:9031"`
    #[arg(long, env = "MOCK_IDP_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:0]
    #[arg(long, env = "MOCK_IDP_LISTEN")]
    listen: Option<SocketAddr>,
    /// Where the control port listens; none without it
    #[arg(long, env = "MOCK_IDP_CONTROL_LISTEN")]
    control_listen: Option<SocketAddr>,
    /// The address that browsers and service providers use
    #[arg(long, env = "MOCK_IDP_PUBLIC_URL")]
    public_url: Option<String>,
    /// Page with the simulation's controls, linked at the foot of the console
    #[arg(long, env = "MOCK_IDP_SIMULATION_URL")]
    simulation_url: Option<Url>,
    /// The database [default: sqlite://mock-idp.db?mode=rwc]
    #[arg(long, env = "MOCK_IDP_DATABASE_URL")]
    database_url: Option<String>,
    /// Bearer token of the management API [default: drawn at start]
    #[arg(long, env = "MOCK_IDP_ADMIN_TOKEN", allow_hyphen_values = true)]
    admin_token: Option<String>,
    /// A clock that the control port can set and advance
    #[arg(long, env = "MOCK_IDP_SIMULATED_CLOCK")]
    simulated_clock: bool,
    /// Written when ready: {"base_url", "admin_api_url", "admin_token", "console_url", "control_url"}
    #[arg(long, env = "MOCK_IDP_READY_FILE")]
    ready_file: Option<PathBuf>,
}

impl Serve {
    fn with_file(self) -> anyhow::Result<Self> {
        let Some(path) = &self.config else {
            return Ok(self);
        };
        let file: Self = toml::from_str(&std::fs::read_to_string(path)?)?;
        Ok(Self {
            config: None,
            listen: self.listen.or(file.listen),
            control_listen: self.control_listen.or(file.control_listen),
            public_url: self.public_url.or(file.public_url),
            simulation_url: self.simulation_url.or(file.simulation_url),
            database_url: self.database_url.or(file.database_url),
            admin_token: self.admin_token.or(file.admin_token),
            simulated_clock: self.simulated_clock || file.simulated_clock,
            ready_file: self.ready_file.or(file.ready_file),
        })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Act::Serve(serve) = Command::parse().act;
    let serve = serve.with_file()?;
    ambient::telemetry::init(ambient::telemetry::LogFormat::Text, "warn,mock_idp=info");
    let defaults = mock_idp::Config::default();
    let config = mock_idp::Config {
        listen: serve.listen.unwrap_or(defaults.listen),
        control_listen: serve.control_listen,
        public_url: serve.public_url.as_deref().map(Url::parse).transpose()?,
        simulation_url: serve.simulation_url,
        database_url: serve.database_url.unwrap_or(defaults.database_url.clone()),
        admin_token: serve.admin_token,
        ..defaults
    };
    let ambient = if serve.simulated_clock {
        Ambient::new(Arc::new(SimulatedClock::running()), Chance::from_os())
    } else {
        Ambient::real()
    };
    let running = mock_idp::start(config, ambient).await?;
    tracing::info!("ready at {}", running.base_url());
    if let Some(path) = serve.ready_file {
        let ready = serde_json::json!({
            "base_url": running.base_url(),
            "admin_api_url": format!("{}/v1", running.base_url()),
            "admin_token": running.admin_token(),
            "console_url": format!("{}/console", running.base_url()),
            "control_url": running.control_url(),
        });
        // Written beside and renamed, so that nobody reads half of it.
        let beside = path.with_extension("tmp");
        std::fs::write(&beside, ready.to_string())?;
        std::fs::rename(&beside, &path)?;
    }
    stopped().await?;
    running.shutdown().await;
    Ok(())
}

/// Waits for the signal to stop: Ctrl-C, or what compose sends.
async fn stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
