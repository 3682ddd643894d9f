//! JUnit XML, as CI servers read it: a suite per feature, a case per scenario.

use std::fmt::Write as _;

use super::{RunReport, ScenarioReport, Verdict};

/// The whole document.
pub fn junit(report: &RunReport) -> String {
    let mut features: Vec<&str> = Vec::new();
    for scenario in &report.scenarios {
        if !features.contains(&scenario.feature.as_str()) {
            features.push(&scenario.feature);
        }
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"rehearsal\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{}\">",
        report.scenarios.len(),
        report.count(Verdict::Fail),
        seconds(report.millis),
    );
    for feature in features {
        let of_feature: Vec<&ScenarioReport> = report
            .scenarios
            .iter()
            .filter(|scenario| scenario.feature == feature)
            .collect();
        let count = |verdict| {
            of_feature
                .iter()
                .filter(|scenario| scenario.verdict() == verdict)
                .count()
        };
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{}\">",
            escaped(feature),
            of_feature.len(),
            count(Verdict::Fail),
            count(Verdict::Skip),
            seconds(of_feature.iter().map(|scenario| scenario.millis()).sum()),
        );
        for scenario in &of_feature {
            case(&mut xml, scenario);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn case(xml: &mut String, scenario: &ScenarioReport) {
    let _ = write!(
        xml,
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"",
        escaped(&scenario.name),
        escaped(&scenario.feature),
        seconds(scenario.millis()),
    );
    let Some(step) = scenario.ending() else {
        xml.push_str("/>\n");
        return;
    };
    let element = match step.verdict {
        Verdict::Fail => "failure",
        Verdict::Skip | Verdict::Pass => "skipped",
    };
    let message = step.message.as_deref().unwrap_or("not run");
    let _ = writeln!(
        xml,
        ">\n      <{element} message=\"{}\">{}</{element}>\n    </testcase>",
        escaped(&step.title),
        escaped(message),
    );
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// Text as XML 1.0 takes it: what it can't hold at all is left out.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\t' => safe.push('\t'),
            '\n' => safe.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => {}
            other if other.is_control() => {}
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Kept, StepReport};

    #[test]
    fn a_failure_is_told_with_its_step_and_its_markup_escaped() {
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
        assert!(xml.contains("failures=\"1\""));
        assert!(xml.contains(
            "<failure message=\"Then &quot;x&quot;\">expected a&#10;  actual &lt;b&gt;</failure>"
        ));
        assert!(xml.contains("name=\"A &lt;b&gt; &amp; c\""));
        assert!(xml.contains("time=\"1.203\""));
    }
}
