//! A file that keeps a generated secret between starts.

use std::io;
use std::path::{Path, PathBuf};

use crate::{output_file, text_file};

/// Why a secret cannot be kept in a file.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The file exists and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// Returns the secret of the file; `None` if there is no file, or it is empty.
///
/// # Errors
/// [`SecretFileError::Read`].
pub fn read(path: &Path) -> Result<Option<String>, SecretFileError> {
    match text_file::read(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|secret| !secret.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SecretFileError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Returns the secret that was given, else the one in the file, else a generated one. Writes it to
/// the file, which only its owner can read.
///
/// # Errors
/// [`SecretFileError`].
pub fn read_or_create(
    path: &Path,
    given: Option<String>,
    generate: impl FnOnce() -> String,
) -> Result<String, SecretFileError> {
    let kept = read(path)?;
    let secret = given.or_else(|| kept.clone()).unwrap_or_else(generate);
    if kept.as_ref() != Some(&secret) {
        let written = output_file::write_private(path, &secret);
        written.map_err(|source| SecretFileError::Write {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_secret_is_generated_once_unless_one_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin-token");
        let generate = || Rng::from_os().token(24);
        let drawn = read_or_create(&path, None, generate).unwrap();
        assert!(drawn.len() >= 24, "{drawn}");
        assert_eq!(read_or_create(&path, None, generate).unwrap(), drawn);
        let given = read_or_create(&path, Some("mine".into()), generate);
        assert_eq!(given.unwrap(), "mine");
        assert_eq!(read_or_create(&path, None, generate).unwrap(), "mine");
        let missing = folder.path().join("none").join("admin-token");
        let error = read_or_create(&missing, None, generate).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }
}
