//! The summary at the beginning of a report: the verdict as a sentence, and the outcomes, grouped
//! so that one cause is one finding.

use std::sync::LazyLock;

use regex::Regex;

use super::harm::{self, Class};
use super::{CheckReport, Level, Outcome, Verdict};

/// A finding or a warning, with the outcomes that follow from it.
pub(super) struct Finding<'r> {
    pub(super) outcome: &'r Outcome,
    /// Other outcomes with the same cause.
    pub(super) consequences: Vec<&'r Outcome>,
}

impl Finding<'_> {
    /// Returns the sort key: that of the worst of this finding and of the findings that follow from
    /// it, so that a login as another user is never listed below a harmless finding.
    fn order(&self) -> (Class, Level, u8) {
        let failed = self.consequences.iter();
        let failed = failed.filter(|it| it.verdict == Verdict::Fail);
        let keys = failed.map(|it| harm::order(it));
        keys.fold(harm::order(self.outcome), Ord::min)
    }

    /// Returns the ids of the consequences.
    pub(super) fn consequence_ids(&self) -> impl Iterator<Item = &str> {
        self.consequences.iter().map(|it| it.check.id.as_str())
    }

    /// Describes the consequences in a sentence, such as "35 checks were not judged because of
    /// SCIM-PATCH-01".
    pub(super) fn consequence_sentence(&self) -> Option<String> {
        let all = self.consequences.len();
        let failed = self
            .consequences
            .iter()
            .filter(|it| it.verdict == Verdict::Fail);
        let failed = failed.count();
        let id = &self.outcome.check.id;
        match (all, failed) {
            (0, _) => None,
            (all, 0) => Some(format!(
                "{} not judged because of {id}",
                plural(all, "check was", "checks were")
            )),
            (all, failed) if all == failed => Some(format!(
                "{} from {id}",
                plural(all, "finding follows", "findings follow"),
            )),
            (all, failed) => Some(format!(
                "{} from {id}, {failed} of them {}",
                plural(all, "check follows", "checks follow"),
                if failed == 1 { "a finding" } else { "findings" }
            )),
        }
    }
}

/// Skipped checks with the same reason; ids of resources and requests in the reasons may differ.
pub(super) struct Skips<'r> {
    pub(super) reason: &'r str,
    pub(super) outcomes: Vec<&'r Outcome>,
}

/// All outcomes of a report; each occurs exactly once.
pub(super) struct Summary<'r> {
    /// The worst first (see [`harm`]); equal ones in the order of the checks.
    pub(super) findings: Vec<Finding<'r>>,
    pub(super) warnings: Vec<Finding<'r>>,
    /// The most frequent reason first.
    pub(super) skips: Vec<Skips<'r>>,
    pub(super) passed: Vec<&'r Outcome>,
    /// True if the findings are grouped by class.
    has_classes: bool,
}

impl<'r> Summary<'r> {
    pub(super) fn of(report: &'r CheckReport) -> Self {
        let mut summary = Self {
            findings: Vec::new(),
            warnings: Vec::new(),
            skips: Vec::new(),
            passed: Vec::new(),
            has_classes: harm::has_classes(report),
        };
        let mut consequences: Vec<(&Outcome, &'r Outcome)> = Vec::new();
        for outcome in &report.outcomes {
            let root = root_of(report, outcome);
            // A finding is never listed under a warning: its cause may be an expected failure, and
            // then nothing would say why the exit status is 1.
            let is_consequence = !std::ptr::eq(root, outcome)
                && match root.verdict {
                    Verdict::Fail => outcome.verdict != Verdict::Pass,
                    Verdict::Warn => matches!(outcome.verdict, Verdict::Warn | Verdict::Skip),
                    Verdict::Pass | Verdict::Skip => false,
                };
            let alone = Finding {
                outcome,
                consequences: Vec::new(),
            };
            match outcome.verdict {
                _ if is_consequence => consequences.push((root, outcome)),
                Verdict::Fail => summary.findings.push(alone),
                Verdict::Warn => summary.warnings.push(alone),
                Verdict::Pass => summary.passed.push(outcome),
                Verdict::Skip => summary.skip(&root.actual, outcome),
            }
        }
        for (root, outcome) in consequences {
            let mut all = summary.findings.iter_mut().chain(&mut summary.warnings);
            if let Some(finding) = all.find(|it| std::ptr::eq(it.outcome, root)) {
                finding.consequences.push(outcome);
            }
        }
        summary.findings.sort_by_key(Finding::order);
        summary.warnings.sort_by_key(Finding::order);
        summary
            .skips
            .sort_by_key(|it| std::cmp::Reverse(it.outcomes.len()));
        summary
    }

    /// Returns the findings of each class with its heading. Without classes, returns all findings
    /// and no heading.
    pub(super) fn classes(&self) -> Vec<(Option<String>, &[Finding<'r>])> {
        if !self.has_classes {
            return vec![(None, &self.findings)];
        }
        let class = |it: &Finding<'_>| it.order().0;
        let all = self.findings.chunk_by(|a, b| class(a) == class(b));
        all.map(|findings| (Some(class(&findings[0]).heading()), findings))
            .collect()
    }

    fn skip(&mut self, reason: &'r str, outcome: &'r Outcome) {
        let kind = kind_of(reason);
        match self.skips.iter_mut().find(|it| kind_of(it.reason) == kind) {
            Some(skips) => skips.outcomes.push(outcome),
            None => self.skips.push(Skips {
                reason,
                outcomes: vec![outcome],
            }),
        }
    }
}

/// Matches ids that servers create for resources.
static IDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|[0-9]{4,}|[0-9a-f]{16,}")
        .expect("a pattern written here compiles")
});

/// Matches the quotation of an exchange at the end of a reason.
static EXCHANGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("(?s): (?P<method>[A-Z]+) /.*? → (?P<status>[0-9]{3}).*$")
        .expect("a pattern written here compiles")
});

/// Removes from a reason what differs between checks with the same cause: the ids of resources, and
/// the request that was sent and the body of its answer.
fn kind_of(reason: &str) -> String {
    let reason = EXCHANGE.replace(reason, ": $method → $status");
    IDS.replace_all(&reason, "…").into_owned()
}

/// Returns the first outcome of the chain of causes, or `outcome` itself if it has no cause.
fn root_of<'r>(report: &'r CheckReport, outcome: &'r Outcome) -> &'r Outcome {
    let mut root = outcome;
    // The number of steps is limited in case the causes form a cycle.
    for _ in 0..report.outcomes.len() {
        let Some(id) = &root.cause else { return root };
        match report.outcomes.iter().find(|it| it.check.id == *id) {
            Some(cause) => root = cause,
            None => return root,
        }
    }
    outcome
}

pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl CheckReport {
    /// Returns the verdict as a sentence.
    pub fn verdict_sentence(&self) -> String {
        if let Some(error) = &self.error {
            return format!("Not judged: {}", error.message);
        }
        let (findings, skipped) = (self.count(Verdict::Fail), self.count(Verdict::Skip));
        let all = self.outcomes.len();
        let checks = plural(all, "check", "checks");
        let mut sentence = match findings {
            0 => format!("No finding in {checks}"),
            _ => format!(
                "{} in {checks}: {}",
                plural(findings, "finding", "findings"),
                self.levels()
            ),
        };
        if let Some(interruption) = &self.incomplete {
            let so_far = match findings {
                0 => "no finding so far".to_owned(),
                _ => format!(
                    "{} so far: {}",
                    plural(findings, "finding", "findings"),
                    self.levels()
                ),
            };
            sentence = format!(
                "Interrupted by {} after {} of {checks}; {so_far}",
                interruption.signal.name(),
                all - skipped,
            );
        } else if skipped > 0 {
            sentence.push_str(&format!("; {skipped} not judged"));
        }
        if let Some(worst) = self.worst().filter(|_| findings > 0) {
            sentence.push_str(&format!(". {worst}"));
        }
        sentence
    }

    /// Describes who can log in as another user by the worst finding, in a sentence without a full
    /// stop. `None` if the findings are not grouped by class.
    fn worst(&self) -> Option<String> {
        if !harm::has_classes(self) {
            return None;
        }
        let attackers = self.findings().filter_map(|it| it.check.harm.attacker());
        Some(match attackers.min() {
            Some(attacker) => {
                let by = attacker.to_phrase();
                format!("An attacker can log in as another user; who can do it: {by}")
            }
            None => "No check logged in an attacker as another user".to_owned(),
        })
    }

    /// Returns the number of findings of each level, such as "5 MUST, 28 SHOULD".
    fn levels(&self) -> String {
        let levels = [Level::Must, Level::Should, Level::May].map(|level| {
            let count = self.findings().filter(|it| it.check.level == level).count();
            (count > 0).then(|| format!("{count} {}", level.name()))
        });
        levels.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    #[test]
    fn reasons_with_another_request_are_of_one_kind() {
        let declined = |filter: &str, status: u16| {
            format!(
                "the server declines [ ]: GET /Users?filter={filter} → {status} {{\"detail\":\"{filter}\"}}"
            )
        };
        assert_eq!(kind_of(&declined("a", 400)), kind_of(&declined("b", 400)));
        assert_ne!(kind_of(&declined("a", 400)), kind_of(&declined("a", 501)));
        assert_ne!(
            kind_of("the server declines ne: GET /Users → 400"),
            kind_of("the server declines co: GET /Users → 400")
        );
    }
}
