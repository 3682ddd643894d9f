//! Writes the report for a terminal: findings and warnings in full, skipped checks counted by
//! reason, the verdict last.

use std::borrow::Cow;
use std::fmt::Write as _;

use ambient::terminal::printable;

use super::evidence::Figure;
use super::summary::{Finding, Skips, Summary, plural};
use super::{CheckReport, Verdict, profile};
use crate::excerpt::excerpt;

/// Number of ids that a line contains before it only counts the rest.
const NAMED: usize = 4;

/// The same for checks that follow from a finding, which are named nowhere else.
const CONSEQUENCES: usize = 12;

/// Longest text, in characters; the HTML report contains the full text.
const SHOWN: usize = 1000;

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const BOLD: &str = "1";
const DIM: &str = "2";

/// Adds color to text, if colors are wanted.
struct Paint(bool);

impl Paint {
    fn paint(&self, codes: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{codes}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Returns the report without control characters of the target. A report that had any has no colors,
/// because their codes could not be told from those of the target.
pub(super) fn terminal(report: &CheckReport, colors: bool) -> String {
    let plain = render(report, false);
    match printable(&plain) {
        Cow::Borrowed(_) if colors => render(report, true),
        printable => printable.into_owned(),
    }
}

fn render(report: &CheckReport, colors: bool) -> String {
    let paint = Paint(colors);
    if let Some(error) = report.error.as_ref().filter(|_| report.outcomes.is_empty()) {
        return error.paragraph(report.command);
    }
    let summary = Summary::of(report);
    let mut out = format!("rehearsal {} — {}\n", report.command, report.target);
    for (heading, findings) in summary.classes() {
        if let Some(heading) = heading {
            let _ = writeln!(out, "\n{}", paint.paint(BOLD, &heading));
        }
        for finding in findings {
            whole(&mut out, &paint, RED, finding);
        }
    }
    for warning in &summary.warnings {
        whole(&mut out, &paint, YELLOW, warning);
    }
    if !summary.skips.is_empty() {
        out.push('\n');
    }
    for skips in &summary.skips {
        let line = format!("{} skipped: {}", skips.outcomes.len(), short(skips.reason));
        let _ = writeln!(out, "{} {}", line, paint.paint(DIM, &ids(skips)));
    }
    for assessment in &report.assessments {
        out.push_str(&profile::terminal(assessment));
    }
    figures(&mut out, report);
    out.push('\n');
    if let Some(first) = summary.findings.first() {
        let check = &first.outcome.check;
        let level = check.level.name();
        let title = &check.title;
        let id = paint.paint(BOLD, &check.id);
        let _ = writeln!(out, "first finding: {id} ({level}) {title}");
    }
    for (heading, findings) in summary.classes() {
        if let Some(heading) = heading {
            let ids: Vec<&str> = findings
                .iter()
                .map(|it| it.outcome.check.id.as_str())
                .collect();
            let _ = writeln!(out, "{heading}: {}", name_some(&ids, NAMED));
        }
    }
    if let Some(error) = &report.error {
        let has_judged = report.outcomes.len() > report.count(Verdict::Skip);
        let paragraph = error.paragraph_after(report.command, has_judged);
        let _ = writeln!(out, "{paragraph}");
    }
    if let Some(interruption) = report.incomplete {
        let _ = writeln!(
            out,
            "interrupted by {} after {} of {} checks; the rest was not judged",
            interruption.signal.name(),
            report.outcomes.len(),
            interruption.total
        );
    }
    let findings = report.count(Verdict::Fail);
    let line = format!(
        "{}{}: {} passed, {} skipped, {}, {}",
        match (report.incomplete, &report.error) {
            (Some(_), _) => "interrupted, ",
            (None, Some(_)) => "not finished, ",
            (None, None) => "",
        },
        plural(report.outcomes.len(), "check", "checks"),
        report.count(Verdict::Pass),
        report.count(Verdict::Skip),
        plural(report.count(Verdict::Warn), "warning", "warnings"),
        plural(findings, "finding", "findings"),
    );
    let color = if findings > 0 { RED } else { GREEN };
    let _ = writeln!(out, "{}", paint.paint(&format!("{BOLD};{color}"), &line));
    out
}

fn whole(out: &mut String, paint: &Paint, color: &str, finding: &Finding<'_>) {
    let outcome = finding.outcome;
    let check = &outcome.check;
    let sign = if outcome.verdict == Verdict::Fail {
        "FAIL"
    } else {
        "WARN"
    };
    let _ = writeln!(
        out,
        "\n{} {} ({}, {})\n  {}\n  expected {}\n  actual   {}\n{}  fix      {}",
        paint.paint(&format!("{BOLD};{color}"), sign),
        paint.paint(BOLD, &check.id),
        check.level.name(),
        check.spec,
        check.title,
        outcome.expected,
        short(&outcome.actual),
        match &outcome.acceptance {
            Some(acceptance) => format!("  list     {acceptance}\n"),
            None => String::new(),
        },
        check.fix
    );
    if let Some(sentence) = finding.consequence_sentence() {
        let ids: Vec<&str> = finding.consequence_ids().collect();
        let line = format!("{sentence}: {}", name_some(&ids, CONSEQUENCES));
        let _ = writeln!(out, "  {}", paint.paint(DIM, &line));
    }
}

/// Writes the measured figures, one per line.
fn figures(out: &mut String, report: &CheckReport) {
    let mut is_first = true;
    for outcome in &report.outcomes {
        let Some(all) = outcome.evidence["figures"].as_array() else {
            continue;
        };
        for one in all {
            let read: Result<Figure, _> = serde_json::from_value(one.clone());
            let Ok(figure) = read else { continue };
            if std::mem::take(&mut is_first) {
                out.push_str("\nmeasured\n");
            }
            let id = &outcome.check.id;
            let _ = writeln!(out, "  {id:<16}{:>7.2} s  {}", figure.seconds, figure.name);
        }
    }
}

fn short(text: &str) -> String {
    let shown = excerpt(text, SHOWN);
    if shown == text {
        return shown;
    }
    format!("{shown}, whole in --json and --html")
}

/// Returns the number of skipped checks, with the first few ids.
fn ids(skips: &Skips<'_>) -> String {
    let all = skips.outcomes.iter().map(|it| it.check.id.as_str());
    format!("({})", name_some(&all.collect::<Vec<_>>(), NAMED))
}

/// Returns the first few ids, and the number of the others.
fn name_some(ids: &[&str], most: usize) -> String {
    let named = &ids[..ids.len().min(most)];
    match ids.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
