//! Tests the formats of the reports: JSON against its schema, SARIF, JUnit and HTML, masked
//! secrets; and the output of `rehearsal trace` against its schema.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "reports/html.rs"]
mod html;
#[path = "reports/junit.rs"]
mod junit;
#[path = "reports/sarif.rs"]
mod sarif;

use rehearsal::check::evidence::{Change, Conversation, Evidence, Exchange, Saml};
use rehearsal::check::profile::Profile;
use rehearsal::check::{Attacker, Check, CheckReport, Harm, Level, Outcome, baseline};
use rehearsal::report::{Kept, RunReport, ScenarioReport, StepReport, Verdict as Ended};
use rehearsal::trace::{self, Known, sources};
use serde_json::{Value, json};

const RESPONSE: &str = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r" Version="2.0" IssueInstant="2026-01-01T00:00:00Z" Destination="https://sp.example/acs"><saml:Issuer>https://idp.example</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="_a" Version="2.0" IssueInstant="2026-01-01T00:00:00Z"><saml:Issuer>https://idp.example</saml:Issuer><saml:Subject><saml:NameID>grace@lumen.example</saml:NameID></saml:Subject></saml:Assertion></samlp:Response>"#;

fn check(id: &str, level: Level) -> Check {
    Check {
        id: id.to_owned(),
        level,
        harm: Harm::Function,
        title: "It <is> \"so\".".to_owned(),
        spec: "saml-core §1".to_owned(),
        fix: "Mend & mind it.".to_owned(),
    }
}

fn report() -> CheckReport {
    let exchange = Exchange {
        from: "Browser".to_owned(),
        to: "IdP".to_owned(),
        method: "POST".to_owned(),
        url: "https://idp.example/login?a=1".to_owned(),
        sent: "username=grace\npassword=hunter22".to_owned(),
        status: Some(200),
        answered: "<input name=\"csrf_token\" value=\"hunter22\">".to_owned(),
        saml: vec![Saml {
            parameter: "SAMLResponse".to_owned(),
            binding: "HTTP-POST".to_owned(),
            xml: RESPONSE.to_owned(),
            trusted: Vec::new(),
            answered: false,
        }],
        change: Some(Change {
            before: json!({"active": true, "userName": "grace"}),
            after: json!({"active": false, "userName": "grace"}),
        }),
        ..Exchange::default()
    };
    let evidence = Evidence {
        see: vec!["redirect".to_owned()],
        conversations: vec![Conversation {
            name: "redirect".to_owned(),
            about: "a plain request".to_owned(),
            exchanges: vec![exchange],
        }],
        ..Evidence::default()
    };
    let judged = |id, level, holds, evidence| {
        Outcome::new_judged(
            check(id, level),
            holds,
            "this",
            "that \u{1}<b>".to_owned(),
            evidence,
        )
    };
    let outcomes = vec![
        judged("X-1", Level::Must, false, evidence.into()),
        judged("X-2", Level::Should, true, Value::Null),
        judged(
            "X-3",
            Level::May,
            false,
            json!({"sent": RESPONSE, "note": 1}),
        ),
        Outcome::new_skipped(check("X-4", Level::Must), "nobody asked"),
    ];
    let started_at = jiff::Timestamp::UNIX_EPOCH;
    CheckReport::new("check idp", "https://idp.example", outcomes, started_at)
}

fn schema(name: &str) -> jsonschema::Validator {
    let path = format!(
        "{}/../docs/schemas/{name}.schema.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn complaints(name: &str, value: &Value) -> Vec<String> {
    let validator = schema(name);
    let all = validator.iter_errors(value);
    all.map(|it| format!("{} at {}", it, it.instance_path()))
        .collect()
}

/// The report of a run with a profile: a requirement of each verdict.
fn report_by_a_profile() -> CheckReport {
    let profile = Profile::find_by_name("okta-oin-scim-spec").unwrap();
    let judged = |id: &str, holds| {
        let actual = "password=hunter22".to_owned();
        Outcome::new_judged(check(id, Level::Must), holds, "e", actual, Value::Null)
    };
    let outcomes = vec![
        judged("SCIM-READ-01", true),
        judged("SCIM-CREATE-14", false),
        Outcome::new_skipped(check("SCIM-FILTER-48", Level::Must), "there are no filters"),
    ];
    let report = CheckReport::new("check scim", "t", outcomes, jiff::Timestamp::UNIX_EPOCH);
    report
        .with_profiles(&[profile])
        .with_assessments(&[profile])
        .mask_secrets(&[])
}

#[test]
fn each_report_format_has_the_verdict_of_each_requirement() {
    let report = report_by_a_profile();
    let json = report.json();
    assert_eq!(complaints("checks", &json), Vec::<String>::new());
    let of = |id: &str| {
        let mut all = json["profiles"][0]["requirements"]
            .as_array()
            .unwrap()
            .iter();
        all.find(|it| it["id"] == id).unwrap().clone()
    };
    assert_eq!(of("2")["verdict"], "passed");
    assert_eq!(of("3")["reason"], "there are no filters");
    assert_eq!(of("8")["verdict"], "failed");
    assert_eq!(of("8")["decided_by"], json!(["SCIM-CREATE-14"]));
    assert_eq!(of("1")["reason"], "it was not run");
    assert_eq!(
        json["checks"][1]["spec"],
        "saml-core §1; okta-oin-scim-spec: 8"
    );
    let terminal = report.terminal();
    assert!(
        terminal.contains("\n  passed      required     2   Get Users/{id}"),
        "{terminal}"
    );
    assert!(
        terminal.contains("\n  FAILED      required     8   "),
        "{terminal}"
    );
    assert!(
        terminal.contains("SCIM-FILTER-48: there are no filters"),
        "{terminal}"
    );
    let sentence = "12 requirements: 1 passed, 1 failed, 10 not tested; of 11 required: 1 passed, 1 failed, 9 not tested";
    for form in [&terminal, &report.html(), &report.step_summary()] {
        assert!(form.contains(sentence), "{form}");
        assert!(!form.contains("hunter22"), "{form}");
    }
    assert!(report.html().contains("href=\"#SCIM-CREATE-14\""));
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn the_json_report_matches_its_schema() {
    let json = report().json();
    assert_eq!(complaints("checks", &json), Vec::<String>::new());
    let mut wrong = json.clone();
    wrong["checks"][0]["verdict"] = json!("perhaps");
    assert_eq!(complaints("checks", &wrong).len(), 1);
    assert_eq!(
        complaints(
            "expected",
            &json!([{"id": "X-1", "reason": "known", "until": "2027-01-01"}])
        ),
        Vec::<String>::new()
    );
    assert!(!complaints("expected", &json!([{"id": "X-1"}])).is_empty());
}

/// Returns a report of checks for forged logins: three findings, the worst last.
fn report_of_intrusions() -> CheckReport {
    let finding = |id, harm| {
        let check = Check {
            harm,
            ..check(id, Level::Must)
        };
        Outcome::new_judged(
            check,
            false,
            "a refusal",
            "logged in".to_owned(),
            Value::Null,
        )
    };
    let outcomes = vec![
        finding("X-FORM", Harm::Leniency),
        finding("X-PROTECTION", Harm::Protection),
        Outcome {
            cause: Some("X-FORM".to_owned()),
            ..finding("X-HOLDER", Harm::Intrusion(Attacker::Holder))
        },
        finding("X-ANYBODY", Harm::Intrusion(Attacker::Anybody)),
    ];
    let started_at = jiff::Timestamp::UNIX_EPOCH;
    CheckReport::new("check sp", "https://sp.example", outcomes, started_at)
}

#[test]
fn a_page_of_many_messages_stays_below_a_megabyte() {
    let sent = json!({"sent": RESPONSE, "answer": {"status": 403}});
    let outcome = |number: usize, holds| {
        let check = check(&format!("X-{number}"), Level::Must);
        Outcome::new_judged(check, holds, "a refusal", "came".to_owned(), sent.clone())
    };
    let outcomes = (0..1000).map(|number| outcome(number, number >= 400));
    let started_at = jiff::Timestamp::UNIX_EPOCH;
    let mut report = CheckReport::new("check sp", "x", outcomes.collect(), started_at);
    let html = report.html();
    let many = html.len();
    assert!(html.contains("tag-name") && html.contains("In the machine form"));
    // One more costs its texts and not its message.
    report.outcomes.push(outcome(1000, true));
    let more = report.html().len() - many;
    assert!(more < RESPONSE.len() * 2, "{more} bytes");
    let texts = 1000 * more;
    assert!(many < texts + 600_000, "{many} bytes");
}

#[test]
fn forged_logins_are_listed_before_messages_with_a_wrong_form() {
    let report = report_of_intrusions();
    let places = |text: &str| {
        // X-HOLDER is folded under X-FORM, which then counts as an intrusion.
        let words = [
            "Who can do it: anybody, without",
            "X-ANYBODY",
            "Who can do it: anybody who obtains",
            "X-FORM",
            "a protection is missing",
            "X-PROTECTION",
        ];
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word}: {text}"));
        words.map(at)
    };
    for text in [report.terminal(), report.html()] {
        assert!(places(&text).is_sorted(), "{text}");
        assert!(
            text.contains("log in as another user; who can do it: anybody")
                || !text.contains("<html")
        );
    }
    let json = report.json();
    assert_eq!(json["checks"][3]["attacker"], "anybody");
    assert_eq!(json["checks"][1]["attacker"], Value::Null);
    assert_eq!(complaints("checks", &json), Vec::<String>::new());
    let mut mild = report;
    mild.outcomes.truncate(2);
    let sentence = mild.verdict_sentence();
    assert!(
        sentence.contains("No check logged in an attacker"),
        "{sentence}"
    );
}

/// Returns a run of scenarios with all kinds of results.
fn run_report() -> RunReport {
    let scenario = |name: &str, verdict, message: Option<&str>| ScenarioReport {
        name: name.to_owned(),
        feature: "A <feature> & \"more\"".to_owned(),
        tags: vec!["G-01".to_owned()],
        steps: vec![StepReport {
            title: "Then \"it\" is <so>".to_owned(),
            verdict,
            message: message.map(str::to_owned),
            millis: 1203,
        }],
        exchanges: Vec::new(),
        kept: Kept::default(),
    };
    RunReport {
        scenarios: vec![
            scenario("One", Ended::Pass, None),
            scenario("Two", Ended::Fail, Some("expected a\n  actual <b>\u{1}")),
            scenario("Three", Ended::Skip, Some("not run: a power is missing")),
        ],
        millis: 3609,
        command: "run",
        target: "http://portal.example/".to_owned(),
        command_line: "rehearsal run --html run.html".to_owned(),
        ..RunReport::default()
    }
}

#[test]
fn the_json_report_of_a_run_matches_its_schema() {
    let report = run_report();
    let plain = rehearsal::report::json(&report, None);
    assert_eq!(complaints("checks", &plain), Vec::<String>::new());
    let judged = report.as_checks();
    let judged = rehearsal::report::json(&report, Some(&judged));
    assert_eq!(complaints("checks", &judged), Vec::<String>::new());
}

#[test]
fn gitlab_gets_an_issue_for_each_finding_and_warning() {
    let issues = report().code_quality("rehearsal.checks.txt");
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), 2);
    for issue in issues {
        // Required members, from GitLab's page on code quality.
        for member in ["description", "check_name", "fingerprint"] {
            assert!(!issue[member].as_str().unwrap().is_empty(), "{member}");
        }
        let severities = ["info", "minor", "major", "critical", "blocker"];
        assert!(severities.contains(&issue["severity"].as_str().unwrap()));
        assert_eq!(issue["location"]["path"], "rehearsal.checks.txt");
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() > 0);
    }
}

#[test]
fn a_github_job_has_a_summary_and_annotations_in_which_nothing_of_the_target_is_markup() {
    let mut report = report();
    "<img src=x>|[a](b)\n::error::forged".clone_into(&mut report.outcomes[0].actual);
    let summary = report.step_summary();
    assert!(summary.starts_with("## ❌ rehearsal check idp: 1 finding in 4 checks: 1 MUST"));
    assert!(summary.contains("- 1 check: nobody asked"));
    for markup in ["<img", "|[a]", "(b)\n"] {
        assert!(!summary.contains(markup), "{markup} in {summary}");
    }
    let annotations = report.annotations();
    assert_eq!(annotations.lines().count(), 1, "{annotations}");
    assert!(
        annotations.starts_with("::error title=X-1 "),
        "{annotations}"
    );
}

/// Asserts that no form of the report shows a failure, because the exit status is 0.
fn assert_no_form_shows_a_failure(report: &CheckReport) {
    assert_eq!(report.exit_code(), 0);
    let json = report.json();
    assert_eq!(complaints("checks", &json), Vec::<String>::new());
    assert_eq!(json["exit_status"], 0);
    assert_eq!(json["checks"][0]["decisive"], false);
    assert!(!report.junit().contains("<failure"), "{}", report.junit());
    let sarif = report.sarif("list.txt");
    assert_eq!(sarif["runs"][0]["results"][0]["level"], "warning");
    let issues = report.code_quality("list.txt");
    assert_eq!(issues[0]["severity"], "minor");
    let annotations = report.annotations();
    assert!(annotations.starts_with("::warning title="), "{annotations}");
    // The finding is there all the same.
    assert_eq!(json["summary"]["failed"], 1);
    assert!(report.terminal().contains("FAIL X-1"));
}

#[test]
fn a_finding_that_does_not_decide_is_a_failure_in_no_form() {
    let judged = |level| {
        let outcome = Outcome::new_judged(
            check("X-1", level),
            false,
            "this",
            "that".to_owned(),
            Value::Null,
        );
        CheckReport::new(
            "check scim",
            "t",
            vec![outcome],
            jiff::Timestamp::UNIX_EPOCH,
        )
    };
    // Below `--fail-on must`.
    assert_no_form_shows_a_failure(&CheckReport {
        fail_on: Level::Must,
        ..judged(Level::Should)
    });
    // The profile does not require it.
    let profile = Profile::find_by_name("okta-oin-scim-spec").unwrap();
    assert_no_form_shows_a_failure(&judged(Level::Must).with_assessments(&[profile]));
    let decisive = CheckReport {
        fail_on: Level::Must,
        ..judged(Level::Must)
    };
    assert_eq!(decisive.exit_code(), 1);
    assert_eq!(decisive.json()["checks"][0]["decisive"], true);
    assert!(decisive.junit().contains("<failure"));
    let required = report_by_a_profile().json();
    assert_eq!(required["checks"][1]["decisive"], true);
}

#[test]
fn a_finding_that_follows_from_an_expected_failure_is_shown() {
    let judged = |id: &str, cause: Option<&str>| Outcome {
        cause: cause.map(str::to_owned),
        ..Outcome::new_judged(
            check(id, Level::Must),
            false,
            "e",
            "a".to_owned(),
            Value::Null,
        )
    };
    let outcomes = vec![judged("X-1", None), judged("X-2", Some("X-1"))];
    let report = CheckReport::new("check sp", "t", outcomes, jiff::Timestamp::UNIX_EPOCH);
    let known = baseline::read(r#"[{"id": "X-1", "reason": "ticket 4711"}]"#).unwrap();
    let report = report.against(&known, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(report.exit_code(), 1);
    assert!(
        report.terminal().contains("FAIL X-2"),
        "{}",
        report.terminal()
    );
    assert!(report.terminal().contains("first finding: X-2"));
    assert!(report.annotations().contains("::error title=X-2"));
}

#[test]
fn secrets_are_masked_unless_asked_for() {
    let report = report();
    assert!(report.html().contains("hunter22"));
    let masked = report.mask_secrets(&[]);
    assert!(!masked.html().contains("hunter22"));
    assert!(!masked.json().to_string().contains("hunter22"));
}

#[test]
fn trace_lists_what_a_service_provider_would_refuse() {
    let known = Known {
        now: Some("2026-01-01T00:00:30Z".parse().unwrap()),
        ..Known::default()
    };
    let accounts = trace::accounts(sources::read(RESPONSE).unwrap(), &known);
    let explained = accounts[0].to_text(true);
    for part in [
        "Success",
        "grace@lumen.example",
        "not signed: anybody could",
        "nothing is signed",
        "has no Conditions",
    ] {
        assert!(explained.contains(part), "{part} isn't in {explained}");
    }
    let json = serde_json::to_value(&accounts).unwrap();
    assert_eq!(complaints("trace", &json), Vec::<String>::new());
}

#[test]
fn the_example_seed_matches_its_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/seed.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let value: Value = toml::from_str(&text).unwrap();
    assert_eq!(complaints("seed", &value), Vec::<String>::new());
    let seed = rehearsal::seed::Seed::read(&text).unwrap();
    assert_eq!((seed.users.len(), seed.organization.seats), (2, 25));
    // Written again, it still matches the schema.
    let written = serde_json::to_value(&seed).unwrap();
    assert_eq!(complaints("seed", &written), Vec::<String>::new());
    for wrong in [
        json!({"applications": [{"name": "neither metadata nor an entity ID"}]}),
        json!({"organization": {"domains": "lumen.example"}}),
        json!({"organization": {"faults": [{"times": "once"}]}}),
    ] {
        assert!(!complaints("seed", &wrong).is_empty(), "{wrong}");
    }
    assert!(!serde_json::to_string(&seed).unwrap().contains("lantern"));
}
