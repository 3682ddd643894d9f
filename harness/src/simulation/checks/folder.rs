//! The folder with the keys, the metadata and the reports of checks.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt as _;

use super::kinds::Kind;

/// The folder with keys, metadata and reports.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Removes a temporary folder in the end.
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    /// Opens the folder that was chosen, or a new temporary one.
    ///
    /// # Errors
    /// When a temporary folder cannot be created.
    pub(super) fn open(chosen: Option<&Path>) -> io::Result<Self> {
        if let Some(path) = chosen {
            return Ok(Self {
                path: path.to_owned(),
                _temporary: None,
            });
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix("rehearsal-checks-");
        // Keys and reports are for the user of this process only.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let temporary = builder.tempdir()?;
        Ok(Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the first number from `first` with which no file of a run begins: the folder may have
    /// reports of an earlier simulation.
    pub(super) fn next_number(&self, first: usize) -> usize {
        let names = std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten();
        let used = names.filter_map(|it| {
            let name = it.file_name().to_string_lossy().into_owned();
            let (number, rest) = name.split_once('-')?;
            Kind::of(rest.split_once('-')?.0)?;
            number.parse::<usize>().ok()?.checked_add(1)
        });
        used.fold(first, usize::max)
    }

    /// Writes a file that only its owner can read: somebody may paste a private key by mistake.
    pub(super) async fn write(&self, name: &str, content: &str) -> io::Result<()> {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(self.path.join(name)).await?;
        file.write_all(content.as_bytes()).await?;
        file.flush().await
    }
}

/// Creates a folder that only its owner can read, because keys are in it.
pub(super) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
