//! What users' scripts rely on stays: the ids of checks, the flags of commands, and the members of
//! the JSON formats (docs/compatibility.md). `promises/kept.txt` lists what a release has promised.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use rehearsal::check::profile::{Kind, profiles};
use rehearsal::schemas;
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

fn current() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
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

/// Before a release, `REHEARSAL_WRITE_PROMISES=1` adds what is new. It removes nothing: a line is
/// taken out by hand, in the major version that ends the promise.
#[test]
fn every_promise_is_kept() {
    let kept = std::fs::read_to_string(file()).unwrap_or_default();
    let kept: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
    let current = current();
    for kind in ["check ", "flag ", "member ", "migration ", "profile "] {
        assert!(current.iter().any(|it| it.starts_with(kind)), "{kind}");
    }
    let gone: Vec<&String> = kept.difference(&current).collect();
    assert!(gone.is_empty(), "promised and gone: {gone:#?}");
    if std::env::var_os("REHEARSAL_WRITE_PROMISES").is_some() {
        let all: Vec<String> = kept.union(&current).cloned().collect();
        std::fs::create_dir_all(file().parent().unwrap()).unwrap();
        std::fs::write(file(), all.join("\n") + "\n").unwrap();
    }
}
