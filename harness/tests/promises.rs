//! What users' scripts rely on stays: the ids of checks, the flags of commands, the members of the
//! JSON formats, codes and environment variables (docs/compatibility.md). `promises/kept.txt` lists
//! what a release has promised, and the page docs/codes.md what has no page of its own.
#![allow(clippy::unwrap_used)]

mod running;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use rehearsal::check::profile::{Kind, profiles};
use rehearsal::schemas;
use running::Up;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promises/kept.txt")
}

/// Adds the members that a schema describes, with their paths. References are followed once,
/// because a schema may contain itself.
fn members(schema: &Value, root: &Value, path: &str, seen: &[&str], all: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        if !seen.contains(&reference) {
            let target = root.pointer(reference.trim_start_matches('#')).unwrap();
            members(target, root, path, &[seen, &[reference]].concat(), all);
        }
        return;
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        all.insert(format!("member {path}"));
        members(member, root, &path, seen, all);
    }
    if schema["items"].is_object() {
        members(&schema["items"], root, &format!("{path}[]"), seen, all);
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        for schema in schema[choice].as_array().into_iter().flatten() {
            members(schema, root, path, seen, all);
        }
    }
}

/// Adds the members of a JSON value, with their paths.
fn value_members(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        all.insert(format!("member {path}"));
        value_members(member, &path, all);
    }
    for item in value.as_array().into_iter().flatten() {
        value_members(item, &format!("{path}[]"), all);
    }
}

/// Returns the Rust sources below these folders of the repository.
fn sources(folders: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut todo: Vec<PathBuf> = folders.iter().map(|it| root.join(it)).collect();
    let mut text = String::new();
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

/// Adds the codes of errors in reports and of problems of the portal, and the environment
/// variables: what stands in the sources, because no type lists them.
fn names_in_sources(all: &mut BTreeSet<String>) {
    let mut add = |kind: &str, folders: &[&str], pattern: &str| {
        let text = sources(folders);
        for found in Regex::new(pattern).unwrap().captures_iter(&text) {
            all.insert(format!("{kind} {}", &found[1]));
        }
    };
    let checks = ["conformance/src", "harness/src"];
    add("error", &checks, r#"SetUpError::new\(\s*"([a-z-]+)""#);
    let scim = ["conformance/src/check/scim"];
    add("error", &scim, r#"=> \(\s*"([a-z-]+)",\s*""#);
    let portal = ["sp/src"];
    let problem = r#"Problem::new\(\s*StatusCode::\w+,\s*"([a-z-]+)""#;
    add("problem", &portal, problem);
    add(
        "problem",
        &["sp/src/refusal"],
        r#"(?m)^    [A-Z_]+ "([a-z-]+)""#,
    );
    let programs = [&checks[..], &portal, &["mock-idp/src", "desktop-sim/src"]].concat();
    add("variable", &programs, r#"env = "([A-Z_]+)""#);
    // The arms of each `fn code`, and the pairs of a status and a code.
    let text = sources(&["sp/src", "ambient/src"]);
    let functions = Regex::new(r"(?s)fn code\(&self\) -> &'static str \{(.*?)\n    \}").unwrap();
    let arm = Regex::new(r#"=> "([a-z-]+)""#).unwrap();
    for function in functions.captures_iter(&text) {
        for found in arm.captures_iter(&function[1]) {
            all.insert(format!("problem {}", &found[1]));
        }
    }
    let pair = Regex::new(r#"\(StatusCode::[A-Z_]+, "([a-z-]+)"\)"#).unwrap();
    for found in pair.captures_iter(&text) {
        all.insert(format!("problem {}", &found[1]));
    }
    for code in saml::acceptance::Code::ALL {
        all.insert(format!("problem {}", code.name()));
    }
}

/// Adds the flags of each command, from its man page.
fn flags(all: &mut BTreeSet<String>) {
    let folder = tempfile::tempdir().unwrap();
    let written = Command::new(env!("CARGO_BIN_EXE_rehearsal"))
        .arg("man")
        .arg(folder.path())
        .output();
    assert!(written.unwrap().status.success());
    let flag = Regex::new(r"(?m)^\\fB.*?(\\-\\-[a-z\\-]+)\\fR").unwrap();
    for page in std::fs::read_dir(folder.path()).unwrap() {
        let page = page.unwrap().path();
        let command = page.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&page).unwrap();
        for found in flag.captures_iter(&text) {
            all.insert(format!("flag {command} {}", found[1].replace('\\', "")));
        }
    }
}

/// Adds the digest of each migration: databases of older versions have its checksum.
fn migrations(all: &mut BTreeSet<String>) {
    for party in ["sp", "mock-idp"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{party}/migrations"));
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let digest = Sha256::digest(std::fs::read(file.path()).unwrap());
            let digest: String = digest[..8].iter().map(|it| format!("{it:02x}")).collect();
            let name = file.file_name();
            all.insert(format!("migration {party} {} {digest}", name.display()));
        }
    }
}

async fn current() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let folder = tempfile::tempdir().unwrap();
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/seed.toml");
    let up = Up::start_in(folder.path(), &["--tls", "--seed", seed.to_str().unwrap()]).await;
    value_members(&up.ready, "ready", &mut all);
    up.kill().await;
    names_in_sources(&mut all);
    for check in Kind::ALL.into_iter().flat_map(Kind::checks) {
        all.insert(format!("check {}", check.id));
    }
    for profile in profiles() {
        all.insert(format!("profile {}", profile.name));
    }
    for (name, text) in [
        ("seed", schemas::SEED),
        ("checks", schemas::CHECKS),
        ("expected", schemas::EXPECTED),
        ("trace", schemas::TRACE),
        ("snapshot", schemas::SNAPSHOT),
        ("load", schemas::LOAD),
    ] {
        let schema: Value = serde_json::from_str(text).unwrap();
        members(&schema, &schema, name, &[], &mut all);
    }
    flags(&mut all);
    migrations(&mut all);
    all
}

/// Returns the page that lists codes, variables and the members of the ready file.
fn page(current: &BTreeSet<String>) -> String {
    let mut page = String::from(
        "# Codes, variables, ready file\n\nThese names [stay the same](compatibility.md). New ones may be added.\n",
    );
    for (kind, heading, about) in [
        (
            "error ",
            "Errors of checks",
            "`error.code` in a report, when a check could not judge anything (exit status 2):",
        ),
        (
            "problem ",
            "Problems of the portal",
            "`code` in the answers of the portal's API, in its audit log and on the page of a refused login:",
        ),
        (
            "variable ",
            "Environment variables",
            "Each stands for a flag; `--help` of the command names both:",
        ),
        (
            "member ready.",
            "Ready file",
            "The members of the file that `rehearsal up --ready-file` writes; `[]` is each item of an array, and `tls` is null without `--tls`:",
        ),
    ] {
        page.push_str(&format!("\n## {heading}\n\n{about}\n\n"));
        for name in current.iter().filter_map(|it| it.strip_prefix(kind)) {
            page.push_str(&format!("- `{name}`\n"));
        }
    }
    page
}

/// Before a release, `REHEARSAL_WRITE_PROMISES=1` adds what is new. It removes nothing: a line is
/// taken out by hand, in the major version that ends the promise.
#[tokio::test]
async fn every_promise_is_kept() {
    let kept = std::fs::read_to_string(file()).unwrap_or_default();
    let kept: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
    let current = current().await;
    for kind in [
        "check ",
        "error ",
        "flag ",
        "member ready.",
        "member checks.",
        "migration ",
        "problem ",
        "profile ",
        "variable ",
    ] {
        assert!(current.iter().any(|it| it.starts_with(kind)), "{kind}");
    }
    let gone: Vec<&String> = kept.difference(&current).collect();
    assert!(gone.is_empty(), "promised and gone: {gone:#?}");
    if std::env::var_os("REHEARSAL_WRITE_PROMISES").is_some() {
        let all: Vec<String> = kept.union(&current).cloned().collect();
        std::fs::create_dir_all(file().parent().unwrap()).unwrap();
        std::fs::write(file(), all.join("\n") + "\n").unwrap();
    }
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/codes.md");
    if std::env::var_os("REHEARSAL_WRITE_DOCS").is_some() {
        std::fs::write(&written, page(&current)).unwrap();
    }
    assert!(
        std::fs::read_to_string(&written).unwrap_or_default() == page(&current),
        "codes.md is out of date: run this test with REHEARSAL_WRITE_DOCS=1"
    );
}

/// The module for Testcontainers reads members of the ready file by name.
#[test]
fn the_module_for_testcontainers_reads_members_that_are_promised() {
    let module = sources(&["examples/testcontainers/src"]);
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/codes.md"));
    let page = page.unwrap();
    let pointer = Regex::new(r#"self\.text\("/([a-z_/]+)"\)"#).unwrap();
    let mut read = 0;
    for found in pointer.captures_iter(&module) {
        let member = found[1].replace('/', ".");
        assert!(page.contains(&format!("- `{member}`\n")), "{member}");
        read += 1;
    }
    assert!(read > 5, "{read}");
}
