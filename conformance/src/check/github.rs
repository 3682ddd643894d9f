//! Writes what a GitHub workflow shows: the job summary in Markdown, and an annotation for each
//! finding.

use std::fmt::Write as _;

use super::summary::{Summary, plural};
use super::{CheckReport, Outcome, profile};

/// GitHub shows at most ten annotations of one kind for a job.
const ANNOTATIONS: usize = 10;

/// Number of findings in the summary: GitHub limits it to 1 MiB.
const FINDINGS: usize = 200;

/// Returns the job summary (`GITHUB_STEP_SUMMARY`).
pub(super) fn step_summary(report: &CheckReport) -> String {
    let summary = Summary::of(report);
    let sign = if report.exit_code() == 0 {
        "✅"
    } else {
        "❌"
    };
    let mut out = format!(
        "## {sign} rehearsal {}: {}\n\n",
        report.command,
        escape(&report.verdict_sentence())
    );
    if let Some(error) = &report.error {
        let _ = writeln!(out, "**What to do:** {}\n", escape(&error.fix));
    }
    let _ = writeln!(
        out,
        "Target {}, {}, rehearsal {}\n",
        code(&report.target),
        crate::page::instant(report.started_at),
        report.version
    );
    if !summary.findings.is_empty() {
        out.push_str("| check | level | what is wrong | fix |\n|---|---|---|---|\n");
    }
    for finding in summary.findings.iter().take(FINDINGS) {
        let (outcome, check) = (finding.outcome, &finding.outcome.check);
        let follows = finding.consequence_sentence();
        let follows = outcome.acceptance.clone().into_iter().chain(follows);
        let follows: String = follows.map(|it| format!("<br>{}", escape(&it))).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {}<br>expected {}; actual {}{follows} | {} |",
            code(&check.id),
            check.level.name(),
            escape(&check.title),
            escape(&outcome.expected),
            escape(&outcome.actual),
            escape(&check.fix)
        );
    }
    if !summary.skips.is_empty() {
        out.push_str("\nNot judged:\n\n");
    }
    for skips in &summary.skips {
        let count = plural(skips.outcomes.len(), "check", "checks");
        let _ = writeln!(out, "- {count}: {}", escape(skips.reason));
    }
    for assessment in &report.assessments {
        out.push_str(&profile::markdown(assessment, escape));
    }
    out.push('\n');
    out
}

/// Returns workflow commands, one per line: an error for each finding that decides the exit
/// status, and a warning for each other one.
pub(super) fn annotations(report: &CheckReport) -> String {
    let summary = Summary::of(report);
    let mut out = String::new();
    if let Some(error) = &report.error {
        let text = format!("{} Fix: {}", error.message, error.fix);
        let title = format!("rehearsal {}: nothing judged", report.command);
        annotation(&mut out, "error", &title, &text);
    }
    for finding in summary.findings.iter().take(ANNOTATIONS) {
        let Outcome { check, .. } = finding.outcome;
        let title = format!("{} {}", check.id, check.title);
        let (expected, actual) = (&finding.outcome.expected, &finding.outcome.actual);
        let mut text = format!("expected {expected}\nactual {actual}\nfix {}", check.fix);
        if let Some(acceptance) = &finding.outcome.acceptance {
            text = format!("{acceptance}\n{text}");
        }
        // A job that passes has no error.
        let kind = if report.is_decisive(finding.outcome) {
            "error"
        } else {
            "warning"
        };
        annotation(&mut out, kind, &title, &text);
    }
    out
}

fn annotation(out: &mut String, kind: &str, title: &str, text: &str) {
    let data = text
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    let title = title
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    let title = title.replace(':', "%3A").replace(',', "%2C");
    let _ = writeln!(out, "::{kind} title={title}::{data}");
}

/// Escapes text that came from the target, so that it is not read as Markdown or HTML and does not
/// end a table cell.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '!' | '@' => {
                let _ = write!(out, "&#{};", u32::from(sign));
            }
            sign => out.push(sign),
        }
    }
    out
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}
