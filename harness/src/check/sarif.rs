//! SARIF 2.1.0: a rule for each check, a result for each that didn't pass.

use serde_json::{Value, json};

use super::{CheckReport, Verdict};

pub(super) fn sarif(report: &CheckReport) -> Value {
    let rules: Vec<Value> = report
        .outcomes
        .iter()
        .map(|outcome| {
            json!({
                "id": outcome.check.id,
                "shortDescription": {"text": outcome.check.title},
                "help": {"text": format!("{} ({})", outcome.check.fix, outcome.check.spec)},
                "properties": {"level": outcome.check.level},
            })
        })
        .collect();
    let results: Vec<Value> = report
        .outcomes
        .iter()
        .enumerate()
        .filter(|(_, outcome)| outcome.verdict != Verdict::Pass)
        .map(|(index, outcome)| {
            let (level, kind) = match outcome.verdict {
                Verdict::Fail => ("error", "fail"),
                Verdict::Warn => ("warning", "fail"),
                Verdict::Pass | Verdict::Skip => ("none", "notApplicable"),
            };
            let text = match outcome.verdict {
                Verdict::Skip => format!("not judged: {}", outcome.actual),
                _ => format!("expected {}; came {}", outcome.expected, outcome.actual),
            };
            json!({
                "ruleId": outcome.check.id,
                "ruleIndex": index,
                "level": level,
                "kind": kind,
                "message": {"text": text},
                "locations": [{"logicalLocations": [{"fullyQualifiedName": report.target}]}],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rehearsal",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    })
}
