//! The file of an SQLite database: created with mode 600, and checked while in use: it was not
//! deleted or replaced.

use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// Returns the path in a database URL; `None` for a database in memory or on a server. Reads
/// the URL as sqlx does: after `sqlite:` or `sqlite://`, percent-encoded.
fn path_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if path.is_empty() || path.contains(":memory:") {
        return None;
    }
    let path = percent_decode_str(path).decode_utf8().ok()?;
    Some(PathBuf::from(path.into_owned()))
}

/// Creates the file of an SQLite database with mode 600, because it will contain keys and
/// tokens. SQLite gives its journal files the same mode. Does nothing if the file exists, or if
/// the URL has no `mode=rwc` or names no file.
///
/// # Errors
///
/// The file cannot be created.
pub fn create_private_database(url: &str) -> io::Result<()> {
    let may_create = url
        .split_once('?')
        .is_some_and(|(_, query)| query.contains("mode=rwc"));
    let Some(path) = path_of(url).filter(|_| may_create) else {
        return Ok(());
    };
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match file {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// An SQLite file that is in use. On Unix another process can delete or replace it meanwhile.
/// SQLite does not notice that, and continues to write to a file that cannot be opened again.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    path: PathBuf,
    /// Device number and inode number, which identify the file.
    identity: (u64, u64),
}

impl SqliteFile {
    /// Remembers which file this database uses; `None` if the URL names no file.
    ///
    /// # Errors
    ///
    /// The file does not exist, or its metadata cannot be read.
    pub fn open(url: &str) -> io::Result<Option<Self>> {
        let Some(path) = path_of(url) else {
            return Ok(None);
        };
        let metadata = std::fs::metadata(&path)?;
        let identity = (metadata.dev(), metadata.ino());
        Ok(Some(Self { path, identity }))
    }

    /// Checks that the path still leads to the same file.
    ///
    /// # Errors
    ///
    /// The file was deleted, moved or replaced.
    pub fn check(&self) -> io::Result<()> {
        let found = std::fs::metadata(&self.path).ok();
        let what = match found.map(|found| (found.dev(), found.ino())) {
            Some(identity) if identity == self.identity => return Ok(()),
            Some(_) => "replaced by another file",
            None => "deleted or moved",
        };
        Err(io::Error::other(format!(
            "{} was {what} while it is in use; put the file back, or restart the program",
            self.path.display()
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let name = format!("rehearsal-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_new_database_is_the_owners_alone() {
        let folder = folder("db");
        let path = folder.join("portal.db");
        let url = format!("sqlite://{}?mode=rwc", path.display());
        create_private_database(&url).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        std::fs::write(&path, "kept").unwrap();
        create_private_database(&url).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
        create_private_database("sqlite::memory:").unwrap();
        create_private_database("postgres://localhost/x").unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_path_is_percent_decoded() {
        let folder = folder("encoded");
        let url = format!("sqlite://{}/my%20portal%231.db?mode=rwc", folder.display());
        create_private_database(&url).unwrap();
        let mut names = std::fs::read_dir(&folder).unwrap();
        let name = names.next().unwrap().unwrap().file_name();
        assert_eq!(name, "my portal#1.db");
        assert!(names.next().is_none());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_is_deleted_or_replaced_is_noticed() {
        let folder = folder("gone");
        let path = folder.join("portal.db");
        let url = format!("sqlite://{}?mode=rwc", path.display());
        create_private_database(&url).unwrap();
        let file = SqliteFile::open(&url).unwrap().unwrap();
        file.check().unwrap();
        let moved = folder.join("moved.db");
        std::fs::rename(&path, &moved).unwrap();
        assert!(file.check().unwrap_err().to_string().contains("deleted"));
        std::fs::write(&path, "another").unwrap();
        assert!(file.check().unwrap_err().to_string().contains("replaced"));
        std::fs::rename(&moved, &path).unwrap();
        file.check().unwrap();
        assert!(SqliteFile::open("sqlite::memory:").unwrap().is_none());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
