//! `desktop-sim`: the headless desktop app from the command line.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use desktop_sim::command::Command;

/// The headless desktop app.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::parse().command.perform().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error = ambient::error_chain(error.as_ref());
            let _ = writeln!(std::io::stderr(), "desktop-sim: {error}");
            ExitCode::FAILURE
        }
    }
}
