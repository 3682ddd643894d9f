//! The command `desktop-sim`: the headless desktop app.

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
    let outcome = Arguments::parse().command.perform().await;
    ambient::process::exit_code("desktop-sim", outcome.map(|()| 0))
}
