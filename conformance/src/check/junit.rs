//! Writes the JUnit report: one suite, with one case for each check.

use super::{CheckReport, Outcome, Verdict};
use crate::junit::{Case, Ending, Run};

pub(super) fn junit(report: &CheckReport) -> String {
    let run = Run {
        command: report.command,
        target: &report.target,
        command_line: &report.command_line,
        started_at: report.started_at,
        duration: report.duration,
        incomplete: report.incomplete,
        error: report.error.as_ref(),
    };
    let cases: Vec<Case> = report
        .outcomes
        .iter()
        .map(|outcome| Case {
            name: format!("{} {}", outcome.check.id, outcome.check.title),
            class: report.command.to_owned(),
            duration: outcome.duration,
            ending: ending(report, outcome),
        })
        .collect();
    let suites = if cases.is_empty() {
        Vec::new()
    } else {
        vec![(format!("rehearsal {}", report.command), cases)]
    };
    crate::junit::junit(&run, suites)
}

fn ending(report: &CheckReport, outcome: &Outcome) -> Ending {
    let check = &outcome.check;
    let details = || {
        format!(
            "expected: {}\nactual: {}\n{}fix: {}\nspec: {} ({})",
            outcome.expected,
            outcome.actual,
            match &outcome.acceptance {
                Some(acceptance) => format!("list: {acceptance}\n"),
                None => String::new(),
            },
            check.fix,
            check.spec,
            check.level.name()
        )
    };
    match outcome.verdict {
        Verdict::Pass => Ending::Passed,
        // A test reporter must not show a failure when the exit status is 0.
        Verdict::Fail if !report.is_decisive(outcome) => Ending::Noted {
            details: format!(
                "finding that does not decide the exit status\n{}",
                details()
            ),
        },
        Verdict::Fail => Ending::Failed {
            kind: check.level.name(),
            message: outcome.actual.clone(),
            details: details(),
        },
        Verdict::Skip => Ending::Skipped {
            message: match &outcome.cause {
                Some(cause) => format!("because of {cause}: {}", outcome.actual),
                None => outcome.actual.clone(),
            },
        },
        Verdict::Warn => Ending::Noted { details: details() },
    }
}
