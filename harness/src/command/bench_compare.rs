//! `rehearsal bench compare`: compares two results of `bench load`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use rehearsal::check::load::compare::Comparison;
use rehearsal::check::load::report::Report;

/// Compare two results of `bench load --json`.
#[derive(Args)]
pub(crate) struct Compare {
    /// Result of the first run
    first: PathBuf,
    /// Result of the second run
    second: PathBuf,
    /// Largest change for the worse of rate, p50 or p99, as a part of the first value, such as
    /// 10%; above it the exit status is 1
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    max_slower: Option<f64>,
}

fn percent(text: &str) -> Result<f64, String> {
    let invalid = || format!("expected a percentage such as 10%, got {text}");
    let number: f64 = text
        .strip_suffix('%')
        .unwrap_or(text)
        .trim()
        .parse()
        .map_err(|_| invalid())?;
    let is_percentage = number.is_finite() && number >= 0.0;
    is_percentage.then_some(number / 100.0).ok_or_else(invalid)
}

fn result_of(path: &Path) -> anyhow::Result<Report> {
    let text = ambient::text_file::read(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "invalid result {}: expected a file of `bench load --json`",
            path.display()
        )
    })
}

impl Compare {
    pub(crate) fn perform(&self) -> anyhow::Result<u8> {
        let (first, second) = (result_of(&self.first)?, result_of(&self.second)?);
        let compared = Comparison::of(&first, &second, self.max_slower)?;
        write!(ambient::terminal::out(), "{}", compared.terminal())?;
        Ok(u8::from(compared.worse().next().is_some()))
    }
}
