//! `rehearsal coverage`: the guide's procedures and their scenarios, those in
//! which all goes well and those that end unhappily. A row without both is a
//! failure.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use rehearsal::scenario::catalogue;

/// Arguments of `rehearsal coverage`.
#[derive(Args)]
pub(crate) struct Coverage {
    /// A folder of .feature files in place of the embedded ones.
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Prints the machine form.
    #[arg(long)]
    json: bool,
}

impl Coverage {
    pub(crate) fn perform(self) -> anyhow::Result<bool> {
        let cases = catalogue::cases(self.features.as_deref())?;
        let rows = catalogue::coverage(&cases);
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &rows)?;
            writeln!(out)?;
        } else {
            writeln!(out, "      happy  unhappy")?;
            for row in &rows {
                let note = row
                    .lacks()
                    .map_or(String::new(), |what| format!("  ({what})"));
                writeln!(
                    out,
                    "{}  {:>5}  {:>7}  {}{note}",
                    row.id, row.happy, row.unhappy, row.title
                )?;
            }
        }
        Ok(rows.iter().all(|row| row.lacks().is_none()))
    }
}
