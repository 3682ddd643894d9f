//! `mock-idp`: the identity provider as a command of its own.

use clap::Parser as _;
use mock_idp::command::{Arguments, run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run(Arguments::parse().command).await
}
