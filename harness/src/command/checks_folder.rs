//! The folder in which the simulation page keeps what its checks need and write.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use rehearsal::simulation::Checks;

/// The option for the checks that the simulation page runs.
#[derive(Args)]
pub(crate) struct ChecksFolder {
    /// Folder for the keys, the metadata and the reports of checks that are started on the
    /// simulation page [default: a temporary one, which is removed at the end]
    #[arg(long, value_name = "FOLDER", env = "REHEARSAL_CHECKS_FOLDER")]
    checks_folder: Option<OsString>,
}

impl ChecksFolder {
    /// Returns what runs the checks: this command, as another process.
    pub(crate) fn checks(&self) -> anyhow::Result<Checks> {
        let program = std::env::current_exe().context("cannot find the rehearsal command")?;
        // A variable without a value is that of a compose file.
        let folder = self.checks_folder.as_deref().map(Path::new);
        let folder = folder.filter(|it| !it.as_os_str().is_empty());
        let cannot = || {
            let folder = folder.unwrap_or(Path::new("")).display();
            format!("cannot create the folder --checks-folder {folder}")
        };
        let absolute = folder.map(std::path::absolute).transpose();
        let absolute = absolute.with_context(cannot)?;
        Checks::new(program, absolute).with_context(cannot)
    }
}
