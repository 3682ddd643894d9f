//! The file of an SQLite database: only its owner can read it, and it is checked while in use: it
//! was not deleted or replaced.

use std::io::{self, Read as _};
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::platform::{self, Access, FileIdentity};

/// Returns the path in a database URL; `None` for a database in memory or on a server. Reads
/// the URL as sqlx does: after `sqlite:` or `sqlite://`, percent-encoded.
pub(crate) fn path_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if path.is_empty() || path.contains(":memory:") {
        return None;
    }
    let path = percent_decode_str(platform::path_in_url(path))
        .decode_utf8()
        .ok()?;
    Some(PathBuf::from(path.into_owned()))
}

/// Creates the file of an SQLite database so that only its owner can read it (on Unix with mode 600),
/// because it will contain keys and tokens. SQLite gives its journal files the same mode. Does nothing if the file exists, or if
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
    match platform::create_new(&path, Access::Private) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Why the file of a database cannot be used. The texts name the option of the commands that open it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseFileError {
    /// The URL is none of a database.
    #[error(
        "invalid --database-url: expected sqlite://PATH?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE, got a URL that begins with {0:?}"
    )]
    Scheme(String),
    /// The folder of the file does not exist.
    #[error(
        "cannot open the database {}: the folder {} does not exist; create it, or name another file with --database-url",
        path.display(), folder.display()
    )]
    NoFolder {
        /// The database file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// There is something else under this name.
    #[error(
        "cannot open the database {}: it is {found}, expected an SQLite file; name another file with --database-url",
        path.display()
    )]
    Other {
        /// The database file.
        path: PathBuf,
        /// What was found, as a noun phrase.
        found: &'static str,
    },
    /// The file does not exist, and the URL does not say to create it.
    #[error(
        "cannot open the database {}: the file does not exist; check --database-url, or add ?mode=rwc to its URL to create the file",
        path.display()
    )]
    NotFound {
        /// The database file.
        path: PathBuf,
    },
    /// The operating system refuses access to the file.
    #[error(
        "cannot {what} the database {}: {reason}; give this user the right to read and write the file, or name another file with --database-url",
        path.display()
    )]
    NoAccess {
        /// The database file.
        path: PathBuf,
        /// What cannot be done, as a verb.
        what: &'static str,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// No file can be created in the folder.
    #[error(
        "cannot open the database {}: SQLite creates files next to it, but the folder {} cannot be written: {reason}; make the folder writable, or name a file elsewhere with --database-url",
        path.display(), folder.display()
    )]
    ReadOnlyFolder {
        /// The database file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
}

/// The first bytes of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Finds out why the database of this URL cannot be opened, which SQLite says only as "unable to open
/// database file". `None` if the file is not the cause.
pub fn cause_of_failure(url: &str) -> Option<DatabaseFileError> {
    let schemes = ["sqlite:", "postgres://", "postgresql://"];
    if !schemes.iter().any(|it| url.starts_with(it)) {
        // The rest may contain a password.
        let scheme = url.split_inclusive(':').next().unwrap_or_default();
        let scheme = scheme.chars().take(40).collect();
        return Some(DatabaseFileError::Scheme(scheme));
    }
    let path = path_of(url)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    if !folder.is_dir() {
        return Some(DatabaseFileError::NoFolder { path, folder });
    }
    let no_access = |what, reason| {
        Some(DatabaseFileError::NoAccess {
            path: path.clone(),
            what,
            reason,
        })
    };
    let other = |found| {
        Some(DatabaseFileError::Other {
            path: path.clone(),
            found,
        })
    };
    let metadata = match std::fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match create_private_database(url) {
                Err(reason) => no_access("create", reason),
                Ok(()) => Some(DatabaseFileError::NotFound { path }),
            };
        }
        Err(reason) => return no_access("open", reason),
    };
    if metadata.is_dir() {
        return other("a folder");
    }
    if !metadata.is_file() {
        return other("a device or a pipe");
    }
    let mut first = Vec::new();
    let read = std::fs::File::open(&path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut first));
    if let Err(reason) = read {
        return no_access("read", reason);
    }
    if !first.is_empty() && first != MAGIC {
        return other("a file of another format");
    }
    if let Err(reason) = std::fs::OpenOptions::new().append(true).open(&path) {
        return no_access("write", reason);
    }
    let name = format!(".rehearsal-{}.draft", std::process::id());
    match std::fs::File::create_new(folder.join(&name)) {
        Ok(_) => {
            let _ = std::fs::remove_file(folder.join(name));
            None
        }
        Err(reason) => Some(DatabaseFileError::ReadOnlyFolder {
            path,
            folder,
            reason,
        }),
    }
}

/// An SQLite file that is in use. On Unix another process can delete or replace it meanwhile.
/// SQLite does not notice that, and continues to write to a file that cannot be opened again.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    path: PathBuf,
    identity: FileIdentity,
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
        let identity = platform::identity_of(&metadata);
        Ok(Some(Self { path, identity }))
    }

    /// Checks that the path still leads to the same file.
    ///
    /// # Errors
    ///
    /// The file was deleted, moved or replaced.
    pub fn check(&self) -> io::Result<()> {
        let found = std::fs::metadata(&self.path).ok();
        let what = match found.map(|found| platform::identity_of(&found)) {
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
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let name = format!("rehearsal-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn the_cause_of_a_failure_names_path_and_option() {
        let folder = folder("cause");
        let text = folder.join("notes.txt");
        std::fs::write(&text, "dear diary").unwrap();
        let at = |path: &std::path::Path, query: &str| {
            let cause = cause_of_failure(&format!("sqlite://{}{query}", path.display()));
            let cause = cause.unwrap().to_string();
            assert!(cause.contains(&path.display().to_string()), "{cause}");
            assert!(cause.contains("--database-url"), "{cause}");
            cause
        };
        let cause = at(&folder.join("no/portal.db"), "?mode=rwc");
        assert!(cause.contains("does not exist; create it"), "{cause}");
        assert!(at(&folder, "?mode=rwc").contains("it is a folder"));
        assert!(at(&text, "").contains("a file of another format"));
        let absent = folder.join("absent.db");
        assert!(at(&absent, "").contains("add ?mode=rwc"));
        let empty = folder.join("empty.db");
        std::fs::write(&empty, "").unwrap();
        assert!(cause_of_failure(&format!("sqlite:{}", empty.display())).is_none());
        assert!(cause_of_failure("postgres://host/name").is_none());
        for (url, got) in [
            ("portal.db", "\"portal.db\""),
            ("mysql://u:p@h/d", "\"mysql:\""),
        ] {
            let cause = cause_of_failure(url).unwrap().to_string();
            assert!(cause.ends_with(got), "{cause}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_database_that_exists_is_not_touched() {
        let folder = folder("db");
        let path = folder.join("portal.db");
        let url = format!("sqlite://{}?mode=rwc", path.display());
        create_private_database(&url).unwrap();
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
}
