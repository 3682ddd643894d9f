//! Sets the version of the build: version number, commit and target. It contains no date, so that
//! the same sources give the same binary.
//!
//! The commit comes from `REHEARSAL_COMMIT` (for container images, which are built without a
//! repository), or else from git, or else from the package (`cargo package` stores it), or else it
//! is left out. A release build reads the commit again
//! after each commit. A development build reads it only when this package changes, because reading
//! it after each commit would recompile the package and all its tests; its version therefore says
//! "or later".

use std::env;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    list("fixtures/profiles", "FILES", "profiles.rs");
    list("fixtures/people", "PEOPLE", "people.rs");
    list_acts();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-env-changed=REHEARSAL_COMMIT");
    let release = variable("PROFILE") == "release";
    let given = env::var("REHEARSAL_COMMIT").ok();
    let commit = match given.filter(|commit| !commit.trim().is_empty()) {
        Some(commit) => Some(commit.trim().to_owned()),
        None => {
            if release {
                watch_commits();
            }
            let checkout = commit_of_checkout().map(|commit| match release {
                true => commit,
                false => format!("{commit} or later"),
            });
            checkout.or_else(commit_of_package)
        }
    };
    let mut parts = vec![commit.unwrap_or_else(|| "commit unknown".to_owned())];
    parts.push(variable("TARGET"));
    if !release {
        parts.push("development build".to_owned());
    }
    println!(
        "cargo::rustc-env=REHEARSAL_VERSION={} ({})",
        variable("CARGO_PKG_VERSION"),
        parts.join(", ")
    );
}

/// Writes a constant with the name of each folder under `fixtures/scim` that has an `acts.json`, and
/// its text.
fn list_acts() {
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
    write("acts.rs", &list);
}

/// Writes a constant with the name and text of each TOML file of a folder, so that a new profile or
/// preset needs only a new file.
fn list(folder: &str, constant: &str, out: &str) {
    let folder = find_folder(folder);
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = std::fs::read_dir(&folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .collect();
    files.sort();
    let mut list = format!("const {constant}: &[(&str, &str)] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let stem = file.file_stem().unwrap_or_default();
        let _ = writeln!(list, "    ({stem:?}, include_str!({file:?})),");
    }
    list.push_str("];\n");
    write(out, &list);
}

fn write(name: &str, text: &str) {
    let out = Path::new(&variable("OUT_DIR")).join(name);
    if let Err(error) = std::fs::write(&out, text) {
        println!("cargo::error=cannot write {}: {error}", out.display());
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// Runs git and returns its output without the last line break. Returns `None` without git, outside
/// a repository, and if the repository belongs to another project (these sources were unpacked
/// inside it).
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

/// Returns the commit that `cargo package` stored in a packaged crate.
fn commit_of_package() -> Option<String> {
    let path = Path::new(&variable("CARGO_MANIFEST_DIR")).join(".cargo_vcs_info.json");
    let text = std::fs::read_to_string(path).ok()?;
    let (_, after) = text.split_once("\"sha1\"")?;
    let commit = after.split('"').nth(1)?.get(..12)?;
    Some(match text.contains("\"dirty\": true") {
        true => format!("{commit} with changes"),
        false => commit.to_owned(),
    })
}

fn commit_of_checkout() -> Option<String> {
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let clean = git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Some(match clean {
        true => commit,
        false => format!("{commit} with changes"),
    })
}

/// Rebuilds when a commit moves the branch or a check-out moves HEAD.
fn watch_commits() {
    let mut names = vec!["HEAD".to_owned(), "packed-refs".to_owned()];
    names.extend(git(&["symbolic-ref", "--quiet", "HEAD"]));
    for name in names {
        if let Some(path) = git(&["rev-parse", "--git-path", &name]).map(PathBuf::from)
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={}", path.display());
        }
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
