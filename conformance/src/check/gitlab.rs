//! Writes GitLab's code quality report: one entry for each finding and each warning.

use serde_json::{Value, json};

use super::{CheckReport, Level, Verdict, check_list};

/// Returns the report. `list` is the path of the check list file, relative to the root of the
/// repository in which the pipeline runs.
pub(super) fn code_quality(report: &CheckReport, list: &str) -> Value {
    let all = report.outcomes.iter().enumerate();
    let issues = all.filter_map(|(index, outcome)| {
        let check = &outcome.check;
        let severity = match (outcome.verdict, check.level) {
            (Verdict::Fail, _) if !report.is_decisive(outcome) => "minor",
            (Verdict::Fail, Level::Must) => "critical",
            (Verdict::Fail, _) => "major",
            (Verdict::Warn, _) => "minor",
            (Verdict::Pass | Verdict::Skip, _) => return None,
        };
        Some(json!({
            "description": format!(
                "{}: {}expected {}; actual {}. Fix: {}",
                check.title,
                match &outcome.acceptance {
                    Some(acceptance) => format!("{acceptance}; "),
                    None => String::new(),
                },
                outcome.expected,
                outcome.actual,
                check.fix
            ),
            "check_name": check.id,
            "fingerprint": check_list::fingerprint(report, outcome),
            "severity": severity,
            "location": {"path": list, "lines": {"begin": index + 1}},
        }))
    });
    // A run that could judge nothing must not look like one without findings.
    let error = report.error.iter().map(|error| {
        json!({
            "description": format!("{}: nothing could be judged: {} Fix: {}", report.command, error.message, error.fix),
            "check_name": error.code,
            "fingerprint": check_list::fingerprint_of(report, error.code),
            "severity": "blocker",
            "location": {"path": list, "lines": {"begin": 1}},
        })
    });
    error.chain(issues).collect()
}
