//! Windows.
//!
//! Nothing is set to make a file or folder private: it gets the access control list of its folder,
//! and in the profile of a user, where the temporary folder is too, that gives access to the user,
//! to administrators and to the system only. Elsewhere the folder decides.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};

use super::Access;

/// Access right to delete or rename a file.
const DELETE: u32 = 0x0001_0000;
/// Others may read the file while it is open.
const FILE_SHARE_READ: u32 = 1;
/// Others may write the file while it is open.
const FILE_SHARE_WRITE: u32 = 2;
/// Others may delete or rename the file while it is open.
const FILE_SHARE_DELETE: u32 = 4;
/// Error of a file that another process has open and does not share.
const ERROR_SHARING_VIOLATION: i32 = 32;

/// Creates a file that does not exist yet, and opens it for writing.
pub(crate) fn create_new(path: &Path, _access: Access) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Does nothing: a new file has the access control list of its folder.
pub(crate) fn keep_access(_file: &File, _former: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Creates a folder, and the folders around it.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Does nothing: the temporary folder belongs to the profile of the user.
pub(crate) fn make_private(_builder: &mut tempfile::Builder<'_, '_>) {}

/// Nothing: nobody can delete or replace a file that SQLite has open.
pub(crate) type FileIdentity = ();

/// Returns what identifies a file.
pub(crate) fn identity_of(_metadata: &Metadata) -> FileIdentity {}

/// Marks a file that was just published as in use while the result is open. A lock would keep others
/// from reading it, so the file is opened in such a way that nobody can delete or replace it.
pub(crate) fn hold(file: File, path: &Path) -> io::Result<File> {
    drop(file);
    OpenOptions::new()
        .read(true)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .open(path)
}

/// True if a process has marked this file as in use.
///
/// # Errors
/// The file cannot be opened.
pub(crate) fn is_held(path: &Path) -> io::Result<bool> {
    let opened = OpenOptions::new()
        .access_mode(DELETE)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
        .open(path);
    match opened {
        Ok(_) => Ok(false),
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Removes a file that this process holds.
pub(crate) fn remove_held(file: File, path: &Path) {
    drop(file);
    let _ = std::fs::remove_file(path);
}

/// Returns the path that a database URL names after its scheme and the slashes: without the slash
/// before the letter of a drive, as in `sqlite:///C:/portal.db`.
pub(crate) fn path_in_url(path: &str) -> &str {
    match path.strip_prefix('/') {
        Some(rest) if begins_with_drive(rest) => rest,
        _ => path,
    }
}

/// Returns a database URL in the form that a parser of URLs accepts: after `//`, the drive of
/// `C:\portal.db` or the folder of `my data\portal.db` would be a host.
pub(crate) fn parsable_database_url(url: &str) -> String {
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.starts_with('/') => format!("sqlite:{path}"),
        _ => url.to_owned(),
    }
}

/// Returns the same URL: SQLite has no locks of a process here.
pub(crate) fn with_locks_of_process(url: &str) -> String {
    url.to_owned()
}

fn begins_with_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Waits for Ctrl-C, Ctrl-Break, the end of the console, or the end of the user's session.
pub(crate) async fn wait_for_shutdown_signal() -> io::Result<()> {
    let (mut interrupt, mut terminate) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut logoff, mut shutdown) = (ctrl_close()?, ctrl_logoff()?, ctrl_shutdown()?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = close.recv() => {}
        _ = logoff.recv() => {}
        _ = shutdown.recv() => {}
    }
    Ok(())
}

/// True if terminals show colors by escape sequences. The console of Windows has to be told so.
pub(crate) fn terminals_have_colors() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or_default()
}

/// Quotes an argument so that `cmd.exe` and PowerShell read it as one word. Neither has a form that
/// is right for all characters.
pub(crate) fn quote_for_shell(argument: &str) -> String {
    format!("\"{}\"", argument.replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_drive_is_a_database_url() {
        for (url, parsable, path) in [
            (
                r"sqlite://C:\a b\p.db",
                r"sqlite:C:\a b\p.db",
                r"C:\a b\p.db",
            ),
            ("sqlite://c:/p.db", "sqlite:c:/p.db", "c:/p.db"),
            ("sqlite:///C:/p.db", "sqlite:///C:/p.db", "C:/p.db"),
            ("sqlite://p.db", "sqlite:p.db", "p.db"),
        ] {
            assert_eq!(parsable_database_url(url), parsable);
            let rest = parsable.trim_start_matches("sqlite:");
            assert_eq!(path_in_url(rest.trim_start_matches("//")), path);
        }
    }

    #[test]
    fn a_file_in_use_can_be_read_and_written_but_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let held = hold(create_new(&path, Access::Private).unwrap(), &path).unwrap();
        assert!(is_held(&path).unwrap());
        std::fs::write(&path, "content").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "content");
        assert!(crate::output_file::write_private(&path, "other").is_err());
        remove_held(held, &path);
        assert!(!path.exists());
    }
}
