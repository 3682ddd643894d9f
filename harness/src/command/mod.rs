//! The subcommands, one file each. Each returns its exit status, or true for success.

pub(crate) mod bench;
mod bench_compare;
mod bench_load;
mod bench_load_login;
pub(crate) mod check;
pub(crate) mod check_idp;
mod check_leaver;
pub(crate) mod check_options;
mod check_scim;
mod checks_folder;
pub(crate) mod command_line;
pub(crate) mod coverage;
pub(crate) mod demo;
pub(crate) mod dns;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod key;
mod memory_options;
mod more_keys;
mod oauth;
mod outputs;
pub(crate) mod party;
mod person_file;
pub(crate) mod pipelines;
mod platform;
pub(crate) mod profiles;
pub(crate) mod progress;
mod report_forms;
pub(crate) mod run;
pub(crate) mod schema;
mod scim_access;
mod second_idp;
mod second_tenant;
mod secret;
pub(crate) mod self_test;
mod served_metadata;
pub(crate) mod shell;
pub(crate) mod signals;
pub(crate) mod simulation;
pub(crate) mod snapshot;
mod sp_acceptance;
pub(crate) mod target_file;
pub(crate) mod trace;
pub(crate) mod up;
pub(crate) mod usage;
mod variant_options;

use std::path::{Path, PathBuf};

use std::time::Duration;

use anyhow::Context as _;
use rehearsal::check::runner::{self, Access, AnswerError, FetchedDocument};
use rehearsal::check::{CheckReport, SetUpError};
use url::Url;

/// Creates the folder of a file.
pub(crate) fn create_folder_of(path: &Path) -> anyhow::Result<()> {
    match path.parent().filter(|it| !it.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display())),
        None => Ok(()),
    }
}

/// Writes a result to a file and creates its folder.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    create_folder_of(path)?;
    ambient::output_file::write(path, text)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file with credentials atomically; only its owner can read it.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent()
        && !folder.as_os_str().is_empty()
    {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    ambient::output_file::write_private(path, text).with_context(cannot)
}

/// True if standard error is a terminal with colors and `NO_COLOR` is not set.
pub(crate) fn colors() -> bool {
    ambient::terminal::is_err_terminal() && wants_colors()
}

fn wants_colors() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && ambient::terminal::has_colors()
}

/// Returns the report as text, with colors if standard output is a terminal.
pub(crate) fn for_terminal(report: &CheckReport) -> String {
    if ambient::terminal::is_out_terminal() && wants_colors() {
        report.colored_terminal()
    } else {
        report.terminal()
    }
}

/// The key of a party that Rehearsal plays: a file next to the metadata that it writes.
pub(crate) struct KeyFile {
    path: Option<PathBuf>,
    is_new: bool,
}

impl KeyFile {
    /// Names the key file of the metadata file that `option` names. Call it before the party
    /// starts, which creates the key.
    ///
    /// # Errors
    /// If the metadata file cannot be written: it has the name of the key file, or it exists and
    /// contains something else.
    pub(crate) fn next_to(option: &str, metadata: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = metadata else {
            return Ok(Self {
                path: None,
                is_new: false,
            });
        };
        outputs::require_file(option, Some(file))?;
        let path = file.with_extension("key");
        anyhow::ensure!(
            path != file,
            "invalid {option} {}: the key is written to this name; name the metadata {}",
            file.display(),
            file.with_extension("xml").display()
        );
        let before = std::fs::read(file).unwrap_or_default();
        let before = String::from_utf8_lossy(&before);
        anyhow::ensure!(
            before.trim().is_empty() || before.contains("EntityDescriptor"),
            "cannot write the metadata to {}: the file exists and is no metadata; name another file",
            file.display()
        );
        if let Some(entity_id) = entity_id_in(&before).filter(|_| !path.exists()) {
            anyhow::bail!(
                "cannot write the metadata to {}: the file has the metadata of {entity_id}, and there is no key {} next to it, so this program did not write it; name another file",
                file.display(),
                path.display()
            );
        }
        Ok(Self {
            is_new: !path.exists(),
            path: Some(path),
        })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes the metadata of the party next to its key. Says so if the file was written for
    /// another address: the target still knows that one.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write_metadata(&self, path: &Path, xml: &str) -> anyhow::Result<()> {
        use std::io::Write as _;
        let before = std::fs::read_to_string(path).unwrap_or_default();
        let (old, new) = (entity_id_in(&before), entity_id_in(xml));
        write(path, xml)?;
        if let (Some(old), Some(new)) = (old, new)
            && old != new
        {
            let _ = writeln!(
                ambient::terminal::err(),
                "{} was the metadata of {old} and is now that of {new}: register it at the target again, or give the port of {old}",
                path.display()
            );
        }
        Ok(())
    }

    /// Warns that the party has a new key, which the target cannot know yet. If the file name
    /// differs from the one at the set-up, this is a mistake of the user and not a finding.
    pub(crate) fn say_if_new(&self, target: &str) {
        use std::io::Write as _;
        let Some(path) = self.path().filter(|_| self.is_new) else {
            return;
        };
        let _ = writeln!(
            ambient::terminal::err(),
            "created a new key, {}: register the metadata next to it at the {target}, which does not know this key yet",
            path.display()
        );
    }
}

/// Returns the first `entityID` of a metadata document.
fn entity_id_in(xml: &str) -> Option<&str> {
    let (_, rest) = xml.split_once("entityID=\"")?;
    rest.split('"').next()
}

/// Prints what to do after `--prepare`: `next`, then `rehearsal check …` with `arguments`; `keep` is
/// why the key is kept.
pub(crate) fn print_next_steps(
    file: &Path,
    next: &str,
    arguments: &str,
    keep: &str,
) -> anyhow::Result<u8> {
    use std::io::Write as _;
    let key = file.with_extension("key");
    writeln!(
        ambient::terminal::out(),
        "wrote {file} and {key}\nNext: {next}, then run:\n  rehearsal check {arguments}\nKeep {key}{keep}",
        file = file.display(),
        key = key.display(),
    )?;
    Ok(0)
}

/// Reads metadata from a file or a URL that `option` names; waits up to `patience` until it is
/// there.
pub(crate) async fn read_metadata(
    option: &str,
    place: &str,
    patience: Duration,
) -> anyhow::Result<String> {
    let access = Access::default();
    let read = fetch_metadata(place, patience, &access).await;
    read.map_err(|error| {
        let error = error.with_renamed("--metadata", option);
        // The commands that call this trust the authorities of the machine only.
        let fix = error.fix.split(" For a server with a private").next();
        anyhow::anyhow!("{} {}", error.message, fix.unwrap_or_default())
    })
}

/// Does the same with the given access to the target. The errors do not name the party,
/// because only the caller knows whose metadata it is.
pub(crate) async fn fetch_metadata(
    place: &str,
    patience: Duration,
    access: &Access,
) -> Result<String, SetUpError> {
    Ok(fetch_document(place, patience, access).await?.text)
}

/// Number of requests without an answer, in a row, after which a run ends.
const MAX_MISSING_ANSWERS: u32 = 3;

const FIX_OF_UNREACHABLE: &str = "Check --metadata, and that the server runs and can be reached from this machine. For a server with a private certificate, use --ca FILE.";

/// Does the same, and also returns the HTTP headers.
pub(crate) async fn fetch_document(
    place: &str,
    patience: Duration,
    access: &Access,
) -> Result<FetchedDocument, SetUpError> {
    let error = |code, what: String, fix: &str| SetUpError::new(code, what, fix);
    let Some(url) = Url::parse(place)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
    else {
        let other = place.split_once("://");
        if let Some((scheme, rest)) =
            other.filter(|it| !it.0.to_ascii_lowercase().starts_with("http"))
        {
            let fix = match scheme.eq_ignore_ascii_case("file") {
                true => format!(
                    "Give the path of the file: {}.",
                    rest.strip_prefix("localhost").unwrap_or(rest)
                ),
                false => "Download them, and give the file; or give a URL that begins with http:// or https://.".to_owned(),
            };
            // The URL may contain a password.
            let what = format!("Metadata cannot be read from a URL with {scheme}://.");
            return Err(error("metadata-unreadable", what, &fix));
        }
        let unreadable = |reason: String| {
            let what = format!("The metadata file {place} cannot be read: {reason}.");
            error(
                "metadata-unreadable",
                what,
                "Check --metadata: it is the path of a file, or a URL that begins with http:// or https://.",
            )
        };
        let bytes = ambient::text_file::read_bytes(place)
            .map_err(|reason| unreadable(reason.to_string()))?;
        let decoded = saml::encoding::decode(bytes).map_err(unreadable)?;
        return Ok(FetchedDocument {
            text: decoded.text,
            media_type: None,
            cache_control: None,
        });
    };
    let setting_up = |reason: reqwest::Error| {
        let what = format!("The HTTP client cannot be set up: {reason}.");
        error("http-client", what, "Check --ca.")
    };
    let client = access
        .client()
        .redirect(reqwest::redirect::Policy::limited(5))
        .build()
        .map_err(setting_up)?;
    let mut attempts = tokio::time::interval(Duration::from_millis(200));
    let last = std::cell::RefCell::new(None);
    let fetch = async {
        let mut missing = 0;
        loop {
            attempts.tick().await;
            match runner::fetch_metadata(&client, url.as_str(), access.timeout).await {
                Ok(text) => return Ok(text),
                Err(reason) => {
                    // A server that is starting refuses connections. One that accepts them and
                    // does not answer gets as many attempts as in a run.
                    let is_missing = matches!(reason, AnswerError::Timeout(_));
                    missing = if is_missing { missing + 1 } else { 0 };
                    if missing == MAX_MISSING_ANSWERS {
                        let what = format!(
                            "The metadata cannot be fetched from {place}: {reason}, {missing} times in a row."
                        );
                        return Err(error("unreachable", what, FIX_OF_UNREACHABLE));
                    }
                    let fix = fix_of_final(&reason);
                    let reason = reason.to_string();
                    if let Some(fix) = fix {
                        let what =
                            format!("The metadata cannot be fetched from {place}: {reason}.");
                        return Err(error("metadata-refused", what, fix));
                    }
                    if last.replace(Some(reason.clone())).is_none() {
                        say_waiting(place, &reason, patience);
                    }
                }
            }
        }
    };
    let got = tokio::time::timeout(patience, fetch).await;
    got.map_err(|_| {
        error(
            "unreachable",
            format!(
                "The metadata cannot be fetched from {place}: {} (tried for {} s).",
                last.borrow().as_deref().unwrap_or("no answer"),
                patience.as_secs()
            ),
            FIX_OF_UNREACHABLE,
        )
    })?
}

/// Returns what to do about an answer that stays the same however often the document is requested;
/// `None` if another request can help, because the server may be starting.
fn fix_of_final(reason: &AnswerError) -> Option<&'static str> {
    match reason {
        AnswerError::TooLong(_) => Some(
            "Download the document and give the file, which may be longer; or give the URL of the entity alone.",
        ),
        AnswerError::Redirects(_) => Some(
            "Open the URL in a browser to see where it leads; give the URL of the document itself, or download it and give the file.",
        ),
        AnswerError::Certificate(_) => Some(
            "Correct the certificate of the server, trust it with --ca FILE (a command without this option reads the environment variable SSL_CERT_FILE), or download the document and give the file.",
        ),
        AnswerError::Status(401 | 403) => Some(
            "The URL requires a login: give a public URL of the metadata, or download the document and give the file.",
        ),
        _ => None,
    }
}

fn say_waiting(place: &str, reason: &str, patience: Duration) {
    use std::io::Write as _;
    let _ = writeln!(
        ambient::terminal::err(),
        "waiting up to {} s for {place}: {reason}",
        patience.as_secs()
    );
}
