//! Reads the list of known, expected failures (`--expected FILE`), so that a pipeline fails only on
//! new ones.
//!
//! ```json
//! [{"id": "SAML-SP-DOS-05", "reason": "ticket 4711", "until": "2027-03-01"}]
//! ```

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::runner::NOTHING_JUDGED;
use super::{CheckReport, Outcome, Verdict};

/// One expected failure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Id of the check that may fail or be skipped.
    pub id: String,
    /// Why the failure is accepted for now.
    pub reason: String,
    /// Last day on which the failure is accepted, UTC.
    #[serde(default, deserialize_with = "last_day")]
    pub until: Option<Date>,
    /// The file that contains this entry, for messages.
    #[serde(skip)]
    pub list: Option<String>,
}

/// Reads a day, with an example in the error.
fn last_day<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Date>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        serde::de::Error::custom(format!(
            "invalid until: expected a day such as 2027-01-31, got {text:?}"
        ))
    })
}

/// Error of a baseline file.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file is not a JSON list of expected failures.
    #[error(
        "invalid list of expected failures: expected a JSON array of {{\"id\", \"reason\", \"until\"?}}: {0}"
    )]
    Json(#[from] serde_json::Error),
    /// An id in the file belongs to no check.
    #[error("no check has the id {0}; --list prints all ids")]
    Unknown(String),
}

impl Expected {
    fn apply_to(&self, outcome: &mut Outcome, today: Date) {
        let reason = &self.reason;
        let over = self.until.filter(|until| today > *until);
        // A line of its own: the observation may be long.
        let accepted = match (over, self.until) {
            (Some(until), _) => format!("the acceptance ended on {until}: {reason}"),
            (None, Some(until)) => format!("accepted until {until}: {reason}"),
            (None, None) => format!("accepted: {reason}"),
        };
        match (outcome.verdict, over) {
            (Verdict::Fail, Some(_)) => outcome.acceptance = Some(accepted),
            (Verdict::Fail, None) => {
                outcome.accepted = Some(reason.clone());
                outcome.verdict = Verdict::Warn;
                outcome.acceptance = Some(accepted);
            }
            (Verdict::Pass, _) => {
                outcome.verdict = Verdict::Warn;
                outcome.actual = format!("it passed, though a failure was expected ({reason})");
                // The fix of the check is for a server that fails it.
                let list = self
                    .list
                    .as_deref()
                    .unwrap_or("the list of expected failures");
                outcome.check.fix = format!("Remove {} from {list}.", self.id);
            }
            (Verdict::Skip, Some(until)) => {
                outcome.verdict = Verdict::Fail;
                outcome.expected = format!("to be judged after {until}");
                outcome.actual = format!("not judged: {}", outcome.actual);
                outcome.acceptance = Some(accepted);
            }
            (Verdict::Skip, None) => {
                outcome.actual = format!("{} ({accepted})", outcome.actual);
            }
            (Verdict::Warn, None) => outcome.accepted = Some(reason.clone()),
            (Verdict::Warn, Some(_)) => {}
        }
    }
}

/// Reads a list in a file; messages name the file.
///
/// # Errors
/// [`BaselineError::Json`].
pub fn read_file(text: &str, name: impl std::fmt::Display) -> Result<Vec<Expected>, BaselineError> {
    let mut all = read(text)?;
    for one in &mut all {
        one.list = Some(name.to_string());
    }
    Ok(all)
}

/// Reads a baseline file.
///
/// # Errors
/// [`BaselineError::Json`].
pub fn read(text: &str) -> Result<Vec<Expected>, BaselineError> {
    Ok(serde_json::from_str(text)?)
}

impl CheckReport {
    /// Turns expected failures into warnings. An expected failure that passes becomes a warning
    /// too, because the list is then out of date. After its last day an expectation no longer
    /// applies, and a check that was skipped because of it fails.
    ///
    /// # Errors
    /// [`BaselineError::Unknown`] for an id that belongs to no check.
    pub fn against(mut self, expected: &[Expected], now: Timestamp) -> Result<Self, BaselineError> {
        let today = now.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        // Somebody has looked at each of these skipped checks.
        let is_named = |outcome: &Outcome| expected.iter().any(|it| it.id == outcome.check.id);
        if self.outcomes.iter().all(is_named) {
            self.error.take_if(|it| it.code == NOTHING_JUDGED);
        }
        for one in expected {
            let mut known = false;
            let all = self.outcomes.iter_mut();
            for outcome in all.filter(|outcome| outcome.check.id == one.id) {
                known = true;
                one.apply_to(outcome, today);
            }
            if !known && self.is_complete() {
                return Err(BaselineError::Unknown(one.id.clone()));
            }
        }
        // After its end date, an expected failure counts as a finding again.
        let is_excused = |one: &&Expected| {
            let mut all = self.outcomes.iter();
            all.any(|it| it.check.id == one.id && it.verdict == Verdict::Warn)
        };
        let excused = expected.iter().filter(is_excused);
        let excused: Vec<&str> = excused.map(|one| one.id.as_str()).collect();
        for assessment in &mut self.assessments {
            for result in &mut assessment.results {
                result.expect(&excused);
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::check::{Check, Level, SetUpError};

    fn report(holds: bool) -> CheckReport {
        let check = Check {
            id: "X-1".into(),
            level: Level::Must,
            harm: crate::check::Harm::Function,
            title: "t".into(),
            spec: "s".into(),
            fix: "f".into(),
        };
        let outcomes = vec![Outcome::new_judged(
            check,
            holds,
            "e",
            "a".into(),
            Value::Null,
        )];
        CheckReport::new("check sp", "t", outcomes, jiff::Timestamp::UNIX_EPOCH)
    }

    fn verdict(holds: bool, baseline: &str) -> Verdict {
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        let judged = report(holds).against(&read(baseline).unwrap(), now);
        judged.unwrap().outcomes[0].verdict
    }

    #[test]
    fn an_expected_failure_is_a_warning_until_its_last_day() {
        let known = r#"[{"id": "X-1", "reason": "known", "until": "2026-06-01"}]"#;
        let over = r#"[{"id": "X-1", "reason": "known", "until": "2026-05-31"}]"#;
        assert_eq!(verdict(false, known), Verdict::Warn);
        assert_eq!(verdict(false, over), Verdict::Fail);
    }

    #[test]
    fn an_acceptance_is_a_line_of_its_own_in_each_form() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        for (until, line) in [
            ("2026-05-31", "the acceptance ended on 2026-05-31: ticket 2"),
            ("2026-06-02", "accepted until 2026-06-02: ticket 2"),
        ] {
            let list = format!(r#"[{{"id": "X-1", "reason": "ticket 2", "until": "{until}"}}]"#);
            let mut report = report(false);
            report.outcomes[0].actual = "a long answer ".repeat(200);
            let report = report.against(&read(&list).unwrap(), now).unwrap();
            assert!(!report.outcomes[0].actual.contains("ticket"));
            let is_a_line = |text: &str| text.lines().any(|it| it.trim().ends_with(line));
            assert!(is_a_line(&report.terminal()), "{}", report.terminal());
            assert!(is_a_line(&report.junit()), "{}", report.junit());
            let results = &report.sarif("list.txt")["runs"][0]["results"];
            let text = results[0]["message"]["text"].as_str().unwrap();
            assert!(is_a_line(text), "{text}");
            for form in [
                report.html(),
                report.json().to_string(),
                report.code_quality("list.txt").to_string(),
            ] {
                assert!(form.contains(line), "{form}");
            }
            // GitHub's forms have no warnings.
            let is_finding = line.contains("ended");
            assert_eq!(report.step_summary().contains(line), is_finding);
            assert_eq!(report.annotations().contains(line), is_finding);
        }
    }

    #[test]
    fn an_expected_failure_that_passes_is_reported_with_its_own_fix() {
        let list = r#"[{"id": "X-1", "reason": "known"}]"#;
        assert_eq!(verdict(true, list), Verdict::Warn);
        let known = read_file(list, "expected.json").unwrap();
        let report = report(true).against(&known, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(
            report.outcomes[0].check.fix,
            "Remove X-1 from expected.json."
        );
    }

    #[test]
    fn a_run_in_which_each_skipped_check_is_expected_is_no_error() {
        let skipped = Outcome::new_skipped(report(true).outcomes.remove(0).check, "not offered");
        let run = CheckReport {
            outcomes: vec![skipped],
            error: Some(SetUpError::new(NOTHING_JUDGED, "m", "f")),
            ..report(true)
        };
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let known = read(r#"[{"id": "X-1", "reason": "no logout"}]"#).unwrap();
        assert_eq!(run.clone().against(&known, now).unwrap().exit_code(), 0);
        assert_eq!(run.against(&[], now).unwrap().exit_code(), 2);
    }

    #[test]
    fn an_expected_failure_of_an_unknown_check_is_an_error() {
        let none = read(r#"[{"id": "X-2", "reason": "known"}]"#).unwrap();
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        assert!(report(false).against(&none, now).is_err());
    }
}
