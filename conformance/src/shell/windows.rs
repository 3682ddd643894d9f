//! Windows.

use tokio::process::Command;

/// Returns the process in which `cmd.exe` runs this command.
pub(crate) fn run_by_shell(command: &str) -> Command {
    let mut shell = Command::new("cmd.exe");
    // It does not read its command line as other programs do: with /S it removes one pair of quotes
    // and takes the rest as it is. /D skips the AutoRun commands of the registry.
    shell
        .args(["/D", "/S", "/C"])
        .raw_arg(format!("\"{command}\""));
    shell
}
