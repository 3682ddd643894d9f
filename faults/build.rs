//! Lists the fixture files at build time, so that a new fault needs only a new file.

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let mut list = String::new();
    for (name, folder) in [
        ("FAULTS", "faults"),
        ("CONTROLS", "controls"),
        ("FLAVORS", "flavors"),
        ("SPACES", "spaces"),
        ("LOGOUT_SPACES", "logout-spaces"),
    ] {
        let folder = find_folder(&format!("fixtures/{folder}")).canonicalize()?;
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            })
            .collect();
        files.sort();
        let _ = writeln!(list, "const {name}: &[(&str, &str)] = &[");
        for file in files {
            println!("cargo::rerun-if-changed={}", file.display());
            let stem = file.file_stem().unwrap_or_default();
            let _ = writeln!(list, "    ({stem:?}, include_str!({file:?})),");
        }
        let _ = writeln!(list, "];");
    }
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    std::fs::write(Path::new(&out).join("files.rs"), list)
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
