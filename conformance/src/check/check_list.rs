//! Writes a text file with one line per check. Code scanning and code quality tools show results at
//! a line of a file; a check of a running server has no source file, so its results refer to this
//! file.

use sha2::{Digest as _, Sha256};

use super::{CheckReport, Outcome};

/// Returns the file. The line number of a check is its position in the report, counted from 1.
pub(super) fn check_list(report: &CheckReport) -> String {
    report.outcomes.iter().map(line).collect()
}

fn line(outcome: &Outcome) -> String {
    let check = &outcome.check;
    let title = check.title.replace(['\n', '\r'], " ");
    format!("{} ({}) {title}\n", check.id, check.level.name())
}

/// Returns a hash that is the same for the same check of the same target in every run.
pub(super) fn fingerprint(report: &CheckReport, outcome: &Outcome) -> String {
    fingerprint_of(report, &outcome.check.id)
}

/// Returns the fingerprint of what has this id or code in a report.
pub(super) fn fingerprint_of(report: &CheckReport, id: &str) -> String {
    let text = format!("{}\n{}\n{id}", report.command, report.target);
    let digest = Sha256::digest(text);
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns the length of the check's line, in columns.
pub(super) fn columns(outcome: &Outcome) -> usize {
    line(outcome).trim_end().chars().count()
}
