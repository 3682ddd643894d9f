//! Linux, macOS and other Unix systems.

use std::io;

use console::Term;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Asks for a line and does not show it while it is typed.
///
/// # Errors
/// If the terminal cannot be written, configured or read, or the input ends.
pub(crate) fn ask_unseen(term: &Term, question: &str) -> io::Result<String> {
    // `Term::read_secure_line` drops all input that comes before it switches the echo off. A
    // script, or a person who pastes, can be faster than that. So here the echo is off before
    // the question is shown, and no input is dropped.
    let hidden = EchoOff::start()?;
    term.write_str(question)?;
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line);
    drop(hidden);
    term.write_line("")?;
    if read? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// Switches the echo of the terminal off until it is dropped.
struct EchoOff {
    original: Termios,
}

impl EchoOff {
    fn start() -> io::Result<Self> {
        let original = tcgetattr(io::stdin())?;
        let mut hidden = original.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self { original })
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // A failure has no effect: the shell sets its own modes afterwards.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.original);
    }
}
