//! `rehearsal schema`: prints the JSON Schemas of the files that other programs read and
//! write.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use rehearsal::schemas;

/// The file formats.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// What `up --seed` reads and `export` writes
    Seed,
    /// What `run --json` and `check … --json` print
    Checks,
    /// The list of known failures that `check … --expected FILE` reads
    Expected,
    /// What `trace --json` prints
    Trace,
    /// What `bench load … --json` writes
    Load,
    /// What `snapshot` writes and `restore` reads
    Snapshot,
}

/// Arguments of `rehearsal schema`.
#[derive(Args)]
pub(crate) struct Schema {
    /// File format
    form: Form,
}

impl Schema {
    pub(crate) fn perform(&self) -> anyhow::Result<bool> {
        let text = match self.form {
            Form::Seed => schemas::SEED,
            Form::Checks => schemas::CHECKS,
            Form::Expected => schemas::EXPECTED,
            Form::Trace => schemas::TRACE,
            Form::Load => schemas::LOAD,
            Form::Snapshot => schemas::SNAPSHOT,
        };
        write!(ambient::terminal::out(), "{text}")?;
        Ok(true)
    }
}
