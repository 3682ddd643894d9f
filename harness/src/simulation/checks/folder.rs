//! The folder with the keys, the metadata and the reports of checks.

use std::io;
use std::path::{Path, PathBuf};

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
        let temporary = ambient::private_folder::create_temporary("rehearsal-checks-")?;
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
        let (path, content) = (self.path.join(name), content.to_owned());
        let write = move || ambient::output_file::write_private(&path, &content);
        tokio::task::spawn_blocking(write).await?
    }
}
