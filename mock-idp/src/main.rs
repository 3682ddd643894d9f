//! The command `mock-idp`: the identity provider as a process of its own.

use std::process::ExitCode;

use clap::Parser as _;
use mock_idp::command::{Arguments, run};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = run(Arguments::parse().command).await;
    ambient::process::exit_code("mock-idp", outcome.map(|()| 0))
}
