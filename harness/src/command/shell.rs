//! `rehearsal completions` and `rehearsal man`: shell completions and manual pages, made
//! from the same definitions as `--help`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use clap_complete::Shell;

/// Arguments of `rehearsal completions`.
#[derive(Args)]
pub(crate) struct Completions {
    /// Shell to write the completions for
    shell: Shell,
}

impl Completions {
    pub(crate) fn perform(&self, mut command: clap::Command) -> anyhow::Result<bool> {
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        ambient::terminal::out().write_all(&script)?;
        Ok(true)
    }
}

/// Arguments of `rehearsal man`.
#[derive(Args)]
pub(crate) struct Man {
    /// Folder for the pages, one for each command
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Man {
    pub(crate) fn perform(&self, command: clap::Command) -> anyhow::Result<bool> {
        let cannot = || format!("cannot write the pages to {}", self.folder.display());
        std::fs::create_dir_all(&self.folder).with_context(cannot)?;
        clap_mangen::generate_to(command, &self.folder).with_context(cannot)?;
        let folder = self.folder.display();
        writeln!(
            ambient::terminal::err(),
            "wrote the manual pages to {folder}"
        )?;
        Ok(true)
    }
}
