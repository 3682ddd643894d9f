//! Checks `docs/guide-to-code.md`: each procedure of the guide has a row, the
//! scenarios it names have the procedure's tag, and all files it names exist. Checks that
//! `scripts/guide/find.py` finds a sentence by four of its words.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::Path;
use std::process::Command;

use regex::Regex;
use rehearsal::procedures::PROCEDURES;

#[test]
fn each_procedure_names_its_scenarios_and_its_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/guide-to-code.md")).unwrap();
    let named = Regex::new("`([^`]+)`").unwrap();
    for (id, _) in PROCEDURES {
        let start = format!("| {id} |");
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row for {id}"));
        let mut columns = row.split(" | ").skip(2);
        let (scenarios, code) = (columns.next().unwrap(), columns.next().unwrap());
        for feature in named.captures_iter(scenarios) {
            let text = std::fs::read_to_string(root.join("features").join(&feature[1]));
            assert!(
                text.unwrap().contains(&format!("@{id}")),
                "{id}: {}",
                &feature[1]
            );
        }
        for path in named.captures_iter(code) {
            assert!(root.join(&path[1]).exists(), "{id}: {}", &path[1]);
        }
        assert!(named.is_match(scenarios) && named.is_match(code), "{id}");
    }
}

#[test]
fn each_file_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let named = Regex::new("`([a-z][a-z0-9_/-]+\\.rs)`").unwrap();
    for place in ["docs/guide-to-code.md", "scripts/guide/words.tsv"] {
        let page = std::fs::read_to_string(root.join(place)).unwrap();
        for path in named.captures_iter(&page) {
            let path = &path[1];
            assert!(
                root.join(path).exists(),
                "{place}: file not found: {path}: write the path from the root"
            );
        }
    }
}

#[test]
fn a_sentence_of_the_guide_is_found_by_four_of_its_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let find = |arguments: &[&str]| {
        let mut command = Command::new("python3");
        command.arg(root.join("scripts/guide/find.py"));
        command.args(arguments).output()
    };
    let Ok(tested) = find(&["--test"]) else {
        assert!(std::env::var_os("CI").is_none(), "no python3");
        eprintln!("skipped: no python3");
        return;
    };
    let text = String::from_utf8_lossy(&tested.stdout).into_owned();
    assert!(tested.status.success(), "{text}");
    let found = find(&["green", "grey", "colored"]).unwrap();
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(text.starts_with("`sp/src/configurator/mod.rs`"), "{text}");
}
