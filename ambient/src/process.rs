//! Functions for every command: wait for the signal to stop, and make the exit code.

use std::error::Error;
use std::io;
use std::process::ExitCode;

/// Waits for SIGINT (Ctrl-C) or SIGTERM (what service managers send). On Windows: for Ctrl-C,
/// Ctrl-Break, or the end of the console or of the user's session.
///
/// # Errors
///
/// The signal handlers cannot be installed.
pub async fn wait_for_shutdown_signal() -> io::Result<()> {
    crate::platform::wait_for_shutdown_signal().await
}

/// Prints the URL of a control port, with its secret, to standard output. For a server without a
/// ready file: the log must not contain the secret.
///
/// # Errors
///
/// Standard output cannot be written.
pub fn print_control_url(url: Option<&str>) -> io::Result<()> {
    use std::io::Write as _;

    match url {
        Some(url) => writeln!(crate::terminal::out(), "control port: {url}"),
        None => Ok(()),
    }
}

/// Returns the exit code of a command. Prints an error to standard error as one line that
/// begins with the name of the command; the code is then 2, the same as for invalid arguments.
pub fn exit_code(command: &str, outcome: Result<u8, impl AsRef<dyn Error + 'static>>) -> ExitCode {
    use std::io::Write as _;

    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let error = crate::error_chain(error.as_ref());
            // If standard error is closed, the exit code alone has to do.
            let _ = writeln!(crate::terminal::err(), "{command}: {error}");
            ExitCode::from(2)
        }
    }
}
