//! The file that a server writes when it is ready: its addresses and credentials, and its process
//! id. While the process runs, it marks the file as in use, so that another process does not
//! replace it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{output_file, platform};

/// Member with the id of the process that wrote the file.
const PROCESS: &str = "pid";

/// Why a ready file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadyFileError {
    /// Another process wrote it and still runs.
    #[error(
        "the ready file {} is in use by {process}; end that process, or name another file with --ready-file", path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process, as a noun phrase.
        process: String,
    },
    /// There is something else under this name.
    #[error(
        "cannot write the ready file {}: {found} has this name, which is not a ready file; name another file with --ready-file", path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What was found, as a noun phrase.
        found: &'static str,
    },
    /// The stale file cannot be removed.
    #[error("cannot remove the old ready file {}", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the ready file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// The ready file of this process. It is removed when this is dropped, unless another process has
/// replaced it.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
    /// The published file, marked as in use.
    file: Option<File>,
}

impl ReadyFile {
    /// Prepares a file of this name before the server starts. A file of a process that has ended is
    /// removed, because a program that waits for the new one must not read it.
    ///
    /// # Errors
    ///
    /// The name belongs to a process that runs, or to something that is no ready file.
    pub fn prepare(path: &Path) -> Result<Self, ReadyFileError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let remove = |source| ReadyFileError::Remove {
            path: path.clone(),
            source,
        };
        if is_there(&path)? {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(remove(error)),
                _ => {}
            }
        }
        Ok(Self { path, file: None })
    }

    /// Writes the file, of which only the owner can read the content, and creates its folder. An
    /// object gets a member with the id of this process.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or another process has written it since `prepare`.
    pub fn publish(&mut self, ready: &Value) -> Result<(), ReadyFileError> {
        is_there(&self.path)?;
        let mut ready = ready.clone();
        if let Some(members) = ready.as_object_mut() {
            members.insert(PROCESS.to_owned(), std::process::id().into());
        }
        let written = self.write(&format!("{ready:#}"));
        written.map_err(|source| ReadyFileError::Write {
            path: self.path.clone(),
            source,
        })
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = output_file::write_private_open(&self.path, text)?;
        self.file = Some(platform::hold(file, &self.path)?);
        Ok(())
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            platform::remove_held(file, &self.path);
        }
    }
}

/// True if there is a ready file that may be replaced.
fn is_there(path: &Path) -> Result<bool, ReadyFileError> {
    let other = |found| ReadyFileError::Other {
        path: path.to_owned(),
        found,
    };
    let Ok(metadata) = std::fs::metadata(path) else {
        return Ok(false);
    };
    if metadata.is_dir() {
        return Err(other("a folder"));
    }
    if !metadata.is_file() {
        return Err(other("a device or a pipe"));
    }
    // What cannot be read cannot be compared; removing or writing it says why.
    if File::open(path).is_err() {
        return Ok(true);
    }
    let text = crate::text_file::read(path).unwrap_or_default();
    let former: Option<Value> = serde_json::from_str(&text).ok();
    let former = former.filter(Value::is_object);
    if former.is_none() && !text.trim().is_empty() {
        return Err(other("another file"));
    }
    // A file system without locks has no ready files in use.
    if platform::is_held(path).unwrap_or(false) {
        let process = former.and_then(|it| it[PROCESS].as_u64());
        return Err(ReadyFileError::InUse {
            path: path.to_owned(),
            process: process.map_or_else(
                || "another process".to_owned(),
                |process| format!("process {process}"),
            ),
        });
    }
    Ok(true)
}

/// Replaces the content of a ready file that another process published, which stays its owner. The
/// member with its process id is kept.
///
/// # Errors
///
/// The file cannot be written.
pub fn update(path: &Path, ready: &Value) -> io::Result<()> {
    use std::io::{Seek as _, Write as _};

    let former = crate::text_file::read(path).unwrap_or_default();
    let former: Value = serde_json::from_str(&former).unwrap_or_default();
    let mut ready = ready.clone();
    if let Some(members) = ready.as_object_mut() {
        members.remove(PROCESS);
        if let Some(process) = former.get(PROCESS) {
            members.insert(PROCESS.to_owned(), process.clone());
        }
    }
    let text = format!("{ready:#}");
    let in_use = match platform::is_held(path) {
        Ok(false) => None,
        _ => std::fs::OpenOptions::new().write(true).open(path).ok(),
    };
    match in_use {
        Some(mut file) => {
            // A new file would not be that of the owner. A reader may see the old text, the new text,
            // or the new text with spaces after it.
            let length = file.metadata()?.len();
            let padded = format!("{text:0$}", usize::try_from(length).unwrap_or_default());
            file.rewind()?;
            file.write_all(padded.as_bytes())
        }
        None => output_file::write_private(path, &text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn published(path: &Path) -> ReadyFile {
        let mut file = ReadyFile::prepare(path).unwrap();
        file.publish(&json!({"base_url": "http://127.0.0.1:1"}))
            .unwrap();
        file
    }

    #[test]
    fn the_file_of_a_running_process_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let first = published(&path);
        let error = ReadyFile::prepare(&path).unwrap_err().to_string();
        let process = format!("in use by process {};", std::process::id());
        assert!(error.contains(&process), "{error}");
        // Its content may change, for example by `restore`.
        update(&path, &json!({"base_url": "http://127.0.0.1:22"})).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let content: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(content["base_url"], "http://127.0.0.1:22");
        assert_eq!(content["pid"], std::process::id());
        update(&path, &json!({})).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        assert!(ReadyFile::prepare(&path).is_err());
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/ready.json");
        drop(published(&path));
        // As after a kill.
        std::fs::write(&path, "{\"pid\": 1}").unwrap();
        let file = published(&path);
        assert!(std::fs::read_to_string(&path).unwrap().contains("base_url"));
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn two_that_start_at_the_same_time_do_not_overwrite_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let mut second = ReadyFile::prepare(&path).unwrap();
        let _first = published(&path);
        let error = second.publish(&json!({})).unwrap_err();
        assert!(matches!(error, ReadyFileError::InUse { .. }), "{error}");
    }

    #[test]
    fn nothing_else_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let notes = folder.path().join("notes.txt");
        std::fs::write(&notes, "dear diary").unwrap();
        for path in [&notes, folder.path()] {
            let error = ReadyFile::prepare(path).unwrap_err();
            assert!(matches!(error, ReadyFileError::Other { .. }), "{error}");
            assert!(path.exists());
        }
        std::fs::write(&notes, " ").unwrap();
        assert!(ReadyFile::prepare(&notes).is_ok());
    }
}
