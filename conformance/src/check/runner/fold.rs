//! Folding: a failure that follows from another failure is not a finding of its own.

use std::collections::BTreeSet;

use crate::check::{Outcome, Verdict};

/// Folds outcomes with the same symptom, a sentence that holds for the whole run, such as "PATCH
/// /Users never succeeded".
///
/// Of the failures with a symptom, one stays a finding: that of the check that `preferred` names for
/// the symptom, or else the first one of the strictest level. Every other failure and every skipped
/// check with it is skipped because of that one. `symptoms` has one set for each outcome; a symptom
/// in `disproved` is not used as a cause.
pub fn fold(
    outcomes: &mut [Outcome],
    symptoms: &[BTreeSet<String>],
    disproved: &BTreeSet<String>,
    preferred: impl Fn(&str) -> Option<&'static str>,
) {
    let all: BTreeSet<&String> = symptoms.iter().flatten().collect();
    for symptom in all.difference(&disproved.iter().collect()) {
        let shows = |at: usize| symptoms.get(at).is_some_and(|it| it.contains(*symptom));
        let mut failures: Vec<usize> = (0..outcomes.len())
            .filter(|at| outcomes[*at].verdict == Verdict::Fail && shows(*at))
            .collect();
        let preferred = preferred(symptom);
        failures.sort_by_key(|at| {
            let check = &outcomes[*at].check;
            (preferred != Some(check.id.as_str()), check.level)
        });
        let Some(&first) = failures.first() else {
            continue;
        };
        let cause = outcomes[first].check.id.clone();
        for at in (0..outcomes.len()).filter(|at| *at != first && shows(*at)) {
            let outcome = &mut outcomes[at];
            let follows = match outcome.verdict {
                Verdict::Fail | Verdict::Warn => true,
                Verdict::Skip => outcome.cause.is_none(),
                Verdict::Pass => false,
            };
            if follows {
                outcome.verdict = Verdict::Skip;
                outcome.actual = format!("{symptom} ({cause})");
                outcome.cause = Some(cause.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::check::{Check, Level};

    fn outcome(id: &str, verdict: Verdict) -> Outcome {
        let check = Check {
            id: id.to_owned(),
            level: Level::Must,
            harm: crate::check::Harm::Function,
            title: String::new(),
            spec: String::new(),
            fix: String::new(),
        };
        Outcome {
            verdict,
            ..Outcome::new_judged(check, true, "", String::new(), Value::Null)
        }
    }

    fn fold_sample(
        disproved: &[&str],
        preferred: Option<&'static str>,
    ) -> Vec<(Verdict, Option<String>)> {
        let verdicts = [Verdict::Skip, Verdict::Fail, Verdict::Fail, Verdict::Pass];
        let mut outcomes: Vec<Outcome> = verdicts
            .iter()
            .enumerate()
            .map(|(at, verdict)| outcome(&format!("X-{at}"), *verdict))
            .collect();
        let symptoms = vec![BTreeSet::from(["PATCH /Users never succeeded".to_owned()]); 4];
        let disproved = disproved.iter().map(|it| (*it).to_owned()).collect();
        fold(&mut outcomes, &symptoms, &disproved, |_| preferred);
        outcomes
            .into_iter()
            .map(|it| (it.verdict, it.cause))
            .collect()
    }

    #[test]
    fn the_preferred_check_stays_a_finding() {
        let verdicts = fold_sample(&[], Some("X-2"));
        let verdicts: Vec<Verdict> = verdicts.into_iter().map(|it| it.0).collect();
        let (skip, fail, pass) = (Verdict::Skip, Verdict::Fail, Verdict::Pass);
        assert_eq!(verdicts, [skip, skip, fail, pass]);
    }

    #[test]
    fn failures_with_one_symptom_are_one_finding() {
        let cause = Some("X-1".to_owned());
        assert_eq!(
            fold_sample(&[], None),
            [
                (Verdict::Skip, cause.clone()),
                (Verdict::Fail, None),
                (Verdict::Skip, cause),
                (Verdict::Pass, None),
            ]
        );
    }

    #[test]
    fn a_disproved_symptom_is_not_a_cause() {
        let verdicts = fold_sample(&["PATCH /Users never succeeded"], None)
            .into_iter()
            .map(|it| it.0);
        assert_eq!(verdicts.filter(|it| *it == Verdict::Fail).count(), 2);
    }
}
