//! The command line of the identity provider: `mock-idp serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ambient::ready_file::ReadyFile;
use ambient::{Ambient, ControlSecret, Rng, SimulatedClock, process, secret_file};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use serde::Deserialize;
use url::Url;

/// A Ping-like identity provider.
#[derive(Debug, Parser)]
#[command(name = "mock-idp", version)]
pub struct Arguments {
    /// Subcommand to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands of the identity provider.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the identity provider until it is stopped.
    #[command(
        after_help = "Example: mock-idp serve --listen 127.0.0.1:9031 --ready-file ready.json"
    )]
    Serve(Box<Serve>),
}

/// Options of `serve`. Flags override environment variables, which override the TOML file.
#[derive(Debug, clap::Args, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Serve {
    /// TOML file with the same options, e.g. `listen = "0.0.0.0:9031"`
    #[arg(long, env = "MOCK_IDP_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Address to listen on; port 0 chooses a free port [default: 127.0.0.1:0]
    #[arg(long, env = "MOCK_IDP_LISTEN")]
    listen: Option<SocketAddr>,
    /// Address of the control port [default: no control port]
    #[arg(long, env = "MOCK_IDP_CONTROL_LISTEN")]
    control_listen: Option<SocketAddr>,
    /// Secret of the control port, at least 22 letters and digits [default: random at each start]
    #[arg(
        long,
        env = "MOCK_IDP_CONTROL_SECRET",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    control_secret: Option<String>,
    /// File that keeps the secret of the control port between starts; created, readable by its
    /// owner only, if it does not exist
    #[arg(long, env = "MOCK_IDP_CONTROL_SECRET_FILE", value_name = "FILE")]
    control_secret_file: Option<PathBuf>,
    /// URL at which browsers and service providers reach the identity provider
    #[arg(long, env = "MOCK_IDP_PUBLIC_URL")]
    public_url: Option<String>,
    /// URL of the simulation page, linked at the foot of the console
    #[arg(long, env = "MOCK_IDP_SIMULATION_URL")]
    simulation_url: Option<Url>,
    /// Database URL [default: sqlite://mock-idp.db?mode=rwc]
    #[arg(long, env = "MOCK_IDP_DATABASE_URL")]
    database_url: Option<String>,
    /// Bearer token of the management API [default: random at each start]
    #[arg(long, env = "MOCK_IDP_ADMIN_TOKEN", allow_hyphen_values = true)]
    admin_token: Option<String>,
    /// File that keeps the bearer token of the management API between starts; created, readable
    /// by its owner only, if it does not exist
    #[arg(long, env = "MOCK_IDP_ADMIN_TOKEN_FILE", value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// Use a clock that the control port can set and advance
    #[arg(long, env = "MOCK_IDP_SIMULATED_CLOCK")]
    simulated_clock: bool,
    /// File to write when ready: {"base_url", "admin_api_url", "admin_token", "console_url",
    /// "control_url", "control_secret", "pid"}. It is removed at the end
    #[arg(long, env = "MOCK_IDP_READY_FILE")]
    ready_file: Option<PathBuf>,
}

impl Serve {
    fn with_file(self) -> anyhow::Result<Self> {
        let Some(path) = &self.config else {
            return Ok(self);
        };
        let text = ambient::text_file::read(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let file: Self = toml::from_str(&text).with_context(|| {
            let hint = ambient::text_file::quotes_hint(&text);
            format!("invalid {}{hint}", path.display())
        })?;
        Ok(Self {
            config: None,
            listen: self.listen.or(file.listen),
            control_listen: self.control_listen.or(file.control_listen),
            control_secret: self.control_secret.or(file.control_secret),
            control_secret_file: self.control_secret_file.or(file.control_secret_file),
            public_url: self.public_url.or(file.public_url),
            simulation_url: self.simulation_url.or(file.simulation_url),
            database_url: self.database_url.or(file.database_url),
            admin_token_file: self.admin_token_file.or(file.admin_token_file),
            admin_token: self.admin_token.or(file.admin_token),
            simulated_clock: self.simulated_clock || file.simulated_clock,
            ready_file: self.ready_file.or(file.ready_file),
        })
    }
}

/// Runs a command.
///
/// # Errors
///
/// If an option is invalid, or the identity provider cannot start.
pub async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Serve(serve) = command;
    let serve = serve.with_file()?;
    ambient::telemetry::init(ambient::telemetry::LogFormat::Text, "warn,mock_idp=info");
    let defaults = crate::Config::default();
    // Docker Compose passes an unset variable on as an empty one.
    let given = serve.admin_token.filter(|token| !token.is_empty());
    let admin_token = match &serve.admin_token_file {
        Some(path) => Some(secret_file::read_or_create(path, given, || {
            Rng::from_os().token(24)
        })?),
        None => given,
    };
    let control_secret =
        ControlSecret::of_options(serve.control_secret, serve.control_secret_file.as_deref())?;
    let is_secret_known = control_secret.is_some() || serve.ready_file.is_some();
    let config = crate::Config {
        listen: serve.listen.unwrap_or(defaults.listen),
        control_listen: serve.control_listen,
        control_secret,
        public_url: serve.public_url.as_deref().map(Url::parse).transpose()?,
        simulation_url: serve.simulation_url,
        database_url: serve.database_url.unwrap_or(defaults.database_url.clone()),
        admin_token,
        ..defaults
    };
    let ambient = if serve.simulated_clock {
        Ambient::new(Arc::new(SimulatedClock::from_system_time()), Rng::from_os())
    } else {
        Ambient::real()
    };
    let ready_file = serve.ready_file.as_deref();
    let mut ready_file = ready_file.map(ReadyFile::prepare).transpose()?;
    let running = crate::start(config, ambient).await?;
    tracing::info!("ready at {}", running.base_url());
    if let Some(published) = &mut ready_file {
        published.publish(&serde_json::json!({
            "base_url": running.base_url(),
            "admin_api_url": format!("{}/v1", running.base_url()),
            "admin_token": running.admin_token(),
            "console_url": format!("{}/console", running.base_url()),
            "control_url": running.control_url(),
            "control_secret": running.control_secret(),
        }))?;
    }
    if !is_secret_known {
        process::print_control_url(running.control_url())?;
    }
    process::wait_for_shutdown_signal().await?;
    drop(ready_file);
    running.shutdown().await;
    Ok(())
}
