//! `desktop-sim activate`: the headless desktop app from the command line.

use std::io::Write as _;
use std::process::ExitCode;

use ambient::Ambient;
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use desktop_sim::{App, Credentials, DeviceIdentity, Transcript};
use url::Url;

/// The headless desktop app.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Activates the app by SSO and prints the licence as JSON.
    ///
    /// Example: desktop-sim activate --portal http://127.0.0.1:8080 --email grace@lumen.example --password secret
    Activate {
        /// The portal's base URL.
        #[arg(long, env = "DESKTOP_SIM_PORTAL")]
        portal: Url,
        /// The corporate e-mail.
        #[arg(long)]
        email: String,
        /// The corporate password, typed on the IdP's login page.
        #[arg(long, env = "DESKTOP_SIM_PASSWORD", hide_env_values = true)]
        password: Option<String>,
        /// The user name at the IdP, when it isn't the e-mail.
        #[arg(long)]
        username: Option<String>,
        /// The device's id.
        #[arg(long, default_value = "desktop-sim-1")]
        device_id: String,
        /// The device's name.
        #[arg(long, default_value = "A simulated Mac")]
        device_name: String,
        /// Writes what the app did to standard error.
        #[arg(long)]
        transcript: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "desktop-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Command::Activate {
        portal,
        email,
        password,
        username,
        device_id,
        device_name,
        transcript: wanted,
    } = arguments.command;
    let device = DeviceIdentity {
        id: device_id,
        name: device_name,
    };
    let mut app = App::new(portal, device, Ambient::real()).context("the app's browser")?;
    let credentials = password.map(|password| Credentials {
        username: username.unwrap_or_else(|| email.clone()),
        password,
    });
    let mut transcript = Transcript::default();
    let outcome = app
        .activate(&email, credentials.as_ref(), &mut transcript)
        .await;
    if wanted {
        write!(std::io::stderr(), "{transcript}")?;
    }
    let activated = outcome.context("activation failed")?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &activated)?;
    writeln!(out)?;
    Ok(())
}
