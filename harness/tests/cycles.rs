//! Tests that the files of these folders have no import cycles, so that each can be read
//! with only the files that it imports.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

/// The folders, and the path of their module.
const FOLDERS: [(&str, &str); 6] = [
    ("conformance/src/check/idp", "crate::check::idp"),
    ("conformance/src/check/scim", "crate::check::scim"),
    ("conformance/src/check/sp", "crate::check::sp"),
    ("conformance/src/check/runner", "crate::check::runner"),
    ("mock-idp/src/http/console", "crate::http::console"),
    ("sp/src/http/pages", "crate::http::pages"),
];

/// Reads the files of a folder, by module path. `mod.rs` is left out: a parent declares its
/// children, and they may use its items.
fn files(folder: &Path, module: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files(&path, &format!("{module}::{name}"), found);
        } else if path.extension().is_some_and(|it| it == "rs") && name != "mod" {
            let text = std::fs::read_to_string(&path).unwrap();
            found.insert(format!("{module}::{name}"), text);
        }
    }
}

/// Returns the paths of a `use`: `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn expand(import: &str) -> Vec<String> {
    let Some((front, rest)) = import.split_once('{') else {
        let path = import.split(" as ").next().unwrap_or_default();
        return vec![path.trim().to_owned()];
    };
    let inner = rest.trim_end().trim_end_matches('}');
    let mut depth = 0;
    let parts = inner.split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts
        .filter(|part| !part.trim().is_empty())
        .flat_map(|part| expand(&format!("{}{}", front.trim(), part.trim())))
        .collect()
}

/// Returns the path from the root of the crate.
fn absolute(path: &str, module: &str) -> String {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut rest = path;
    loop {
        if let Some(above) = rest.strip_prefix("super::") {
            base.pop();
            rest = above;
        } else if let Some(here) = rest.strip_prefix("self::") {
            rest = here;
        } else {
            break;
        }
    }
    if rest.starts_with("crate::") {
        rest.to_owned()
    } else {
        format!("{}::{rest}", base.join("::"))
    }
}

#[test]
fn no_import_cycles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let comment = Regex::new("//[^\n]*").unwrap();
    let import = Regex::new(r"\buse\s+([^;]+);").unwrap();
    let named = Regex::new(r"\b(?:crate|super|self)(?:::\w+)+").unwrap();
    for (folder, module) in FOLDERS {
        let mut all = BTreeMap::new();
        files(&root.join(folder), module, &mut all);
        assert!(all.len() > 5, "{folder}");
        let mut open: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (module, text) in &all {
            let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
            let text = comment.replace_all(text, "");
            let uses = import.captures_iter(&text).flat_map(|it| expand(&it[1]));
            let paths = named.find_iter(&text).map(|it| it.as_str().to_owned());
            let mut imported = BTreeSet::new();
            for path in uses.chain(paths) {
                let path = absolute(&path, module);
                let is_of =
                    |other: &&String| path == **other || path.starts_with(&format!("{other}::"));
                imported.extend(all.keys().filter(is_of).filter(|it| *it != module).cloned());
            }
            open.insert(module, imported);
        }
        // Repeatedly removes modules that import none of the rest, and modules that none of
        // the rest imports.
        loop {
            let left: BTreeSet<String> = open.keys().map(|it| (*it).to_owned()).collect();
            let imported: BTreeSet<String> = open.values().flatten().cloned().collect();
            open.retain(|module, imports| {
                imported.contains(*module) && imports.iter().any(|it| left.contains(it))
            });
            if open.len() == left.len() {
                break;
            }
        }
        let names: Vec<_> = open.keys().collect();
        assert!(open.is_empty(), "a circle of imports among {names:?}");
    }
}
