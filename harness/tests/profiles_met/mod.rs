//! Asserts that a correct target meets the profiles of its kind, and which requirements a broken one
//! does not meet.

use std::collections::BTreeSet;

use rehearsal::check::CheckReport;
use rehearsal::check::profile::{Demand, Kind, Profile, RequirementVerdict};

/// Asserts that for each of these profiles more than `floor` requirements pass, none fails, and
/// every untested requirement has a reason.
pub(crate) fn assert_profiles_met(report: &CheckReport, all: &[&'static Profile], floor: usize) {
    let report = report.clone().with_profiles(all).with_assessments(all);
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

/// Returns the requirements of these profiles that failed, as `profile requirement`.
pub(crate) fn failed_requirements(
    report: &CheckReport,
    all: &[&'static Profile],
) -> BTreeSet<String> {
    let report = report.clone().with_profiles(all).with_assessments(all);
    let mut failed = BTreeSet::new();
    for assessment in &report.assessments {
        let results = assessment.results.iter();
        // A requirement that refers to another profile only repeats its verdict.
        let results = results.filter(|it| it.requirement.profile.is_none());
        let results = results.filter(|it| it.verdict == RequirementVerdict::Failed);
        let name = &assessment.profile.name;
        failed.extend(results.map(|it| format!("{name} {}", it.requirement.id)));
    }
    failed
}

/// Asserts that each required requirement with checks of this kind is among those that a broken
/// target fails, or has a reason why no target can fail it.
pub(crate) fn assert_each_can_fail<'t>(
    kind: Kind,
    all: &[&'static Profile],
    broken: impl Iterator<Item = &'t str>,
    unbroken: &[(&str, &str)],
) {
    let broken: BTreeSet<&str> = broken.collect();
    let mut required = BTreeSet::new();
    for profile in all {
        let requirements = profile.requirements_of(kind);
        let requirements = requirements
            .filter(|it| it.level == Demand::Required && it.checks_of(kind).next().is_some());
        required.extend(requirements.map(|it| format!("{} {}", profile.name, it.id)));
    }
    assert!(!required.is_empty());
    let excused: BTreeSet<&str> = unbroken.iter().map(|(name, _)| *name).collect();
    let open: Vec<&String> = required
        .iter()
        .filter(|it| !broken.contains(it.as_str()) && !excused.contains(it.as_str()))
        .collect();
    assert!(
        open.is_empty(),
        "no target shows that these can fail: {open:?}"
    );
    for (name, reason) in unbroken {
        assert!(required.contains(*name), "{name} is no such requirement");
        assert!(!broken.contains(name), "{name} can fail");
        assert!(reason.len() > 20, "{name}: {reason}");
    }
}
