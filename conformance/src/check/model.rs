//! A check, its outcome, and a report of outcomes.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Harm;
use super::profile::Assessment;

/// How firmly the specification demands it (RFC 2119).
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
    /// As RFC 2119 writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As demanded.
    Pass,
    /// Not as demanded: a finding.
    Fail,
    /// Not judged; the reason is in [`Outcome::actual`].
    Skip,
    /// Worth a look, but no failure.
    Warn,
}

impl Verdict {
    /// In lower case, as the machine form has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Warn => "warn",
        }
    }
}

/// What is demanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable id, such as `SAML-SP-XSW-03`.
    pub id: String,
    /// How firmly.
    pub level: Level,
    /// What it means that it fails.
    pub harm: Harm,
    /// In a sentence.
    pub title: String,
    /// The section that demands it.
    pub spec: String,
    /// How to mend what fails it.
    pub fix: String,
}

/// A check, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The check.
    pub check: Check,
    /// What became of it.
    pub verdict: Verdict,
    /// What was expected.
    pub expected: String,
    /// What came; for a skip, why it was not judged.
    pub actual: String,
    /// What was sent and what came, secrets masked.
    pub evidence: Value,
    /// The id of the check whose failure decided this one: the two are one
    /// finding, and reports fold this one under the other.
    pub cause: Option<String>,
    /// How long it took; zero where it was not measured.
    pub duration: Duration,
}

impl Outcome {
    /// A finding, or a warning when the specification only allows it.
    pub fn judged(
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
            evidence,
            cause: None,
            duration: Duration::ZERO,
        }
    }

    /// Not judged, and why.
    pub fn skipped(check: Check, why: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Skip,
            expected: String::new(),
            actual: why.into(),
            evidence: Value::Null,
            cause: None,
            duration: Duration::ZERO,
        }
    }

    /// Not judged because of another check's outcome.
    pub fn skipped_because_of(check: Check, cause: &str, why: impl Into<String>) -> Self {
        Self {
            cause: Some(cause.to_owned()),
            ..Self::skipped(check, why)
        }
    }

    /// The same outcome with the time it took.
    #[must_use]
    pub fn took(self, duration: Duration) -> Self {
        Self { duration, ..self }
    }
}

/// A signal that ends a command before its time.
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
    /// As POSIX calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }

    /// 128 and the signal's number, as shells have it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Why a report lacks checks that the command would have judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// What ended the command.
    pub signal: Signal,
    /// How many checks would have been judged.
    pub total: usize,
}

/// Why nothing could be judged: a mistake of the set-up and no finding. The
/// command exits 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct SetUpError {
    /// Stable and in kebab case, such as `wrong-password`.
    pub code: &'static str,
    /// What happened, in whole sentences.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl SetUpError {
    /// A set-up error.
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

    /// For a terminal: what happened and what to do, in lines of at most 100
    /// columns.
    pub fn paragraph(&self, command: &str) -> String {
        let mut out = format!(
            "rehearsal {command}: nothing can be judged ({})\n",
            self.code
        );
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

/// The outcomes of one command.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// The command, such as `check sp`.
    pub command: &'static str,
    /// What was judged.
    pub target: String,
    /// Every outcome, in the order of the checks.
    pub outcomes: Vec<Outcome>,
    /// When the command began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// The version of Rehearsal that judged.
    pub version: String,
    /// How the command was called, secrets masked; empty where it was called
    /// as a library.
    pub command_line: String,
    /// Set where a signal ended the command before every check was judged.
    pub incomplete: Option<Interruption>,
    /// Set where nothing could be judged because of the set-up.
    pub error: Option<SetUpError>,
    /// Findings of a lower level than this are reported and do not fail.
    pub fail_on: Level,
    /// What the outcomes mean for each profile that was chosen.
    pub assessments: Vec<Assessment>,
}

impl CheckReport {
    /// A complete report that began at this time.
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
        }
    }

    /// A report of a command that could judge nothing.
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

    /// Whether every check was judged.
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_none() && self.error.is_none()
    }

    /// 0 without a finding, 1 with one, 2 where nothing could be judged, 128
    /// and the signal's number after an interruption.
    pub fn exit_code(&self) -> u8 {
        match (&self.incomplete, &self.error) {
            (Some(interruption), _) => interruption.signal.exit_code(),
            (None, Some(_)) => 2,
            (None, None) => u8::from(!self.is_well()),
        }
    }

    /// The same report with the selected checks only.
    #[must_use]
    pub fn selected(mut self, selection: &super::runner::Selection) -> Self {
        self.outcomes
            .retain(|outcome| selection.includes(&outcome.check.id));
        self
    }

    /// How many outcomes have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let all = self.outcomes.iter();
        all.filter(|outcome| outcome.verdict == verdict).count()
    }

    /// Whether there is no finding that fails the command. With profiles that
    /// list requirements, these are the findings against what is required.
    pub fn is_well(&self) -> bool {
        let mut findings = self.findings();
        self.assessments.iter().all(Assessment::is_well)
            && (self.is_decided_by_profiles()
                || findings.all(|finding| finding.check.level > self.fail_on))
    }

    /// The findings.
    pub fn findings(&self) -> impl Iterator<Item = &Outcome> {
        let all = self.outcomes.iter();
        all.filter(|outcome| outcome.verdict == Verdict::Fail)
    }

    /// The machine form (`--json`).
    pub fn json(&self) -> Value {
        super::json::json(self)
    }

    /// JUnit XML (`--junit`).
    pub fn junit(&self) -> String {
        super::junit::junit(self)
    }

    /// SARIF 2.1.0 (`--sarif`); `list` is the path, relative to the root of the
    /// repository, at which [`check_list`](Self::check_list) is written.
    pub fn sarif(&self, list: &str) -> Value {
        super::sarif::sarif(self, list)
    }

    /// GitLab's code quality report (`--gitlab`); `list` as for SARIF.
    pub fn code_quality(&self, list: &str) -> Value {
        super::gitlab::code_quality(self, list)
    }

    /// A text file with one line per check, in which SARIF and code quality
    /// reports locate their results.
    pub fn check_list(&self) -> String {
        super::check_list::check_list(self)
    }

    /// Markdown for the summary of a GitHub job.
    pub fn step_summary(&self) -> String {
        super::github::step_summary(self)
    }

    /// GitHub workflow commands that annotate the job with the first findings.
    pub fn annotations(&self) -> String {
        super::github::annotations(self)
    }

    /// One HTML file (`--html`).
    pub fn html(&self) -> String {
        super::html::html(self)
    }

    /// For a person at a terminal.
    pub fn terminal(&self) -> String {
        super::terminal::terminal(self, false)
    }

    /// The same, in the colors of the ECMA-48 escape sequences.
    pub fn colored_terminal(&self) -> String {
        super::terminal::terminal(self, true)
    }
}
