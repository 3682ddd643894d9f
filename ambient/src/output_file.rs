//! Writes files as a whole: a reader sees the former file or the whole new one, and an error, such
//! as a full disk, leaves nothing behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::platform::{self, Access};

/// Writes `text` to `path`. Only the owner can read the file: mode 600; on Windows, if its folder is
/// in the profile of the user.
///
/// # Errors
///
/// The file cannot be written. Then a former file is unchanged.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    publish(path, text, Access::Private).map(drop)
}

/// Does the same, and returns the open file.
pub(crate) fn write_private_open(path: &Path, text: &str) -> io::Result<File> {
    publish(path, text, Access::Private)
}

/// Writes `text` to `path`. A file that is replaced keeps its mode and, where this is permitted,
/// its owner (on Windows it gets the access rights of its folder); a link stays a link. Devices and
/// pipes are written to.
///
/// # Errors
///
/// The file cannot be written. Then a former file is unchanged.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    // Other ways to open the streams of this process would begin at their first byte, and overwrite
    // what was or will be printed.
    match path.to_str() {
        Some("/dev/stdout") => return print(&mut crate::terminal::out_colored(), text),
        Some("/dev/stderr") => return print(&mut crate::terminal::log(), text),
        _ => {}
    }
    let former = match std::fs::metadata(path) {
        Ok(former) => former,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return publish(path, text, Access::Public).map(drop);
        }
        Err(error) => return Err(error),
    };
    if !former.is_file() {
        return OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(text.as_bytes());
    }
    let path = path.canonicalize()?;
    match replace(&path, text, &former) {
        // A single file that is mounted into a container cannot be replaced, and in some folders
        // no file can be created.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::ResourceBusy
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            std::fs::write(path, text)
        }
        written => written,
    }
}

fn print(stream: &mut impl io::Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// Replaces an existing file.
fn replace(path: &Path, text: &str, former: &std::fs::Metadata) -> io::Result<()> {
    let draft = Draft::create(path, Access::Public)?;
    platform::keep_access(&draft.file, former)?;
    draft.publish(path, text).map(drop)
}

fn publish(path: &Path, text: &str, access: Access) -> io::Result<File> {
    Draft::create(path, access)?.publish(path, text)
}

/// A temporary file beside the one that is written. It is deleted unless it is published.
struct Draft {
    file: File,
    path: Option<PathBuf>,
}

impl Draft {
    fn create(beside: &Path, access: Access) -> io::Result<Self> {
        let path = draft_of(beside);
        // A draft that a killed process left would keep its old mode when opened again, so it is
        // deleted first.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = platform::create_new(&path, access)?;
        let path = Some(path);
        Ok(Self { file, path })
    }

    /// Writes the text and gives the file its name.
    fn publish(mut self, path: &Path, text: &str) -> io::Result<File> {
        self.file.write_all(text.as_bytes())?;
        // Some file systems report a full disk only now.
        self.file.sync_data()?;
        if let Some(draft) = &self.path {
            std::fs::rename(draft, path)?;
        }
        self.path = None;
        self.file.try_clone()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Returns the path of the temporary file that is then renamed to `path`. It contains the
/// process id, so that two processes never write the same temporary file.
fn draft_of(path: &Path) -> PathBuf {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.draft", std::process::id()));
    draft.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_private_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        std::fs::write(&path, "the former").unwrap();
        std::fs::write(draft_of(&path), "left behind").unwrap();
        write_private(&path, "the new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the new");
        assert_eq!(names_in(folder.path()), ["ready.json"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_former_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        // Renaming fails: a folder has this name.
        let path = folder.path().join("taken");
        std::fs::create_dir(&path).unwrap();
        assert!(write_private(&path, "text").is_err());
        assert!(write(&path, "text").is_err());
        assert_eq!(names_in(folder.path()), ["taken"]);
    }
}
