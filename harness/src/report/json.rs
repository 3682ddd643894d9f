//! The machine form of a run, as the design fixes it.

use serde_json::{Value, json};

use super::{RunReport, Verdict};

/// `{"summary": …, "checks": [ … ]}`; a check's `id` is its scenario's name.
pub fn json(report: &RunReport) -> Value {
    let checks: Vec<Value> = report
        .scenarios
        .iter()
        .map(|scenario| {
            let ending = scenario.ending();
            let message = ending.and_then(|step| step.message.as_deref());
            let (expected, actual) = message.map_or((None, None), halves);
            json!({
                "id": scenario.name,
                "level": "MUST",
                "verdict": scenario.verdict(),
                "title": scenario.feature,
                "spec": scenario.tags.iter().filter(|tag| tag.starts_with("G-")).collect::<Vec<_>>(),
                "expected": expected,
                "actual": actual,
                "fix": null,
                "evidence": ending.map(|step| &step.title),
                "tags": scenario.tags,
            })
        })
        .collect();
    json!({
        "summary": {
            "passed": report.count(Verdict::Pass),
            "failed": report.count(Verdict::Fail),
            "skipped": report.count(Verdict::Skip),
        },
        "checks": checks,
    })
}

/// A message's expected and actual parts, where it has both.
fn halves(message: &str) -> (Option<&str>, Option<&str>) {
    match message.split_once("\n  actual ") {
        Some((expected, actual)) => (
            Some(expected.strip_prefix("expected ").unwrap_or(expected)),
            Some(actual),
        ),
        None => (None, Some(message)),
    }
}
