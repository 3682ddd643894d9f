//! SARIF: against its schema and what GitHub accepts.

use std::collections::BTreeSet;

use rehearsal::check::{CheckReport, baseline};
use serde_json::{Value, json};

use super::{report, run_report};

/// Returns the report with a finding that the list of expected failures contains.
fn report_with_accepted() -> CheckReport {
    let known = baseline::read(r#"[{"id": "X-1", "reason": "ticket 4711"}]"#).unwrap();
    report()
        .against(&known, jiff::Timestamp::UNIX_EPOCH)
        .unwrap()
}

#[test]
fn sarif_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../schemas/sarif.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for sarif in [
        report().sarif("rehearsal.checks.txt"),
        report_with_accepted().sarif("rehearsal.checks.txt"),
        run_report().as_checks().sarif("rehearsal.checks.txt"),
    ] {
        let all = validator.iter_errors(&sarif);
        let all: Vec<String> = all
            .map(|it| format!("{it} at {}", it.instance_path()))
            .collect();
        assert_eq!(all, Vec::<String>::new());
        let mut wrong = sarif.clone();
        wrong["runs"][0]["results"][0]["level"] = json!("fatal");
        assert!(!validator.is_valid(&wrong));
    }
}

/// Returns the violated rules of GitHub's page "SARIF support for code scanning", which
/// demands more than the specification.
fn github_complaints(sarif: &Value, list: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut demand = |holds: bool, what: String| {
        if !holds {
            all.push(what);
        }
    };
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    demand(sarif["version"] == "2.1.0", "version".to_owned());
    demand(
        rules.len() <= 25_000 && results.len() <= 25_000,
        "limits".to_owned(),
    );
    let text = |value: &Value, most: usize| {
        value
            .as_str()
            .is_some_and(|it| (1..=most).contains(&it.chars().count()))
    };
    for rule in rules {
        let id = &rule["id"];
        demand(text(id, 255), format!("id of {id}"));
        demand(
            text(&rule["shortDescription"]["text"], 1024),
            format!("shortDescription of {id}"),
        );
        demand(
            text(&rule["fullDescription"]["text"], 1024),
            format!("fullDescription of {id}"),
        );
        demand(
            text(&rule["help"]["text"], usize::MAX),
            format!("help of {id}"),
        );
        let tags = rule["properties"]["tags"].as_array();
        demand(
            tags.is_none_or(|it| it.len() <= 10),
            format!("tags of {id}"),
        );
    }
    let mut fingerprints = BTreeSet::new();
    for result in results {
        let id = &result["ruleId"];
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        demand(rules[index]["id"] == *id, format!("ruleIndex of {id}"));
        demand(
            ["note", "warning", "error"].contains(&result["level"].as_str().unwrap()),
            format!("level of {id}"),
        );
        demand(
            text(&result["message"]["text"], usize::MAX),
            format!("message of {id}"),
        );
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"]
            .as_str()
            .unwrap_or_default();
        let relative = !uri.is_empty() && !uri.starts_with('/') && !uri.contains("://");
        demand(relative, format!("uri of {id}"));
        let number = |name: &str| place["region"][name].as_u64().unwrap_or_default();
        let line = list.lines().nth(
            usize::try_from(number("startLine"))
                .unwrap()
                .wrapping_sub(1),
        );
        let line = line.unwrap_or_default();
        demand(
            line.starts_with(id.as_str().unwrap()),
            format!("startLine of {id}"),
        );
        demand(
            number("endLine") == number("startLine") && number("startColumn") == 1,
            format!("region of {id}"),
        );
        demand(
            number("endColumn") == line.chars().count() as u64 + 1,
            format!("endColumn of {id}"),
        );
        let print = result["partialFingerprints"]["primaryLocationLineHash"].as_str();
        demand(
            print.is_some_and(|it| it.ends_with(":1")),
            format!("fingerprint of {id}"),
        );
        demand(
            fingerprints.insert(print),
            format!("a fingerprint of {id} alone"),
        );
    }
    all
}

#[test]
fn sarif_is_what_github_takes() {
    for report in [report(), report_with_accepted(), run_report().as_checks()] {
        let (sarif, list) = (report.sarif("reports/checks.txt"), report.check_list());
        assert_eq!(github_complaints(&sarif, &list), Vec::<String>::new());
        let rules = &sarif["runs"][0]["tool"]["driver"]["rules"];
        assert_eq!(rules.as_array().unwrap().len(), report.outcomes.len());
        // The results of the next run must be the same alerts.
        let again = CheckReport {
            started_at: jiff::Timestamp::MAX,
            ..report.clone()
        };
        let prints = |sarif: &Value| sarif["runs"][0]["results"][0]["partialFingerprints"].clone();
        assert_eq!(prints(&again.sarif("reports/checks.txt")), prints(&sarif));
        for (place, value) in [
            (
                "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri",
                json!("/tmp/x"),
            ),
            (
                "/runs/0/results/0/locations/0/physicalLocation/region/startLine",
                json!(99),
            ),
            ("/runs/0/results/0/partialFingerprints", json!({})),
            ("/runs/0/results/0/level", json!("none")),
            ("/runs/0/tool/driver/rules/0/help", json!({})),
        ] {
            let mut wrong = sarif.clone();
            *wrong.pointer_mut(place).unwrap() = value;
            assert!(!github_complaints(&wrong, &list).is_empty(), "{place}");
        }
    }
}

#[test]
fn sarif_has_a_result_for_each_finding_and_warning_and_a_note_for_each_skipped_check() {
    let sarif = report().sarif("rehearsal.checks.txt");
    let run = &sarif["runs"][0];
    let ids = |value: &Value, pointer: &str| -> Vec<String> {
        let all = value.as_array().unwrap().iter();
        all.map(|it| it.pointer(pointer).unwrap().as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&run["results"], "/ruleId"), ["X-1", "X-3"]);
    let notes = &run["invocations"][0]["toolExecutionNotifications"];
    assert_eq!(ids(notes, "/associatedRule/id"), ["X-4"]);
}

#[test]
fn sarif_suppresses_an_accepted_finding_and_no_other_result() {
    let suppressions = |report: &CheckReport| -> Vec<Value> {
        let sarif = report.sarif("rehearsal.checks.txt");
        let all = sarif["runs"][0]["results"].as_array().unwrap().iter();
        all.map(|it| it.get("suppressions").cloned().unwrap_or_default())
            .collect()
    };
    let accepted = json!([{
        "kind": "external", "status": "accepted", "justification": "ticket 4711",
    }]);
    assert_eq!(
        suppressions(&report_with_accepted()),
        [accepted.clone(), json!([])]
    );
    // Without a decision nothing is said.
    assert_eq!(suppressions(&report()), [Value::Null, Value::Null]);
    // A warning can be accepted too, and only until its last day.
    let of_warning = |until: &str| {
        let known = json!([{"id": "X-3", "reason": "ticket 4711", "until": until}]);
        let known = baseline::read(&known.to_string()).unwrap();
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        suppressions(&report().against(&known, now).unwrap())
    };
    assert_eq!(of_warning("2026-06-01"), [json!([]), accepted]);
    assert_eq!(of_warning("2026-05-31"), [Value::Null, Value::Null]);
}
