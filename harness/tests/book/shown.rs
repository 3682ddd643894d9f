//! The published versions on which `scripts/interop/holes.sh` shows a fault.

use std::collections::BTreeMap;
use std::path::Path;

/// Maps the id of a check to the rows of `holes.tsv` for it: the vulnerability, and the vulnerable
/// version with its vulnerable dependency.
pub(crate) fn read(root: &Path) -> BTreeMap<String, Vec<String>> {
    let path = root.join("scripts/interop/holes/holes.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [hole, _, vulnerable, _, below, check] = columns[..] else {
            panic!("holes.tsv: expected six columns, got {line}");
        };
        let below = below.split_once(" -> ").map(|(vulnerable, _)| vulnerable);
        let below = below.map_or_else(String::new, |below| format!(", {below}"));
        // The column has several words: the last one that is no option is the id of the check that sends
        // the message.
        let mut words = check.split(' ').rev();
        let id = words.find(|it| !it.starts_with("--")).unwrap();
        let row = format!("{hole} ({vulnerable}{below})");
        shown.entry(id.to_owned()).or_default().push(row);
    }
    shown
}

/// Returns the line about a fault in the list of checks.
pub(crate) fn line(shown: &BTreeMap<String, Vec<String>>, id: &str) -> String {
    match shown.get(id) {
        Some(rows) => format!("- **Shown on:** {}\n", rows.join("; ")),
        None => "- **Not shown** on a published version\n".to_owned(),
    }
}
