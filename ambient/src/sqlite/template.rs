//! A migrated database without data, of which a process makes its temporary databases.
//!
//! Migrations parse the schema again and again, which is most of the start of a portal. A run of all
//! scenarios starts hundreds of them.

use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sqlite_file::path_of;

/// The file of a migrated database without data, once there is one.
#[derive(Debug, Default)]
pub struct Template {
    file: OnceLock<Vec<u8>>,
    /// True if a database was made already, so that others may follow.
    is_repeated: AtomicBool,
}

/// What the file of a database contains when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing: run the migrations, then call [`Template::keep`].
    Empty,
    /// The schema, and no data: no migration is necessary.
    Copied,
    /// Data of an earlier start, or the URL names no file.
    Other,
}

impl Template {
    /// Creates a template without a file.
    pub const fn new() -> Self {
        Self {
            file: OnceLock::new(),
            is_repeated: AtomicBool::new(false),
        }
    }

    /// Copies the template to the file of `url` if that file is empty. Nobody may have opened the
    /// database yet.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn copy_to(&self, url: &str) -> io::Result<Content> {
        let Some(path) = path_of(url) else {
            return Ok(Content::Other);
        };
        match std::fs::metadata(&path) {
            Ok(found) if found.len() == 0 => {}
            Ok(_) => return Ok(Content::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Other),
            Err(error) => return Err(error),
        }
        let Some(template) = self.file.get() else {
            return Ok(Content::Empty);
        };
        let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
        file.write_all(template)?;
        Ok(Content::Copied)
    }

    /// True if the next migrated database should be kept: not for the first one, because many
    /// processes open only one.
    pub fn is_wanted(&self) -> bool {
        self.is_repeated.swap(true, Ordering::Relaxed) && self.file.get().is_none()
    }

    /// Keeps the file of `url` as the template. The database must be migrated, without data, and
    /// closed.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn keep(&self, url: &str) -> io::Result<()> {
        if let Some(path) = path_of(url) {
            let _ = self.file.set(std::fs::read(path)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_file_gets_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            (format!("sqlite://{}?mode=rwc", path.display()), path)
        };
        let template = Template::new();
        let (first, _) = at("first", "");
        assert_eq!(template.copy_to(&first).unwrap(), Content::Empty);
        assert!(!template.is_wanted() && template.is_wanted());
        let (migrated, _) = at("migrated", "schema");
        template.keep(&migrated).unwrap();
        assert!(!template.is_wanted());
        assert_eq!(template.copy_to(&migrated).unwrap(), Content::Other);

        let (second, path) = at("second", "");
        assert_eq!(template.copy_to(&second).unwrap(), Content::Copied);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "schema");
        let (old, path) = at("old", "data");
        assert_eq!(template.copy_to(&old).unwrap(), Content::Other);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "data");
        for none in ["sqlite::memory:", "sqlite:///no/such/file?mode=rwc"] {
            assert_eq!(template.copy_to(none).unwrap(), Content::Other);
        }
    }
}
