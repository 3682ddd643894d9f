//! `desktop-sim activate`: the headless desktop app from the command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ambient::Ambient;
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use desktop_sim::{Activated, App, Credentials, DeviceIdentity, Standing, Transcript};
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
        #[arg(
            long,
            env = "DESKTOP_SIM_PASSWORD",
            hide_env_values = true,
            allow_hyphen_values = true
        )]
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
        /// Writes what the app did and showed, dialog by dialog, to standard error.
        #[arg(long)]
        transcript: bool,
        /// Comes to Continue with SSO by Account & License… and Business Edition.
        #[arg(long)]
        manual: bool,
        /// Keeps the activation in this file, for `status`.
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
    },
    /// Starts the activated app again: it looks at its licence, re-validates
    /// it when it is time, and shows how it stands.
    ///
    /// Example: desktop-sim status --portal http://127.0.0.1:8080 --state mac.json
    Status {
        /// The portal's base URL.
        #[arg(long, env = "DESKTOP_SIM_PORTAL")]
        portal: Url,
        /// What `activate --state` kept.
        #[arg(long, value_name = "FILE")]
        state: PathBuf,
        /// The device's id.
        #[arg(long, default_value = "desktop-sim-1")]
        device_id: String,
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
    match arguments.command {
        Command::Activate {
            portal,
            email,
            password,
            username,
            device_id,
            device_name,
            transcript,
            manual,
            state,
        } => {
            let device = DeviceIdentity {
                id: device_id,
                name: device_name,
            };
            let mut app = App::new(portal, device, Ambient::real()).context("the app's browser")?;
            let credentials = password.map(|password| Credentials {
                username: username.unwrap_or_else(|| email.clone()),
                password,
            });
            let mut told = Transcript::default();
            if manual {
                app.open_account_and_license(&mut told);
                app.click_business_edition(&mut told)?;
                app.click_continue_with_sso(&mut told)?;
            }
            let outcome = app.activate(&email, credentials.as_ref(), &mut told).await;
            if transcript {
                write!(std::io::stderr(), "{told}")?;
            }
            let activated = outcome.context("activation failed")?;
            keep(state.as_deref(), &activated)?;
            let mut out = std::io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &activated)?;
            writeln!(out)?;
        }
        Command::Status {
            portal,
            state,
            device_id,
        } => {
            let text = std::fs::read_to_string(&state)
                .with_context(|| format!("can't read {}", state.display()))?;
            let kept: Activated =
                serde_json::from_str(&text).with_context(|| format!("in {}", state.display()))?;
            let device = DeviceIdentity {
                id: device_id,
                name: String::new(),
            };
            let app = App::new(portal, device, Ambient::real()).context("the app's browser")?;
            let mut app = app.with_kept(kept);
            let standing = app.look_at_license(&mut Transcript::default()).await?;
            if let Some(kept) = app.kept() {
                keep(Some(&state), kept)?;
            }
            writeln!(std::io::stdout(), "{}", app.dialog())?;
            if let Standing::Stopped { because } = standing {
                anyhow::bail!("the app doesn't run: {because}");
            }
        }
    }
    Ok(())
}

/// Readers see the whole file or the former one.
fn keep(file: Option<&Path>, activated: &Activated) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let beside = file.with_extension("partial");
    std::fs::write(&beside, serde_json::to_string_pretty(activated)?)
        .and_then(|()| std::fs::rename(&beside, file))
        .with_context(|| format!("can't write {}", file.display()))
}
