//! The language of sources and documents: refuses wordings that readers did not understand
//! (CONTRIBUTING.md, "Language").
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use regex::Regex;

/// A pattern, and what to write instead.
const WORDINGS: [(&str, &str); 5] = [
    (
        r"[Ee]xpected [^\x22\n]*, came ",
        "write `expected A, got B`, or say what cannot be done",
    ),
    (
        r"\b(anew|lest|aloud|leavings)\b",
        "write `again`, `so that … not`, `in words`, `what is left`",
    ),
    (r"\*\*Mend:|\bMend:", "write `Fix:`"),
    (
        r"\bfn (shown|told|standing)\b",
        "name a function after what it returns, such as `user_to_json` or `roles_of`",
    ),
    (
        r"(?m)^[ \t]*(?:[^/ \t\n][^\n]*)?\n[ \t]*/// [A-Z][a-z]+\.$",
        "a comment of one word says less than the name: say what it is, with its unit",
    ),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "fixtures", "corpus"].contains(&name) {
                sources(&path, found);
            }
        } else if [".rs", ".md", ".feature"]
            .iter()
            .any(|end| name.ends_with(end))
            && !path.ends_with("tests/wording.rs")
        {
            found.push(path);
        }
    }
}

#[test]
fn sources_and_documents_are_in_plain_english() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    sources(root, &mut files);
    assert!(files.len() > 500, "{}", files.len());
    let mut wrong = Vec::new();
    for (wording, instead) in WORDINGS {
        let wording = Regex::new(wording).unwrap();
        for file in &files {
            let text = std::fs::read_to_string(file).unwrap();
            for found in wording.find_iter(&text) {
                let line = text[..found.start()].matches('\n').count() + 1;
                wrong.push(format!(
                    "{}:{line}: {:?}: {instead}",
                    file.strip_prefix(root).unwrap().display(),
                    found.as_str().trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
