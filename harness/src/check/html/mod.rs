//! The report as one HTML file: no script needed, dark and light, printable.
//!
//! - `conversation`: who said what to whom, as a sequence;
//! - `document`: a SAML document in colours, what is signed told by its
//!   ground;
//! - `difference`: a resource before and after.

mod conversation;
mod difference;
mod document;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::evidence::{Conversation, Evidence};
use super::{CheckReport, Outcome, Verdict};

const STYLE: &str = include_str!("style.css");

/// An outcome's evidence, where it has the form that reports know.
fn evidence(outcome: &Outcome) -> Option<Evidence> {
    let read: Evidence = serde_json::from_value(outcome.evidence.clone()).ok()?;
    (read != Evidence::default()).then_some(read)
}

pub(super) fn html(report: &CheckReport) -> String {
    let kinds = [
        ("hf", Verdict::Fail, "findings"),
        ("hw", Verdict::Warn, "warnings"),
        ("hs", Verdict::Skip, "skipped"),
        ("hp", Verdict::Pass, "passed"),
    ];
    let told: Vec<Conversation> = report
        .outcomes
        .iter()
        .filter_map(evidence)
        .flat_map(|it| it.conversations)
        .collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { "rehearsal " (report.command) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "rehearsal " (report.command) }
                p.target { (report.target) }
                @for (id, verdict, name) in kinds {
                    input.hide type="checkbox" id=(id);
                    label.counts for=(id) title="show or hide" { b { (report.count(verdict)) } " " (name) }
                }
                main {
                    h2 { "Checks" }
                    @for outcome in &report.outcomes { (check(outcome, &told)) }
                    @if !told.is_empty() {
                        h2 { "Conversations" }
                        p.legend {
                            span.signed { "signed, and the signature holds" }
                            span.broken { "signed, and it doesn't" }
                            span { "not signed" }
                        }
                        @for one in &told { (conversation::markup(one)) }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn check(outcome: &Outcome, told: &[Conversation]) -> Markup {
    let evidence = evidence(outcome);
    html! {
        details.(outcome.verdict.name()) id=(outcome.check.id) open[outcome.verdict == Verdict::Fail] {
            summary {
                code { (outcome.check.id) }
                b.v { (outcome.verdict.name().to_uppercase()) } " "
                (outcome.check.title)
            }
            dl {
                dt { "Level" } dd { (outcome.check.level.name()) ", " (outcome.check.spec) }
                @if outcome.verdict == Verdict::Skip {
                    dt { "Not judged" } dd { (outcome.actual) }
                } @else {
                    dt { "Expected" } dd { (outcome.expected) }
                    dt { "Actual" } dd { (outcome.actual) }
                }
                @if outcome.verdict != Verdict::Pass {
                    dt { "Fix" } dd { (outcome.check.fix) }
                }
                @if let Some(evidence) = &evidence {
                    @let known: Vec<&String> = evidence.see.iter().filter(|name| told.iter().any(|it| it.name == **name)).collect();
                    @if !known.is_empty() {
                        dt { "See" }
                        dd { @for name in known { a href={ "#conversation-" (name) } { (name) } " " } }
                    }
                }
                dt { "Link" } dd { a href={ "#" (outcome.check.id) } { "#" (outcome.check.id) } }
            }
            @if evidence.is_none() { (plain(&outcome.evidence)) }
        }
    }
}

/// Evidence of another form: documents in colours, the rest as JSON.
fn plain(evidence: &Value) -> Markup {
    let Value::Object(members) = evidence else {
        return html! {
            @if !evidence.is_null() { pre { (pretty(evidence)) } }
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
            h3 { (name) }
            (document::markup(document.as_str().unwrap_or_default(), &[]))
        }
        @if !rest.is_empty() { pre { (pretty(&Value::Object(rest))) } }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
