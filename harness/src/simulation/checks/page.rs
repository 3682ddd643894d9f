//! The pages of the checks as HTML.

use std::collections::HashMap;
use std::sync::Arc;

use ambient::arguments::quote_for_shell;
use maud::{Markup, html};

use super::kinds::{self, Field, Input, Kind, Played};
use super::order::{self, CONFIRMED};
use super::runs::{Checks, Report, Run, State};
use crate::check::profile::{self, Profile};
use crate::simulation::site::Site;
use crate::simulation::view;

/// What the pages say if there is no command to run.
pub(super) const NO_COMMAND: &str =
    "This simulation cannot run checks: it was not started by the command `rehearsal`.";

/// Number of findings that the page of a run lists.
const SHOWN_FINDINGS: usize = 30;

/// The title of all pages.
const TITLE: &str = "Check a server";

/// A form as it is shown.
pub(super) struct FilledForm<'f> {
    pub(super) kind: &'static Kind,
    pub(super) fields: &'f HashMap<String, String>,
    /// Why the form was refused.
    pub(super) problem: Option<String>,
    /// True if keys and reports are lost when the simulation stops.
    pub(super) is_temporary: bool,
}

/// Returns the page that lists the checks and the runs.
pub(super) fn list(site: &Site, runs: &[Arc<Run>]) -> Markup {
    let body = html! {
        div.title { h1 { (TITLE) } }
        p.lead {
            "Runs " code { "rehearsal check" } " against your own server, and reports what is wrong, \
             where, and what to change. Use a test system: the checks send attacks."
        }
        @if site.checks.is_none() { p.problems role="alert" { (NO_COMMAND) } }
        section.card aria-labelledby="kinds-title" {
            h2 id="kinds-title" { "What do you want to check?" }
            table {
                thead { tr { th scope="col" { "Server" } th scope="col" { "What the check does" } } }
                tbody {
                    @for kind in &kinds::ALL {
                        tr {
                            th scope="row" { a href={ "/checks/" (kind.word) } { (kind.title) } }
                            td { (kind.lead) }
                        }
                    }
                }
            }
        }
        section.card aria-labelledby="runs-title" {
            h2 id="runs-title" { "Runs" }
            @if runs.is_empty() { p.none { "There are no runs since the simulation was started." } }
            @else {
                table {
                    thead { tr { th scope="col" { "Run" } th scope="col" { "Server" } th scope="col" { "Target" } th scope="col" { "Result" } } }
                    tbody {
                        @for run in runs {
                            tr {
                                th scope="row" { a href={ "/checks/runs/" (run.number) } { "Run " (run.number) } }
                                td data-name="Server" { (run.kind.title) }
                                td data-name="Target" { (run.target) }
                                td data-name="Result" { (badge(&run.state.borrow())) }
                            }
                        }
                    }
                }
            }
        }
    };
    view::frame(site, TITLE, &body)
}

/// Returns a page with only a sentence that says what is wrong.
pub(super) fn problem(site: &Site, what: &str) -> Markup {
    let body = html! {
        div.title { h1 { (TITLE) } }
        p.problems role="alert" { (what) }
        p { a href="/checks" { "All checks" } }
    };
    view::frame(site, TITLE, &body)
}

/// Returns the page with the form of a check.
pub(super) fn form(site: &Site, form: &FilledForm<'_>) -> Markup {
    let kind = form.kind;
    let body = html! {
        p { a href="/checks" { "All checks" } }
        div.title { h1 { (kind.title) } }
        p.lead { (kind.lead) }
        @if let Some(problem) = &form.problem { p.problems role="alert" { (problem) } }
        @if let Some(played) = kind.played { (registration(kind, played, form.is_temporary)) }
        section.card aria-labelledby="form-title" {
            h2 id="form-title" {
                @if kind.played.is_some() { "2. Describe your server, and run the check" }
                @else { "Describe your server, and run the check" }
            }
            @if order::has_own_party(kind, &site.controls) {
                p { a href={ "/checks/" (kind.word) "?of=simulation" } { "Fill in the simulation’s own party" } ", to see what a run looks like." }
            }
            (view::form(site, &format!("/checks/{}", kind.word), &html! {
                @for field in kind.fields { (input(kind, field, form.fields)) }
                details open[kind.more.iter().any(|it| is_filled(it, form.fields))] {
                    summary { "More options" }
                    @for field in kind.more { (input(kind, field, form.fields)) }
                }
                div.field { div.choice {
                    input id=(CONFIRMED) name=(CONFIRMED) type="checkbox" value="yes" required checked[form.fields.contains_key(CONFIRMED)];
                    label for=(CONFIRMED) { "This is a test system, and its owner agrees to the check" }
                } }
                div.buttons { button.primary type="submit" { "Run the Check" } }
            }))
        }
    };
    view::frame(site, kind.title, &body)
}

fn registration(kind: &Kind, played: &Played, is_temporary: bool) -> Markup {
    html! {
        section.card aria-labelledby="register-title" {
            h2 id="register-title" { "1. Register the " (played.name) " that the check plays" }
            p { (played.instruction) }
            p { a href={ "/checks/" (kind.word) "/metadata.xml" } { "Download the metadata to register (" (played.file) ")" } }
            @if is_temporary {
                p.none {
                    "Its key is lost when this simulation stops. To register it only once, start the \
                     simulation with " code { "--checks-folder FOLDER" } "."
                }
            }
        }
    }
}

fn is_filled(field: &Field, filled: &HashMap<String, String>) -> bool {
    let value = filled.get(field.name());
    value.is_some_and(|it| !it.is_empty())
}

fn input(kind: &Kind, field: &Field, filled: &HashMap<String, String>) -> Markup {
    let name = field.name();
    let value = filled.get(name).map_or("", String::as_str);
    let label = html! {
        label for=(name) {
            (field.label)
            @if !field.hint.is_empty() || !field.is_required {
                " " span.optional { "(" (describe(field)) ")" }
            }
        }
    };
    match field.input {
        Input::Switch => html! {
            div.field { div.choice {
                input id=(name) name=(name) type="checkbox" value="yes" checked[!value.is_empty()];
                label for=(name) { (field.label) }
            } }
        },
        Input::Profile => html! {
            div.field {
                (label)
                select id=(name) name=(name) {
                    option value="" { "None: all checks of the specifications" }
                    @for profile in profiles(kind) {
                        option value=(profile.name) selected[value == profile.name] { (profile.name) ": " (profile.title) }
                    }
                }
            }
        },
        Input::DocumentOrUrl(_) | Input::Document(_) | Input::Lines => html! {
            div.field {
                (label)
                textarea id=(name) name=(name) rows="2" required[field.is_required] autocapitalize="off" spellcheck="false" { (value) }
            }
        },
        Input::Text | Input::Url | Input::UrlTemplate | Input::Pattern | Input::Secret(_) => {
            let form = match field.input {
                Input::Secret(_) => "password",
                Input::Url => "url",
                _ => "text",
            };
            html! {
                div.field {
                    (label)
                    input id=(name) name=(name) type=(form) required[field.is_required] autocomplete="off" autocapitalize="off" spellcheck="false" value=(value);
                }
            }
        }
    }
}

/// Returns what stands in brackets behind the label.
fn describe(field: &Field) -> String {
    match (field.is_required, field.hint) {
        (true, hint) => hint.to_owned(),
        (false, "") => "optional".to_owned(),
        (false, hint) => format!("optional; {hint}"),
    }
}

/// Returns the profiles that have requirements for this kind of check.
fn profiles(kind: &Kind) -> impl Iterator<Item = &'static Profile> {
    let is_of_kind = |it: &profile::Kind| it.name() == kind.word;
    let all = profile::profiles().iter();
    all.filter(move |profile| profile.kinds.iter().any(is_of_kind))
}

fn badge(state: &State) -> Markup {
    match state.end {
        None if state.is_stopping => html! { span.badge.wait { "Stopping" } },
        None => html! { span.badge.wait { "Running" } },
        Some(end) => match end.code {
            Some(0) => html! { span.badge.good { "No finding" } },
            Some(1) => html! { span.badge.bad { "Findings" } },
            Some(130 | 143) => html! { span.badge.wait { "Stopped" } },
            Some(_) => html! { span.badge.bad { "Could not judge" } },
            None => html! { span.badge.bad { "Killed" } },
        },
    }
}

/// Returns the page of a run; `text` is its text report.
pub(super) fn run(site: &Site, run: &Run, state: &State, text: &str) -> Markup {
    let is_temporary = site.checks.as_ref().is_some_and(Checks::is_temporary);
    let elapsed = state
        .end
        .map_or_else(|| run.started.elapsed(), |it| it.after);
    let place = format!("/checks/runs/{}", run.number);
    let body = html! {
        p { a href="/checks" { "All checks" } }
        div.title { h1 { "Run " (run.number) ": " (run.kind.title) } }
        dl {
            dt { "Target" } dd { (run.target) }
            dt { "Result" } dd { span role="status" { (badge(state)) } " " (counts(text)) }
            dt { "Time" } dd { (elapsed.as_secs()) " s" }
        }
        @match state.end {
            None => {
                pre tabindex="0" {
                    @if state.last.is_empty() { "Starting …" }
                    @for line in &state.last { (line) "\n" }
                }
                (view::form(site, &format!("{place}/stop"), &html! {
                    div.buttons { button type="submit" { @if state.is_stopping { "End at Once" } @else { "Stop" } } }
                }))
                p.none {
                    @if state.is_stopping {
                        "The check deletes what it created. Ending it at once leaves the rest at the server, and names it."
                    } @else {
                        "Stopping deletes what the check created, and reports what was judged so far."
                    }
                }
            }
            Some(_) => (result(run, state, &place, text))
        }
        section.card aria-labelledby="command-title" {
            h2 id="command-title" { "The same by command" }
            p {
                "For a terminal or a pipeline"
                @if !run.variables.is_empty() {
                    ". Set " @for (number, name) in run.variables.iter().enumerate() { @if number > 0 { " and " } code { (name) } } " first"
                }
                ":"
            }
            pre tabindex="0" { "cd " (quote_for_shell(&run.folder.display().to_string())) "\n" (run.command) }
            @if is_temporary {
                p.none { "This folder is removed when the simulation stops, with the keys of the registered metadata." }
            }
        }
    };
    view::frame(site, &format!("Run {}", run.number), &body)
}

fn result(run: &Run, state: &State, place: &str, text: &str) -> Markup {
    let label = |report: Report| match report {
        Report::Html => "Report with evidence (HTML)",
        Report::Text => "Text",
        Report::JUnit => "JUnit",
        Report::Sarif => "SARIF",
    };
    let findings = findings(text);
    html! {
        section.card aria-labelledby="report-title" {
            h2 id="report-title" { "Report" }
            @if text.trim().is_empty() {
                p.problems role="alert" { "Nothing was judged:" }
                pre tabindex="0" { @for line in &state.last { (name_fields(run.kind, line)) "\n" } }
            } @else {
                @if !findings.is_empty() {
                    ul { @for finding in findings.iter().take(SHOWN_FINDINGS) { li { (finding) } } }
                    @if findings.len() > SHOWN_FINDINGS {
                        p.none { "… and " (findings.len() - SHOWN_FINDINGS) " more, in the report." }
                    }
                }
                pre tabindex="0" { (summary(text)) }
                @if state.end.and_then(|it| it.code) == Some(0) {
                    p.none { "No finding does not mean that every check was performed: the report lists what was skipped, and why." }
                }
            }
            ul {
                @for report in Report::ALL.into_iter().filter(|it| run.has(*it)) {
                    li { a href={ (place) "/" (report.ending()) } { (label(report)) } }
                }
            }
            p { a href={ "/checks/" (run.kind.word) "?of=" (run.number) } { "Change the form and run it again" } }
        }
    }
}

/// Replaces the options in an error text with the labels of the form.
fn name_fields(kind: &Kind, line: &str) -> String {
    let mut line = line.to_owned();
    for field in kind.all_fields() {
        // `--user` begins `--user-template` too.
        let parts: Vec<&str> = line.split(field.option).collect();
        let mut named = String::new();
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                let goes_on = part.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '-');
                named += &match goes_on {
                    true => field.option.to_owned(),
                    false => format!("“{}”", field.label),
                };
            }
            named += part;
        }
        line = named;
    }
    line
}

/// Returns the findings of the text report with their titles, as it lists them: the worst first.
fn findings(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter(|it| it[0].starts_with("FAIL "));
    pairs
        .map(|it| format!("{}: {}", it[0].trim_start_matches("FAIL "), it[1].trim()))
        .collect()
}

/// Returns the last line of the text report: how many checks passed.
fn counts(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

/// Returns the last paragraph of the text report, which says what the findings mean.
fn summary(text: &str) -> &str {
    let text = text.trim_end();
    text.rsplit("\n\n").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_texts_name_the_fields_of_the_form() {
        let kind = Kind::of("scim").unwrap();
        assert_eq!(
            name_fields(kind, "Check --base-url; or give --ca FILE, not --domains."),
            "Check “SCIM base URL”; or give “Certificate authority” FILE, not --domains."
        );
    }

    #[test]
    fn the_summary_contains_all_findings() {
        let text = "rehearsal check sp — x\n\nFAIL A-01 (MUST, y)\n  Bad.\n  fix z\n\nFAIL A-02 (MUST, y)\n  Worse.\n\nAn attacker can log in.\nfirst finding: A-01\n9 checks: 7 passed\n";
        assert_eq!(
            findings(text),
            ["A-01 (MUST, y): Bad.", "A-02 (MUST, y): Worse."]
        );
        assert!(summary(text).starts_with("An attacker can log in."));
        assert_eq!(counts(text), "9 checks: 7 passed");
    }
}
