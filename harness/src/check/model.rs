//! A check, its outcome, and a report of outcomes.

use serde::Serialize;
use serde_json::Value;

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
        }
    }
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
}

impl CheckReport {
    /// How many outcomes have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let all = self.outcomes.iter();
        all.filter(|outcome| outcome.verdict == verdict).count()
    }

    /// Whether nothing failed.
    pub fn is_well(&self) -> bool {
        self.count(Verdict::Fail) == 0
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

    /// SARIF 2.1.0 (`--sarif`).
    pub fn sarif(&self) -> Value {
        super::sarif::sarif(self)
    }

    /// One HTML file (`--html`).
    pub fn html(&self) -> String {
        super::html::html(self)
    }

    /// For a person at a terminal.
    pub fn terminal(&self) -> String {
        super::terminal::terminal(self)
    }
}
