//! Shows exchanges as a sequence diagram: a lane for each party, an arrow for each exchange, its
//! contents folded.

use maud::{Markup, html};

use super::{body, difference, document};
use crate::check::evidence::{Exchange, Saml};

/// Number of lanes that the style sheet supports.
const MOST_LANES: usize = 6;

/// Returns the parties of these exchanges, in the order of their first appearance.
pub fn parties(exchanges: &[Exchange]) -> Vec<&str> {
    let mut lanes: Vec<&str> = Vec::new();
    for exchange in exchanges {
        for party in [exchange.from.as_str(), exchange.to.as_str()] {
            if !lanes.contains(&party) && lanes.len() < MOST_LANES {
                lanes.push(party);
            }
        }
    }
    lanes
}

/// Returns the names of the lanes, which stay visible while you scroll.
pub fn heads(lanes: &[&str]) -> Markup {
    html! {
        div class={ "lanes n" (lanes.len()) } aria-hidden="true" {
            @for lane in lanes { span { (lane) } }
        }
    }
}

/// Returns the HTML of one exchange.
pub fn exchange(exchange: &Exchange, lanes: &[&str]) -> Markup {
    let path = exchange.url.split('?').next().unwrap_or_default();
    let (sent, answered): (Vec<&Saml>, Vec<&Saml>) =
        exchange.saml.iter().partition(|saml| !saml.answered);
    html! {
        details.exchange {
            summary {
                (arrow(exchange, lanes))
                span.line {
                    span.sr { (exchange.from) " to " (exchange.to) ": " }
                    b { (exchange.method) } " " code { (short(path)) @if path.len() < exchange.url.len() { "?…" } }
                    @if let Some(status) = exchange.status {
                        " " span class={ "status s" (status / 100) } { (status) }
                    }
                    @for saml in &exchange.saml { " " span.badge.saml { (saml.parameter) } }
                    @if is_scim(exchange) { " " span.badge.scim { "SCIM" } }
                    @if exchange.change.is_some() { " " span.badge { "changed" } }
                }
            }
            p.quiet {
                (exchange.from) " → " (exchange.to)
                @if let Some(at) = exchange.at_ms { ", at " (at) " ms" }
            }
            @if exchange.url != short(path) { pre { (exchange.method) " " (body::cut(&exchange.url)) } }
            (headers("Headers sent", &exchange.sent_headers))
            @for saml in &sent { (message(saml)) }
            @if !exchange.sent.is_empty() { h4 { "Sent" } (body::markup(&exchange.sent)) }
            @if !exchange.location.is_empty() { h4 { "Location" } pre { (body::cut(&exchange.location)) } }
            @for saml in &answered { (message(saml)) }
            @if let Some(change) = &exchange.change {
                h4 { "What it changed" }
                (difference::markup(&change.before, &change.after))
            }
            (headers("Headers answered", &exchange.answered_headers))
            @if !exchange.answered.is_empty() {
                h4 { "Answered" @if !exchange.media_type.is_empty() { " (" (exchange.media_type) ")" } }
                (body::markup(&exchange.answered))
            }
        }
    }
}

fn headers(title: &str, headers: &[(String, String)]) -> Markup {
    html! {
        @if !headers.is_empty() {
            details.headers {
                summary { (title) }
                dl.fields { @for (name, value) in headers { dt { (name) } dd { code { (value) } } } }
            }
        }
    }
}

fn message(saml: &Saml) -> Markup {
    html! {
        h4 { (saml.parameter) " by " (saml.binding) ", decoded" }
        (document::markup(&saml.xml, &saml.trusted))
    }
}

/// Shortens a URL to its path, without scheme and host.
fn short(path: &str) -> &str {
    let after_scheme = path.split_once("://").map(|(_, rest)| rest);
    after_scheme
        .and_then(|rest| rest.find('/').map(|at| &rest[at..]))
        .unwrap_or(path)
}

fn is_scim(exchange: &Exchange) -> bool {
    exchange.media_type.contains("scim") || exchange.url.starts_with("/scim/")
}

fn arrow(exchange: &Exchange, lanes: &[&str]) -> Markup {
    let column = |party: &str| lanes.iter().position(|it| *it == party).unwrap_or_default();
    let (from, to) = (column(&exchange.from), column(&exchange.to));
    let (start, end) = (from.min(to), from.max(to));
    let direction = if from <= to { "right" } else { "left" };
    let place = format!("f{} t{} w{}", start + 1, end + 2, end - start + 1);
    html! {
        span class={ "sequence n" (lanes.len()) } aria-hidden="true" {
            span class={ "arrow " (direction) " " (place) } {}
        }
    }
}
