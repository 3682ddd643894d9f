//! Linux, macOS and other Unix systems.

use tokio::process::Command;

/// Returns the process in which the shell runs this command.
pub(crate) fn run_by_shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}
