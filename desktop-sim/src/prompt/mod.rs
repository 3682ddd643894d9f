//! Asks for a password on a terminal: one file for each kind of operating system, with the same
//! function.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::ask_unseen;
#[cfg(windows)]
pub(crate) use windows::ask_unseen;
