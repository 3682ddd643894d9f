//! The command `test-postgres CMD…`: starts a PostgreSQL server, runs CMD with
//! the server's URL in its environment, and stops the server.

use std::process::{Command, ExitCode};

use test_postgres::{SERVER_URL, Server};

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: test-postgres CMD…\nRuns CMD with {SERVER_URL} set to a new server.");
        return ExitCode::from(2);
    };
    let server = match Server::start() {
        Ok(server) => server,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let status = Command::new(&program)
        .args(words)
        .env(SERVER_URL, server.url().as_str())
        .status();
    match status {
        Ok(status) => ExitCode::from(status.code().map_or(1, |code| code as u8)),
        Err(error) => {
            eprintln!("cannot run {}: {error}", program.display());
            ExitCode::from(127)
        }
    }
}
