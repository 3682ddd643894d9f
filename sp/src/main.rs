//! `sp`: the portal as a command of its own.

use clap::Parser as _;
use sp::command::{Arguments, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Arguments::parse().command).await
}
