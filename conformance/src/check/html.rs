//! Writes the report as one HTML file: the verdict, the findings with their consequences, then
//! warnings, skipped checks by reason, and passed checks.

use std::cell::Cell;

use maud::{Markup, html};
use serde_json::Value;

use super::evidence::{Conversation, Evidence, Exchange};
use super::observed;
use super::summary::{Finding, Skips, Summary, plural};
use super::{CheckReport, Level, Outcome, Verdict, profile};
use crate::page::{self, Filter, Header, document, sequence};

/// Up to this number of findings, all are shown unfolded; above it, all are folded.
const OPEN: usize = 8;

/// Maximum size of all documents outside of the conversations together, in bytes: mail programs
/// must be able to open the report.
const ROOM: usize = 500_000;

/// The text in place of a document that is not shown.
const ELSEWHERE: &str = "In the machine form (--json).";

/// The checks that have their own part of the page, and the number of bytes that are left for
/// documents.
struct Parts {
    conversations: Vec<Conversation>,
    room: Cell<usize>,
}

impl Parts {
    /// Returns what `show` makes of the documents; `None` if the outcome is neither a finding nor a
    /// warning, or if the bytes are used up.
    fn within_room(&self, outcome: &Outcome, show: impl FnOnce() -> Markup) -> Option<Markup> {
        if !matches!(outcome.verdict, Verdict::Fail | Verdict::Warn) {
            return None;
        }
        let shown = show();
        let left = self.room.get().checked_sub(shown.0.len())?;
        self.room.set(left);
        Some(shown)
    }
}

/// Returns the evidence of an outcome if it has the form of [`Evidence`].
fn evidence(outcome: &Outcome) -> Option<Evidence> {
    let read: Evidence = serde_json::from_value(outcome.evidence.clone()).ok()?;
    (read != Evidence::default()).then_some(read)
}

pub(super) fn html(report: &CheckReport) -> String {
    let summary = Summary::of(report);
    let parts = Parts {
        conversations: report
            .outcomes
            .iter()
            .filter_map(evidence)
            .flat_map(|it| it.conversations)
            .collect(),
        room: Cell::new(ROOM),
    };
    let header = Header {
        command: report.command,
        verdict: report.verdict_sentence(),
        class: class(report),
        explanation: report.error.as_ref().map(|error| {
            html! { p { b { "What to do: " } (error.fix) } p.quiet { "Error code " code { (error.code) } } }
        }),
        target: &report.target,
        started_at: report.started_at,
        duration: report.duration,
        version: &report.version,
        command_line: &report.command_line,
    };
    let main = html! {
        @for assessment in &report.assessments { (profile::html(assessment)) }
        @if !summary.findings.is_empty() {
            section data-group {
                h2 { "Findings" }
                @let open = summary.findings.len() <= OPEN;
                @for (heading, findings) in summary.classes() {
                    div data-group {
                        @if let Some(heading) = heading { h3 { (heading) } }
                        @for finding in findings { (with_consequences(finding, open, &parts)) }
                    }
                }
            }
        }
        @if !summary.warnings.is_empty() {
            section data-group {
                h2 { "Warnings" }
                @for finding in &summary.warnings { (with_consequences(finding, false, &parts)) }
            }
        }
        @if !summary.skips.is_empty() {
            section data-group {
                h2 { "Not judged" }
                @for skips in &summary.skips { (skipped_checks(skips, &parts)) }
            }
        }
        @if !summary.passed.is_empty() {
            section data-group {
                h2 { "Passed" }
                details.group data-group {
                    summary { span.name { (plural(summary.passed.len(), "check", "checks")) } }
                    @for outcome in &summary.passed { (check(outcome, false, &parts)) }
                }
            }
        }
        @if !parts.conversations.is_empty() {
            section {
                h2 { "Conversations" }
                (document::legend())
                @for one in &parts.conversations { (conversation(one)) }
            }
        }
    };
    let title = format!(
        "rehearsal {}: {}",
        report.command,
        report.verdict_sentence()
    );
    page::page(&title, &header, "checks", &filters(report), &main)
}

fn class(report: &CheckReport) -> &'static str {
    if report.error.is_some() || !report.is_well() {
        "fail"
    } else if report.incomplete.is_some() {
        "skip"
    } else {
        "pass"
    }
}

fn filters(report: &CheckReport) -> Vec<Filter> {
    let verdicts = [
        (Verdict::Fail, "Findings"),
        (Verdict::Warn, "Warnings"),
        (Verdict::Skip, "Not judged"),
        (Verdict::Pass, "Passed"),
    ];
    let levels = [Level::Must, Level::Should, Level::May];
    let of_level = |level| {
        report
            .outcomes
            .iter()
            .filter(move |it| it.check.level == level)
    };
    let verdicts = verdicts.map(|(verdict, label)| Filter {
        key: "verdict",
        value: verdict.name(),
        label,
        count: report.count(verdict),
    });
    let levels = levels.map(|level| Filter {
        key: "level",
        value: level.name(),
        label: level.name(),
        count: of_level(level).count(),
    });
    verdicts.into_iter().chain(levels).collect()
}

fn with_consequences(finding: &Finding<'_>, open: bool, parts: &Parts) -> Markup {
    html! {
        div.finding data-group {
            (check(finding.outcome, open, parts))
            @if let Some(sentence) = finding.consequence_sentence() {
                details.group data-group {
                    summary { span.name { (sentence) } }
                    @for outcome in &finding.consequences { (check(outcome, false, parts)) }
                }
            }
        }
    }
}

fn skipped_checks(skips: &Skips<'_>, parts: &Parts) -> Markup {
    html! {
        details.group data-group {
            summary {
                span.name { b { (plural(skips.outcomes.len(), "check", "checks")) } ": " (skips.reason) }
            }
            @for outcome in &skips.outcomes { (check(outcome, false, parts)) }
        }
    }
}

fn check(outcome: &Outcome, open: bool, parts: &Parts) -> Markup {
    let check = &outcome.check;
    let (verdict, level) = (outcome.verdict.name(), check.level.name());
    let evidence = evidence(outcome);
    html! {
        details.row.(verdict) id=(check.id) data-verdict=(verdict) data-level=(level) open[open] {
            summary {
                span class={ "v " (verdict) } { (verdict.to_uppercase()) }
                span class={ "badge level " (level.to_lowercase()) } { (level) }
                span.name { code { (check.id) } " " (check.title) }
            }
            dl.judged {
                @if outcome.verdict == Verdict::Skip {
                    dt { "Not judged" } dd { (outcome.actual) }
                } @else {
                    dt { "Expected" } dd { (outcome.expected) }
                    dt { "Actual" } dd { (outcome.actual) }
                    @if let Some(acceptance) = &outcome.acceptance { dt { "List" } dd { (acceptance) } }
                }
                @if outcome.verdict != Verdict::Pass {
                    dt { "Fix" } dd { (check.fix) }
                }
                dt { "Spec" } dd { (page::linked_spec(&check.spec)) }
                @if let Some(cause) = &outcome.cause {
                    dt { "Cause" } dd { (cause) }
                }
                @if let Some(evidence) = &evidence {
                    @let known: Vec<&String> = evidence.see.iter().filter(|name| parts.conversations.iter().any(|it| it.name == **name)).collect();
                    @if !known.is_empty() {
                        dt { "Evidence" }
                        dd { @for name in known { a href={ "#conversation-" (name) } { (name) } " " } }
                    }
                }
                @for figure in evidence.iter().flat_map(|it| &it.figures) {
                    dt { "Measured" } dd { (format!("{:.2} s", figure.seconds)) }
                }
                dt { "Link" } dd { a href={ "#" (check.id) } { "#" (check.id) } }
            }
            @if evidence.is_none() { (other_evidence(outcome, parts)) }
        }
    }
}

fn conversation(one: &Conversation) -> Markup {
    html! {
        details.group id={ "conversation-" (one.name) } {
            summary {
                span.name { code { (one.name) } " " (one.about) }
                span.badge { (plural(one.exchanges.len(), "exchange", "exchanges")) }
            }
            (talk(&one.exchanges))
        }
    }
}

fn talk(exchanges: &[Exchange]) -> Markup {
    let lanes = sequence::parties(exchanges);
    html! {
        div.talk {
            (sequence::heads(&lanes))
            @for exchange in exchanges { (sequence::exchange(exchange, &lanes)) }
        }
    }
}

/// Shows evidence of another form: HTTP exchanges if it contains some, XML documents in colors,
/// everything else as JSON.
///
/// Documents are shown for findings and warnings, the worst first, as long as there is room.
fn other_evidence(outcome: &Outcome, parts: &Parts) -> Markup {
    let evidence = &outcome.evidence;
    let exchanges = observed::exchanges(evidence);
    if !exchanges.is_empty() {
        let has_documents = exchanges.iter().any(|it| !it.saml.is_empty());
        let shown = match has_documents {
            true => parts.within_room(outcome, || talk(&exchanges)),
            false => Some(talk(&exchanges)),
        };
        return html! {
            h4 { "Evidence" }
            @match shown {
                Some(shown) => (shown),
                None => p.quiet { (ELSEWHERE) },
            }
        };
    }
    let Value::Object(members) = evidence else {
        return html! {
            @if !evidence.is_null() { h4 { "Evidence" } pre { (page::pretty(evidence)) } }
        };
    };
    let (documents, rest): (Vec<_>, Vec<_>) = members.iter().partition(|(_, value)| {
        value
            .as_str()
            .is_some_and(|it| it.trim_start().starts_with('<'))
    });
    let rest: serde_json::Map<String, Value> = rest
        .into_iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    html! {
        @for (name, document) in documents {
            @let shown = parts.within_room(outcome, || {
                document::markup(document.as_str().unwrap_or_default(), &[])
            });
            h4 { (name) }
            @match shown {
                Some(shown) => (shown),
                None => p.quiet { (ELSEWHERE) },
            }
        }
        @if !rest.is_empty() { h4 { "Evidence" } pre { (page::pretty(&Value::Object(rest))) } }
    }
}
