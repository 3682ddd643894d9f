//! Which findings follow from another one.

use super::beyond;
use super::catalogue::is_control;
use super::plan::Plan;
use crate::check::{Outcome, Verdict};

/// Sets the cause of each finding to a simpler fault that is also a finding, and the same for
/// controls, whose findings are often warnings.
pub(super) fn name_causes(outcomes: &mut [Outcome], plan: &Plan) {
    let messages = || plan.bases.iter().chain(&plan.others).chain(&plan.faults);
    let check_of = |id: &String| {
        let message = messages().find(|it| it.id == *id);
        message.map(|it| it.check.clone())
    };
    let is_finding = |it: &Outcome| match it.verdict {
        Verdict::Fail => true,
        Verdict::Warn => is_control(&it.check),
        Verdict::Pass | Verdict::Skip => false,
    };
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|it| is_finding(it))
        .map(|it| it.check.id.clone())
        .collect();
    for outcome in outcomes.iter_mut() {
        // A request to an external reference is a separate finding.
        let has_fetched = !outcome.evidence["fetched"].is_null();
        if !is_finding(outcome) || outcome.cause.is_some() || has_fetched {
            continue;
        }
        let message = messages().find(|it| it.check == outcome.check.id);
        let simpler = message.iter().flat_map(|it| &it.follows);
        let simpler = simpler.filter_map(check_of).chain(
            beyond::FOLLOWS
                .iter()
                .filter(|(id, _)| *id == outcome.check.id)
                .map(|(_, cause)| (*cause).to_owned()),
        );
        outcome.cause = { simpler }.find(|id| failed.contains(id));
    }
}
