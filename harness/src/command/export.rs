//! `rehearsal export`: writes running parties as a seed for `rehearsal up --seed`.

use std::io::Write as _;

use clap::Args;

use super::target_file::ReadyArgument;

/// Arguments of `rehearsal export`.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    ready: ReadyArgument,
    /// Print JSON instead of TOML
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(crate) async fn perform(self) -> anyhow::Result<bool> {
        let found = self.ready.find().await?;
        let seed = rehearsal::seed::export(&found.ready).await?;
        let text = if self.json {
            serde_json::to_string_pretty(&seed)?
        } else {
            toml::to_string_pretty(&seed)?
        };
        writeln!(ambient::terminal::out(), "{}", text.trim_end())?;
        Ok(true)
    }
}
