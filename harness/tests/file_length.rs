//! Tests that every source file is short enough to be read as a whole.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// Most lines of a source file.
const MOST: usize = 500;

/// Tables of data may be longer, each with the reason why it is one table.
const TABLES: [(&str, &str); 0] = [];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_source_file_has_at_most_500_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    sources(root, &mut files);
    assert!(files.len() > 500, "{}", files.len());
    let too_long: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let name = file.strip_prefix(root).unwrap().display().to_string();
            let lines = std::fs::read_to_string(file).unwrap().lines().count();
            let is_table = TABLES.iter().any(|(table, _)| *table == name);
            (lines > MOST && !is_table).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    assert!(
        too_long.is_empty(),
        "split these files by what they are about:\n{}",
        too_long.join("\n")
    );
}
