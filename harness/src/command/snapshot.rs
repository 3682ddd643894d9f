//! `rehearsal snapshot` and `rehearsal restore`: write the state of running parties to one
//! file, and restore it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use rehearsal::snapshot;
use serde::de::DeserializeOwned;

use super::target_file::ReadyArgument;

/// Arguments of `rehearsal snapshot`.
#[derive(Args)]
pub(crate) struct Snapshot {
    #[command(flatten)]
    ready: ReadyArgument,
}

impl Snapshot {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let found = self.ready.find().await?;
        let taken = snapshot::take(&found.ready).await?;
        let mut out = ambient::terminal::out_json();
        serde_json::to_writer_pretty(&mut out, &taken)?;
        writeln!(out)?;
        Ok(true)
    }
}

/// Arguments of `rehearsal restore`. The credentials in the ready file are replaced by those of the
/// snapshot.
#[derive(Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Restore {
    #[command(flatten)]
    ready: ReadyArgument,
    /// File that `rehearsal snapshot` wrote
    #[arg(value_name = "SNAPSHOT.json")]
    snapshot: PathBuf,
    /// Leave the clocks as they are; without it they are set to the time of the snapshot
    #[arg(long)]
    keep_time: bool,
}

impl Restore {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let kept = read(&self.snapshot)?;
        let found = self.ready.find().await?;
        let now = snapshot::restore(&found.ready, &kept, !self.keep_time).await?;
        found.replace(&now)?;
        Ok(true)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = ambient::text_file::read(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is no complete snapshot; write one with `rehearsal snapshot`",
            path.display()
        )
    })
}
