//! What differs between operating systems: one file for each of them, with the same items.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

/// Returns the path in an environment variable; `None` if it is not absolute.
fn folder_in(variable: &str) -> Option<std::path::PathBuf> {
    let value = std::env::var_os(variable).map(std::path::PathBuf::from);
    value.filter(|path| path.is_absolute())
}
