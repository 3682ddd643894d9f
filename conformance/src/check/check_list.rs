//! A text file with one line per check. Code scanning and code quality show
//! results in files; a check of a running server has none, so this one stands
//! in for it.

use sha2::{Digest as _, Sha256};

use super::{CheckReport, Outcome};

/// The file: a check's line is its place in the report, counted from 1.
pub(super) fn check_list(report: &CheckReport) -> String {
    report.outcomes.iter().map(line).collect()
}

fn line(outcome: &Outcome) -> String {
    let check = &outcome.check;
    let title = check.title.replace(['\n', '\r'], " ");
    format!("{} ({}) {title}\n", check.id, check.level.name())
}

/// The same for the same check of the same target, from run to run.
pub(super) fn fingerprint(report: &CheckReport, outcome: &Outcome) -> String {
    let text = format!(
        "{}\n{}\n{}",
        report.command, report.target, outcome.check.id
    );
    let digest = Sha256::digest(text);
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// How many columns the check's line has.
pub(super) fn columns(outcome: &Outcome) -> usize {
    line(outcome).trim_end().chars().count()
}
