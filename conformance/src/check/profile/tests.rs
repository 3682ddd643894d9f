//! Checks that the files of the profiles are valid, and that reports are assessed by them.

use std::collections::BTreeSet;

use saml::metadata::{Endpoint, IndexedEndpoint};
use saml::names;
use serde_json::Value;

use super::*;
use crate::check::{Harm, Outcome};

#[test]
fn every_file_is_read_and_named_after_its_profile() {
    let all = read_all().unwrap();
    assert_eq!(all.len(), FILES.len());
    for (profile, (stem, _)) in all.iter().zip(FILES) {
        assert_eq!(profile.name, *stem);
        assert!(!profile.kinds.is_empty(), "{stem}: no kinds");
        assert!(
            profile.read.starts_with("20"),
            "{stem}: read {}",
            profile.read
        );
    }
}

#[test]
fn every_requirement_has_checks_that_exist_or_a_reason() {
    let known = Kind::ALL.map(|kind| {
        kind.checks()
            .into_iter()
            .map(|it| it.id)
            .collect::<BTreeSet<_>>()
    });
    let mut wrong = Vec::new();
    for profile in profiles() {
        let mut ids = BTreeSet::new();
        for it in &profile.requirements {
            let at = format!("{} {}", profile.name, it.id);
            if !ids.insert(&it.id) {
                wrong.push(format!("{at} exists twice"));
            }
            if it.kinds.iter().any(|kind| !profile.kinds.contains(kind)) {
                wrong.push(format!("{at} has a kind that the profile does not have"));
            }
            let kinds = if it.kinds.is_empty() {
                &profile.kinds
            } else {
                &it.kinds
            };
            for kind in kinds {
                if it.checks_of(*kind).next().is_none() && it.why_not_by(*kind).is_empty() {
                    let kind = kind.name();
                    wrong.push(format!("{at} has neither checks nor a reason for {kind}"));
                }
            }
            for check in it.all_checks() {
                let is_known = |kind: &Kind| known[*kind as usize].contains(check);
                if !kinds.iter().any(is_known) {
                    wrong.push(format!("{at}: check {check} not found"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn each_check_that_only_profiles_require_is_in_a_profile() {
    let named: BTreeSet<&String> = profiles()
        .iter()
        .flat_map(|it| &it.requirements)
        .flat_map(Requirement::all_checks)
        .collect();
    let all = [
        crate::check::scim::profile_catalogue(),
        crate::check::idp::profile_catalogue(),
        crate::check::sp::profile_catalogue(),
    ];
    let idle: Vec<String> = all
        .concat()
        .into_iter()
        .map(|it| it.id)
        .filter(|id| !named.contains(id))
        .collect();
    assert_eq!(idle, Vec::<String>::new());
}

#[test]
fn the_guide_profile_contains_each_check_that_cites_the_guide_at_its_level() {
    let guide = guide().unwrap();
    let all = crate::check::idp::catalogue();
    let cites: BTreeSet<&str> = all
        .iter()
        .filter(|it| it.spec.contains("portal guide"))
        .map(|it| it.id.as_str())
        .collect();
    let named: BTreeSet<&str> = guide
        .requirements_of(Kind::Idp)
        .flat_map(Requirement::all_checks)
        .map(String::as_str)
        .collect();
    assert_eq!(named, cites);
    for check in all.iter().filter(|it| named.contains(it.id.as_str())) {
        let (demand, _) = guide.demands(Kind::Idp, &check.id).unwrap();
        assert_eq!(demand.level(), check.level, "{}", check.id);
    }
}

#[test]
fn the_portal_of_the_guide_is_recognized_by_its_metadata() {
    let at = |location: &str| SpMetadata {
        entity_id: "https://sp.example".to_owned(),
        acs: vec![IndexedEndpoint {
            endpoint: Endpoint::at(names::HTTP_POST, location),
            index: 0,
            is_default: true,
        }],
        slo: Vec::new(),
        certificates: Vec::new(),
        encryption_certificates: Vec::new(),
        encryption_methods: Vec::new(),
        valid_until: None,
        cache_duration: None,
        authn_requests_signed: false,
        want_assertions_signed: true,
        name_id_formats: Vec::new(),
    };
    let profiles = |location| Profile::of_service_provider(&at(location));
    assert_eq!(
        profiles("https://my.example/webapp/sso/acs/42"),
        [guide().unwrap()]
    );
    assert!(profiles("https://sp.example/saml/acs").is_empty());
    assert!(profiles("https://sp.example/x?/webapp/sso/acs/42").is_empty());
}

#[test]
fn an_invalid_profile_name_is_an_error_that_lists_the_valid_names() {
    let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let unknown = Profile::chosen(Kind::Scim, &names(&["nonesuch"])).unwrap_err();
    assert!(matches!(unknown, ProfileError::Unknown { .. }));
    assert!(
        unknown.to_string().contains("profiles for check scim: "),
        "{unknown}"
    );
    let other = Profile::chosen(Kind::Scim, &names(&["guide"])).unwrap_err();
    assert!(
        other
            .to_string()
            .starts_with("profile guide is for check sp and check idp; profiles for check scim: "),
        "{other}"
    );
    let twice = Profile::chosen(Kind::Idp, &names(&["guide", "guide"])).unwrap();
    assert_eq!(twice.len(), 1);
}

/// Parses a profile with these requirements.
fn parse_profile(text: &str) -> &'static Profile {
    let head = "name = \"invented\"\ntitle = \"t\"\nkinds = [\"scim\"]\nstatus = \"s\"\nsource = \"s\"\nread = \"2026-11\"\n";
    Box::leak(Box::new(toml::from_str(&format!("{head}{text}")).unwrap()))
}

fn requirement(id: &str, level: &str, more: &str) -> String {
    format!(
        "[[requirement]]\nid = \"{id}\"\nname = \"n\"\nlevel = \"{level}\"\nsection = \"1\"\n{more}\n"
    )
}

fn outcome(id: &str, level: Level, verdict: Verdict, cause: Option<&str>) -> Outcome {
    let check = Check {
        id: id.to_owned(),
        level,
        harm: Harm::Function,
        title: "t".to_owned(),
        spec: "RFC 1".to_owned(),
        fix: "f".to_owned(),
    };
    Outcome {
        verdict,
        cause: cause.map(str::to_owned),
        ..Outcome::new_judged(check, true, "e", format!("what {id} says"), Value::Null)
    }
}

fn report(outcomes: Vec<Outcome>) -> CheckReport {
    CheckReport::new("check scim", "t", outcomes, jiff::Timestamp::UNIX_EPOCH)
}

#[test]
fn a_requirement_passes_only_if_all_its_checks_passed() {
    let profile = parse_profile(
        &[
            requirement("passed", "required", "checks = [\"SCIM-A\"]"),
            requirement(
                "failed",
                "required",
                "checks = [\"SCIM-A\", \"SCIM-B\", \"SCIM-C\"]",
            ),
            requirement("skipped", "required", "checks = [\"SCIM-A\", \"SCIM-C\"]"),
            requirement("blocked", "required", "checks = [\"SCIM-D\"]"),
            requirement("unrun", "required", "checks = [\"SCIM-A\", \"SCIM-Z\"]"),
            requirement("none", "required", "not_tested = \"because\""),
            requirement("hint", "required", "checks = [\"SCIM-E\"]"),
            requirement("advice", "recommended", "checks = [\"SCIM-B\"]"),
        ]
        .concat(),
    );
    let outcomes = vec![
        outcome("SCIM-A", Level::Must, Verdict::Pass, None),
        outcome("SCIM-B", Level::Must, Verdict::Fail, None),
        outcome("SCIM-C", Level::Must, Verdict::Skip, None),
        outcome("SCIM-D", Level::Must, Verdict::Skip, Some("SCIM-B")),
        outcome("SCIM-E", Level::May, Verdict::Warn, None),
    ];
    let report = report(outcomes)
        .with_profiles(&[profile])
        .with_assessments(&[profile]);
    let listed: Vec<(&str, &str, &str, bool)> = report.assessments[0]
        .results
        .iter()
        .map(|it| {
            let id = it.requirement.id.as_str();
            (id, it.verdict.name(), it.reason.as_str(), it.is_fatal())
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("passed", "passed", "", false),
            ("failed", "failed", "what SCIM-B says", true),
            ("skipped", "not tested", "what SCIM-C says", false),
            ("blocked", "not tested", "what SCIM-D says", true),
            ("unrun", "not tested", "it was not run", false),
            ("none", "not tested", "because", false),
            ("hint", "failed", "what SCIM-E says", true),
            ("advice", "failed", "what SCIM-B says", false),
        ]
    );
    assert_eq!(report.exit_code(), 1);
    // A required check is a MUST, and its finding names the requirement.
    let hint = &report.outcomes[4];
    assert_eq!(
        (hint.check.level, hint.verdict),
        (Level::Must, Verdict::Fail)
    );
    assert_eq!(hint.check.spec, "RFC 1; invented: hint");
}

#[test]
fn required_requirements_decide_the_exit_code_unless_the_failure_is_expected() {
    let text = [
        requirement("1", "required", "checks = [\"SCIM-A\"]"),
        requirement("2", "recommended", "checks = [\"SCIM-B\"]"),
    ];
    let profile = parse_profile(&text.concat());
    let judged = |a, b| {
        let outcomes = vec![
            outcome("SCIM-A", Level::Must, a, None),
            outcome("SCIM-B", Level::Must, b, None),
        ];
        report(outcomes)
            .with_profiles(&[profile])
            .with_assessments(&[profile])
    };
    assert_eq!(judged(Verdict::Pass, Verdict::Fail).exit_code(), 0);
    assert_eq!(judged(Verdict::Skip, Verdict::Pass).exit_code(), 0);
    let failed = judged(Verdict::Fail, Verdict::Pass);
    assert_eq!(failed.exit_code(), 1);
    let known = super::super::baseline::read(r#"[{"id": "SCIM-A", "reason": "known"}]"#).unwrap();
    let expected = failed.against(&known, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(expected.exit_code(), 0);
    let result = &expected.assessments[0].results[0];
    assert!(result.is_expected);
    assert_eq!(result.verdict, RequirementVerdict::Failed);
}

#[test]
fn checks_of_another_deployment_are_hints_or_skipped() {
    let failed = |spec: &str| {
        let mut failed = outcome("SAML-IDP-ATTR-01", Level::Must, Verdict::Fail, None);
        failed.check.spec = spec.to_owned();
        failed
    };
    let mut report = report(vec![
        failed("saml-core §2.7.3.1, portal guide (G-10)"),
        failed("portal guide (G-10)"),
    ]);
    report.command = "check idp";
    let verdicts = |report: &CheckReport| {
        let all = report.outcomes.iter();
        all.map(|it| (it.verdict, it.check.level))
            .collect::<Vec<_>>()
    };
    let own = report.clone().with_profiles(&[guide().unwrap()]);
    assert_eq!(verdicts(&own), [(Verdict::Fail, Level::Must); 2]);
    assert_eq!(own.outcomes[1].check.spec, "portal guide (G-10)");
    let other = report.with_profiles(&[]);
    assert_eq!(
        verdicts(&other),
        [(Verdict::Warn, Level::May), (Verdict::Skip, Level::May)]
    );
    assert!(other.outcomes[1].actual.contains("--profile guide"));
}

#[test]
fn a_listed_profile_runs_its_checks_and_controls_and_a_deployment_profile_all_checks() {
    let profile = parse_profile(&requirement("1", "required", "checks = [\"SCIM-READ-01\"]"));
    let checks = Profile::checks_to_run(Kind::Scim, &[profile]).unwrap();
    assert!(checks.contains(&"SCIM-READ-01".to_owned()));
    assert!(checks.contains(&"SCIM-FILTER-01".to_owned()));
    assert!(!checks.contains(&"SCIM-SORT-01".to_owned()));
    assert_eq!(Profile::checks_to_run(Kind::Idp, &[guide().unwrap()]), None);
    assert_eq!(Profile::checks_to_run(Kind::Scim, &[]), None);
}

#[test]
fn one_of_several_checks_is_enough() {
    let text = requirement(
        "1",
        "required",
        "any_of = [\"SCIM-READ-01\", \"SCIM-READ-02\"]",
    );
    let verdict = |first, second| {
        let report = report(vec![
            outcome("SCIM-READ-01", Level::Must, first, None),
            outcome("SCIM-READ-02", Level::Must, second, None),
        ]);
        let report = report.with_assessments(&[parse_profile(&text)]);
        report.assessments[0].results[0].verdict
    };
    for (first, second, expected) in [
        (Verdict::Fail, Verdict::Pass, RequirementVerdict::Passed),
        (Verdict::Skip, Verdict::Pass, RequirementVerdict::Passed),
        (Verdict::Fail, Verdict::Skip, RequirementVerdict::Failed),
        (Verdict::Skip, Verdict::Skip, RequirementVerdict::NotTested),
    ] {
        assert_eq!(verdict(first, second), expected, "{first:?} {second:?}");
    }
}

#[test]
fn a_login_that_starts_at_the_other_party_proves_nothing() {
    let text = [
        requirement(
            "at-sp",
            "required",
            "checks = [\"SCIM-A\"]\nlogin_start = \"sp\"",
        ),
        requirement(
            "at-idp",
            "required",
            "checks = [\"SCIM-A\"]\nlogin_start = \"idp\"",
        ),
    ];
    let profile = parse_profile(&text.concat());
    for (started, expected) in [
        (Some(LoginStart::Sp), ["passed", "not tested"]),
        (Some(LoginStart::Idp), ["not tested", "passed"]),
        (None, ["passed", "passed"]),
    ] {
        let mut report = report(vec![outcome("SCIM-A", Level::Must, Verdict::Pass, None)]);
        report.login_start = started;
        let report = report.with_assessments(&[profile]);
        let results = report.assessments[0].results.iter();
        let verdicts: Vec<&str> = results.map(|it| it.verdict.name()).collect();
        assert_eq!(verdicts, expected, "{started:?}");
    }
}

#[test]
fn a_required_requirement_fails_if_the_target_lacks_a_feature_that_the_profile_demands() {
    let checks = "checks = [\"SCIM-A\"]";
    let text = [
        requirement("must", "required", checks),
        requirement("should", "recommended", checks),
    ];
    let verdicts = |demands: &str| {
        let head = format!("demands = {demands}\n");
        let profile = parse_profile(&[head, text.concat()].concat());
        let skipped = Outcome {
            lacks: Some(Feature::Filter),
            ..outcome("SCIM-A", Level::Must, Verdict::Skip, None)
        };
        let report = report(vec![skipped]).with_assessments(&[profile]);
        let results = report.assessments[0].results.iter();
        let verdicts: Vec<&str> = results.map(|it| it.verdict.name()).collect();
        (verdicts, report.exit_code())
    };
    let (demanded, open) = (["failed", "not tested"], ["not tested"; 2]);
    assert_eq!(verdicts("[\"patch\", \"filter\"]"), (demanded.to_vec(), 1));
    assert_eq!(verdicts("[\"patch\"]"), (open.to_vec(), 0));
}

#[test]
fn a_requirement_that_refers_to_a_profile_has_its_verdict_if_it_is_chosen_too() {
    let named = |name: &str, text: &str| {
        let profile = format!(
            "name = \"{name}\"\ntitle = \"t\"\nkinds = [\"scim\"]\nstatus = \"s\"\nsource = \"s\"\nread = \"2026-11\"\n{text}"
        );
        &*Box::leak(Box::new(toml::from_str::<Profile>(&profile).unwrap()))
    };
    let more = "profile = \"base\"\nnot_tested = \"choose base too\"";
    let upper = named("upper", &requirement("base", "required", more));
    let base = named(
        "base",
        &requirement("1", "required", "checks = [\"SCIM-A\"]"),
    );
    let judged = |verdict, chosen: &[&'static Profile]| {
        let report = report(vec![outcome("SCIM-A", Level::Must, verdict, None)]);
        let report = report.with_assessments(chosen);
        let result = &report.assessments[0].results[0];
        (result.verdict.name(), result.reason.clone())
    };
    let alone = judged(Verdict::Pass, &[upper]);
    assert_eq!(alone, ("not tested", "choose base too".to_owned()));
    assert_eq!(
        judged(Verdict::Pass, &[upper, base]),
        ("passed", String::new())
    );
    let (verdict, reason) = judged(Verdict::Fail, &[upper, base]);
    assert_eq!(verdict, "failed");
    assert_eq!(reason, "1 of the required requirements of base failed");
    let (verdict, _) = judged(Verdict::Skip, &[upper, base]);
    assert_eq!(verdict, "not tested");
    // The profile that is referred to refers to another one.
    let above = "profile = \"upper\"\nnot_tested = \"choose upper too\"";
    let top = named("top", &requirement("upper", "required", above));
    assert_eq!(judged(Verdict::Fail, &[top, upper, base]).0, "failed");
}

#[test]
fn a_wait_that_is_shorter_than_the_source_allows_fails_no_requirement() {
    let text = requirement("end", "required", "checks = [\"SCIM-A\"]\nwithin = 300");
    let verdict = |seconds, verdict| {
        let mut report = report(vec![outcome("SCIM-A", Level::Must, verdict, None)]);
        report.limit = Some(std::time::Duration::from_secs(seconds));
        let report = report.with_assessments(&[parse_profile(&text)]);
        report.assessments[0].results[0].verdict
    };
    assert_eq!(verdict(300, Verdict::Fail), RequirementVerdict::Failed);
    assert_eq!(verdict(299, Verdict::Fail), RequirementVerdict::NotTested);
    assert_eq!(verdict(3, Verdict::Pass), RequirementVerdict::Passed);
}

#[test]
fn every_form_has_the_requirements_in_the_order_of_the_source() {
    let ids = ["zz-first", "mm-second", "aa-third"];
    let text = ids.map(|id| requirement(id, "required", "not_tested = \"because\""));
    let report = report(vec![outcome("SCIM-A", Level::Must, Verdict::Pass, None)]);
    let report = report.with_assessments(&[parse_profile(&text.concat())]);
    for form in [
        report.terminal(),
        report.html(),
        report.json().to_string(),
        report.step_summary(),
    ] {
        let places = ids.map(|id| form.find(id).unwrap());
        assert!(places.is_sorted(), "{places:?} in {form}");
    }
}
