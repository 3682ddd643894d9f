//! Writes SARIF 2.1.0: a rule for each check, a result for each finding and warning. An accepted
//! finding (`--expected`) is a suppressed result.
//!
//! GitHub's code scanning requires more than the specification: a file, a region and a fingerprint
//! for every result, and a help text for every rule. Checks that were not judged are notifications,
//! because GitHub would show results as alerts.

use serde_json::{Value, json};

use super::{CheckReport, Outcome, Verdict, check_list};
use crate::excerpt::truncate;

/// Longest description that GitHub accepts, in characters.
const LONGEST: usize = 1024;

/// Returns the report. `list` is the path of the check list file, relative to the root of the
/// repository.
pub(super) fn sarif(report: &CheckReport, list: &str) -> Value {
    let rules: Vec<Value> = report.outcomes.iter().map(rule).collect();
    let all = || report.outcomes.iter().enumerate();
    let mut results: Vec<Value> = Vec::new();
    // Either all results of a run have suppressions or none (SARIF §3.27.23).
    let has_accepted = report.outcomes.iter().any(|it| it.accepted.is_some());
    for (index, outcome) in all() {
        let Some(mut result) = result(report, list, index, outcome) else {
            continue;
        };
        if has_accepted {
            result["suppressions"] = suppressions(outcome);
        }
        results.push(result);
    }
    let skipped = all().filter(|(_, outcome)| outcome.verdict == Verdict::Skip);
    let mut notifications: Vec<Value> = skipped
        .map(|(index, outcome)| {
            json!({
                "level": "note",
                "message": {"text": format!("{} was not judged: {}", outcome.check.id, outcome.actual)},
                "associatedRule": {"id": outcome.check.id, "index": index},
            })
        })
        .collect();
    if report.error.is_some() || report.incomplete.is_some() {
        let text = report.verdict_sentence();
        notifications.push(json!({"level": "error", "message": {"text": text}}));
    }
    let end = jiff::SignedDuration::try_from(report.duration)
        .ok()
        .and_then(|took| report.started_at.checked_add(took).ok())
        .unwrap_or(report.started_at);
    let mut invocation = json!({
        "executionSuccessful": report.error.is_none() && report.incomplete.is_none(),
        "startTimeUtc": report.started_at.to_string(),
        "endTimeUtc": end.to_string(),
        "toolExecutionNotifications": notifications,
    });
    if !report.command_line.is_empty() {
        invocation["commandLine"] = json!(report.command_line);
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rehearsal",
                "informationUri": "https://docs.rs/rehearsal",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [invocation],
            "results": results,
        }],
    })
}

fn rule(outcome: &Outcome) -> Value {
    let check = &outcome.check;
    let level = check.level.name();
    json!({
        "id": check.id,
        "name": name(&check.title),
        "shortDescription": {"text": cut(&check.title)},
        "fullDescription": {"text": cut(&format!("{} ({level}, {})", check.title, check.spec))},
        "help": {
            "text": format!("{} ({}, {level})", check.fix, check.spec),
            "markdown": format!("**Fix:** {}\n\n**{level}** — {}", check.fix, check.spec),
        },
        "properties": {"level": check.level, "tags": [level]},
    })
}

fn result(report: &CheckReport, list: &str, index: usize, outcome: &Outcome) -> Option<Value> {
    let level = match outcome.verdict {
        Verdict::Fail if report.is_decisive(outcome) => "error",
        Verdict::Fail | Verdict::Warn => "warning",
        Verdict::Pass | Verdict::Skip => return None,
    };
    let line = index + 1;
    let text = format!(
        "expected {}; actual {}. Fix: {}{}",
        outcome.expected,
        outcome.actual,
        outcome.check.fix,
        match &outcome.acceptance {
            Some(acceptance) => format!("\n{acceptance}"),
            None => String::new(),
        }
    );
    Some(json!({
        "ruleId": outcome.check.id,
        "ruleIndex": index,
        "level": level,
        "kind": "fail",
        "message": {"text": text},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": list},
                "region": {
                    "startLine": line,
                    "startColumn": 1,
                    "endLine": line,
                    "endColumn": check_list::columns(outcome) + 1,
                },
            },
            "logicalLocations": [{"fullyQualifiedName": report.target}],
        }],
        "partialFingerprints": {
            "primaryLocationLineHash": format!("{}:1", check_list::fingerprint(report, outcome)),
        },
    }))
}

/// Returns why the result is suppressed: `--expected` is a decision outside of what is judged
/// (SARIF §3.35).
fn suppressions(outcome: &Outcome) -> Value {
    let accepted = outcome.accepted.iter();
    let suppression =
        |reason| json!({"kind": "external", "status": "accepted", "justification": reason});
    accepted.map(suppression).collect()
}

/// Returns the title as an identifier in Pascal case, because SARIF's guidance asks for a readable
/// name that is no sentence.
fn name(title: &str) -> String {
    let words = title.split(|sign: char| !sign.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(|word| word[..1].to_ascii_uppercase() + &word[1..])
        .collect()
}

fn cut(text: &str) -> String {
    // Leave room for the note with the full length.
    truncate(text, LONGEST - 30)
}
