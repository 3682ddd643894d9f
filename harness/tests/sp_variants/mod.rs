//! Holes that only variants of the faults detect.

use rehearsal::check::CheckReport;
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::sp::{Judge, Person, Provider, Variants};
use serde_json::Value;

use super::broken_sp::{self, Switch};
use crate::judged_sp::target_at;
use crate::prepared_keys::ambient_with_keys;

/// Runs these checks with variants against a service provider with these switches.
async fn judge_with_variants(switches: &[Switch], variants: Variants, only: &str) -> CheckReport {
    let ambient = ambient_with_keys();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let sp = broken_sp::start_with(&provider.metadata(), switches.to_vec(), &ambient).await;
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let judge = Judge {
        target: target_at(sp.base(), sp.metadata(), sp.document()),
        provider,
        person: Person::of_the_guide(broken_sp::USER),
        variants,
        runner: Runner {
            selection: Selection::new(&[only.to_owned()], &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient,
    };
    judge.judge().await.unwrap()
}

/// The checks of algorithms.
const HMAC: &str = "SAML-SP-ALG-";

fn findings(report: &CheckReport) -> Vec<(String, String)> {
    let all = report.findings();
    all.map(|it| (it.check.id.clone(), it.actual.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_that_only_variants_reach_is_found() {
    // No fault of the catalogue has an HMAC with SHA-384.
    fn is_believed(document: &str) -> bool {
        document.contains("#hmac-sha384\"")
    }
    let switch = Switch::Waves("signature-algorithm", is_believed);
    let report = judge_with_variants(&[switch], Variants::None, HMAC).await;
    assert_eq!(findings(&report), []);

    let some = Variants::Sample { count: 40, seed: 3 };
    let report = judge_with_variants(&[switch], some, HMAC).await;
    let found = findings(&report);
    assert!(!found.is_empty());
    for outcome in report.findings() {
        let counts = &outcome.evidence["variants"];
        let (accepted, sent) = (&counts["accepted"], &counts["sent"]);
        let count = format!("{accepted} of {sent} variants logged in the person of --user");
        assert!(outcome.actual.starts_with(&count), "{}", outcome.actual);
        for which in counts["which"].as_array().unwrap() {
            let which = which.as_str().unwrap();
            assert!(which.contains("HMAC with SHA-384"), "{which}");
        }
        assert_eq!(counts["seed"], 3);
        let sent = outcome.evidence["sent"].as_str().unwrap();
        assert!(is_believed(sent), "{sent}");
    }
    // The same seed sends the same variants.
    let again = judge_with_variants(&[switch], some, HMAC).await;
    let ids = |found: Vec<(String, String)>| -> Vec<String> {
        found.into_iter().map(|(id, _)| id).collect()
    };
    let which = |report: &CheckReport| -> Vec<Value> {
        let all = report.findings();
        all.map(|it| it.evidence["variants"]["which"].clone())
            .collect()
    };
    assert_eq!(which(&again), which(&report));
    assert_eq!(ids(findings(&again)), ids(found));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_an_entity_cuts_is_found() {
    fn is_cut(document: &str) -> bool {
        document.contains("&tail;")
    }
    let switch = Switch::Waves("response-not-xml", is_cut);
    let check = "SAML-SP-XML-02";
    let report = judge_with_variants(&[switch], Variants::None, check).await;
    assert_eq!(findings(&report), []);
    let report = judge_with_variants(&[switch], Variants::All, check).await;
    let found = findings(&report);
    assert_eq!(found.len(), 1, "{found:?}");
    // In the NameID and in an attribute.
    let count = "2 of 16 variants logged in the person of --user";
    assert!(found[0].1.starts_with(count), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrapped_logout_requests_are_sent_in_every_variant() {
    let sent = async |variants, flaw: &'static str| {
        let switches = [Switch::Flaw("logout"), Switch::Flaw(flaw)];
        let report = judge_with_variants(&switches, variants, "SAML-SP-SLO-29").await;
        let counts = &report.outcomes[0].evidence["variants"];
        let count = |name: &str| counts[name].as_u64().unwrap();
        (count("sent"), count("accepted"))
    };
    let (usual, none) = sent(Variants::None, "slo-obeys-signed").await;
    let (all, some) = sent(Variants::All, "slo-wrapped").await;
    assert!(usual >= 10 && all > 2 * usual, "{usual} of {all}");
    assert_eq!(none, 0);
    assert!(some > 8, "{some} of {all}");
}
