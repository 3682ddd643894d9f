//! Who said what to whom, as a sequence: a lane for each party, an arrow for
//! each exchange, its contents behind a fold.

use maud::{Markup, html};

use super::{difference, document};
use crate::check::evidence::{Conversation, Exchange};

/// How much of a body the report shows, in characters.
const SHOWN: usize = 8000;

pub(super) fn markup(one: &Conversation) -> Markup {
    let mut lanes: Vec<&str> = Vec::new();
    for exchange in &one.exchanges {
        for party in [exchange.from.as_str(), exchange.to.as_str()] {
            if !lanes.contains(&party) {
                lanes.push(party);
            }
        }
    }
    html! {
        details id={ "conversation-" (one.name) } {
            summary { code { (one.name) } (one.about) span.badge { (one.exchanges.len()) " exchanges" } }
            div style={ "--lanes:" (lanes.len()) } {
                div.lanes aria-hidden="true" { @for lane in &lanes { span { (lane) } } }
                @for exchange in &one.exchanges { (row(exchange, &lanes)) }
            }
        }
    }
}

fn row(exchange: &Exchange, lanes: &[&str]) -> Markup {
    let column = |party: &str| lanes.iter().position(|it| *it == party).unwrap_or_default();
    let (from, to) = (column(&exchange.from), column(&exchange.to));
    let (start, end) = (from.min(to), from.max(to));
    let direction = if from <= to { "right" } else { "left" };
    let place = format!(
        "grid-column:{}/{};--span:{}",
        start + 1,
        end + 2,
        end - start + 1
    );
    let path = exchange.url.split('?').next().unwrap_or_default();
    html! {
        div.arrowrow aria-hidden="true" { span class={ "arrow " (direction) } style=(place) {} }
        details.exchange {
            summary {
                (exchange.from) " → " (exchange.to) ": "
                b { (exchange.method) } " " code { (path) }
                @if let Some(status) = exchange.status {
                    span class={ "badge s" (status / 100) } { (status) }
                }
                @for saml in &exchange.saml { span.badge { (saml.parameter) } }
                @if exchange.change.is_some() { span.badge { "changed" } }
            }
            @if path.len() < exchange.url.len() { pre { (cut(&exchange.url)) } }
            @if !exchange.sent.is_empty() { h3 { "Sent" } pre { (cut(&exchange.sent)) } }
            @for saml in &exchange.saml {
                h3 { (saml.parameter) " by " (saml.binding) ", decoded" }
                (document::markup(&saml.xml, &saml.trusted))
            }
            @if let Some(change) = &exchange.change {
                h3 { "What it changed" }
                (difference::markup(&change.before, &change.after))
            }
            @if !exchange.answered.is_empty() { h3 { "Answered" } pre { (cut(&exchange.answered)) } }
        }
    }
}

fn cut(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        format!("{short} … ({} bytes)", text.len())
    } else {
        short
    }
}
