//! Findings for external references of a message that a service provider fetched.

use faults::Fault;

use super::Judge;
use crate::check::{Check, Harm, Outcome, Verdict};

impl Judge {
    /// Returns the outcome of a fault whose external references were fetched: a finding, even if
    /// the login was refused. Without fetches, returns the outcome itself.
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
            let is_judged = matches!(outcome.verdict, Verdict::Pass | Verdict::Fail);
            if is_judged && fault.refers_elsewhere() {
                outcome.actual = format!("{at} was not contacted; {}", outcome.actual);
                // The harm would be the request. Without it, only a wrong form was accepted.
                if outcome.verdict == Verdict::Fail && outcome.check.harm == Harm::Protection {
                    outcome.check.harm = Harm::Leniency;
                }
            }
            return outcome;
        }
        // If the attacker was logged in, that is the more severe finding.
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
                    "Never fetch what a message refers to: turn off DTDs, external entities, XInclude, schema locations and XSLT in the XML parser, use only keys from your configuration, and do not fetch the certificate of a certificate's issuer. {}",
                    outcome.check.fix
                ),
                ..outcome.check
            },
            verdict: Verdict::Fail,
            expected: "no request to the URL that the message contains, and a refusal".to_owned(),
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

    /// Adds findings for external references that were fetched only after the answer to the fault.
    pub(super) fn add_late_fetches(&self, outcomes: &mut Vec<Outcome>, faults: &[Fault]) {
        let Some(references) = &self.provider.references else {
            return;
        };
        let known = |outcome: &Outcome| !outcome.evidence["fetched"].is_null();
        let late = |outcome: &Outcome| match known(outcome) {
            true => Vec::new(),
            false => references.requests_for(&outcome.check.id, usize::MAX),
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
