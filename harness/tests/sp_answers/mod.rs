//! Which missing answers are findings.

use std::time::Duration;

use rehearsal::check::runner::{Access, Runner, Selection};
use rehearsal::check::sp::{Judge, Person, Provider, Variants};
use rehearsal::check::{CheckReport, Verdict};

use crate::broken_sp::{self, Switch, USER};
use crate::judged_sp::target_at;
use crate::prepared_keys::ambient_with_keys;

const CHECK: &str = "SAML-SP-DOS-11";

/// Runs these checks at a service provider with this flaw.
async fn judge(flaw: &'static str, only: &[&str], timeout: Duration) -> CheckReport {
    let ambient = ambient_with_keys();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let switches = vec![Switch::Flaw(flaw)];
    let sp = broken_sp::start_with(&provider.metadata(), switches, &ambient).await;
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let only: Vec<String> = only.iter().map(|it| (*it).to_owned()).collect();
    let judge = Judge {
        target: target_at(sp.base(), sp.metadata(), sp.document()),
        provider,
        person: Person::of_the_guide(USER),
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&only, &[], &checks).unwrap(),
            access: Access {
                timeout,
                ..Access::default()
            },
            ..Runner::default()
        },
        ambient,
    };
    judge.judge().await.unwrap()
}

fn outcome_of(report: &CheckReport, id: &str) -> (Verdict, String) {
    let outcome = report.outcomes.iter().find(|it| it.check.id == id).unwrap();
    (outcome.verdict, outcome.actual.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_names_the_check_whose_message_was_not_answered() {
    let only = [CHECK, "SAML-SP-XML-38", "SAML-SP-XML-43"];
    let report = judge("closes", &only, Duration::from_secs(30)).await;
    let (verdict, actual) = outcome_of(&report, CHECK);
    assert_eq!(verdict, Verdict::Fail);
    assert!(
        actual.contains("messages of SAML-SP-XML-43, twice"),
        "{actual}"
    );
    // The other check stays without a verdict.
    let (verdict, actual) = outcome_of(&report, "SAML-SP-XML-43");
    assert_eq!(verdict, Verdict::Skip);
    assert!(actual.starts_with("no answer from "), "{actual}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_answer_is_no_closed_connection() {
    let only = [CHECK, "SAML-SP-XML-38", "SAML-SP-XML-43"];
    let report = judge("hangs", &only, Duration::from_secs(5)).await;
    let (verdict, actual) = outcome_of(&report, "SAML-SP-XML-43");
    assert_eq!(verdict, Verdict::Skip);
    assert!(actual.contains("no answer within 5 s"), "{actual}");
    let (verdict, actual) = outcome_of(&report, CHECK);
    assert_eq!(verdict, Verdict::Pass, "{actual}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_other_checks_it_is_not_judged() {
    let report = judge("", &[CHECK], Duration::from_secs(30)).await;
    let error = report.error.as_ref().unwrap();
    assert_eq!(error.code, "nothing-judged");
    assert!(error.message.contains("select other checks"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_provider_that_was_restarted_for_another_reason_is_not_blamed() {
    let only = ["SAML-SP-DOS-02", "SAML-SP-DOS-09"];
    for (flaw, id, other) in [
        ("stops-once-at-nesting", only[0], only[1]),
        ("stops-once-after-nesting", only[1], only[0]),
    ] {
        let report = judge(flaw, &only, Duration::from_secs(30)).await;
        let (verdict, actual) = outcome_of(&report, id);
        assert_eq!(verdict, Verdict::Pass, "{flaw}: {actual}");
        assert!(
            actual.contains("but not when it was repeated: look into the target's log"),
            "{flaw}: {actual}"
        );
        let (verdict, actual) = outcome_of(&report, other);
        assert_eq!(verdict, Verdict::Pass, "{flaw}: {actual}");
        assert!(!actual.contains("repeated"), "{flaw}: {actual}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_after_which_the_service_provider_stops_twice_is_a_finding() {
    let only = ["SAML-SP-DOS-02", "SAML-SP-DOS-09"];
    for flaw in ["stops-at-nesting", "stops-after-nesting"] {
        let report = judge(flaw, &only, Duration::from_secs(30)).await;
        let (verdict, actual) = outcome_of(&report, only[0]);
        assert_eq!(verdict, Verdict::Fail, "{flaw}: {actual}");
        assert!(
            actual.contains("; when it was repeated, "),
            "{flaw}: {actual}"
        );
        let (verdict, actual) = outcome_of(&report, only[1]);
        assert_ne!(verdict, Verdict::Fail, "{flaw}: {actual}");
    }
}
