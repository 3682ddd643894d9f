//! Every form of a report: the JSON against its schema, SARIF, JUnit and HTML
//! in their structure, secrets masked; and `rehearsal trace` against its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehearsal::check::evidence::{Change, Conversation, Evidence, Exchange, Saml};
use rehearsal::check::profile::Profile;
use rehearsal::check::{Attacker, Check, CheckReport, Harm, Level, Outcome};
use rehearsal::report::{Kept, RunReport, ScenarioReport, StepReport, Verdict as Ended};
use rehearsal::trace::{self, Known, sources};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

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
        Outcome::judged(
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
        Outcome::skipped(check("X-4", Level::Must), "nobody asked"),
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
    let profile = Profile::named("okta-oin-scim-spec").unwrap();
    let judged = |id: &str, holds| {
        let actual = "password=hunter22".to_owned();
        Outcome::judged(check(id, Level::Must), holds, "e", actual, Value::Null)
    };
    let outcomes = vec![
        judged("SCIM-READ-01", true),
        judged("SCIM-CREATE-14", false),
        Outcome::skipped(check("SCIM-FILTER-48", Level::Must), "there are no filters"),
    ];
    let report = CheckReport::new("check scim", "t", outcomes, jiff::Timestamp::UNIX_EPOCH);
    report
        .with_profiles(&[profile])
        .assessed(&[profile])
        .masked()
}

#[test]
fn each_form_says_what_became_of_each_requirement() {
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
fn the_machine_form_is_as_its_schema_says() {
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

/// A run of scenarios, each ended otherwise.
/// A report of checks that ask who gets in: three findings, the worst last.
fn report_of_intrusions() -> CheckReport {
    let finding = |id, harm| {
        let check = Check {
            harm,
            ..check(id, Level::Must)
        };
        Outcome::judged(
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
        Outcome::judged(check, holds, "a refusal", "came".to_owned(), sent.clone())
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
fn who_gets_in_stands_before_what_is_accepted_in_a_wrong_form() {
    let report = report_of_intrusions();
    let places = |text: &str| {
        // X-HOLDER is folded under X-FORM, which then counts as an intrusion.
        let words = [
            "Who can do it: anybody, without",
            "X-ANYBODY",
            "Who can do it: whoever gets hold",
            "X-FORM",
            "a protection is missing",
            "X-PROTECTION",
        ];
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word}: {text}"));
        words.map(at)
    };
    for text in [report.terminal(), report.html()] {
        assert!(places(&text).is_sorted(), "{text}");
        assert!(text.contains("gets in; who can do it: anybody") || !text.contains("<html"));
    }
    let json = report.json();
    assert_eq!(json["checks"][3]["attacker"], "anybody");
    assert_eq!(json["checks"][1]["attacker"], Value::Null);
    assert_eq!(complaints("checks", &json), Vec::<String>::new());
    let mut mild = report;
    mild.outcomes.truncate(2);
    let sentence = mild.verdict_sentence();
    assert!(sentence.contains("Nobody was seen to get in"), "{sentence}");
}

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

/// A file that the environment names, or nothing.
fn published(variable: &str) -> Option<String> {
    let path = std::env::var_os(variable)?;
    Some(std::fs::read_to_string(path).unwrap())
}

fn xml_complaints(schema: &str, document: &str) -> Vec<String> {
    let schema = uppsala::parse(schema).unwrap();
    let validator = uppsala::XsdValidator::from_schema(&schema).unwrap();
    let document = uppsala::parse(document).unwrap();
    let all = validator.validate(&document);
    all.iter().map(|it| it.message.clone()).collect()
}

#[test]
fn junit_is_as_the_schema_of_its_readers_says() {
    let ours = include_str!("schemas/junit.xsd").to_owned();
    let schemas = [Some(ours), published("REHEARSAL_JUNIT_XSD")];
    let reports = [report().junit(), rehearsal::report::junit(&run_report())];
    for schema in schemas.iter().flatten() {
        for junit in &reports {
            assert_eq!(
                xml_complaints(schema, junit),
                Vec::<String>::new(),
                "{junit}"
            );
            let wrong = junit.replace("errors=\"0\"", "mistakes=\"0\"");
            assert!(!xml_complaints(schema, &wrong).is_empty());
        }
    }
}

#[test]
fn sarif_is_as_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("schemas/sarif.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for sarif in [
        report().sarif("rehearsal.checks.txt"),
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

#[test]
fn the_machine_form_of_a_run_is_as_its_schema_says() {
    let report = run_report();
    let plain = rehearsal::report::json(&report, None);
    assert_eq!(complaints("checks", &plain), Vec::<String>::new());
    let judged = report.as_checks();
    let judged = rehearsal::report::json(&report, Some(&judged));
    assert_eq!(complaints("checks", &judged), Vec::<String>::new());
}

/// What GitHub's page "SARIF support for code scanning" demands beyond the
/// specification; broken rules are named.
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
    for report in [report(), run_report().as_checks()] {
        let (sarif, list) = (report.sarif("reports/checks.txt"), report.check_list());
        assert_eq!(github_complaints(&sarif, &list), Vec::<String>::new());
        let rules = &sarif["runs"][0]["tool"]["driver"]["rules"];
        assert_eq!(rules.as_array().unwrap().len(), report.outcomes.len());
        // The next run's results are the same alerts.
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
fn gitlab_gets_an_issue_for_each_finding_and_warning() {
    let issues = report().code_quality("rehearsal.checks.txt");
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), 2);
    for issue in issues {
        // What GitLab's page on code quality demands of an issue.
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

#[test]
fn junit_is_xml_that_counts_right() {
    let junit = report().junit();
    let document = roxmltree::Document::parse(&junit).unwrap();
    let suite = document.root_element().first_element_child().unwrap();
    let cases: Vec<_> = suite
        .children()
        .filter(|it| it.has_tag_name("testcase"))
        .collect();
    let with = |name: &str| {
        let held = cases
            .iter()
            .filter(|it| it.children().any(|it| it.has_tag_name(name)));
        held.count().to_string()
    };
    assert_eq!(suite.attribute("tests"), Some("4"));
    assert_eq!(suite.attribute("failures"), Some(with("failure").as_str()));
    assert_eq!(suite.attribute("skipped"), Some(with("skipped").as_str()));
    for case in cases {
        assert!(case.attribute("name").is_some() && case.attribute("classname").is_some());
        assert!(case.attribute("time").unwrap().parse::<f64>().is_ok());
    }
}

#[test]
fn every_link_of_the_page_leads_somewhere_and_no_id_is_there_twice() {
    let html = report().html();
    let page = scraper::Html::parse_document(&html);
    let select = |css: &str| scraper::Selector::parse(css).unwrap();
    let ids: Vec<&str> = page
        .select(&select("[id]"))
        .filter_map(|it| it.attr("id"))
        .collect();
    let different: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), different.len());
    for link in page.select(&select("a[href^='#']")) {
        let target = link.attr("href").unwrap().trim_start_matches('#');
        assert!(different.contains(target), "{target}");
    }
    assert!(
        page.select(&select("[style], link[href^='http'], img, iframe"))
            .next()
            .is_none()
    );
    // Its one style and one script are those of the policy.
    let policy = select("meta[http-equiv='Content-Security-Policy']");
    let policy = page
        .select(&policy)
        .next()
        .and_then(|it| it.attr("content"));
    let policy = policy.unwrap();
    for inline in ["style", "script"] {
        let all: Vec<String> = page
            .select(&select(inline))
            .map(|it| it.text().collect())
            .collect();
        let [text] = all.as_slice() else {
            panic!("{} of {inline}", all.len())
        };
        let digest = STANDARD.encode(Sha256::digest(text));
        assert!(
            policy.contains(&format!("{inline}-src 'sha256-{digest}'")),
            "{policy}"
        );
    }
    for changed in ["+   \"active\": false", "-   \"active\": true"] {
        let all: String = page.root_element().text().collect();
        assert!(all.contains(changed), "{changed}");
    }
}

/// What headless Chromium makes of a page, and what its console says.
fn opened(name: &str, html: &str) -> Option<(String, Vec<String>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, html).unwrap();
    let chromium = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
        .args(["--enable-logging=stderr", "--log-level=0", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&chromium.stderr);
    let console = said.lines().filter(|line| line.contains(":CONSOLE"));
    let console = console.map(str::to_owned).collect();
    Some((
        String::from_utf8_lossy(&chromium.stdout).into_owned(),
        console,
    ))
}

#[test]
fn the_pages_open_in_a_browser_without_a_word_on_its_console() {
    let wrong = "<!DOCTYPE html><script>console.error('wrong')</script>";
    let Some((_, console)) = opened("wrong.html", wrong) else {
        println!("skipped: no chromium");
        return;
    };
    assert_eq!(console.len(), 1, "{console:?}");
    let run = rehearsal::report::html("A run", &run_report());
    for (name, html, words) in [
        ("check.html", report().html(), "Mend &amp; mind it."),
        ("run.html", run, "not run: a power is missing"),
    ] {
        let (page, console) = opened(name, &html).unwrap();
        assert_eq!(console, Vec::<String>::new(), "{name}");
        assert!(page.contains(words), "{name}: {page}");
    }
}

#[test]
fn secrets_are_masked_unless_asked_for() {
    let report = report();
    assert!(report.html().contains("hunter22"));
    let masked = report.masked();
    assert!(!masked.html().contains("hunter22"));
    assert!(!masked.json().to_string().contains("hunter22"));
}

#[test]
fn a_message_is_told_with_what_a_service_provider_would_object_to() {
    let known = Known {
        now: Some("2026-01-01T00:00:30Z".parse().unwrap()),
        ..Known::default()
    };
    let accounts = trace::accounts(sources::read(RESPONSE).unwrap(), &known);
    let told = accounts[0].to_text(true);
    for part in [
        "Success",
        "grace@lumen.example",
        "nobody: anybody could",
        "nothing is signed",
        "no Conditions",
    ] {
        assert!(told.contains(part), "{part} isn't in {told}");
    }
    let json = serde_json::to_value(&accounts).unwrap();
    assert_eq!(complaints("trace", &json), Vec::<String>::new());
}

#[test]
fn the_example_seed_is_as_its_schema_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/seed.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let value: Value = toml::from_str(&text).unwrap();
    assert_eq!(complaints("seed", &value), Vec::<String>::new());
    let seed = rehearsal::seed::Seed::read(&text).unwrap();
    assert_eq!((seed.users.len(), seed.organization.seats), (2, 25));
    // Written again, it is the same form.
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
