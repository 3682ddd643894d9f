//! Writes the list of the SCIM clients, so that a new folder under `fixtures/scim` needs no other change.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = find_folder("fixtures/scim");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let files = entries.filter_map(|entry| Some(entry.ok()?.path().join("acts.json")));
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    files.sort();
    let mut list = String::from("const ACTS: &[(&str, &str)] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
        let _ = writeln!(list, "    ({folder:?}, include_str!({file:?})),");
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("acts.rs");
    if let Err(error) = std::fs::write(&out, list) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}

/// Returns a folder of the repository that this package links to: the link, or the folder itself
/// where the check-out has no symbolic links (Windows).
fn find_folder(name: &str) -> PathBuf {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let link = package.join(name);
    match link.is_dir() {
        true => link,
        false => package.join("..").join(name),
    }
}
