//! The question for a password on a terminal.

use std::io;

use console::Term;

/// Asks for a line that is not shown while it is typed.
///
/// # Errors
/// Where the terminal cannot be written, set or read.
#[cfg(unix)]
pub(crate) fn ask_unseen(term: &Term, question: &str) -> io::Result<String> {
    // `Term::read_secure_line` drops what was typed before it hides the echo:
    // somebody who pastes, or a script, can be faster. So the echo goes off
    // before the question is shown, and nothing that was typed is dropped.
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

/// Asks for a line that is not shown while it is typed.
///
/// # Errors
/// Where the terminal cannot be written or read.
#[cfg(not(unix))]
pub(crate) fn ask_unseen(term: &Term, question: &str) -> io::Result<String> {
    term.write_str(question)?;
    term.read_secure_line()
}

/// The terminal without echo, until it is dropped.
#[cfg(unix)]
struct EchoOff {
    original: rustix::termios::Termios,
}

#[cfg(unix)]
impl EchoOff {
    fn start() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let original = tcgetattr(io::stdin())?;
        let mut hidden = original.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self { original })
    }
}

#[cfg(unix)]
impl Drop for EchoOff {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        // A failure changes nothing here: the shell sets its own modes.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.original);
    }
}
