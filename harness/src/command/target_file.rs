//! Finds the running parties that a command works with: those of `--target` or
//! `REHEARSAL_TARGET`, otherwise those of the one `rehearsal up` that is running.
//!
//! Each `up` keeps a file in the user's runtime folder while it runs. It contains
//! credentials: only the user can read the folder and the file.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use rehearsal::simulation::Controls;
use serde_json::Value;

use super::write_private;

/// Member of the state file: the path of the ready file of the same `up`.
const READY_FILE: &str = "ready_file";

/// The argument that names the running parties.
#[derive(Args)]
pub(crate) struct TargetArgument {
    /// Ready file of `rehearsal up`, or a target file [default: the running `rehearsal up`]
    #[arg(long, value_name = "READY.json", env = "REHEARSAL_TARGET")]
    target: Option<PathBuf>,
}

/// The same, for commands whose first argument may name the file too.
#[derive(Args)]
pub(crate) struct ReadyArgument {
    /// File that `rehearsal up --ready-file` wrote, instead of --target and REHEARSAL_TARGET
    // No conflict: the environment variable may be set for all commands.
    #[arg(value_name = "READY.json")]
    ready: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgument,
}

impl ReadyArgument {
    /// Finds and reads the file.
    pub(crate) async fn find(&self) -> anyhow::Result<Found> {
        match &self.ready {
            Some(path) => Found::read(path),
            None => self.target.find().await,
        }
    }
}

/// A file with addresses and credentials of running parties.
pub(crate) struct Found {
    path: PathBuf,
    pub(crate) ready: Value,
}

impl Found {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut ready = read_json(path)?;
        add_control_secrets(&mut ready)?;
        Ok(Self {
            path: path.to_owned(),
            ready,
        })
    }

    /// Replaces the addresses and credentials: in this file, in the one that the running `up` keeps
    /// for other commands, and in the one that it wrote for `--ready-file`.
    pub(crate) fn replace(&self, ready: &Value) -> anyhow::Result<()> {
        let mut paths = BTreeSet::from([self.path.clone()]);
        for path in folder().iter().flat_map(|folder| state_files(folder)) {
            let Ok(kept) = read_json(&path) else { continue };
            if kept["sp"]["base_url"] == ready["sp"]["base_url"] {
                paths.extend(kept[READY_FILE].as_str().map(PathBuf::from));
                paths.insert(path);
            }
        }
        for path in paths {
            let mut written = ready.clone();
            let before = read_json(&path).unwrap_or_default();
            if let Some(name) = before.get(READY_FILE) {
                written[READY_FILE] = name.clone();
            } else if let Some(members) = written.as_object_mut() {
                members.remove(READY_FILE);
            }
            ambient::ready_file::update(&path, &written)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

impl TargetArgument {
    /// Finds and reads the file.
    pub(crate) async fn find(&self) -> anyhow::Result<Found> {
        match &self.target {
            Some(path) => Found::read(path),
            None => find_running().await,
        }
    }

    /// Reads the target file.
    pub(crate) async fn read(&self) -> anyhow::Result<Value> {
        Ok(self.find().await?.ready)
    }

    /// Returns the controls of the parties.
    pub(crate) async fn read_controls(&self) -> anyhow::Result<Controls> {
        Ok(Controls::read(&self.read().await?, admin_token(), None)?)
    }
}

/// Returns the token of the management API, if the target does not contain it. `mock-idp
/// serve` keeps it in the file that `MOCK_IDP_ADMIN_TOKEN_FILE` names.
pub(crate) fn admin_token() -> Option<String> {
    let given = std::env::var("MOCK_IDP_ADMIN_TOKEN").ok();
    let file = || {
        let path = std::env::var_os("MOCK_IDP_ADMIN_TOKEN_FILE")?;
        let text = ambient::text_file::read(path).ok()?;
        Some(text.trim().to_owned())
    };
    given.filter(|token| !token.is_empty()).or_else(file)
}

/// Adds the secrets of the control ports to a target that has none. `sp serve` and `mock-idp serve`
/// keep them in the files that `SP_CONTROL_SECRET_FILE` and `MOCK_IDP_CONTROL_SECRET_FILE` name.
pub(crate) fn add_control_secrets(target: &mut Value) -> anyhow::Result<()> {
    for (party, variable) in [
        ("sp", "SP_CONTROL_SECRET"),
        ("idp", "MOCK_IDP_CONTROL_SECRET"),
    ] {
        let Some(members) = target.get_mut(party).and_then(Value::as_object_mut) else {
            continue;
        };
        if !members.contains_key("control_url") || members.contains_key("control_secret") {
            continue;
        }
        let given = std::env::var(variable).ok();
        let secret = match given.filter(|secret| !secret.is_empty()) {
            Some(secret) => Some(secret),
            None => match std::env::var_os(format!("{variable}_FILE")) {
                Some(path) => ambient::secret_file::read(Path::new(&path))?,
                None => None,
            },
        };
        if let Some(secret) = secret {
            members.insert("control_secret".to_owned(), secret.into());
        }
    }
    Ok(())
}

/// Reads a file that `rehearsal up --ready-file` wrote, or another one with the same members.
pub(crate) fn read_json(path: &Path) -> anyhow::Result<Value> {
    let text = ambient::text_file::read(path).with_context(|| {
        format!(
            "cannot read {}; `rehearsal up --ready-file FILE` writes it and removes it at its end",
            path.display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "invalid target {}: expected the JSON that `rehearsal up --ready-file` writes",
            path.display()
        )
    })
}

/// The state file of a running `up`. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct StateFile(PathBuf);

impl StateFile {
    /// Writes the file; None if the user has no folder for it. `ready_file` is where the same was
    /// written for `--ready-file`.
    pub(crate) fn write(ready: &Value, ready_file: Option<&Path>) -> Option<Self> {
        let mut kept = ready.clone();
        if let Some(path) = ready_file.and_then(|path| std::path::absolute(path).ok()) {
            kept[READY_FILE] = path.to_string_lossy().into();
        }
        let ready = serde_json::to_string_pretty(&kept).ok()?;
        let folder = folder()?;
        ambient::private_folder::create(&folder).ok()?;
        let path = folder.join(format!("up-{}.json", std::process::id()));
        write_private(&path, &ready).ok()?;
        Some(Self(path))
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Returns the folder of the state files.
fn folder() -> Option<PathBuf> {
    Some(super::platform::runtime_folder()?.join("rehearsal"))
}

async fn find_running() -> anyhow::Result<Found> {
    let mut running: Vec<(PathBuf, Value)> = Vec::new();
    for path in folder().iter().flat_map(|folder| state_files(folder)) {
        let Ok(content) = read_json(&path) else {
            continue;
        };
        let Ok(controls) = Controls::read(&content, None, None) else {
            continue;
        };
        // A killed `up` leaves its file behind. If another one then runs at the same address, the
        // newer file is that of the running one.
        let same = running
            .iter()
            .position(|(_, it)| it["sp"]["base_url"] == content["sp"]["base_url"]);
        if let Some(at) = same {
            let old = match written_at(&running[at].0) < written_at(&path) {
                true => std::mem::replace(&mut running[at], (path, content)).0,
                false => path,
            };
            let _ = std::fs::remove_file(old);
        } else if controls.is_running().await {
            running.push((path, content));
        } else {
            let _ = std::fs::remove_file(&path);
        }
    }
    match running.len() {
        0 => bail!(
            "no running `rehearsal up` found; start one, or name its ready file by --target or REHEARSAL_TARGET"
        ),
        1 => {
            let (path, content) = running.remove(0);
            // It may be one that somebody else started.
            let portal = content["sp"]["base_url"].as_str().unwrap_or_default();
            let _ = writeln!(
                ambient::terminal::err(),
                "using the running portal {portal}"
            );
            Ok(Found {
                path,
                ready: content,
            })
        }
        _ => {
            let mut lines = String::new();
            for (path, content) in &running {
                let portal = content["sp"]["base_url"].as_str().unwrap_or_default();
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

/// Returns when a file was written; `None` is earlier than any time.
fn written_at(path: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
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
