//! JUnit XML: one test suite for each feature, one test case for each scenario.

use std::time::Duration;

use super::{RunReport, ScenarioReport, Verdict};
use crate::junit::{Case, Ending, Run};

/// Returns the whole XML document.
pub fn junit(report: &RunReport) -> String {
    let mut features: Vec<(String, Vec<Case>)> = Vec::new();
    for scenario in &report.scenarios {
        let case = case(scenario);
        match features
            .iter_mut()
            .find(|(name, _)| *name == scenario.feature)
        {
            Some((_, cases)) => cases.push(case),
            None => features.push((scenario.feature.clone(), vec![case])),
        }
    }
    let run = Run {
        command: report.command,
        target: &report.target,
        command_line: &report.command_line,
        started_at: report.started_at,
        duration: Duration::from_millis(report.millis),
        incomplete: report.incomplete,
        error: None,
    };
    crate::junit::junit(&run, features)
}

fn case(scenario: &ScenarioReport) -> Case {
    let ending = scenario.first_not_passed();
    let message = ending.and_then(|step| step.message.clone());
    let message = message.unwrap_or_else(|| "not run".to_owned());
    let step = ending.map(|step| step.title.clone()).unwrap_or_default();
    Case {
        name: scenario.name.clone(),
        class: scenario.feature.clone(),
        duration: Duration::from_millis(scenario.millis()),
        ending: match scenario.verdict() {
            Verdict::Pass => Ending::Passed,
            Verdict::Fail => Ending::Failed {
                kind: "step",
                message: step.clone(),
                details: format!("{step}\n{message}"),
            },
            Verdict::Skip => Ending::Skipped { message },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Kept, StepReport};

    #[test]
    fn a_failure_is_reported_with_its_step_and_escaped_markup() {
        let scenario = ScenarioReport {
            name: "A <b> & c".into(),
            feature: "F".into(),
            tags: Vec::new(),
            steps: vec![StepReport {
                title: "Then \"x\"".into(),
                verdict: Verdict::Fail,
                message: Some("expected a\n  actual <b>\u{1}".into()),
                millis: 1203,
            }],
            exchanges: Vec::new(),
            kept: Kept::default(),
        };
        let xml = junit(&RunReport {
            scenarios: vec![scenario],
            millis: 1203,
            ..RunReport::default()
        });
        let document = roxmltree::Document::parse(&xml).unwrap();
        let named = |name: &str| {
            let mut all = document.descendants();
            all.find(|it| it.has_tag_name(name)).unwrap()
        };
        assert_eq!(named("testsuites").attribute("failures"), Some("1"));
        let failure = named("failure");
        assert_eq!(failure.attribute("message"), Some("Then \"x\""));
        assert_eq!(failure.text(), Some("Then \"x\"\nexpected a\n  actual <b>"));
        let case = named("testcase");
        assert_eq!(case.attribute("name"), Some("A <b> & c"));
        assert_eq!(case.attribute("time"), Some("1.203"));
    }
}
