//! Folders for keys, tokens and databases, which only their owner can read: mode 700; on Windows,
//! if they are in the profile of the user.

use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::platform;

/// Creates a folder, and the folders around it. One that exists is not changed.
///
/// # Errors
///
/// The folder cannot be created.
pub fn create(path: &Path) -> io::Result<()> {
    platform::create_private_folder(path)
}

/// Creates a temporary folder, whose name begins with `prefix`. It is removed when the result is
/// dropped.
///
/// # Errors
///
/// The folder cannot be created.
pub fn create_temporary(prefix: &str) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    platform::make_private(&mut builder);
    builder.prefix(prefix).tempdir()
}
