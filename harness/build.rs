//! Tells the compiler where the folders of the repository are whose files the command contains.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        "cargo::rustc-env=REHEARSAL_FEATURES={}",
        find_folder("features").display()
    );
    // The schemas are part of the book.
    let schemas = find_folder("schemas");
    let schemas = match schemas.is_dir() {
        true => schemas,
        false => find_folder("docs/schemas"),
    };
    println!("cargo::rustc-env=REHEARSAL_SCHEMAS={}", schemas.display());
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
