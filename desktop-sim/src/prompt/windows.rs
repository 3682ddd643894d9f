//! Windows.

use std::io;

use console::Term;

/// Asks for a line and does not show it while it is typed.
///
/// # Errors
/// If the terminal cannot be written or read.
pub(crate) fn ask_unseen(term: &Term, question: &str) -> io::Result<String> {
    term.write_str(question)?;
    term.read_secure_line()
}
