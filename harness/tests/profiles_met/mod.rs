//! Asserts that a correct target meets the profiles of its kind.

use rehearsal::check::CheckReport;
use rehearsal::check::profile::{Profile, RequirementVerdict};

/// Asserts that for each of these profiles more than `floor` requirements pass, none fails, and
/// every untested requirement has a reason.
pub(crate) fn assert_profiles_met(report: &CheckReport, all: &[&'static Profile], floor: usize) {
    let report = report.clone().with_profiles(all).assessed(all);
    assert_eq!(report.assessments.len(), all.len());
    for assessment in &report.assessments {
        let passed = assessment.count(RequirementVerdict::Passed, None);
        assert!(passed > floor, "{}", assessment.profile.name);
        for result in &assessment.results {
            let at = format!(
                "{} {}: {}",
                assessment.profile.name, result.requirement.id, result.reason
            );
            assert_ne!(result.verdict, RequirementVerdict::Failed, "{at}");
            let is_open = result.verdict == RequirementVerdict::NotTested;
            assert_eq!(is_open, !result.reason.is_empty(), "{at}");
            assert_ne!(result.reason, "it was not run", "{at}");
        }
    }
}
