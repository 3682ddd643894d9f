//! Writes JUnit XML for CI servers: for checks and for scenarios.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::check::{Interruption, SetUpError};

/// Result of a test case.
#[derive(Debug)]
pub enum Ending {
    /// Passed without a finding.
    Passed,
    /// Failed with a finding.
    Failed {
        /// Requirement level, such as `MUST`.
        kind: &'static str,
        /// The finding in one line.
        message: String,
        /// Expected and actual values, and how to fix the finding.
        details: String,
    },
    /// Could not be judged because of an error.
    Error {
        /// Kind of the error, such as `incomplete`.
        kind: &'static str,
        /// The reason in one line.
        message: String,
        /// What to do about the error.
        details: String,
    },
    /// The case was skipped.
    Skipped {
        /// The reason for the skip.
        message: String,
    },
    /// Passed with a note, such as a warning.
    Noted {
        /// The text of the note.
        details: String,
    },
}

/// One test case.
#[derive(Debug)]
pub struct Case {
    /// Name: the title of a check or scenario.
    pub name: String,
    /// Class name: the command, or the feature of a scenario.
    pub class: String,
    /// How long the test case took.
    pub duration: Duration,
    /// The result.
    pub ending: Ending,
}

/// Properties of the run, written to every suite.
#[derive(Debug)]
pub struct Run<'r> {
    /// The command, such as `check sp`.
    pub command: &'r str,
    /// Address or name of the judged target.
    pub target: &'r str,
    /// The command line, with secrets masked.
    pub command_line: &'r str,
    /// When the command started.
    pub started_at: Timestamp,
    /// How long the command took.
    pub duration: Duration,
    /// The signal that ended the run early.
    pub incomplete: Option<Interruption>,
    /// The set-up error because of which nothing was judged, if there was one.
    pub error: Option<&'r SetUpError>,
}

/// Returns the whole JUnit document. It contains no host name of this machine, because reports are
/// given to other people.
pub fn junit(run: &Run<'_>, mut suites: Vec<(String, Vec<Case>)>) -> String {
    let broken = broken_off(run);
    if !broken.is_empty() {
        suites.push((format!("rehearsal {}: not complete", run.command), broken));
    }
    let mut report = Report::new(format!("rehearsal {}", run.command));
    report.set_time(run.duration);
    let started_at = DateTime::<Utc>::from_timestamp_millis(run.started_at.as_millisecond());
    for (name, cases) in suites {
        let mut suite = TestSuite::new(name);
        if let Some(at) = started_at {
            suite.set_timestamp(at);
        }
        suite.set_time(cases.iter().map(|case| case.duration).sum());
        suite.add_property(("version", crate::VERSION));
        for (name, value) in [("target", run.target), ("command-line", run.command_line)] {
            if !value.is_empty() {
                suite.add_property((name, value));
            }
        }
        suite.add_test_cases(cases.into_iter().map(test_case));
        report.add_test_suite(suite);
    }
    let xml = report.to_string().unwrap_or_default();
    // The JUnit schema of Jenkins has no `skipped` attribute on the root element.
    let (root, rest) = xml.split_once("<testsuite ").unwrap_or((&xml, ""));
    let mut root = root.to_owned();
    if let Some(start) = root.find(" skipped=\"")
        && let Some(length) = root[start + 10..].find('"')
    {
        root.replace_range(start..=start + 10 + length, "");
    }
    if rest.is_empty() {
        root
    } else {
        format!("{root}<testsuite {rest}")
    }
}

/// Returns an error case for a run that judged no checks, or not all of them.
fn broken_off(run: &Run<'_>) -> Vec<Case> {
    let case = |name: &str, kind, message: String, details: String| Case {
        name: name.to_owned(),
        class: run.command.to_owned(),
        duration: Duration::ZERO,
        ending: Ending::Error {
            kind,
            message,
            details,
        },
    };
    let error = run.error.map(|error| {
        let details = format!("{}\nfix: {}", error.message, error.fix);
        case("set-up", error.code, error.message.clone(), details)
    });
    let interruption = run.incomplete.map(|by| {
        let message = format!("interrupted by {}", by.signal.name());
        let details = format!("{message}: what is missing here was not judged");
        case("interrupted", by.signal.name(), message, details)
    });
    error.into_iter().chain(interruption).collect()
}

fn test_case(case: Case) -> TestCase {
    let with = |kind, ty: &str, message: String, details: String| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(ty).set_message(message);
        status.set_description(details);
        status
    };
    let mut note = None;
    let status = match case.ending {
        Ending::Passed => TestCaseStatus::success(),
        Ending::Noted { details } => {
            note = Some(details);
            TestCaseStatus::success()
        }
        Ending::Failed {
            kind,
            message,
            details,
        } => with(NonSuccessKind::Failure, kind, message, details),
        Ending::Error {
            kind,
            message,
            details,
        } => with(NonSuccessKind::Error, kind, message, details),
        Ending::Skipped { message } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(message);
            status
        }
    };
    let mut written = TestCase::new(case.name, status);
    written.set_classname(case.class).set_time(case.duration);
    if let Some(note) = note {
        written.set_system_out(note);
    }
    written
}
