//! The folder in which the simulation page keeps what its checks need and write.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use rehearsal::simulation::Checks;

/// The option for the checks that the simulation page runs.
#[derive(Args)]
pub(crate) struct ChecksFolder {
    /// Folder for the keys, the metadata and the reports of checks that are started on the
    /// simulation page [default: a temporary one, which is removed at the end]
    #[arg(long, value_name = "FOLDER", env = "REHEARSAL_CHECKS_FOLDER")]
    checks_folder: Option<PathBuf>,
}

impl ChecksFolder {
    /// Returns what runs the checks: this command, as another process.
    pub(crate) fn checks(&self) -> anyhow::Result<Checks> {
        let program = std::env::current_exe().context("cannot find the rehearsal command")?;
        let folder = self.checks_folder.clone();
        let folder = folder.map(std::path::absolute).transpose();
        let folder = folder.context("invalid --checks-folder")?;
        Ok(Checks::new(program, folder))
    }
}
