//! Finds the running parties that a command works with: those of `--target` or
//! `REHEARSAL_TARGET`, otherwise those of the one `rehearsal up` that is running.
//!
//! Each `up` keeps a file in the user's runtime folder while it runs. It contains
//! credentials: only the user can read the folder and the file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::simulation::Controls;
use serde_json::Value;

use super::write_private;

/// The argument that names the running parties.
#[derive(Args)]
pub(crate) struct TargetArgument {
    /// Ready file of `rehearsal up`, or a target file [default: the running `rehearsal up`]
    #[arg(long, value_name = "READY.json", env = "REHEARSAL_TARGET")]
    target: Option<PathBuf>,
}

impl TargetArgument {
    /// Reads the target file.
    pub(crate) async fn read(&self) -> anyhow::Result<Value> {
        match &self.target {
            Some(path) => read_json(path),
            None => the_running_one().await,
        }
    }

    /// Returns the controls of the parties.
    pub(crate) async fn controls(&self) -> anyhow::Result<Controls> {
        Ok(Controls::read(&self.read().await?, admin_token(), None)?)
    }
}

/// Returns the token of the management API, if the target does not contain it. `mock-idp
/// serve` keeps it in the file that `MOCK_IDP_ADMIN_TOKEN_FILE` names.
pub(crate) fn admin_token() -> Option<String> {
    let given = std::env::var("MOCK_IDP_ADMIN_TOKEN").ok();
    let file = || {
        let path = std::env::var_os("MOCK_IDP_ADMIN_TOKEN_FILE")?;
        let text = std::fs::read_to_string(path).ok()?;
        Some(text.trim().to_owned())
    };
    given.filter(|token| !token.is_empty()).or_else(file)
}

fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("invalid target {}: expected JSON", path.display()))
}

/// The state file of a running `up`. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct StateFile(PathBuf);

impl StateFile {
    /// Writes the file; None if the user has no folder for it.
    pub(crate) fn write(ready: &str) -> Option<Self> {
        let folder = folder()?;
        create_private_folder(&folder).ok()?;
        let path = folder.join(format!("up-{}.json", std::process::id()));
        write_private(&path, ready).ok()?;
        Some(Self(path))
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Returns `$XDG_RUNTIME_DIR`, otherwise the user's cache folder.
fn folder() -> Option<PathBuf> {
    let named = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let base = named("XDG_RUNTIME_DIR")
        .or_else(|| named("XDG_CACHE_HOME"))
        .or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(base.join("rehearsal"))
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

async fn the_running_one() -> anyhow::Result<Value> {
    let mut running = Vec::new();
    for path in folder().iter().flat_map(|folder| state_files(folder)) {
        let Ok(told) = read_json(&path) else { continue };
        let Ok(controls) = Controls::read(&told, None, None) else {
            continue;
        };
        if controls.is_running().await {
            running.push((path, told));
        } else {
            // A killed `up` left this file behind.
            let _ = std::fs::remove_file(&path);
        }
    }
    match running.len() {
        0 => bail!(
            "no running `rehearsal up` found; start one, or name its ready file by --target or REHEARSAL_TARGET"
        ),
        1 => {
            let told = running.remove(0).1;
            // It may be one that somebody else started.
            let portal = told["sp"]["base_url"].as_str().unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "using the running portal {portal}");
            Ok(told)
        }
        _ => {
            let mut lines = String::new();
            for (path, told) in &running {
                let portal = told["sp"]["base_url"].as_str().unwrap_or_default();
                lines.push_str(&format!(
                    "\n  --target {}  (portal {portal})",
                    path.display()
                ));
            }
            bail!(
                "{} `rehearsal up` are running; choose one:{lines}",
                running.len()
            )
        }
    }
}

fn state_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("up-") && name.ends_with(".json"))
        })
        .collect();
    paths.sort();
    paths
}
