//! The `sp` command: runs the portal in a process of its own.

use std::process::ExitCode;

use clap::Parser as _;
use sp::command::{Arguments, run};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = run(Arguments::parse().command).await;
    ambient::process::exit_code("sp", outcome.map(|()| 0))
}
