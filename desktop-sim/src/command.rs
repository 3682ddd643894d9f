//! The command line of the desktop app: `desktop-sim activate` and `status`, which are also
//! `rehearsal desktop activate` and `status`.
//!
//! On a terminal it shows the dialogs of the app and asks for the user's input. Elsewhere it
//! takes all input from flags and prints the license as JSON.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use ambient::Ambient;
use ambient::arguments::web_url;
use ambient::terminal::printable;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use console::Term;
use url::Url;

use crate::{
    Activated, ActivationError, ActivationState, App, Credentials, DeviceIdentity, Dialog,
    Transcript, prompt,
};

/// Maximum number of passwords that can be entered on a terminal.
const PASSWORD_TRIES: usize = 3;

/// Subcommands of the desktop app.
#[derive(Subcommand)]
pub enum Command {
    /// Activate the app by single sign-on
    #[command(
        after_help = "Example: desktop-sim activate --portal http://127.0.0.1:8080 --email grace@lumen.example"
    )]
    Activate(Activate),
    /// Start the activated app again: check its license, revalidate it if due, and show its
    /// state
    #[command(
        after_help = "Example: desktop-sim status --portal http://127.0.0.1:8080 --state mac.json"
    )]
    Status(Status),
}

/// Arguments of `activate`.
#[derive(Args)]
pub struct Activate {
    /// Base URL of the portal
    #[arg(long, env = "DESKTOP_SIM_PORTAL", value_parser = web_url)]
    portal: Url,
    /// Corporate e-mail address [default: asked for on a terminal]
    #[arg(long)]
    email: Option<String>,
    /// Corporate password, for the sign-on page of the identity provider
    /// [default: asked for on a terminal]
    #[arg(
        long,
        env = "DESKTOP_SIM_PASSWORD",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    password: Option<String>,
    /// Username at the identity provider [default: the e-mail address]
    #[arg(long)]
    username: Option<String>,
    /// Id of the device
    #[arg(long, default_value = "desktop-sim-1")]
    device_id: String,
    /// Name of the device
    #[arg(long, default_value = "A simulated Mac")]
    device_name: String,
    /// Write what the app did and showed, dialog by dialog, to standard error
    #[arg(long)]
    transcript: bool,
    /// Go to Continue with SSO by the menu: Account & License…, then Business Edition
    #[arg(long)]
    manual: bool,
    /// Store the activation in this file, for `status`
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Print the license as JSON also on a terminal, and ask for nothing
    #[arg(long)]
    json: bool,
}

/// Arguments of `status`.
#[derive(Args)]
pub struct Status {
    /// Base URL of the portal
    #[arg(long, env = "DESKTOP_SIM_PORTAL", value_parser = web_url)]
    portal: Url,
    /// File that `activate --state` wrote
    #[arg(long, value_name = "FILE")]
    state: PathBuf,
    /// Id of the device
    #[arg(long, default_value = "desktop-sim-1")]
    device_id: String,
}

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// If the activation fails, or if the license is no longer valid.
    pub async fn perform(self) -> anyhow::Result<()> {
        match self {
            Self::Activate(activate) => activate.perform().await,
            Self::Status(status) => status.perform().await,
        }
    }
}

impl Activate {
    async fn perform(self) -> anyhow::Result<()> {
        let device = DeviceIdentity {
            id: self.device_id.clone(),
            name: self.device_name.clone(),
        };
        let mut app = App::new(self.portal.clone(), device, Ambient::real())
            .context("cannot set up the app's browser")?;
        let interactive =
            !self.json && std::io::stdin().is_terminal() && ambient::terminal::is_out_terminal();
        let mut transcript = Transcript::default();
        let outcome = if interactive {
            self.converse(&mut app, &mut transcript).await
        } else {
            self.activate_by_flags(&mut app, &mut transcript).await
        };
        if self.transcript {
            write!(ambient::terminal::err(), "{transcript}")?;
        }
        let activated = outcome?;
        keep(self.state.as_deref(), &activated)?;
        if !interactive {
            let mut out = ambient::terminal::out_json();
            serde_json::to_writer_pretty(&mut out, &activated)?;
            writeln!(out)?;
        }
        Ok(())
    }

    async fn activate_by_flags(
        &self,
        app: &mut App,
        transcript: &mut Transcript,
    ) -> anyhow::Result<Activated> {
        let Some(email) = &self.email else {
            bail!("no e-mail address given; use --email, or run on a terminal to be asked");
        };
        if self.manual {
            app.open_account_and_license(transcript);
            app.click_business_edition(transcript)?;
            app.click_continue_with_sso(transcript)?;
        }
        let credentials = self.password.as_ref().map(|password| Credentials {
            username: self.username.clone().unwrap_or_else(|| email.clone()),
            password: password.clone(),
        });
        let outcome = app.activate(email, credentials.as_ref(), transcript).await;
        outcome.context("activation failed")
    }

    /// Shows the dialogs one after the other on the terminal and asks for input.
    async fn converse(
        &self,
        app: &mut App,
        transcript: &mut Transcript,
    ) -> anyhow::Result<Activated> {
        let term = Term::stdout();
        if self.manual {
            app.open_account_and_license(transcript);
            show(&term, app.dialog())?;
            proceed(&term, "Business Edition")?;
            app.click_business_edition(transcript)?;
            show(&term, app.dialog())?;
            proceed(&term, "Continue with SSO")?;
            app.click_continue_with_sso(transcript)?;
        }
        show(&term, app.dialog())?;
        let email = match &self.email {
            Some(email) => {
                term.write_line(&format!("Work e-mail: {email}"))?;
                email.clone()
            }
            None => ask(&term, "Work e-mail: ")?,
        };
        if email.is_empty() {
            bail!("canceled: no e-mail address was entered");
        }
        let username = self.username.clone().unwrap_or_else(|| email.clone());
        let mut password = self.password.clone();
        for tries_left in (0..PASSWORD_TRIES).rev() {
            let credentials = password.take().map(|password| Credentials {
                username: username.clone(),
                password,
            });
            let outcome = app.activate(&email, credentials.as_ref(), transcript).await;
            let reason = match outcome {
                Ok(activated) => {
                    show(&term, app.dialog())?;
                    return Ok(activated);
                }
                Err(ActivationError::PasswordWanted { at }) => {
                    format!("Sign on at {}", at.origin().ascii_serialization())
                }
                Err(ActivationError::WrongCredentials { text, .. }) if tries_left > 0 => text,
                Err(error) => {
                    show(&term, app.dialog())?;
                    return Err(error).context("activation failed");
                }
            };
            draw(
                &term,
                "Identity provider",
                &format!("{reason}\nUsername: {username}"),
                &["Sign On"],
            )?;
            password = Some(prompt::ask_unseen(&term, "Password: ")?);
        }
        bail!("activation failed: no password was accepted")
    }
}

impl Status {
    async fn perform(self) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(&self.state)
            .with_context(|| format!("cannot read {}", self.state.display()))?;
        let kept: Activated = serde_json::from_str(&text).with_context(|| {
            format!(
                "invalid state file {}: expected what `activate --state` writes",
                self.state.display()
            )
        })?;
        let device = DeviceIdentity {
            id: self.device_id,
            name: String::new(),
        };
        let app = App::new(self.portal, device, Ambient::real())
            .context("cannot set up the app's browser")?;
        let mut app = app.with_kept(kept);
        let standing = app.look_at_license(&mut Transcript::default()).await?;
        if let Some(kept) = app.kept() {
            keep(Some(&self.state), kept)?;
        }
        writeln!(ambient::terminal::out(), "{}", app.dialog())?;
        if let ActivationState::Stopped { because } = standing {
            bail!("the app does not run: {because}");
        }
        Ok(())
    }
}

/// Writes the state file.
fn keep(file: Option<&Path>, activated: &Activated) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    ambient::output_file::write(file, &serde_json::to_string_pretty(activated)?)
        .with_context(|| format!("cannot write {}", file.display()))
}

fn ask(term: &Term, question: &str) -> anyhow::Result<String> {
    term.write_str(question)?;
    Ok(term.read_line()?.trim().to_owned())
}

/// Waits until the user presses Enter, which stands for a click on the button.
fn proceed(term: &Term, button: &str) -> anyhow::Result<()> {
    ask(term, &format!("Press Enter for {button} "))?;
    Ok(())
}

fn show(term: &Term, dialog: &Dialog) -> anyhow::Result<()> {
    draw(term, dialog.title(), &dialog.text(), dialog.buttons())
}

/// Prints a window of the app: title, text and buttons in a frame.
fn draw(term: &Term, title: &str, text: &str, buttons: &[&str]) -> anyhow::Result<()> {
    let columns = usize::from(term.size().1);
    let (title, text) = (printable(title), printable(text));
    let text: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    term.write_line(&window(&title, &text, buttons, columns))?;
    Ok(())
}

/// Minimum width of the text in a window, in characters.
const NARROWEST: usize = 48;

/// Returns the window as text, no wider than `columns` if its words allow.
fn window(title: &str, text: &[String], buttons: &[&str], columns: usize) -> String {
    let most = columns.saturating_sub(4).max(NARROWEST);
    let mut lines = Vec::new();
    for line in text {
        lines.extend(wrap(line, most));
    }
    let buttons: Vec<String> = buttons.iter().map(|name| format!("( {name} )")).collect();
    let buttons = buttons.join("  ");
    let width = lines
        .iter()
        .map(|line| console::measure_text_width(line))
        .chain([title.chars().count(), buttons.chars().count(), NARROWEST])
        .max()
        .unwrap_or(NARROWEST);
    let padded = |line: &str, to_right: bool| {
        let room = " ".repeat(width.saturating_sub(console::measure_text_width(line)));
        match to_right {
            true => format!("│ {room}{line} │\n"),
            false => format!("│ {line}{room} │\n"),
        }
    };
    let edge = "─".repeat(width + 2);
    let mut window = format!("┌{edge}┐\n{}├{edge}┤\n", padded(title, false));
    for line in &lines {
        window.push_str(&padded(line, false));
    }
    window.push_str(&padded("", false));
    window.push_str(&padded(&buttons, true));
    window.push_str(&format!("└{edge}┘"));
    window
}

/// Wraps a line into lines of at most `most` characters.
fn wrap(line: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("one line at least");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > most {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_a_frame_around_every_line() {
        let text = [
            "Enter your corporate e-mail address to sign in at your organization, then click Next."
                .to_owned(),
        ];
        let window = window("Activate", &text, &["Cancel", "Next"], 60);
        let widths: Vec<usize> = window.lines().map(console::measure_text_width).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{window}");
        assert!(widths[0] <= 60, "{window}");
        assert!(window.contains("( Cancel )  ( Next ) │"), "{window}");
    }
}
