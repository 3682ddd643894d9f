//! `rehearsal export`: writes running parties as a seed for `rehearsal up --seed`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

/// Arguments of `rehearsal export`.
#[derive(Args)]
pub(crate) struct Export {
    /// File that `rehearsal up --ready-file` wrote
    #[arg(value_name = "READY.json")]
    ready: PathBuf,
    /// Print JSON instead of TOML
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let text = std::fs::read_to_string(&self.ready)
            .with_context(|| format!("cannot read {}", self.ready.display()))?;
        let ready = serde_json::from_str(&text)
            .with_context(|| format!("invalid file {}: expected JSON", self.ready.display()))?;
        let seed = rehearsal::seed::export(&ready).await?;
        let text = if self.json {
            serde_json::to_string_pretty(&seed)?
        } else {
            toml::to_string_pretty(&seed)?
        };
        writeln!(std::io::stdout(), "{}", text.trim_end())?;
        Ok(true)
    }
}
