//! The HTML page of every report: one file that loads nothing from the network, with a dark and a
//! light style, readable on a phone and on paper.
//!
//! - `body`: the body of a request or answer, by its format;
//! - `difference`: a resource before and after an exchange;
//! - `document`: a SAML document in colors; the background shows what is signed;
//! - `sequence`: the exchanges between the parties;
//! - `spec`: links to the sections of the specifications.
//!
//! The content security policy of the page allows its own style and script by their hashes and
//! nothing else. Therefore the page has no `style` attributes: what depends on data is a class. All
//! content is visible without the script; the script adds search and filters.

mod body;
mod difference;
pub mod document;
pub mod sequence;
mod spec;

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

pub(crate) use body::pretty;
pub(crate) use spec::link_specifications as linked_spec;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The first lines of a report.
pub struct Header<'r> {
    /// The command, such as `check sp`.
    pub command: &'r str,
    /// The verdict in one sentence.
    pub verdict: String,
    /// CSS class of the verdict's color: `pass`, `fail`, `warn` or `skip`.
    pub class: &'static str,
    /// A paragraph below the verdict, such as how to fix a set-up error.
    pub explanation: Option<Markup>,
    /// Address or name of the judged target.
    pub target: &'r str,
    /// When the command started.
    pub started_at: Timestamp,
    /// How long the command took.
    pub duration: Duration,
    /// Version of `rehearsal`.
    pub version: &'r str,
    /// The command line, with secrets masked.
    pub command_line: &'r str,
}

/// A filter button.
pub struct Filter {
    /// The `data-` attribute of the rows that it compares.
    pub key: &'static str,
    /// The value to compare with.
    pub value: &'static str,
    /// Label of the button.
    pub label: &'static str,
    /// Number of rows with the value.
    pub count: usize,
}

/// Returns the whole page. `rows` is the plural name of the items that `filters` select.
pub fn page(
    title: &str,
    header: &Header<'_>,
    rows: &str,
    filters: &[Filter],
    main: &Markup,
) -> String {
    let policy = format!(
        "default-src 'none'; img-src data:; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="generator" content={ "rehearsal " (header.version) };
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header_markup(header))
                (toolbar(rows, filters))
                main { (main) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Returns the source expression of an inline element (CSP Level 3, §2.3.1).
pub(crate) fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn header_markup(header: &Header<'_>) -> Markup {
    html! {
        header {
            p.command { "rehearsal " (header.command) }
            h1 class=(header.class) { (header.verdict) }
            @if let Some(explanation) = &header.explanation { div.explanation { (explanation) } }
            dl.facts {
                @if !header.target.is_empty() { div { dt { "Target" } dd { (header.target) } } }
                div {
                    dt { "Started" }
                    dd { time datetime=(header.started_at) { (instant(header.started_at)) } }
                }
                div { dt { "Duration" } dd { (duration(header.duration)) } }
                div { dt { "Version" } dd { "rehearsal " (header.version) } }
                @if !header.command_line.is_empty() {
                    div.wide { dt { "Command line" } dd { code { (header.command_line) } } }
                }
            }
        }
    }
}

/// Returns the search field and filter buttons, hidden until the script starts: without the script
/// they have no effect.
fn toolbar(rows: &str, filters: &[Filter]) -> Markup {
    let keys = |it: &&Filter| it.key;
    let mut groups: Vec<(&str, Vec<&Filter>)> = Vec::new();
    for filter in filters {
        match groups.iter_mut().find(|(key, _)| *key == keys(&filter)) {
            Some((_, group)) => group.push(filter),
            None => groups.push((filter.key, vec![filter])),
        }
    }
    html! {
        search.toolbar hidden {
            label.search {
                span { "Search" }
                input type="search" placeholder={ "id, words, path" } autocomplete="off";
            }
            @for (key, group) in &groups {
                div.filters role="group" aria-label={ "Filter by " (key) } {
                    @for filter in group {
                        button type="button" aria-pressed="false" disabled[filter.count == 0]
                            class=(filter.value) data-key=(filter.key) data-value=(filter.value) {
                            (filter.label) " " span.count { (filter.count) }
                        }
                    }
                }
            }
            button.clear type="button" hidden { "Show all" }
            output data-rows=(rows) {}
        }
    }
}

/// Formats a time for readers, in UTC.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Formats a duration for readers.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    if seconds == 0 {
        return format!("{} ms", span.as_millis());
    }
    if seconds < 60 {
        return format!("{:.1} s", span.as_secs_f64());
    }
    let mut text = String::new();
    if seconds >= 3600 {
        let _ = write!(text, "{} h ", seconds / 3600);
    }
    let _ = write!(text, "{} min {} s", seconds / 60 % 60, seconds % 60);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most_below_an_hour() {
        let of = |millis| duration(Duration::from_millis(millis));
        assert_eq!(of(12), "12 ms");
        assert_eq!(of(2345), "2.3 s");
        assert_eq!(of(125_000), "2 min 5 s");
        assert_eq!(of(3_725_000), "1 h 2 min 5 s");
    }
}
