//! Findings of what a service provider fetched because a message named it.

use faults::Fault;

use super::Judge;
use crate::check::{Check, Harm, Outcome, Verdict};

impl Judge {
    /// The outcome of a fault for which this was fetched from elsewhere: a
    /// finding, whether the login was refused or not.
    pub(super) fn with_fetches(
        &self,
        outcome: Outcome,
        fault: &Fault,
        fetched: Vec<String>,
    ) -> Outcome {
        let Some(references) = &self.provider.references else {
            return outcome;
        };
        let at = references.base();
        if fetched.is_empty() {
            let mut outcome = outcome;
            if outcome.verdict == Verdict::Pass && fault.refers_elsewhere() {
                outcome.actual = format!("{at} was not contacted; {}", outcome.actual);
            }
            return outcome;
        }
        // A login is the worse finding.
        let harm = match outcome.verdict {
            Verdict::Fail => outcome.check.harm,
            _ => Harm::Protection,
        };
        let mut evidence = outcome.evidence;
        if !evidence.is_object() {
            evidence = serde_json::json!({});
        }
        evidence["fetched"] = serde_json::json!(fetched);
        Outcome {
            check: Check {
                harm,
                fix: format!(
                    "Never fetch what a message refers to: turn off DTDs, external entities, XInclude, schema locations and XSLT in the parser, take keys from the configuration only, and fetch no issuer of a certificate. {}",
                    outcome.check.fix
                ),
                ..outcome.check
            },
            verdict: Verdict::Fail,
            expected:
                "nothing to be fetched from the address that the message names, and a refusal"
                    .to_owned(),
            actual: format!(
                "fetched from {at}: {}; {}",
                fetched.join(", "),
                outcome.actual
            ),
            evidence,
            cause: None,
            ..outcome
        }
    }

    /// Makes findings of what was fetched only after the answer.
    pub(super) fn add_late_fetches(&self, outcomes: &mut Vec<Outcome>, faults: &[Fault]) {
        let Some(references) = &self.provider.references else {
            return;
        };
        let known = |outcome: &Outcome| !outcome.evidence["fetched"].is_null();
        let late = |outcome: &Outcome| match known(outcome) {
            true => Vec::new(),
            false => references.fetched_for(&outcome.check.id, usize::MAX),
        };
        *outcomes = std::mem::take(outcomes)
            .into_iter()
            .map(|outcome| {
                let fault = faults.iter().find(|it| it.check == outcome.check.id);
                match (fault, late(&outcome)) {
                    (Some(fault), fetched) if !fetched.is_empty() => {
                        self.with_fetches(outcome, fault, fetched)
                    }
                    _ => outcome,
                }
            })
            .collect();
    }
}
