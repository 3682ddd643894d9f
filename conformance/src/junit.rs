//! JUnit XML, as CI servers read it: of checks and of scenarios.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::check::{Interruption, SetUpError};

/// How a test case ended.
#[derive(Debug)]
pub enum Ending {
    /// Nothing was found.
    Passed,
    /// A finding.
    Failed {
        /// A level, such as `MUST`.
        kind: &'static str,
        /// The finding in a line.
        message: String,
        /// Everything that helps to correct it.
        details: String,
    },
    /// Nothing could be judged.
    Error {
        /// What kept it from being judged, such as `incomplete`.
        kind: &'static str,
        /// The reason in a line.
        message: String,
        /// What to do about it.
        details: String,
    },
    /// Not judged, with a cause.
    Skipped {
        /// The cause.
        message: String,
    },
    /// Passed, with something to read.
    Noted {
        /// What to read.
        details: String,
    },
}

/// One test case.
#[derive(Debug)]
pub struct Case {
    /// Its name: the title of a check or scenario.
    pub name: String,
    /// The name of its class: the command, or the feature of a scenario.
    pub class: String,
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// What every suite says of the run.
#[derive(Debug)]
pub struct Run<'r> {
    /// The command, such as `check sp`.
    pub command: &'r str,
    /// What was judged.
    pub target: &'r str,
    /// The command line, secrets masked.
    pub command_line: &'r str,
    /// When the command started.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// The signal that ended the run early.
    pub incomplete: Option<Interruption>,
    /// The error of the set-up because of which nothing was judged, if there was one.
    pub error: Option<&'r SetUpError>,
}

/// The whole document. No host is named in it: reports are handed on.
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
    // Jenkins' schema has no such attribute at the root.
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

/// The error of a run that could judge nothing, or not everything.
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
