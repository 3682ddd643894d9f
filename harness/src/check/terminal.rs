//! What a person reads at the terminal: the findings whole, the rest counted.

use std::fmt::Write as _;

use super::{CheckReport, Verdict};

pub(super) fn terminal(report: &CheckReport) -> String {
    let mut out = format!("rehearsal {} — {}\n", report.command, report.target);
    for outcome in &report.outcomes {
        let sign = match outcome.verdict {
            Verdict::Pass => continue,
            Verdict::Fail => "FAIL",
            Verdict::Skip => "SKIP",
            Verdict::Warn => "WARN",
        };
        let check = &outcome.check;
        let _ = writeln!(
            out,
            "\n{sign} {} ({}, {})\n  {}",
            check.id,
            check.level.name(),
            check.spec,
            check.title
        );
        if outcome.verdict == Verdict::Skip {
            let _ = writeln!(out, "  not judged: {}", outcome.actual);
            continue;
        }
        let _ = writeln!(
            out,
            "  expected {}\n  actual   {}\n  fix      {}",
            outcome.expected, outcome.actual, check.fix
        );
    }
    let findings = report.count(Verdict::Fail);
    let _ = writeln!(
        out,
        "\n{} checks: {} passed, {} skipped, {} warnings, {findings} {}",
        report.outcomes.len(),
        report.count(Verdict::Pass),
        report.count(Verdict::Skip),
        report.count(Verdict::Warn),
        if findings == 1 { "finding" } else { "findings" }
    );
    out
}
