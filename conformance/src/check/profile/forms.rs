//! Writes the assessment of a profile in each report format: requirement, checks, verdict.

use std::fmt::Write as _;

use maud::{Markup, html as markup};
use serde_json::{Value, json as object};

use super::{Assessment, Demand, RequirementResult, RequirementVerdict};
use crate::excerpt::excerpt;

/// Maximum length of a reason in a line, in characters.
const SHOWN: usize = 240;

/// Returns a sentence with the numbers of passed, failed and untested requirements.
fn sentence(assessment: &Assessment) -> String {
    let count = |verdict, level| assessment.count(verdict, level);
    let counts = |level: Option<Demand>| {
        format!(
            "{} passed, {} failed, {} not tested",
            count(RequirementVerdict::Passed, level),
            count(RequirementVerdict::Failed, level),
            count(RequirementVerdict::NotTested, level)
        )
    };
    let required = assessment.results.iter();
    let required = required.filter(|it| it.requirement.level == Demand::Required);
    format!(
        "{} requirements: {}; of {} required: {}",
        assessment.results.len(),
        counts(None),
        required.count(),
        counts(Some(Demand::Required))
    )
}

/// Returns why a requirement did not pass, or for a passed one, the measured figures or the
/// part that no check tests.
fn note(result: &RequirementResult) -> Option<String> {
    let beside = || {
        let beside = result.requirement.not_tested.as_ref()?;
        Some(format!("(not tested: {beside})"))
    };
    match result.verdict {
        RequirementVerdict::Passed => result.figure.clone().or_else(beside),
        _ => {
            let by = match result.decided_by.as_slice() {
                [] => String::new(),
                [id] => format!("{id}: "),
                [first, rest @ ..] => format!("{first} and {} more: ", rest.len()),
            };
            let expected = if result.is_expected {
                " (expected)"
            } else {
                ""
            };
            Some(format!("{by}{}{expected}", result.reason))
        }
    }
}

/// Returns the table for a terminal.
pub(in crate::check) fn terminal(assessment: &Assessment) -> String {
    let profile = assessment.profile;
    let mut out = format!(
        "\nprofile {} ({}; {}, read {})\n",
        profile.name, profile.source, profile.status, profile.read
    );
    let width = |text: fn(&RequirementResult) -> &str| {
        let all = assessment.results.iter();
        all.map(|it| text(it).chars().count()).max().unwrap_or(0)
    };
    let id = width(|it| &it.requirement.id);
    for result in &assessment.results {
        let requirement = result.requirement;
        let _ = writeln!(
            out,
            "  {:<10}  {:<11}  {:<id$}  {}",
            match result.verdict {
                RequirementVerdict::Failed => "FAILED",
                other => other.name(),
            },
            requirement.level.name(),
            requirement.id,
            requirement.name,
        );
        if let Some(note) = note(result) {
            let _ = writeln!(out, "  {:<25}{}", "", excerpt(&note, SHOWN));
        }
    }
    let _ = writeln!(out, "  {}", sentence(assessment));
    out
}

/// Returns the table for the summary of a GitHub job, in Markdown. `escaped` escapes text.
pub(in crate::check) fn markdown(
    assessment: &Assessment,
    escaped: impl Fn(&str) -> String,
) -> String {
    let mut out = format!(
        "\n### Profile {}\n\n{}\n\n| requirement | level | checks | verdict |\n|---|---|---|---|\n",
        escaped(&assessment.profile.name),
        escaped(&sentence(assessment))
    );
    for result in &assessment.results {
        let requirement = result.requirement;
        let note = note(result).map_or_else(String::new, |it| {
            format!("<br>{}", escaped(&excerpt(&it, SHOWN)))
        });
        let _ = writeln!(
            out,
            "| {} {} | {} | {} | {}{note} |",
            escaped(&requirement.id),
            escaped(&requirement.name),
            requirement.level.name(),
            escaped(&result.checks.join(", ")),
            result.verdict.name(),
        );
    }
    out
}

/// Returns the table for the HTML report.
pub(in crate::check) fn html(assessment: &Assessment) -> Markup {
    let profile = assessment.profile;
    markup! {
        section {
            h2 { "Profile " (profile.name) }
            p { b { (sentence(assessment)) } }
            p.quiet {
                (profile.title) ". Source: "
                @match &profile.url {
                    Some(url) => { a href=(url) rel="noreferrer" { (profile.source) } }
                    None => { (profile.source) }
                }
                ", " (profile.status) ", read " (profile.read) "."
            }
            table {
                thead { tr { th { "Requirement" } th { "Level" } th { "Checks" } th { "Verdict" } } }
                tbody { @for result in &assessment.results { (row(result)) } }
            }
        }
    }
}

fn row(result: &RequirementResult) -> Markup {
    let requirement = result.requirement;
    let class = match result.verdict {
        RequirementVerdict::Passed => "pass",
        RequirementVerdict::Failed => "fail",
        RequirementVerdict::NotTested => "skip",
    };
    markup! {
        tr {
            td data-label="Requirement" {
                code { (requirement.id) } " " (requirement.name)
                " " span.quiet { "(" (requirement.section) ")" }
            }
            td data-label="Level" { (requirement.level.name()) }
            td data-label="Checks" {
                @for id in &result.checks { a href={ "#" (id) } { (id) } " " }
            }
            td data-label="Verdict" {
                span class={ "v " (class) } { (result.verdict.name()) }
                @if let Some(note) = note(result) { " " (excerpt(&note, SHOWN)) }
            }
        }
    }
}

/// Returns the object for the JSON report.
pub(in crate::check) fn json(assessment: &Assessment) -> Value {
    let profile = assessment.profile;
    let results = assessment.results.iter().map(|result| {
        let requirement = result.requirement;
        let mut one = object!({
            "id": requirement.id,
            "name": requirement.name,
            "level": requirement.level,
            "section": requirement.section,
            "verdict": result.verdict,
            "checks": result.checks,
        });
        if !result.decided_by.is_empty() {
            one["decided_by"] = object!(result.decided_by);
        }
        if !result.reason.is_empty() {
            one["reason"] = object!(result.reason);
        }
        if let Some(figure) = &result.figure {
            one["figure"] = object!(figure);
        }
        if let Some(beside) = &requirement.not_tested {
            one["not_tested"] = object!(beside);
        }
        if let Some(id) = &result.blocked_by {
            one["blocked_by"] = object!(id);
        }
        if result.is_expected {
            one["expected"] = object!(true);
        }
        one
    });
    object!({
        "name": profile.name,
        "title": profile.title,
        "status": profile.status,
        "source": profile.source,
        "read": profile.read,
        "summary": {
            "passed": assessment.count(RequirementVerdict::Passed, None),
            "failed": assessment.count(RequirementVerdict::Failed, None),
            "not_tested": assessment.count(RequirementVerdict::NotTested, None),
        },
        "requirements": results.collect::<Vec<_>>(),
    })
}
