//! Tests that the sources compile on Windows as far as a machine with Linux can tell: what only one
//! operating system has is in files that are named after it, and each such file has a counterpart with
//! the same items.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Crates with the sources of the command.
const CRATES: [&str; 11] = [
    "ambient",
    "browser",
    "conformance",
    "desktop-sim",
    "faults",
    "harness",
    "mock-idp",
    "protocols/saml",
    "protocols/scim",
    "sp",
    "world",
];

/// Code that only Unix has, and that does not compile elsewhere.
const UNIX: [&str; 5] = [
    "std::os::unix",
    "std::os::linux",
    "signal::unix",
    "rustix",
    "libc::",
];

/// Code that only Windows has.
const WINDOWS: [&str; 4] = [
    "std::os::windows",
    "signal::windows",
    "creation_flags",
    "raw_arg",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for name in CRATES {
        sources(&root.join(name).join("src"), &mut files);
    }
    assert!(files.len() > 500, "{}", files.len());
    files
}

/// Returns what is wrong with a source file.
fn complaint(path: &Path, text: &str) -> Option<String> {
    let name = path.file_name().unwrap().to_string_lossy();
    let uses = |words: &[&'static str]| words.iter().find(|it| text.contains(**it)).copied();
    let place = path.display();
    match (&*name, uses(&UNIX), uses(&WINDOWS)) {
        ("unix.rs", _, None) | ("windows.rs", None, _) => None,
        (_, None, None) => {
            // A condition chooses a file. Within a function it is easily forgotten.
            let mut lines = text.lines().map(str::trim);
            while let Some(line) = lines.next() {
                let is_choice = ["#[cfg(unix)]", "#[cfg(windows)]"].contains(&line);
                let is_other =
                    line.contains("cfg(") && (line.contains("unix") || line.contains("windows"));
                let next = if is_choice { lines.next() } else { None };
                let chosen = next.is_some_and(|it| {
                    it.starts_with("mod ") || it.starts_with("use ") || it.starts_with("pub")
                });
                if (is_choice && !chosen) || (is_other && !is_choice) {
                    return Some(format!("{place}: {line} does not choose a file"));
                }
            }
            None
        }
        (_, Some(word), _) => Some(format!("{place}: {word} is not in a file unix.rs")),
        (_, _, Some(word)) => Some(format!("{place}: {word} is not in a file windows.rs")),
    }
}

/// Returns the names of the items that other files can use.
fn items(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let item =
        regex::Regex::new(r"(?m)^ *pub\([^)]*\) (?:async )?(?:fn|struct|type) (\w+)").unwrap();
    let found = item.captures_iter(text).map(|it| it[1].to_owned());
    found.collect()
}

#[test]
fn code_of_one_operating_system_is_in_files_of_its_name() {
    let complaints: Vec<String> = all_sources()
        .iter()
        .filter_map(|path| complaint(path, &std::fs::read_to_string(path).unwrap()))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn each_operating_system_has_the_same_items() {
    let files = all_sources();
    let unix: Vec<&PathBuf> = files.iter().filter(|it| it.ends_with("unix.rs")).collect();
    let windows = files.iter().filter(|it| it.ends_with("windows.rs")).count();
    assert!(unix.len() > 3, "{unix:?}");
    assert_eq!(unix.len(), windows);
    for path in unix {
        let counterpart = path.with_file_name("windows.rs");
        assert_eq!(items(path), items(&counterpart), "{}", path.display());
    }
}

#[test]
fn a_forgotten_operating_system_is_found() {
    let at = Path::new("src/file.rs");
    for (text, expected) in [
        (
            "use std::os::unix::fs::MetadataExt as _;",
            "not in a file unix.rs",
        ),
        ("command.raw_arg(x);", "not in a file windows.rs"),
        (
            "#[cfg(unix)]\noptions.mode(0o600);",
            "does not choose a file",
        ),
        ("#[cfg(not(unix))]\nmod other;", "does not choose a file"),
    ] {
        let said = complaint(at, text).unwrap();
        assert!(said.contains(expected), "{said}");
    }
    let choice = "#[cfg(unix)]\nmod unix;\n#[cfg(windows)]\npub use windows::run;";
    assert_eq!(complaint(at, choice), None);
    assert!(complaint(Path::new("src/unix.rs"), "std::os::windows").is_some());
}
