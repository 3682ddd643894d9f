//! The page that leads from the id of each check to its code and to the tests that fail without
//! it. Every check has both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rehearsal::check::Check;

const ABOUT: &str = "\
# Where each check is in the code

One row for each check: the files that define and judge it, and the tests that fail if it finds
nothing or too much. To find a check, search its id.

Faults and controls of `check sp` are data: the file under `fixtures/` describes the message,
`faults/src` makes it, and one function judges the answer to all faults (`deliver_fault` in
`conformance/src/check/sp/mod.rs`), another to all controls (`try_control` in
`conformance/src/check/sp/honest.rs`). So are the acts of SCIM clients: `conformance/src/check/scim/client_replay.rs`.
";

/// The function that judges all faults, and the test that breaks each of them: a service provider
/// that accepts what it should refuse for one reason.
const FAULT: (&str, &str) = (
    "conformance/src/check/sp/mod.rs",
    "harness/tests/check_sp.rs` (`each_hole_gives_exactly_its_findings`)",
);

/// The function that judges all controls, and the test that breaks each of them.
const CONTROL: (&str, &str) = (
    "conformance/src/check/sp/honest.rs",
    "harness/tests/check_sp.rs` (`each_control_that_is_refused_is_a_finding`)",
);

/// Checks that only profiles recommend or that contradict another one. No server of the tests fails
/// them alone.
pub(crate) const UNBROKEN: [&str; 9] = [
    "SCIM-PROFILE-06",
    "SCIM-PROFILE-09",
    "SCIM-PROFILE-29",
    "SCIM-PROFILE-31",
    "SCIM-PROFILE-45",
    "SCIM-PROFILE-47",
    "SCIM-PROFILE-61",
    "SCIM-PROFILE-62",
    "SCIM-PROFILE-64",
];

const UNBROKEN_WORDS: &str =
    "no server breaks it alone; `harness/tests/scim_profiles/mod.rs` runs it at correct servers";

/// The acts of SCIM clients.
const CLIENT: &str = "conformance/src/check/scim/client_replay.rs";

/// Reads all files below a folder of the project, except snapshots and documents.
fn read_files(root: &Path, below: &str, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            read_files(root, &path, files);
        } else if [".rs", ".toml", ".json"]
            .iter()
            .any(|it| path.ends_with(it))
        {
            files.insert(path, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// True if the text contains this id, and not only a longer one.
fn names(text: &str, id: &str) -> bool {
    text.match_indices(id).any(|(at, _)| {
        let next = text[at + id.len()..].chars().next();
        next.is_none_or(|it| !it.is_ascii_digit() && it != '-')
    })
}

/// Returns the files that name the check, in Markdown.
fn naming(files: &BTreeMap<String, String>, id: &str) -> Vec<String> {
    let naming = files.iter().filter(|(_, text)| names(text, id));
    naming.map(|(path, _)| format!("`{path}`")).collect()
}

/// Returns the page, and the checks without code or without a test.
pub(crate) fn page(root: &Path, checks: &[Check]) -> (String, Vec<String>) {
    let mut code = BTreeMap::new();
    for below in ["conformance/src", "fixtures/faults", "fixtures/controls"] {
        read_files(root, below, &mut code);
    }
    for below in [
        "fixtures/flavors",
        "fixtures/logout-spaces",
        "fixtures/scim",
    ] {
        read_files(root, below, &mut code);
    }
    let mut tests = BTreeMap::new();
    for below in ["harness/tests", "sp/tests", "faults/tests"] {
        read_files(root, below, &mut tests);
    }
    let is_book = |path: &String| path.starts_with("harness/tests/book");
    tests.retain(|path, _| path.ends_with(".rs") && !is_book(path));
    let mut page = format!("{ABOUT}\n| check | code | tests |\n|---|---|---|\n");
    let mut missing = Vec::new();
    for check in checks {
        let mut defined = naming(&code, &check.id);
        let mut tested = naming(&tests, &check.id);
        let is_in = |folder: &str| defined.iter().any(|it| it.starts_with(folder));
        let generic = match () {
            () if is_in("`fixtures/faults") => Some(FAULT),
            () if is_in("`fixtures/controls") || is_in("`fixtures/flavors") => Some(CONTROL),
            () => None,
        };
        if is_in("`fixtures/scim") {
            defined.push(format!("`{CLIENT}`"));
        }
        if let Some((judge, test)) = generic {
            defined.push(format!("`{judge}`"));
            tested.push(format!("`{test}"));
        }
        defined.sort();
        defined.dedup();
        if defined.is_empty() || tested.is_empty() {
            missing.push(check.id.clone());
        }
        if tested.is_empty() {
            tested.push(UNBROKEN_WORDS.to_owned());
        }
        let (defined, tested) = (defined.join(", "), tested.join(", "));
        writeln!(page, "| {} | {defined} | {tested} |", check.id).unwrap();
    }
    (page, missing)
}
