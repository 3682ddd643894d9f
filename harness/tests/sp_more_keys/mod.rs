//! The controls that other keys and algorithms sign, and the fault that an unknown EC key signs.

use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::sp::{Judge, Person, Provider, Variants};
use rehearsal::check::{CheckReport, Verdict};

use crate::broken_sp::{self, Switch};
use crate::judged_sp::target_at;
use crate::prepared_keys::ambient_with_keys;

/// Runs the checks at a service provider with these switches. If `announces` is false, its metadata
/// of the identity provider has one key.
async fn judge(announces: bool, switches: &[Switch]) -> CheckReport {
    let ambient = ambient_with_keys();
    let mut provider = Provider::start(0, None, &ambient).await.unwrap();
    if announces {
        provider = provider.with_more_keys(None, &ambient).await.unwrap();
    }
    let sp = broken_sp::start_with(&provider.metadata(), switches.to_vec(), &ambient).await;
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let only = ["GOOD-48", "GOOD-49", "GOOD-50", "GOOD-51", "SIG-38"];
    let only = only.map(|it| format!("SAML-SP-{it}"));
    let judge = Judge {
        target: target_at(sp.base(), sp.metadata(), sp.document()),
        provider,
        person: Person::of_the_guide(broken_sp::USER),
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&only, &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient,
    };
    judge.judge().await.unwrap()
}

/// Returns the ids of the checks with this verdict, without `SAML-SP-`.
fn ids(report: &CheckReport, verdict: Verdict) -> Vec<&str> {
    let all = report.outcomes.iter().filter(|it| it.verdict == verdict);
    all.filter_map(|it| it.check.id.strip_prefix("SAML-SP-"))
        .collect()
}

fn has_pss(document: &str) -> bool {
    document.contains("#sha256-rsa-MGF1\"")
}

fn has_ecdsa(document: &str) -> bool {
    document.contains("#ecdsa-sha256\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_announced_is_not_judged() {
    let report = judge(false, &[]).await;
    let skipped = ids(&report, Verdict::Skip);
    assert_eq!(skipped, ["GOOD-48", "GOOD-49", "GOOD-50"]);
    assert_eq!(ids(&report, Verdict::Pass), ["GOOD-51", "SIG-38"]);
    let why = &report.outcomes[0].actual;
    assert!(why.contains("--prepare --more-keys"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_of_keys_and_algorithms_is_a_warning_and_an_unknown_key_a_finding() {
    let cases: [(&[Switch], &[&str], &[&str]); 5] = [
        (&[], &[], &[]),
        (
            &[Switch::Flaw("first-key-only")],
            &["GOOD-48", "GOOD-49", "GOOD-50"],
            &[],
        ),
        (&[Switch::Flaw("no-ec-keys")], &["GOOD-49", "GOOD-50"], &[]),
        (&[Switch::Declines(has_pss)], &["GOOD-51"], &[]),
        (
            &[Switch::Waves("signature-invalid", has_ecdsa)],
            &[],
            &["SIG-38"],
        ),
    ];
    for (switches, warnings, findings) in cases {
        let report = judge(true, switches).await;
        assert_eq!(ids(&report, Verdict::Warn), warnings, "{switches:?}");
        assert_eq!(ids(&report, Verdict::Fail), findings, "{switches:?}");
        assert_eq!(report.count(Verdict::Skip), 0, "{switches:?}");
    }
}
