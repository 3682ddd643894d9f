//! `rehearsal coverage`: the procedures of the guide and the number of their scenarios that
//! succeed and that end in an error (tag `@unhappy`). A procedure without both kinds is a
//! failure.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use rehearsal::scenario::catalogue;

/// Arguments of `rehearsal coverage`.
#[derive(Args)]
pub(crate) struct Coverage {
    /// Folder of .feature files to use instead of the embedded ones
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

impl Coverage {
    pub(crate) fn perform(self) -> anyhow::Result<bool> {
        let cases = catalogue::cases(self.features.as_deref())?;
        let rows = catalogue::coverage(&cases);
        let mut out = ambient::terminal::out();
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
