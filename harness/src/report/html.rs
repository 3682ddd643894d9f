//! A run of scenarios as one HTML file: the result first, then the scenarios (failed ones
//! first), each with its steps and the recorded messages.

use std::collections::BTreeSet;

use maud::{Markup, html as markup};
use serde_json::Value;

use super::{RunReport, ScenarioReport, StepReport, Verdict};
use crate::check::evidence;
use crate::page::{self, Filter, Header, document, sequence};
use world::recorder::{Actor, Exchange, reading};

/// The columns of the sequence diagram, from left to right.
const LANES: [Actor; 4] = [Actor::Browser, Actor::Desktop, Actor::Portal, Actor::Idp];

/// Returns the whole HTML document.
pub fn html(title: &str, report: &RunReport) -> String {
    let header = Header {
        command: report.command,
        verdict: report.verdict_sentence(),
        class: class(report),
        explanation: None,
        target: &report.target,
        started_at: report.started_at,
        duration: std::time::Duration::from_millis(report.millis),
        version: crate::VERSION,
        command_line: &report.command_line,
    };
    let filter = |verdict: Verdict, label| Filter {
        key: "verdict",
        value: verdict.word(),
        label,
        count: report.count(verdict),
    };
    let filters = [
        filter(Verdict::Fail, "Failed"),
        filter(Verdict::Skip, "Skipped"),
        filter(Verdict::Pass, "Passed"),
    ];
    let mut scenarios: Vec<(usize, &ScenarioReport)> =
        report.scenarios.iter().enumerate().collect();
    scenarios.sort_by_key(|(_, it)| match it.verdict() {
        Verdict::Fail => 0,
        Verdict::Skip => 1,
        Verdict::Pass => 2,
    });
    let main = markup! {
        (index(&scenarios))
        (document::legend())
        @for (number, scenario) in &scenarios { (section(*number, scenario)) }
    };
    page::page(title, &header, "scenarios", &filters, &main)
}

fn class(report: &RunReport) -> &'static str {
    if report.count(Verdict::Fail) > 0 {
        "fail"
    } else if report.incomplete.is_some() || report.count(Verdict::Pass) == 0 {
        "skip"
    } else {
        "pass"
    }
}

fn index(scenarios: &[(usize, &ScenarioReport)]) -> Markup {
    markup! {
        table {
            thead { tr {
                th { "Verdict" } th { "Scenario" } th { "Feature" } th { "Tags" } th.number { "Time" }
            } }
            tbody {
                @for (number, scenario) in scenarios {
                    tr data-verdict=(scenario.verdict().word()) data-counted="no" {
                        td { (badge(scenario.verdict())) }
                        td { a href={"#s" (number)} { (scenario.name) } }
                        td data-label="Feature" { (scenario.feature) }
                        td { (tags(scenario)) }
                        td.number data-label="Time" { (scenario.millis()) " ms" }
                    }
                }
            }
        }
    }
}

fn tags(scenario: &ScenarioReport) -> Markup {
    markup! { @for tag in &scenario.tags { span.badge.tag { (tag) } " " } }
}

fn badge(verdict: Verdict) -> Markup {
    markup! { span class={"badge " (verdict.word())} { (verdict.word()) } }
}

fn section(number: usize, scenario: &ScenarioReport) -> Markup {
    let trusted = certificates(scenario);
    let lanes: Vec<&str> = LANES
        .into_iter()
        .filter(|lane| {
            scenario
                .exchanges
                .iter()
                .any(|it| it.from == *lane || it.to == *lane)
        })
        .map(Actor::name)
        .collect();
    markup! {
        section.scenario id={"s" (number)} data-verdict=(scenario.verdict().word()) {
            h2 { (badge(scenario.verdict())) " " (scenario.name) }
            p.quiet { (scenario.feature) " " (tags(scenario)) }
            @if lanes.len() > 1 { (sequence::heads(&lanes)) }
            ol.steps {
                @for (index, step) in scenario.steps.iter().enumerate() {
                    @let during = scenario.exchanges.iter().filter(|it| it.step == index);
                    (step_item(step, during, &lanes, &trusted))
                }
            }
        }
    }
}

fn step_item<'a>(
    step: &StepReport,
    exchanges: impl Iterator<Item = &'a Exchange>,
    lanes: &[&str],
    trusted: &[String],
) -> Markup {
    markup! {
        li class=(step.verdict.word()) {
            div.step { (badge(step.verdict)) " " (step.title) span.quiet { " " (step.millis) " ms" } }
            @if let Some(message) = &step.message { pre.message { (message) } }
            @for exchange in exchanges { (sequence::exchange(&to_evidence(exchange, trusted), lanes)) }
        }
    }
}

/// Returns the exchange in the form that all reports use.
fn to_evidence(exchange: &Exchange, trusted: &[String]) -> evidence::Exchange {
    let saml = reading::saml_messages(exchange).into_iter();
    evidence::Exchange {
        from: exchange.from.name().to_owned(),
        to: exchange.to.name().to_owned(),
        method: exchange.method.clone(),
        url: exchange.target.clone(),
        sent: exchange.request.clone(),
        status: Some(exchange.status),
        location: exchange.location.clone().unwrap_or_default(),
        media_type: exchange.media_type.clone(),
        answered: exchange.response.clone(),
        at_ms: Some(exchange.at_ms),
        saml: saml
            .map(|message| evidence::Saml {
                parameter: message.parameter.to_owned(),
                binding: message.binding.to_owned(),
                answered: message.answered,
                xml: message.xml,
                trusted: trusted.to_vec(),
            })
            .collect(),
        ..evidence::Exchange::default()
    }
}

/// Returns the certificates (base64) that the parties exchanged in metadata or forms during
/// the scenario. Signatures in the report are verified with them.
fn certificates(scenario: &ScenarioReport) -> Vec<String> {
    let mut found = BTreeSet::new();
    for exchange in &scenario.exchanges {
        for body in [&exchange.request, &exchange.response] {
            if body.contains("CERTIFICATE") || body.contains("X509Certificate") {
                match serde_json::from_str(body) {
                    Ok(value) => in_value(&value, &mut found),
                    Err(_) => in_text(body, &mut found),
                }
            }
        }
    }
    found.into_iter().collect()
}

fn in_value(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => in_text(text, found),
        Value::Array(items) => items.iter().for_each(|it| in_value(it, found)),
        Value::Object(members) => members.values().for_each(|it| in_value(it, found)),
        _ => {}
    }
}

fn in_text(text: &str, found: &mut BTreeSet<String>) {
    // A Response contains the certificate of its signer, which is no reason to trust it.
    if text.contains(":Response ") || text.contains("<Response ") {
        return;
    }
    let marks = [
        ("X509Certificate>", "</"),
        ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"),
    ];
    for (start, end) in marks {
        for piece in text.split(start).skip(1) {
            let Some((base64, _)) = piece.split_once(end) else {
                continue;
            };
            let bare: String = base64.split_whitespace().collect();
            if bare.len() > 100 {
                found.insert(bare);
            }
        }
    }
}
