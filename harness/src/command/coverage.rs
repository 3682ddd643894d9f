//! `rehearsal coverage`: the guide's procedures and their scenarios. A row
//! without one is a failure.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use harness::scenario::catalogue;
use serde_json::json;

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
            let rows: Vec<_> = rows
                .iter()
                .map(|(id, title, scenarios)| {
                    json!({"id": id, "title": title, "scenarios": scenarios})
                })
                .collect();
            serde_json::to_writer_pretty(&mut out, &rows)?;
            writeln!(out)?;
        } else {
            for (id, title, scenarios) in &rows {
                let note = if *scenarios == 0 { "  (none yet)" } else { "" };
                writeln!(out, "{id}  {scenarios:>3}  {title}{note}")?;
            }
        }
        let covered = rows.iter().all(|(_, _, scenarios)| *scenarios > 0);
        Ok(covered)
    }
}
