//! Runs the examples under `examples/` whose language is installed.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

// The page has narrower lines than rustfmt writes, and the examples are compared with it.
#[rustfmt::skip]
#[path = "examples/from_rust.rs"]
mod from_rust;
#[path = "../examples/sign_on.rs"]
mod sign_on;

use std::path::Path;
use std::process::Command;

/// Runs an example, which prints who is logged in.
fn signs_on(program: &str, file: &str) {
    if Command::new(program).arg("--version").output().is_err() {
        println!("skipped: no {program}");
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/ready-file");
    let done = Command::new(program)
        .arg(path.join(file))
        .arg(env!("CARGO_BIN_EXE_rehearsal"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{file}: {said}\n{complaint}");
    assert_eq!(said.trim(), "grace@lumen.example", "{file}: {complaint}");
}

#[tokio::test]
async fn rust() {
    assert_eq!(sign_on::sign_on().await.unwrap(), "grace@lumen.example");
}

#[test]
fn the_examples_of_the_page_are_those_that_are_compiled() {
    let compiled = include_str!("examples/from_rust.rs");
    let page = include_str!("../../docs/from-rust.md");
    let blocks = page.split("```rust,ignore\n").skip(1);
    let blocks: Vec<&str> = blocks.filter_map(|it| it.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        assert!(compiled.contains(block), "not compiled: {block}");
    }
}

#[test]
fn python() {
    signs_on("python3", "sign_on.py");
}

#[test]
fn node() {
    signs_on("node", "sign_on.mjs");
}

#[test]
fn java() {
    signs_on("java", "SignOn.java");
}
