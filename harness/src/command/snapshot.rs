//! `rehearsal snapshot` and `rehearsal restore`: write the state of running parties to one
//! file, and restore it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use rehearsal::snapshot;
use serde::de::DeserializeOwned;

use super::write_private;

/// Arguments of `rehearsal snapshot`.
#[derive(Args)]
pub(crate) struct Snapshot {
    /// File that `rehearsal up --ready-file` wrote
    #[arg(value_name = "READY.json")]
    ready: PathBuf,
}

impl Snapshot {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let ready = read(&self.ready)?;
        let taken = snapshot::take(&ready).await?;
        let mut out = std::io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &taken)?;
        writeln!(out)?;
        Ok(true)
    }
}

/// Arguments of `rehearsal restore`.
#[derive(Args)]
pub(crate) struct Restore {
    /// File that `rehearsal up --ready-file` wrote; its credentials are replaced by those
    /// of the snapshot
    #[arg(value_name = "READY.json")]
    ready: PathBuf,
    /// File that `rehearsal snapshot` wrote
    #[arg(value_name = "SNAPSHOT.json")]
    snapshot: PathBuf,
    /// Leave the clocks as they are; without it they are set to the time of the snapshot
    #[arg(long)]
    keep_time: bool,
}

impl Restore {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let ready = read(&self.ready)?;
        let kept = read(&self.snapshot)?;
        let now = snapshot::restore(&ready, &kept, !self.keep_time).await?;
        write_private(&self.ready, &serde_json::to_string_pretty(&now)?)?;
        Ok(true)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("invalid file {}", path.display()))
}
