//! The machine form of a check, as the design fixes it.

use serde_json::{Value, json};

use super::{CheckReport, Verdict};

/// The version of the form (`docs/schemas/checks.schema.json`).
pub(crate) const FORMAT: u32 = 1;

pub(super) fn json(report: &CheckReport) -> Value {
    let checks: Vec<Value> = report
        .outcomes
        .iter()
        .map(|outcome| {
            json!({
                "id": outcome.check.id,
                "level": outcome.check.level,
                "verdict": outcome.verdict,
                "title": outcome.check.title,
                "spec": outcome.check.spec,
                "expected": outcome.expected,
                "actual": outcome.actual,
                "fix": outcome.check.fix,
                "evidence": outcome.evidence,
            })
        })
        .collect();
    json!({
        "format": FORMAT,
        "summary": {
            "passed": report.count(Verdict::Pass),
            "failed": report.count(Verdict::Fail),
            "skipped": report.count(Verdict::Skip),
            "warned": report.count(Verdict::Warn),
        },
        "command": report.command,
        "target": report.target,
        "checks": checks,
    })
}
