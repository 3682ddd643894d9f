//! The report for people: one HTML file without scripts or anything fetched.

use maud::{DOCTYPE, Markup, PreEscaped, html as page};

use super::{RunReport, ScenarioReport, StepReport, Verdict};
use crate::witness::{Actor, Exchange, reading};

/// The style, light and dark.
const STYLE: &str = include_str!("style.css");

/// The columns of the sequence, left to right.
const LANES: [Actor; 4] = [Actor::Browser, Actor::Desktop, Actor::Portal, Actor::Idp];

/// The whole document.
pub fn html(title: &str, report: &RunReport) -> String {
    let body = page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.counts {
                        @for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Skip] {
                            span class={"badge " (verdict.word())} {
                                (report.count(verdict)) " " (verdict.word())
                            }
                        }
                        span.quiet { (report.scenarios.len()) " scenarios in " (report.millis) " ms" }
                    }
                }
                nav {
                    table {
                        thead { tr { th { "Scenario" } th { "Feature" } th { "Tags" } th { "Verdict" } th { "ms" } } }
                        tbody {
                            @for (number, scenario) in report.scenarios.iter().enumerate() {
                                tr {
                                    td { a href={"#s" (number)} { (scenario.name) } }
                                    td { (scenario.feature) }
                                    td { (scenario.tags.join(" ")) }
                                    td { (badge(scenario.verdict())) }
                                    td.number { (scenario.millis()) }
                                }
                            }
                        }
                    }
                }
                main {
                    @for (number, scenario) in report.scenarios.iter().enumerate() {
                        (section(number, scenario))
                    }
                }
            }
        }
    };
    body.into_string()
}

fn badge(verdict: Verdict) -> Markup {
    page! { span class={"badge " (verdict.word())} { (verdict.word()) } }
}

fn section(number: usize, scenario: &ScenarioReport) -> Markup {
    page! {
        section id={"s" (number)} {
            h2 { (badge(scenario.verdict())) " " (scenario.name) }
            p.quiet { (scenario.feature) " " (scenario.tags.join(" ")) }
            div.lanes aria-hidden="true" {
                @for lane in LANES { span { (lane.name()) } }
            }
            ol.steps {
                @for (index, step) in scenario.steps.iter().enumerate() {
                    (step_item(step, scenario.exchanges.iter().filter(|exchange| exchange.step == index)))
                }
            }
        }
    }
}

fn step_item<'a>(step: &StepReport, exchanges: impl Iterator<Item = &'a Exchange>) -> Markup {
    page! {
        li class=(step.verdict.word()) {
            div.step { (badge(step.verdict)) " " (step.title) span.quiet { " " (step.millis) " ms" } }
            @if let Some(message) = &step.message { pre.message { (message) } }
            @for exchange in exchanges { (exchange_item(exchange)) }
        }
    }
}

fn exchange_item(exchange: &Exchange) -> Markup {
    let messages = reading::saml_messages(exchange);
    page! {
        details.exchange {
            summary {
                (arrow(exchange))
                span.line {
                    b { (exchange.method) } " " code { (path_of(&exchange.target)) }
                    span class={"status s" (exchange.status / 100)} { " " (exchange.status) }
                    @for message in &messages { " " span.badge.saml { (message.parameter) } }
                    @if exchange.target.starts_with("/scim/") { " " span.badge.scim { "SCIM" } }
                }
            }
            p.quiet { (exchange.from.name()) " → " (exchange.to.name()) ", at " (exchange.at_ms) " ms" }
            pre { (exchange.target) }
            @if !exchange.request.is_empty() { h4 { "Sent" } pre { (exchange.request) } }
            @if let Some(location) = &exchange.location { h4 { "Location" } pre { (location) } }
            @if !exchange.response.is_empty() {
                h4 { "Answered (" (exchange.media_type) ")" }
                pre { (exchange.response) }
            }
            @for message in &messages {
                h4 { (message.parameter) " by " (message.binding) ", written by " (message.author.name()) ", decoded" }
                pre.saml { (highlighted(&reading::laid_out(&message.xml))) }
            }
        }
    }
}

/// An arrow between two of the four columns.
fn arrow(exchange: &Exchange) -> Markup {
    let column = |actor| LANES.iter().position(|lane| *lane == actor).unwrap_or(0);
    let (from, to) = (column(exchange.from), column(exchange.to));
    let (start, end) = (from.min(to), from.max(to));
    let direction = if from <= to { "right" } else { "left" };
    let style = format!("grid-column: {} / {}", start + 1, end + 2);
    page! { span.sequence { span class={"arrow " (direction)} style=(style) {} } }
}

fn path_of(target: &str) -> String {
    let path = target.split('?').next().unwrap_or(target);
    match target.len() > path.len() {
        true => format!("{path}?…"),
        false => path.to_owned(),
    }
}

/// Tags, attribute values and text of a laid-out document, each in its colour.
fn highlighted(xml: &str) -> Markup {
    let mut rest = xml;
    let mut pieces: Vec<Markup> = Vec::new();
    while let Some(open) = rest.find('<') {
        let (text, tag) = rest.split_at(open);
        pieces.push(page! { (text) });
        let end = tag.find('>').map_or(tag.len(), |at| at + 1);
        pieces.push(tag_markup(&tag[..end]));
        rest = &tag[end..];
    }
    pieces.push(page! { (rest) });
    page! { @for piece in &pieces { (piece) } }
}

fn tag_markup(tag: &str) -> Markup {
    let signature = ["ds:", "<Signature", "</Signature", "dsig:"]
        .iter()
        .any(|mark| tag.contains(mark));
    let class = if signature { "tag sig" } else { "tag" };
    page! {
        span class=(class) {
            @for (index, piece) in tag.split('"').enumerate() {
                @if index % 2 == 1 { span.value { "\"" (piece) "\"" } } @else { (piece) }
            }
        }
    }
}
