//! Judges each requirement of a profile by the outcomes of a run.

use serde::Serialize;

use super::{Demand, Kind, Profile, Requirement, Scope};
use crate::check::scim::figure;
use crate::check::{CheckReport, Outcome, Verdict};

/// The verdict of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequirementVerdict {
    /// All its checks passed.
    Passed,
    /// At least one of its checks failed.
    Failed,
    /// It has no check, or none failed but at least one was not judged.
    NotTested,
}

impl RequirementVerdict {
    /// Returns the name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotTested => "not tested",
        }
    }
}

/// A requirement and its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct RequirementResult {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// Its checks of the kind of target that was judged.
    pub checks: Vec<&'static str>,
    /// The verdict.
    pub verdict: RequirementVerdict,
    /// The checks that decided the verdict: those that failed, or those that were not judged.
    pub decided_by: Vec<String>,
    /// What the first of these checks observed; for a requirement without checks, why it has
    /// none. Empty if it passed.
    pub reason: String,
    /// A sentence with the measured figures, if a check measured any.
    pub figure: Option<String>,
    /// The id of the failed check because of which it was not judged.
    pub blocked_by: Option<String>,
    /// True if the list of expected failures contains every finding against it.
    pub is_expected: bool,
}

impl RequirementResult {
    fn new(
        profile: &Profile,
        requirement: &'static Requirement,
        kind: Kind,
        report: &CheckReport,
    ) -> Self {
        let checks: Vec<&str> = requirement.checks_of(kind).map(String::as_str).collect();
        let mut result = Self {
            requirement,
            checks,
            verdict: RequirementVerdict::NotTested,
            decided_by: Vec::new(),
            reason: requirement.why_not_by(kind),
            figure: None,
            blocked_by: None,
            is_expected: false,
        };
        if result.checks.is_empty() {
            return result;
        }
        if let Some(why) = requirement.why_not_by_login(report.login_start) {
            why.clone_into(&mut result.reason);
            return result;
        }
        let outcome_of = |id: &str| report.outcomes.iter().find(|it| it.check.id == id);
        let judged = result.checks.iter().map(|id| (*id, outcome_of(id)));
        let mut judged: Vec<(&str, Option<&Outcome>)> = judged.collect();
        let is_choice = |id: &str| requirement.any_of.iter().any(|it| it == id);
        let has_passed = |outcome: Option<&Outcome>| {
            outcome.is_some_and(|outcome| outcome.verdict == Verdict::Pass)
        };
        // One passed check is enough: the other checks do not count.
        if judged
            .iter()
            .any(|(id, it)| is_choice(id) && has_passed(*it))
        {
            judged.retain(|(id, it)| !is_choice(id) || has_passed(*it));
        }
        let with = |wanted: fn(Option<&Outcome>) -> bool| {
            let all = judged.iter().filter(move |(_, outcome)| wanted(*outcome));
            all.copied().collect::<Vec<_>>()
        };
        let failed = with(|it| it.is_some_and(is_failure));
        let open = with(|it| it.is_none_or(|it| it.verdict == Verdict::Skip));
        let is_demanded = |outcome: &Outcome| {
            let lacks = outcome.lacks.as_ref();
            lacks.is_some_and(|it| profile.demands.contains(it))
        };
        let mut missing = open.clone();
        missing.retain(|(_, it)| it.is_some_and(is_demanded));
        let (verdict, decisive) = if !failed.is_empty() {
            (RequirementVerdict::Failed, failed)
        } else if requirement.level == Demand::Required && !missing.is_empty() {
            (RequirementVerdict::Failed, missing)
        } else if !open.is_empty() {
            (RequirementVerdict::NotTested, open)
        } else {
            (RequirementVerdict::Passed, Vec::new())
        };
        let measured = judged.iter().filter_map(|(_, outcome)| *outcome);
        let measured = measured.filter_map(|it| figure(&it.evidence)).next();
        result.figure = measured.map(str::to_owned);
        result.verdict = verdict;
        result.decided_by = decisive.iter().map(|(id, _)| (*id).to_owned()).collect();
        result.reason = decisive.first().map_or_else(String::new, |(_, outcome)| {
            let unrun = "it was not run".to_owned();
            outcome.map_or(unrun, |it| it.actual.clone())
        });
        if verdict == RequirementVerdict::Failed
            && let Some((limit, within)) = report.limit.zip(requirement.within)
            && limit.as_secs() < within
        {
            result.verdict = RequirementVerdict::NotTested;
            result.reason = format!(
                "{}; the requirement allows {within} s, and --max-seconds ended the wait after {} s",
                result.reason,
                limit.as_secs()
            );
            return result;
        }
        let blocked = |(_, outcome): &(&str, Option<&Outcome>)| cause_of(report, (*outcome)?);
        if verdict == RequirementVerdict::NotTested {
            result.blocked_by = decisive.iter().find_map(blocked);
        }
        result
    }

    /// True if it makes the command fail: it is required, and it failed or was not judged
    /// because of a finding that is not expected.
    pub fn is_fatal(&self) -> bool {
        // The profile that it refers to makes the command fail itself.
        if self.requirement.profile.is_some() {
            return false;
        }
        let is_against = self.verdict == RequirementVerdict::Failed || self.blocked_by.is_some();
        self.requirement.level == Demand::Required && is_against && !self.is_expected
    }

    /// True if it makes the command fail because of the check with this id.
    fn is_failed_by(&self, id: &str) -> bool {
        self.is_fatal()
            && (self.blocked_by.as_deref() == Some(id)
                || (self.verdict == RequirementVerdict::Failed
                    && self.decided_by.iter().any(|it| it == id)))
    }

    /// Sets `is_expected` by the ids of the checks whose failures are expected.
    pub(in crate::check) fn expect(&mut self, expected: &[&str]) {
        let is_known = |id: &String| expected.contains(&id.as_str());
        self.is_expected = match (self.verdict, &self.blocked_by) {
            (RequirementVerdict::Failed, _) => self.decided_by.iter().all(is_known),
            (_, Some(finding)) => is_known(finding),
            (_, None) => false,
        };
    }
}

/// True if the check failed. Warnings count too: before the list of expected failures is
/// applied, only a MAY that is not met is a warning.
fn is_failure(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Verdict::Fail | Verdict::Warn)
}

/// Follows the causes of a skipped check and returns the id of the first failed check.
fn cause_of(report: &CheckReport, outcome: &Outcome) -> Option<String> {
    let mut at = outcome;
    // A chain that is longer than the report would be a circle.
    for _ in 0..report.outcomes.len() {
        let id = at.cause.as_ref()?;
        at = report.outcomes.iter().find(|it| it.check.id == *id)?;
        if at.verdict == Verdict::Fail {
            return Some(id.clone());
        }
    }
    None
}

/// A profile and the verdicts of its requirements.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The profile.
    pub profile: &'static Profile,
    /// The verdicts, in the order of the profile.
    pub results: Vec<RequirementResult>,
}

impl Assessment {
    /// Judges the requirements of a profile by a report.
    pub(super) fn new(profile: &'static Profile, kind: Kind, report: &CheckReport) -> Self {
        let requirements = profile.requirements_of(kind);
        let results = requirements.map(|it| RequirementResult::new(profile, it, kind, report));
        Self {
            profile,
            results: results.collect(),
        }
    }

    /// Judges the requirements that refer to a profile which is among these, by its verdicts.
    pub(super) fn judge_references(all: &mut [Self]) {
        // A profile that is referred to may refer to another one.
        for _ in 0..all.len() {
            let verdicts: Vec<_> = all.iter().map(|it| (it.profile, it.verdict())).collect();
            for result in all.iter_mut().flat_map(|it| &mut it.results) {
                let named = result.requirement.profile.as_deref();
                let mut referred = verdicts
                    .iter()
                    .filter(|it| named == Some(it.0.name.as_str()));
                if let Some((_, (verdict, reason))) = referred.next() {
                    result.verdict = *verdict;
                    result.reason.clone_from(reason);
                }
            }
        }
    }

    /// Returns the verdict of the whole profile by its required requirements, and the reason; the
    /// reason is empty if all passed.
    fn verdict(&self) -> (RequirementVerdict, String) {
        let count = |verdict| self.count(verdict, Some(Demand::Required));
        let name = &self.profile.name;
        let (failed, open) = (
            count(RequirementVerdict::Failed),
            count(RequirementVerdict::NotTested),
        );
        match (failed, open) {
            (0, 0) => (RequirementVerdict::Passed, String::new()),
            (0, open) => {
                let reason =
                    format!("{open} of the required requirements of {name} are not tested");
                (RequirementVerdict::NotTested, reason)
            }
            (failed, _) => {
                let reason = format!("{failed} of the required requirements of {name} failed");
                (RequirementVerdict::Failed, reason)
            }
        }
    }

    /// Counts the requirements with this verdict, of all levels or of one.
    pub fn count(&self, verdict: RequirementVerdict, level: Option<Demand>) -> usize {
        let all = self.results.iter().filter(|it| it.verdict == verdict);
        all.filter(|it| level.is_none_or(|level| it.requirement.level == level))
            .count()
    }

    /// True if no required requirement makes the command fail.
    pub fn is_well(&self) -> bool {
        !self.results.iter().any(RequirementResult::is_fatal)
    }

    /// True if a required requirement makes the command fail because of the check with this id.
    pub fn is_failed_by(&self, id: &str) -> bool {
        self.results.iter().any(|it| it.is_failed_by(id))
    }
}

impl CheckReport {
    /// Returns the requirements that make the command fail, each with its profile.
    pub fn fatal_requirements(&self) -> impl Iterator<Item = String> {
        self.assessments.iter().flat_map(|assessment| {
            let fatal = assessment.results.iter().filter(|it| it.is_fatal());
            fatal.map(|it| format!("{} {}", assessment.profile.name, it.requirement.id))
        })
    }

    /// True if only the chosen profiles decide the exit code. Then findings that concern no
    /// required requirement do not fail the command.
    pub fn is_decided_by_profiles(&self) -> bool {
        let is_list = |it: &Assessment| it.profile.scope == Scope::Listed;
        !self.assessments.is_empty() && self.assessments.iter().all(is_list)
    }
}
