//! Linux, macOS and other Unix systems.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::Access;

/// Mode of folders with secrets.
const PRIVATE_FOLDER: u32 = 0o700;

/// Creates a file that does not exist yet, and opens it for writing.
pub(crate) fn create_new(path: &Path, access: Access) -> io::Result<File> {
    let mode = match access {
        Access::Private => 0o600,
        // The umask of the process is subtracted.
        Access::Public => 0o666,
    };
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Gives a new file the mode and, where this is permitted, the owner of the one that it replaces.
pub(crate) fn keep_access(file: &File, former: &Metadata) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(former.mode() & 0o7777))?;
    // A report that root writes into a user's folder stays the user's.
    let _ = std::os::unix::fs::fchown(file, Some(former.uid()), Some(former.gid()));
    Ok(())
}

/// Creates a folder, and the folders around it, with mode 700.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(PRIVATE_FOLDER).create(path)
}

/// Gives the folders that this builder creates the mode 700.
pub(crate) fn make_private(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(PRIVATE_FOLDER));
}

/// Device number and inode number, which identify a file.
pub(crate) type FileIdentity = (u64, u64);

/// Returns what identifies a file.
pub(crate) fn identity_of(metadata: &Metadata) -> FileIdentity {
    (metadata.dev(), metadata.ino())
}

/// Marks a file that was just published as in use while the result is open: by a lock.
pub(crate) fn hold(file: File, _path: &Path) -> io::Result<File> {
    // A file system without locks has no files in use.
    let _ = file.try_lock();
    Ok(file)
}

/// True if a process has marked this file as in use.
///
/// # Errors
/// The file cannot be opened, or its file system has no locks.
pub(crate) fn is_held(path: &Path) -> io::Result<bool> {
    match File::open(path)?.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a file that this process holds, unless another one has replaced it.
pub(crate) fn remove_held(file: File, path: &Path) {
    let Ok(own) = file.metadata() else { return };
    let there = std::fs::metadata(path).ok();
    if there.is_some_and(|it| identity_of(&it) == identity_of(&own)) {
        let _ = std::fs::remove_file(path);
    }
}

/// Returns the path that a database URL names after its scheme and the slashes.
pub(crate) fn path_in_url(path: &str) -> &str {
    path
}

/// Returns a database URL in the form that a parser of URLs accepts.
pub(crate) fn parsable_database_url(url: &str) -> String {
    url.to_owned()
}

/// Returns the URL for connections to SQLite that lock the file once for the whole process, and each
/// other in memory. Otherwise each statement makes system calls for its locks.
pub(crate) fn with_locks_of_process(url: &str) -> String {
    if url.contains(":memory:") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}vfs=unix-excl")
}

/// Waits for SIGINT (Ctrl-C) or SIGTERM (what service managers send).
pub(crate) async fn wait_for_shutdown_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// True if terminals show colors by escape sequences.
pub(crate) fn terminals_have_colors() -> bool {
    true
}

/// Quotes an argument so that a POSIX shell reads it as one word.
pub(crate) fn quote_for_shell(argument: &str) -> String {
    format!("'{}'", argument.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ready_file::{ReadyFile, ReadyFileError};
    use crate::{output_file, sqlite_file};

    fn mode_of(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn secrets_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        std::fs::write(&path, "the former").unwrap();
        output_file::write_private(&path, "the new").unwrap();
        assert_eq!(mode_of(&path), 0o600);

        let path = folder.path().join("portal.db");
        let url = format!("sqlite://{}?mode=rwc", path.display());
        sqlite_file::create_private_database(&url).unwrap();
        assert_eq!(mode_of(&path), 0o600);

        let inner = folder.path().join("a/b");
        create_private_folder(&inner).unwrap();
        assert_eq!(mode_of(&inner), 0o700);
        let mut builder = tempfile::Builder::new();
        make_private(&mut builder);
        assert_eq!(mode_of(builder.tempdir().unwrap().path()), 0o700);
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_link_its_target() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.html"), folder.path().join("link"));
        std::fs::write(&path, "the former").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        output_file::write(&link, "the new").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the new");
        assert_eq!(mode_of(&path), 0o640);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_to_and_stays_a_device() {
        let full = Path::new("/dev/full");
        let error = output_file::write(full, "text").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        output_file::write(Path::new("/dev/null"), "text").unwrap();
        assert!(!std::fs::metadata(full).unwrap().is_file());
        let error = ReadyFile::prepare(Path::new("/dev/null")).unwrap_err();
        assert!(matches!(error, ReadyFileError::Other { .. }), "{error}");
    }

    #[test]
    fn a_folder_in_which_nobody_can_create_a_database_is_told() {
        // Not even root can.
        let cause = sqlite_file::cause_of_failure("sqlite:///sys/portal.db?mode=rwc");
        let cause = cause.unwrap().to_string();
        assert!(cause.starts_with("cannot create the database"), "{cause}");
        assert!(cause.contains("/sys/portal.db"), "{cause}");
    }

    #[test]
    fn a_file_that_another_run_has_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let held = || hold(create_new(&path, Access::Private).unwrap(), &path).unwrap();
        let first = held();
        assert!(is_held(&path).unwrap());
        // As after a kill: the file remains without its lock.
        std::fs::remove_file(&path).unwrap();
        let second = held();
        remove_held(first, &path);
        assert!(path.exists());
        remove_held(second, &path);
        assert!(!path.exists());
    }

    #[test]
    fn a_database_that_is_deleted_or_replaced_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portal.db");
        let url = format!("sqlite://{}?mode=rwc", path.display());
        sqlite_file::create_private_database(&url).unwrap();
        let file = sqlite_file::SqliteFile::open(&url).unwrap().unwrap();
        file.check().unwrap();
        let moved = folder.path().join("moved.db");
        std::fs::rename(&path, &moved).unwrap();
        assert!(file.check().unwrap_err().to_string().contains("deleted"));
        std::fs::write(&path, "another").unwrap();
        assert!(file.check().unwrap_err().to_string().contains("replaced"));
        std::fs::rename(&moved, &path).unwrap();
        file.check().unwrap();
        assert!(
            sqlite_file::SqliteFile::open("sqlite::memory:")
                .unwrap()
                .is_none()
        );
    }
}
