//! A check, its outcome, and a report of outcomes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Harm;
use super::profile::Assessment;

/// Requirement level of a check in the specification (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// An absolute requirement.
    Must,
    /// A recommendation.
    Should,
    /// An option.
    May,
}

impl Level {
    /// Returns the name as RFC 2119 writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The requirement is met.
    Pass,
    /// The requirement is not met: a finding.
    Fail,
    /// Not judged; the reason is in [`Outcome::actual`].
    Skip,
    /// Worth reading, but not a failure.
    Warn,
}

impl Verdict {
    /// Returns the name in lower case, as in the JSON report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Warn => "warn",
        }
    }
}

/// The party at which a login starts (saml-profiles §4.1.3.1, §4.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginStart {
    /// The service provider, which sends an AuthnRequest.
    Sp,
    /// The identity provider, which sends an unsolicited Response.
    Idp,
}

/// A requirement that is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable id, such as `SAML-SP-XSW-03`.
    pub id: String,
    /// Requirement level.
    pub level: Level,
    /// What it means that it fails.
    pub harm: Harm,
    /// The requirement in one sentence.
    pub title: String,
    /// The section of the specification that contains the requirement.
    pub spec: String,
    /// How to fix an endpoint that fails the check.
    pub fix: String,
}

/// A feature that the specifications let a target leave out, if it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// SCIM: `patch.supported`.
    Patch,
    /// SCIM: `filter.supported`.
    Filter,
    /// SCIM: `bulk.supported`.
    Bulk,
    /// SCIM: the resource type Group.
    Groups,
    /// SAML: a SingleLogoutService in the metadata.
    SingleLogout,
    /// SAML: metadata without `WantAuthnRequestsSigned="true"`.
    UnsignedRequests,
}

/// A check with its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The check.
    pub check: Check,
    /// The result.
    pub verdict: Verdict,
    /// What the specification requires.
    pub expected: String,
    /// What was observed; for a skipped check, the reason.
    pub actual: String,
    /// What the list of expected failures says of this check.
    pub acceptance: Option<String>,
    /// Requests and answers, with secrets masked.
    pub evidence: Value,
    /// Id of the check whose failure caused this result. The two are one finding: reports show this
    /// one under the other.
    pub cause: Option<String>,
    /// For a skipped check: the optional feature that it needs and the target does not offer. A
    /// profile may demand the feature.
    pub lacks: Option<Feature>,
    /// Why the finding is accepted, if the list of expected failures contains it and its last day is
    /// not over.
    pub accepted: Option<String>,
    /// How long the check took; zero if it was not measured.
    pub duration: Duration,
}

impl Outcome {
    /// Returns a pass if `holds` is true; otherwise a finding, or a warning for a MAY.
    pub fn new_judged(
        check: Check,
        holds: bool,
        expected: &str,
        actual: String,
        evidence: Value,
    ) -> Self {
        let verdict = match (holds, check.level) {
            (true, _) => Verdict::Pass,
            (false, Level::May) => Verdict::Warn,
            (false, _) => Verdict::Fail,
        };
        Self {
            check,
            verdict,
            expected: expected.to_owned(),
            actual,
            acceptance: None,
            evidence,
            cause: None,
            lacks: None,
            accepted: None,
            duration: Duration::ZERO,
        }
    }

    /// Returns an outcome for a check that was not judged, with the reason.
    pub fn new_skipped(check: Check, why: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Skip,
            expected: String::new(),
            actual: why.into(),
            acceptance: None,
            evidence: Value::Null,
            cause: None,
            lacks: None,
            accepted: None,
            duration: Duration::ZERO,
        }
    }

    /// Returns an outcome for a check that was not judged because of another check's outcome.
    pub fn new_skipped_because_of(check: Check, cause: &str, why: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.to_owned()),
            ..Self::new_skipped(check, why)
        }
    }

    /// Returns an outcome for a check that was not judged because the target does not offer what the
    /// check needs.
    pub fn new_skipped_without(
        check: Check,
        lacks: Option<Feature>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            lacks,
            ..Self::new_skipped(check, why)
        }
    }

    /// Returns the same outcome with its duration set.
    #[must_use]
    pub fn took(self, duration: Duration) -> Self {
        Self { duration, ..self }
    }
}

/// A signal that ends a command early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal was closed.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM: what CI systems and supervisors send.
    Terminate,
}

impl Signal {
    /// Returns the POSIX name of the signal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// Returns 128 plus the number of the signal, as shells do.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Why a report does not contain all checks of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// The signal that ended the command.
    pub signal: Signal,
    /// Number of checks that the whole run would have judged.
    pub total: usize,
}

/// Error in the set-up because of which nothing could be judged; not a finding. The command exits
/// with status 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct SetUpError {
    /// Stable code in kebab case, such as `wrong-password`.
    pub code: &'static str,
    /// What happened, in full sentences.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl SetUpError {
    /// Creates a set-up error.
    pub fn new(code: &'static str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fix: fix.into(),
        }
    }

    /// The same for a command in which an option has another name.
    #[must_use]
    pub fn with_renamed(self, option: &str, name: &str) -> Self {
        let renamed = |text: &str| text.replace(&format!(" {option}"), &format!(" {name}"));
        Self {
            code: self.code,
            message: renamed(&self.message),
            fix: renamed(&self.fix),
        }
    }

    /// Returns the message and the fix for a terminal, in lines of at most 100 columns.
    pub fn paragraph(&self, command: &str) -> String {
        self.paragraph_after(command, false)
    }

    /// The same for a run that judged some checks before the error.
    pub(super) fn paragraph_after(&self, command: &str, has_judged: bool) -> String {
        let what = match has_judged {
            true => "ended before all checks were judged",
            false => "nothing can be judged",
        };
        let mut out = format!("rehearsal {command}: {what} ({})\n", self.code);
        wrap(&self.message, &mut out);
        wrap(&format!("Fix: {}", self.fix), &mut out);
        out
    }
}

fn wrap(text: &str, out: &mut String) {
    const WIDTH: usize = 98;
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            column = 0;
        }
        out.push_str(if column == 0 { "  " } else { " " });
        out.push_str(word);
        column += length + usize::from(column > 0);
    }
    out.push('\n');
}

/// The outcomes of one run of a check command.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// The command, such as `check sp`.
    pub command: &'static str,
    /// Address or name of the judged target.
    pub target: String,
    /// Every outcome, in the order of the checks.
    pub outcomes: Vec<Outcome>,
    /// When the command started.
    pub started_at: Timestamp,
    /// How long the command took.
    pub duration: Duration,
    /// The version of Rehearsal that wrote the report.
    pub version: String,
    /// The command line, with secrets masked; empty if the check was called as a library.
    pub command_line: String,
    /// Set if a signal ended the command before all checks were judged.
    pub incomplete: Option<Interruption>,
    /// Set if nothing could be judged because of the set-up.
    pub error: Option<SetUpError>,
    /// Findings of a lower level than this are reported, but do not fail the command.
    pub fail_on: Level,
    /// What the outcomes mean for each profile that was chosen.
    pub assessments: Vec<Assessment>,
    /// Where the logins of `check sp` started; `None` in reports of the other commands.
    pub login_start: Option<LoginStart>,
    /// How long `check leaver` waited for the end of sessions and tokens; `None` in reports of the
    /// other commands.
    pub limit: Option<Duration>,
}

impl CheckReport {
    /// Creates a complete report of a run that started at `started_at`.
    pub fn new(
        command: &'static str,
        target: impl Into<String>,
        outcomes: Vec<Outcome>,
        started_at: Timestamp,
    ) -> Self {
        Self {
            command,
            target: target.into(),
            outcomes,
            started_at,
            duration: Duration::ZERO,
            version: crate::VERSION.to_owned(),
            command_line: String::new(),
            incomplete: None,
            error: None,
            fail_on: Level::May,
            assessments: Vec::new(),
            login_start: None,
            limit: None,
        }
    }

    /// Creates the report of a run that could judge nothing.
    pub fn of_error(
        command: &'static str,
        target: impl Into<String>,
        error: SetUpError,
        started_at: Timestamp,
    ) -> Self {
        Self {
            error: Some(error),
            ..Self::new(command, target, Vec::new(), started_at)
        }
    }

    /// True if every check was judged.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none() && self.error.is_none()
    }

    /// Returns the exit status: 0 without a finding, 1 with one, 2 if nothing could be judged, 128
    /// plus the number of the signal after an interruption.
    pub fn exit_code(&self) -> u8 {
        match (&self.incomplete, &self.error) {
            (Some(interruption), _) => interruption.signal.exit_code(),
            (None, Some(_)) => 2,
            (None, None) => u8::from(!self.is_well()),
        }
    }

    /// Returns the report with the selected checks only.
    #[must_use]
    pub fn keep_selected(mut self, selection: &super::runner::Selection) -> Self {
        self.outcomes
            .retain(|outcome| selection.includes(&outcome.check.id));
        self
    }

    /// Returns the number of outcomes with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let all = self.outcomes.iter();
        all.filter(|outcome| outcome.verdict == verdict).count()
    }

    /// True if no finding fails the command.
    pub fn is_well(&self) -> bool {
        self.assessments.iter().all(Assessment::is_well)
            && !self.findings().any(|finding| self.is_decisive(finding))
    }

    /// True if the outcome is a finding that makes the exit status 1: its level is not below
    /// `--fail-on`, or a chosen profile requires what failed. Every form of the report marks
    /// these findings, and only these, as failures.
    pub fn is_decisive(&self, outcome: &Outcome) -> bool {
        outcome.verdict == Verdict::Fail
            && ((!self.is_decided_by_profiles() && outcome.check.level <= self.fail_on)
                || self
                    .assessments
                    .iter()
                    .any(|it| it.is_failed_by(&outcome.check.id)))
    }

    /// Returns the findings.
    pub fn findings(&self) -> impl Iterator<Item = &Outcome> {
        let all = self.outcomes.iter();
        all.filter(|outcome| outcome.verdict == Verdict::Fail)
    }

    /// Returns the JSON report (`--json`).
    pub fn json(&self) -> Value {
        super::json::json(self)
    }

    /// Returns the JUnit report (`--junit`).
    pub fn junit(&self) -> String {
        super::junit::junit(self)
    }

    /// Returns the SARIF 2.1.0 report (`--sarif`). `list` is the path of the file with
    /// [`check_list`](Self::check_list), relative to the root of the repository.
    pub fn sarif(&self, list: &str) -> Value {
        super::sarif::sarif(self, list)
    }

    /// Returns GitLab's code quality report (`--gitlab`); `list` as for SARIF.
    pub fn code_quality(&self, list: &str) -> Value {
        super::gitlab::code_quality(self, list)
    }

    /// Returns a text file with one line per check. Results in SARIF and code quality reports refer
    /// to its lines.
    pub fn check_list(&self) -> String {
        super::check_list::check_list(self)
    }

    /// Returns Markdown for the summary of a GitHub job.
    pub fn step_summary(&self) -> String {
        super::github::step_summary(self)
    }

    /// Returns GitHub workflow commands that annotate the job with the first findings.
    pub fn annotations(&self) -> String {
        super::github::annotations(self)
    }

    /// Returns the report as one HTML file (`--html`).
    pub fn html(&self) -> String {
        super::html::html(self)
    }

    /// Returns the report as plain text for a terminal.
    pub fn terminal(&self) -> String {
        super::terminal::terminal(self, false)
    }

    /// Returns the report for a terminal, with ECMA-48 color sequences.
    pub fn colored_terminal(&self) -> String {
        super::terminal::terminal(self, true)
    }
}
