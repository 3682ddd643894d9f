//! Writes the JSON report (`--json`).

use serde_json::{Value, json};

use super::{Check, CheckReport, Verdict, profile};

/// Version of the JSON format (`docs/schemas/checks.schema.json`).
pub const FORMAT: u32 = 1;

pub(super) fn json(report: &CheckReport) -> Value {
    let checks: Vec<Value> = report
        .outcomes
        .iter()
        .map(|outcome| {
            let mut check = json!({
                "id": outcome.check.id,
                "level": outcome.check.level,
                "verdict": outcome.verdict,
                "harm": outcome.check.harm.name(),
                "title": outcome.check.title,
                "spec": outcome.check.spec,
                "expected": outcome.expected,
                "actual": outcome.actual,
                "fix": outcome.check.fix,
                "evidence": outcome.evidence,
                "duration_ms": millis(outcome.duration),
            });
            if outcome.verdict == Verdict::Fail {
                check["decisive"] = json!(report.is_decisive(outcome));
            }
            if let Some(attacker) = outcome.check.harm.attacker() {
                check["attacker"] = json!(attacker);
            }
            if let Some(acceptance) = &outcome.acceptance {
                check["acceptance"] = json!(acceptance);
            }
            if let Some(cause) = &outcome.cause {
                check["cause"] = json!(cause);
            }
            check
        })
        .collect();
    let mut whole = json!({
        "format": FORMAT,
        "summary": {
            "passed": report.count(Verdict::Pass),
            "failed": report.count(Verdict::Fail),
            "skipped": report.count(Verdict::Skip),
            "warned": report.count(Verdict::Warn),
        },
        "exit_status": report.exit_code(),
        "command": report.command,
        "target": report.target,
        "version": report.version,
        "started_at": report.started_at.to_string(),
        "duration_ms": millis(report.duration),
        "command_line": report.command_line,
        "checks": checks,
    });
    if !report.assessments.is_empty() {
        let all = report.assessments.iter().map(profile::json);
        whole["profiles"] = all.collect();
    }
    if let Some(interruption) = report.incomplete {
        whole["incomplete"] = json!(true);
        whole["interrupted_by"] = json!(interruption.signal.name());
    }
    if let Some(error) = &report.error {
        whole["error"] = json!(error);
    }
    whole
}

/// Returns the list of checks for `--list --json`, with the names that the members have in a report.
pub fn list_to_json<'c>(checks: impl IntoIterator<Item = &'c Check>) -> Value {
    let checks = checks.into_iter().map(|check| {
        json!({
            "id": check.id,
            "level": check.level,
            "harm": check.harm.name(),
            "title": check.title,
            "spec": check.spec,
            "fix": check.fix,
        })
    });
    json!({"format": FORMAT, "checks": checks.collect::<Value>()})
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
