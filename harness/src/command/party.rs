//! One binary for all parties: started under the name of a party, it runs the command of
//! that party.

use std::env::consts::EXE_SUFFIX;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

/// The command of a party, parsed from the arguments.
pub(crate) enum Party {
    Sp(Box<sp::command::Command>),
    MockIdp(Box<mock_idp::command::Command>),
    DesktopSim(Box<desktop_sim::command::Command>),
}

/// Returns the party whose name this process was started under; None for `rehearsal` or any
/// other name.
pub(crate) fn party_of_program_name() -> Option<Party> {
    let called = std::env::args_os().next()?;
    let name = Path::new(&called).file_name()?.to_str()?;
    match name.strip_suffix(EXE_SUFFIX).unwrap_or(name) {
        "sp" => Some(Party::Sp(Box::new(
            parse::<sp::command::Arguments>().command,
        ))),
        "mock-idp" => Some(Party::MockIdp(Box::new(
            parse::<mock_idp::command::Arguments>().command,
        ))),
        "desktop-sim" => Some(Party::DesktopSim(Box::new(parse::<DesktopSim>().command))),
        _ => None,
    }
}

/// The headless desktop app.
#[derive(Parser)]
#[command(name = "desktop-sim")]
struct DesktopSim {
    #[command(subcommand)]
    command: desktop_sim::command::Command,
}

/// Parses the arguments like `Parser::parse`, with the version of this binary.
fn parse<A: CommandFactory + FromArgMatches>() -> A {
    let matches = A::command().version(rehearsal::VERSION).get_matches();
    A::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

impl Party {
    pub(crate) async fn perform(self) -> ExitCode {
        let (name, outcome) = match self {
            Self::Sp(command) => ("sp", sp::command::run(*command).await),
            Self::MockIdp(command) => ("mock-idp", mock_idp::command::run(*command).await),
            Self::DesktopSim(command) => ("desktop-sim", command.perform().await),
        };
        ambient::process::exit_code(name, outcome.map(|()| 0))
    }
}
