//! The options of all checks that say in which forms the report is written, and which findings make
//! the command fail.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use ambient::Ambient;
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use rehearsal::check::baseline::{BaselineError, Expected};
use rehearsal::check::{Check, CheckReport, Level, SetUpError, baseline};

use super::command_line::command_line;
use super::create_folder_of;
use super::outputs::{Outputs, is_standard_output, require_file, require_one_printed};
use super::pipelines::{write_for_github, write_located};

/// The files and formats of the report.
#[derive(Args)]
pub(crate) struct Forms {
    /// Print the report, or the list of --list, as JSON
    #[arg(long)]
    json: bool,
    /// Write the report as JUnit XML; `-` prints it instead of the text
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as one HTML file; `-` prints it instead of the text
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report as SARIF 2.1.0, for code scanning
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write the report as a code quality report for GitLab
    #[arg(long, value_name = "FILE")]
    gitlab: Option<PathBuf>,
    /// Read known failures from this file: a JSON array of {"id", "reason", "until"?}
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Lowest level of a finding that makes the exit status 1; findings below it are still
    /// reported
    #[arg(long, value_name = "LEVEL", default_value = "should")]
    fail_on: FailOn,
    /// Show passwords and tokens in the reports [default: masked]
    #[arg(long)]
    show_secrets: bool,
    /// The passwords and tokens of the run.
    #[arg(skip)]
    secrets: Vec<String>,
}

/// The findings that make the command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Findings of level MUST
    Must,
    /// Findings of level MUST or SHOULD
    Should,
}

/// Returns the path by which two names of a file are recognized as the same; the file itself need
/// not exist.
fn identity(path: &Path) -> PathBuf {
    let folder = path
        .parent()
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let whole = path.canonicalize().ok();
    whole
        .or_else(|| Some(folder.canonicalize().ok()?.join(path.file_name()?)))
        .unwrap_or_else(|| path.to_owned())
}

/// Refuses a path at which no report can be written, before a run that may take minutes. The folder
/// is created.
pub(super) fn writable(path: &Path) -> anyhow::Result<()> {
    if is_standard_output(path) {
        return Ok(());
    }
    let is_new = !path.exists();
    create_folder_of(path)?;
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    opened.with_context(|| format!("cannot write {}", path.display()))?;
    if is_new {
        // A run that is interrupted must not leave an empty report behind.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// Refuses a file that two options name.
pub(super) fn require_own_files(options: &[(&str, Option<&Path>)]) -> anyhow::Result<()> {
    let mut known: Vec<(&str, PathBuf)> = Vec::new();
    for (option, path) in options {
        let Some(path) = path else { continue };
        let file = identity(path);
        if let Some((other, _)) = known.iter().find(|(_, it)| *it == file) {
            bail!(
                "invalid {option} {}: {other} names the same file; give each option a file of its own",
                path.display()
            );
        }
        known.push((*option, file));
    }
    Ok(())
}

impl Forms {
    /// True if the report is printed as JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Masks these values in the reports wherever a target returns them.
    pub(crate) fn mask(&mut self, secrets: impl IntoIterator<Item = Option<String>>) {
        self.secrets.extend(secrets.into_iter().flatten());
    }

    /// Refuses an invalid list of expected failures, report files that cannot be written, and a
    /// file that two options name, before anything is sent to the target. `more` has the other
    /// files of the command.
    pub(crate) fn verify(
        &self,
        checks: &[Check],
        more: &[(&'static str, Option<&Path>)],
    ) -> anyhow::Result<()> {
        let own = [
            ("--expected", self.expected.as_deref()),
            ("--junit", self.junit.as_deref()),
            ("--html", self.html.as_deref()),
            ("--sarif", self.sarif.as_deref()),
            ("--gitlab", self.gitlab.as_deref()),
        ];
        let all: Vec<(&str, Option<&Path>)> = more.iter().copied().chain(own).collect();
        require_one_printed(&own[1..], self.json)?;
        require_file("--sarif", self.sarif.as_deref())?;
        require_file("--gitlab", self.gitlab.as_deref())?;
        require_own_files(&all)?;
        for one in self.read_expected_failures()? {
            if !checks.iter().any(|check| check.id == one.id) {
                return Err(BaselineError::Unknown(one.id).into());
            }
        }
        let files = [&self.junit, &self.html, &self.sarif, &self.gitlab];
        files.into_iter().flatten().try_for_each(|it| writable(it))
    }

    fn read_expected_failures(&self) -> anyhow::Result<Vec<Expected>> {
        let Some(path) = &self.expected else {
            return Ok(Vec::new());
        };
        let text = ambient::text_file::read(path)
            .with_context(|| format!("cannot read --expected {}", path.display()))?;
        baseline::read_file(&text, path.display()).with_context(|| {
            let hint = ambient::text_file::quotes_hint(&text);
            format!("invalid --expected {}{hint}", path.display())
        })
    }

    /// Writes the report in every requested format; returns the exit status.
    pub(crate) fn write(&self, report: CheckReport, ambient: &Ambient) -> anyhow::Result<u8> {
        let command_line = command_line();
        let mut report = report;
        if let Some(error) = report.error.as_mut()
            && let Some(hint) = proxy_hint(error, &command_line)
        {
            error.fix.push_str(&hint);
        }
        let report = CheckReport {
            command_line,
            fail_on: match self.fail_on {
                FailOn::Must => Level::Must,
                FailOn::Should => Level::May,
            },
            ..report
        };
        let mut expected = self.read_expected_failures()?;
        // With `--only`, the list may contain other checks: `verify` has compared it with
        // all checks.
        expected.retain(|one| report.outcomes.iter().any(|it| it.check.id == one.id));
        let report = report.against(&expected, ambient.now())?;
        let report = if self.show_secrets {
            report
        } else {
            report.mask_secrets(&self.secrets)
        };
        let mut outputs = Outputs::default();
        outputs.write(self.html.as_deref(), || report.html());
        outputs.write(self.junit.as_deref(), || report.junit());
        write_located(
            &mut outputs,
            self.sarif.as_deref(),
            &report,
            CheckReport::sarif,
        );
        let gitlab = self.gitlab.as_deref();
        write_located(&mut outputs, gitlab, &report, CheckReport::code_quality);
        outputs.note_error(write_for_github(&report));
        let mut err = ambient::terminal::err();
        if self.json {
            outputs.print_json(&format!("{:#}\n", report.json()));
        }
        if self.json || outputs.has_printed() {
            if let Some(error) = &report.error {
                write!(err, "{}", error.paragraph(report.command))?;
            }
        } else if report.error.is_some() && report.outcomes.is_empty() {
            write!(err, "{}", report.terminal())?;
        } else {
            outputs.print_colored(&super::for_terminal(&report));
        }
        outputs.finish()?;
        let code = report.exit_code();
        if code == 0 && report.findings().next().is_some() {
            let why = if report.is_decided_by_profiles() {
                "no finding against what the profiles require; what was not tested may still fail"
            } else {
                "no finding of level MUST (--fail-on must)"
            };
            writeln!(err, "exit status 0: {why}")?;
        }
        let fatal: Vec<String> = report.fatal_requirements().collect();
        if code == 1 && !fatal.is_empty() {
            writeln!(
                err,
                "exit status 1: required, but failed, or not tested because of a finding: {}",
                fatal.join(", ")
            )?;
        }
        Ok(code)
    }
}

/// Returns what to add to the fix of a target that cannot be reached, where a proxy may be the
/// reason.
fn proxy_hint(error: &SetUpError, command_line: &str) -> Option<String> {
    if error.code != "unreachable" {
        return None;
    }
    if command_line.contains(" --proxy") {
        return Some(" Check --proxy too.".to_owned());
    }
    let names = [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let name = names.into_iter().find(is_set)?;
    Some(format!(
        " The checks do not read {name}: if the target is reached through that proxy, give it with --proxy."
    ))
}
