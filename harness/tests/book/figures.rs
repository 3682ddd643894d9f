//! The numbers of checks, faults and scenarios that the pages name are the real ones.

use regex::Regex;

use super::{docs, pages, read};

/// Returns the number before these words in a text.
pub(crate) fn figure(text: &str, words: &str) -> usize {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let pattern = format!(r"(\d+) {}", regex::escape(words));
    let found = Regex::new(&pattern).unwrap().captures(&joined);
    let found = found.unwrap_or_else(|| panic!("no figure before \"{words}\""));
    found[1].parse().unwrap()
}

#[test]
fn the_figures_in_the_readme_are_the_real_ones() {
    let readme = std::fs::read_to_string(docs().join("../README.md")).unwrap();
    let sp = rehearsal::check::sp::catalogue().unwrap();
    let controls = sp.iter().filter(|it| it.id.contains("-GOOD-")).count();
    let faults = faults::catalogue().unwrap().len();
    let idp = rehearsal::check::idp::catalogue().len();
    let scim = rehearsal::check::scim::catalogue().len();
    let scenarios = rehearsal::scenario::catalogue::cases(None).unwrap();
    let before_controls = format!("checks: {controls} valid");
    for (words, real) in [
        (before_controls.as_str(), sp.len()),
        ("valid Responses that", controls),
        ("faults that it must refuse,", faults),
        ("checks of requests,", sp.len() - controls - faults),
        ("checks | | `rehearsal check scim`", idp),
        ("checks, and deletes", scim),
        (
            "checks: whether a person",
            rehearsal::check::leaver::catalogue().len(),
        ),
        ("scenarios under", scenarios.len()),
    ] {
        assert_eq!(figure(&readme, words), real, "figure before \"{words}\"");
    }
}

/// Returns the pages that describe the current version, with the README: pages about results of a
/// certain day have the figures of that day.
fn current_pages() -> Vec<(String, String)> {
    let pages = pages().into_iter();
    let current = pages.filter(|page| {
        let of_its_day = ["interop/", "decisions/", "checks/"];
        !of_its_day.iter().any(|folder| page.starts_with(folder))
    });
    let mut all: Vec<(String, String)> = current.map(|page| (page.clone(), read(&page))).collect();
    let readme = std::fs::read_to_string(docs().join("../README.md")).unwrap();
    all.push(("README.md".to_owned(), readme));
    all
}

/// An example of a report has as many checks as a run.
#[test]
fn the_figures_in_examples_of_reports_are_possible() {
    let sizes = [
        rehearsal::check::sp::catalogue().unwrap().len(),
        rehearsal::check::idp::catalogue().len(),
        rehearsal::check::scim::catalogue().len(),
        rehearsal::check::leaver::catalogue().len(),
    ];
    let summary = r"(\d+) checks: (\d+) passed, (\d+) skipped, (\d+) warnings?, (\d+) findings?";
    let summary = Regex::new(summary).unwrap();
    let mut seen = 0;
    for (page, text) in current_pages() {
        for found in summary.captures_iter(&text) {
            let number = |at: usize| found[at].parse::<usize>().unwrap();
            let (all, parts) = (number(1), (2..=5).map(number).sum::<usize>());
            assert_eq!(all, parts, "{page}: {}", &found[0]);
            assert!(sizes.contains(&all), "{page}: {}", &found[0]);
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn the_number_of_faults_and_of_oauth_checks_is_the_same_on_every_page() {
    let scim = rehearsal::check::scim::catalogue();
    let oauth = scim.iter().filter(|it| it.id.starts_with("SCIM-OAUTH-"));
    for (words, real) in [
        (r"(\d+) faults", faults::catalogue().unwrap().len()),
        (r"(\d+) checks `SCIM-OAUTH`", oauth.count()),
    ] {
        let pattern = Regex::new(words).unwrap();
        let pages = current_pages();
        let all = pages.iter().flat_map(|(page, text)| {
            let found = pattern.captures_iter(text);
            found.map(move |found| (page, found[1].parse::<usize>().unwrap()))
        });
        let all: Vec<_> = all.collect();
        assert!(!all.is_empty(), "{words}");
        for (page, figure) in all {
            assert_eq!(figure, real, "{page}: {words}");
        }
    }
}
