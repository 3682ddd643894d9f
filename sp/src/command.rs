//! The command line of the portal: `sp serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ambient::arguments::whole_number;
use ambient::ready_file::ReadyFile;
use ambient::telemetry::LogFormat;
use ambient::{Ambient, ControlSecret, Rng, SimulatedClock, SystemClock, process};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use scim::schema::Schema;
use serde::Deserialize;
use url::Url;

/// The vendor's portal: accounts, licenses, SSO, SCIM and desktop activation.
#[derive(Debug, Parser)]
#[command(
    name = "sp",
    version,
    after_help = "Example: sp serve --listen 127.0.0.1:8080 --database-url 'sqlite://portal.db?mode=rwc'"
)]
pub struct Arguments {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `sp`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the portal until it is stopped.
    Serve(Box<Serve>),
}

/// The options of `sp serve`. A flag overrides its environment variable, which
/// overrides the TOML file of `--config`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: sp serve --listen 127.0.0.1:8080 --control-listen 127.0.0.1:8081 --dns-server 127.0.0.1:5353 --ready-file ready.json"
)]
pub struct Serve {
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "SP_LISTEN")]
    listen: Option<SocketAddr>,
    /// Loopback address of the control port [default: no control port]
    #[arg(long, env = "SP_CONTROL_LISTEN")]
    control_listen: Option<SocketAddr>,
    /// Secret of the control port, at least 22 letters and digits [default:
    /// random at each start]
    #[arg(
        long,
        env = "SP_CONTROL_SECRET",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    control_secret: Option<String>,
    /// File that keeps the secret of the control port between starts; created,
    /// readable by its owner only, if it does not exist
    #[arg(long, env = "SP_CONTROL_SECRET_FILE", value_name = "FILE")]
    control_secret_file: Option<PathBuf>,
    /// Public base URL of the portal, if it differs from the listening address
    #[arg(long, env = "SP_PUBLIC_URL")]
    public_url: Option<Url>,
    /// Base URL of simulated social identity providers (Apple, Google and
    /// Facebook), for example of `rehearsal simulation`
    #[arg(long, env = "SP_SIMULATED_SOCIAL_URL")]
    simulated_social_url: Option<Url>,
    /// URL of the page with the simulation's controls, linked in the footer of
    /// every page
    #[arg(long, env = "SP_SIMULATION_URL")]
    simulation_url: Option<Url>,
    /// Database URL: sqlite://PATH?mode=rwc or postgres://…
    /// [default: sqlite://portal.db?mode=rwc]
    #[arg(long, env = "SP_DATABASE_URL")]
    database_url: Option<String>,
    /// DNS server for domain verification, repeatable [default: the system's
    /// DNS servers]
    #[arg(long = "dns-server", env = "SP_DNS_SERVERS", value_delimiter = ',')]
    dns_servers: Vec<SocketAddr>,
    /// Clock of the portal: the machine's, or a simulated one that the control
    /// port sets [default: system]
    #[arg(long, env = "SP_CLOCK", value_enum)]
    clock: Option<ClockKind>,
    /// Seed of the random number generator for IDs and secrets; only for
    /// simulations
    #[arg(long, env = "SP_SEED", value_name = "N", value_parser = whole_number::<u64>(0..=u64::MAX))]
    seed: Option<u64>,
    /// File to write once the portal listens: {"base_url", "control_url",
    /// "control_secret", "pid"}. It is removed at the end
    #[arg(long, env = "SP_READY_FILE")]
    ready_file: Option<PathBuf>,
    /// SCIM rate limit per tenant, in requests per second [default: unlimited]
    #[arg(long, env = "SP_SCIM_RATE")]
    scim_rate: Option<f64>,
    /// JSON file with a schema that extends the SCIM User resource (RFC 7643
    /// §7), repeatable
    #[arg(
        long = "scim-extension",
        env = "SP_SCIM_EXTENSIONS",
        value_delimiter = ','
    )]
    scim_extensions: Vec<PathBuf>,
    /// Number of refused sign-ins to keep per business account [default: 1000]
    #[arg(long, env = "SP_SIGN_IN_PROBLEMS_KEPT", value_name = "N", value_parser = whole_number::<u32>(1..=4_294_967_295))]
    sign_in_problems_kept: Option<u32>,
    /// Number of days to keep refused sign-ins [default: 90]
    #[arg(long, env = "SP_SIGN_IN_PROBLEMS_DAYS", value_name = "DAYS", value_parser = whole_number::<u16>(1..=65_535))]
    sign_in_problems_days: Option<u16>,
    /// Format of log lines [default: text]
    #[arg(long, env = "SP_LOG", value_enum)]
    log: Option<Log>,
    /// TOML file with these options (listen, database_url, …) and a table
    /// [[social]] for each social identity provider: id, name, issuer,
    /// client_id, client_secret
    #[arg(long, env = "SP_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClockKind {
    System,
    Simulated,
}

#[derive(Debug, Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Log {
    Text,
    Json,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<SocketAddr>,
    control_listen: Option<SocketAddr>,
    control_secret: Option<String>,
    control_secret_file: Option<PathBuf>,
    public_url: Option<String>,
    simulation_url: Option<Url>,
    database_url: Option<String>,
    dns_servers: Vec<SocketAddr>,
    clock: Option<ClockKind>,
    seed: Option<u64>,
    ready_file: Option<PathBuf>,
    scim_rate: Option<f64>,
    scim_extensions: Vec<PathBuf>,
    sign_in_problems_kept: Option<u32>,
    sign_in_problems_days: Option<u16>,
    log: Option<Log>,
    /// The social identity providers: tables `[[social]]` with id, name,
    /// issuer, client_id, client_secret.
    social: Vec<crate::SocialProvider>,
}

fn extension(path: &PathBuf) -> anyhow::Result<&'static Schema> {
    let text = ambient::text_file::read(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let document = serde_json::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    Schema::from_json(&document).with_context(|| format!("in {}", path.display()))
}

/// Adds the three simulated social identity providers to those of the
/// configuration file.
fn add_simulated_providers(
    base: &Url,
    mut social: Vec<crate::SocialProvider>,
) -> anyhow::Result<Vec<crate::SocialProvider>> {
    let base = base.as_str().trim_end_matches('/');
    for (id, name) in [
        ("apple", "Apple"),
        ("google", "Google"),
        ("facebook", "Facebook"),
    ] {
        social.push(crate::SocialProvider {
            id: id.to_owned(),
            name: name.to_owned(),
            issuer: Url::parse(&format!("{base}/{id}"))?,
            // Public values: only the simulation accepts them.
            client_id: "my-account".to_owned(),
            client_secret: "social-client-secret".to_owned(),
        });
    }
    Ok(social)
}

fn rate(per_second: f64) -> anyhow::Result<crate::Rate> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let burst = per_second.ceil().clamp(1.0, 1e9) as u32;
    crate::Rate::new(per_second, burst)
        .with_context(|| format!("invalid scim_rate: expected a number above 0, got {per_second}"))
}

/// Runs a command of `sp` until it ends.
///
/// # Errors
///
/// Any error that stopped the command, with its context.
pub async fn run(command: Command) -> anyhow::Result<()> {
    let Command::Serve(flags) = command;
    serve(*flags).await
}

async fn serve(flags: Serve) -> anyhow::Result<()> {
    let file = match &flags.config {
        Some(path) => {
            let text = ambient::text_file::read(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            toml::from_str(&text).with_context(|| {
                let hint = ambient::text_file::quotes_hint(&text);
                format!("invalid {}{hint}", path.display())
            })?
        }
        None => File::default(),
    };
    let log = match flags.log.or(file.log) {
        Some(Log::Json) => LogFormat::Json,
        _ => LogFormat::Text,
    };
    ambient::telemetry::init(log, "warn,sp=info");
    let rng = flags
        .seed
        .or(file.seed)
        .map_or_else(Rng::from_os, Rng::from_seed);
    let ambient = match flags.clock.or(file.clock) {
        Some(ClockKind::Simulated) => {
            Ambient::new(Arc::new(SimulatedClock::from_system_time()), rng)
        }
        _ => Ambient::new(Arc::new(SystemClock), rng),
    };
    let public_url = match (flags.public_url, file.public_url) {
        (Some(url), _) => Some(url),
        (None, Some(text)) => Some(Url::parse(&text).context("public_url")?),
        (None, None) => None,
    };
    let control_secret_file = flags.control_secret_file.or(file.control_secret_file);
    let control_secret = ControlSecret::of_options(
        flags.control_secret.or(file.control_secret),
        control_secret_file.as_deref(),
    )?;
    let ready_file = flags.ready_file.or(file.ready_file);
    let is_secret_known = control_secret.is_some() || ready_file.is_some();
    let defaults = crate::Config::default();
    let config = crate::Config {
        listen: flags
            .listen
            .or(file.listen)
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
        control_listen: flags.control_listen.or(file.control_listen),
        control_secret,
        public_url,
        simulation_url: flags.simulation_url.or(file.simulation_url),
        database_url: flags
            .database_url
            .or(file.database_url)
            .unwrap_or(defaults.database_url.clone()),
        dns_servers: if flags.dns_servers.is_empty() {
            file.dns_servers
        } else {
            flags.dns_servers
        },
        social: match &flags.simulated_social_url {
            Some(url) => add_simulated_providers(url, file.social)?,
            None => file.social,
        },
        scim_rate: flags.scim_rate.or(file.scim_rate).map(rate).transpose()?,
        scim_extensions: if flags.scim_extensions.is_empty() {
            file.scim_extensions
        } else {
            flags.scim_extensions
        }
        .iter()
        .map(extension)
        .collect::<anyhow::Result<_>>()?,
        sign_in_problems_kept: flags
            .sign_in_problems_kept
            .or(file.sign_in_problems_kept)
            .unwrap_or(defaults.sign_in_problems_kept),
        sign_in_problems_age: flags
            .sign_in_problems_days
            .or(file.sign_in_problems_days)
            .map_or(defaults.sign_in_problems_age, |days| {
                jiff::SignedDuration::from_hours(24 * i64::from(days))
            }),
        ..defaults
    };
    let ready_file = ready_file.map(|path| ReadyFile::prepare(&path));
    let mut ready_file = ready_file.transpose()?;
    let running = crate::start(config, ambient).await?;
    if let Some(published) = &mut ready_file {
        published.publish(&serde_json::json!({
            "base_url": running.base_url(),
            "control_url": running.control_url(),
            "control_secret": running.control_secret(),
        }))?;
    }
    if !is_secret_known {
        process::print_control_url(running.control_url())?;
    }
    process::wait_for_shutdown_signal().await?;
    drop(ready_file);
    tracing::info!("stopping");
    running.shutdown().await;
    Ok(())
}
