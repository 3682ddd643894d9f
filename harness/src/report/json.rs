//! The results of a run as JSON.

use serde_json::{Value, json};

use super::{RunReport, Verdict};
use crate::check::CheckReport;

/// Returns `{"summary": …, "checks": [ … ]}`; the `id` of a check is the name of its
/// scenario. With a list of expected failures, `judged` is the report after applying it.
pub fn json(report: &RunReport, judged: Option<&CheckReport>) -> Value {
    let checks: Vec<Value> = report
        .scenarios
        .iter()
        .enumerate()
        .map(|(at, scenario)| {
            let judged = judged.map(|it| &it.outcomes[at]);
            let ending = scenario.first_not_passed();
            let message = ending.and_then(|step| step.message.as_deref());
            let (expected, actual) = message.map_or((None, None), halves);
            json!({
                "id": scenario.name,
                "level": "MUST",
                "verdict": judged.map_or(json!(scenario.verdict()), |it| json!(it.verdict)),
                "title": scenario.feature,
                "spec": scenario.tags.iter().filter(|tag| tag.starts_with("G-")).collect::<Vec<_>>(),
                "expected": expected,
                "actual": judged.map_or(actual, |it| Some(it.actual.as_str())),
                "fix": null,
                "evidence": ending.map(|step| &step.title),
                "tags": scenario.tags,
                "duration_ms": scenario.millis(),
            })
        })
        .collect();
    let mut whole = json!({
        "format": crate::check::FORMAT,
        "summary": {
            "passed": report.count(Verdict::Pass),
            "failed": report.count(Verdict::Fail),
            "skipped": report.count(Verdict::Skip),
            "warned": 0,
        },
        "version": crate::VERSION,
        "started_at": report.started_at.to_string(),
        "duration_ms": report.millis,
        "command_line": report.command_line,
        "checks": checks,
    });
    if let Some(interruption) = report.incomplete {
        whole["incomplete"] = json!(true);
        whole["interrupted_by"] = json!(interruption.signal.name());
    }
    if let Some(judged) = judged {
        whole["summary"] = judged.json()["summary"].clone();
    }
    whole
}

/// Splits a message into what was expected and what was observed, if it has both parts.
fn halves(message: &str) -> (Option<&str>, Option<&str>) {
    match message.split_once("\n  actual ") {
        Some((expected, actual)) => (
            Some(expected.strip_prefix("expected ").unwrap_or(expected)),
            Some(actual),
        ),
        None => (None, Some(message)),
    }
}
