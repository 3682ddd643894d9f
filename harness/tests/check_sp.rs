//! `rehearsal check sp`: no finding at Rehearsal's own portal, which refuses each fault for the
//! reason in the catalogue; and for a service provider with one hole, exactly the findings of
//! this hole.
#![allow(clippy::unwrap_used)]

mod broken_sp;
mod counted_progress;
mod judged_sp;
mod persistent_name;
mod prepared_keys;
mod profiles_met;
mod second_business;
mod sp_acceptance;
mod sp_answers;
mod sp_more_keys;
mod sp_profiles;
mod sp_strangers;
mod sp_variants;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ambient::Ambient;
use broken_sp::Switch;
use counted_progress::Counted;
use futures::StreamExt as _;
use jiff::SignedDuration;
use judged_sp::{disable_by_post, find_for_preset, find_with_flaws, judge_hole, judged_without};
use prepared_keys::ambient_with_keys;
use profiles_met::{assert_each_can_fail, assert_profiles_met};
use regex::Regex;
use rehearsal::check::profile::Kind;
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::sp::{Judge, Person, Provider, Refetch, Target, Variants};
use rehearsal::check::{CheckReport, Outcome, Verdict};
use rehearsal::organization::Plan;
use rehearsal::{Options, World};
use saml::metadata::SpMetadata;
use serde_json::Value;
use url::Url;

/// Returns the faults by the id of their check.
fn catalogue() -> BTreeMap<String, faults::Fault> {
    let all = faults::catalogue().unwrap().into_iter();
    all.map(|fault| (fault.check.clone(), fault)).collect()
}

fn not_passed(report: &CheckReport) -> Vec<String> {
    let all = report.outcomes.iter();
    all.filter(|outcome| outcome.verdict != Verdict::Pass)
        .map(|outcome| {
            format!(
                "{} {}: {}",
                outcome.check.id, outcome.check.title, outcome.actual
            )
        })
        .collect()
}

/// Starts the portal with the demo organization, and an identity provider that Rehearsal plays.
async fn start_portal(options: Options) -> (World, Ambient, Provider) {
    let options = Options {
        unrecorded: true,
        ..options
    };
    let mut world = World::with(options).await.unwrap();
    world.demo_organization(Plan::default()).await.unwrap();
    let ambient = Ambient::real();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let provider = provider.with_more_keys(None, &ambient).await.unwrap();
    (world, ambient, provider)
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_refuses_every_fault_for_its_own_reason() {
    let (mut world, ambient, provider) = start_portal(Options::default()).await;
    world.trusts("Ada", &provider.metadata()).await.unwrap();
    settle(&mut world, serde_json::json!({"encryption": true})).await;
    let ready = world.ready().to_json();
    let mut judge = Judge {
        target: portal_target(&ready).await,
        provider,
        person: Person::of_the_guide("grace@lumen.example"),
        // Only a sample; scripts/nightly.sh sends all variants.
        variants: match std::env::var("REHEARSAL_VARIANTS") {
            Ok(_) => Variants::All,
            Err(_) => Variants::Sample {
                count: 150,
                seed: 1,
            },
        },
        runner: Runner {
            selection: judged_sp::with_those_of_profiles(),
            ..Runner::default()
        },
        ambient,
    };
    let report = judge.judge().await.unwrap();
    let all = Kind::Sp.checks().len();
    assert_eq!(report.outcomes.len(), all, "as many as the documents say");
    let sent = |outcome: &Outcome| outcome.evidence["variants"]["sent"].as_u64();
    let sent: u64 = report.outcomes.iter().filter_map(sent).sum();
    assert!(sent >= 150, "{sent}");
    // The portal got the metadata as a file, it is reached by HTTP, there is one tenant, and a
    // business has to allow unsolicited Responses first. The NameID is an e-mail address, and
    // HTTP-POST-SimpleSign is not offered. The portal runs in this process, so its memory is not its own.
    let others = not_passed(&report).into_iter();
    let skipped = [
        "SAML-SP-MD-03",
        "SAML-SP-UNSOL-",
        "SAML-SP-CERT-",
        "SAML-SP-TEN-",
        "SAML-SP-ACS-",
        "SAML-SP-AUTHN-",
        "SAML-SP-SESS-03",
        "SAML-SP-JIT-05",
        "SAML-SP-REDIR-06",
        "SAML-SP-DOS-13",
    ];
    let others = others.filter(|it| !skipped.iter().any(|id| it.starts_with(id)));
    assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new());
    assert_profiles_met(&report, &sp_profiles::all(), 2);

    let faults = catalogue();
    let mut wrong = BTreeMap::new();
    let admin = world.person("Ada").unwrap().browser.client().clone();
    for outcome in &report.outcomes {
        let Some(fault) = faults.get(&outcome.check.id) else {
            continue;
        };
        let reference = outcome.evidence["reference"].as_str().unwrap_or_default();
        let url = world
            .at_portal(&format!("/api/business/refusals/{reference}"))
            .unwrap();
        let problem: Value = admin.get(url).send().await.unwrap().json().await.unwrap();
        if problem["code"] != fault.refusal.as_str() {
            wrong.insert(
                &fault.id,
                format!("expected {}, got {problem}", fault.refusal),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");

    judge.variants = Variants::None;
    // Now the business accepts unsolicited Responses.
    let context = serde_json::json!({"classes": [saml::names::PASSWORD_PROTECTED_TRANSPORT]});
    let settings =
        serde_json::json!({"unsolicited": true, "force_authn": true, "authn_context": context});
    settle(&mut world, settings).await;
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let groups = ["UNSOL", "RELAY", "REPLAY", "AUTHN"].map(|it| format!("SAML-SP-{it}"));
    judge.runner.selection = Selection::new(&groups, &[], &checks).unwrap();
    // Controls run too, but they are no steps of the run.
    let counted = Counted::default();
    judge.runner.progress = counted.progress();
    let report = judge.judge().await.unwrap();
    assert_eq!(counted.complete(), report.outcomes.len());
    // A warning: with unsolicited Responses, any page can log a browser in as another user.
    assert_eq!(ids(&not_passed(&report)), ["SAML-SP-UNSOL-03"]);
    assert_eq!(report.count(Verdict::Warn), 1);
    world.rehearsal.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_follows_the_keys_of_its_identity_provider() {
    let options = Options {
        // The checks publish several invalid documents, one after the other. The portal must not
        // wait between them.
        metadata_retry: Some(SignedDuration::ZERO),
        ..Options::default()
    };
    let (mut world, ambient, provider) = start_portal(options).await;
    let provider = provider
        .with_refetch(Refetch {
            skew: SignedDuration::from_secs(1),
            ..Refetch::new(Duration::from_secs(60), true)
        })
        .unwrap();
    let source = serde_json::json!({
        "metadata_url": provider.entity_id,
        "metadata_signed_by": provider.key.certificate().to_pem(),
    });
    let entered = world.enters_saml("Ada", source).await.unwrap();
    assert_eq!(entered.status, 200, "{entered}");
    let ready = world.ready().to_json();
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let judge = Judge {
        target: portal_target(&ready).await,
        provider,
        person: Person::of_the_guide("grace@lumen.example"),
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&["SAML-SP-CERT-".to_owned()], &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient,
    };
    let report = judge.judge().await.unwrap();
    // By default the portal refuses certificates that are expired or not yet valid.
    let others = not_passed(&report);
    assert_eq!(ids(&others), ["SAML-SP-CERT-07", "SAML-SP-CERT-09"]);
    // CERT-09 requires the opposite of CERT-07.
    assert!(others[1].contains("give such a --profile"), "{others:?}");
    assert_eq!(report.count(Verdict::Warn), 1);
    assert_eq!(report.count(Verdict::Pass), 13);
    let figure = report.outcomes[0].actual.as_str();
    assert!(figure.contains("the new key was taken after"), "{figure}");

    let settings = serde_json::json!({"accept_expired_certificates": true});
    settle(&mut world, settings).await;
    let report = judge.judge().await.unwrap();
    assert_eq!(ids(&not_passed(&report)), ["SAML-SP-CERT-09"]);
    world.rehearsal.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_keeps_its_tenants_apart() {
    let (mut world, ambient, provider) = start_portal(Options::default()).await;
    let second = Provider::start(0, None, &ambient).await.unwrap();
    world.trusts("Ada", &provider.metadata()).await.unwrap();
    let ready = world.ready().to_json();
    let target = portal_target(&ready).await;

    let own = second_business::set_up(&mut world, &second.metadata()).await;
    let metadata = reqwest::get(own.metadata_url).await.unwrap();
    let metadata = metadata.text().await.unwrap();
    let admin = world.person("Bea").unwrap().browser.client().clone();
    let deactivate = "/api/business/idp-integration/deactivate";
    let deactivate = world.at_portal(deactivate).unwrap();
    let mut start_url = target.start_url.clone().unwrap();
    start_url.set_query(Some("email=bea@nimbus.example"));
    let second = Judge {
        target: Target {
            metadata: SpMetadata::parse(&metadata).unwrap(),
            document: metadata,
            start_url: Some(start_url),
            start_form: Vec::new(),
            probe_url: target.probe_url.clone(),
            logout_url: None,
            logout_form: Vec::new(),
            disable: Some(disable_by_post(admin, deactivate)),
            memory: None,
            expect: Regex::new("\"email\": ?\"bea@nimbus\\.example\"")
                .unwrap()
                .into(),
        },
        provider: second,
        person: Person::of_the_guide("bea@nimbus.example"),
        variants: Variants::None,
        runner: Runner::default(),
        ambient: ambient.clone(),
    };
    let checks = rehearsal::check::sp::catalogue().unwrap();
    let judge = Judge {
        target,
        provider,
        person: Person::of_the_guide("grace@lumen.example"),
        variants: Variants::None,
        runner: Runner {
            selection: Selection::new(&["SAML-SP-TEN-".to_owned()], &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient,
    };
    let report = judge.judge_with(Some(&second)).await.unwrap();
    assert_eq!(report.error, None);
    assert_eq!(not_passed(&report), Vec::<String>::new());
    assert_eq!(report.count(Verdict::Pass), 7);
    world.rehearsal.shutdown().await;
}

fn ids(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|it| it.split(' ').next()).collect()
}

/// Returns Rehearsal's own portal as a target, with Grace as the user.
async fn portal_target(ready: &Value) -> Target {
    let at = |name: &str| Url::parse(ready["sp"][name].as_str().unwrap()).unwrap();
    let metadata = reqwest::get(at("metadata_url")).await.unwrap();
    let metadata = metadata.text().await.unwrap();
    let mut start_url = at("sso_start_url");
    start_url.set_query(Some("email=grace@lumen.example"));
    Target {
        metadata: SpMetadata::parse(&metadata).unwrap(),
        document: metadata,
        start_url: Some(start_url),
        start_form: Vec::new(),
        probe_url: at("whoami_url"),
        logout_url: Some(at("base_url").join("/logout").unwrap()),
        logout_form: Vec::new(),
        disable: None,
        memory: None,
        expect: Regex::new("\"(user|email)\": ?\"grace@lumen\\.example\"")
            .unwrap()
            .into(),
    }
}

/// Changes the SAML settings of the organization.
async fn settle(world: &mut World, settings: Value) {
    let (put, place) = (reqwest::Method::PUT, "/saml-settings");
    let settled = world.at_configurator("Ada", put, place, Some(settings));
    let settled = settled.await.unwrap();
    assert_eq!(settled.status, 200, "{settled}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_described_in_another_form_is_judged_alike() {
    let account = format!("CORP\\{}", broken_sp::USER);
    for (preset, shown) in [("ad-fs", account.as_str()), ("eduperson", broken_sp::USER)] {
        let honest = find_for_preset(preset, shown, Vec::new()).await;
        assert_eq!(honest, Vec::<String>::new(), "{preset}");
        let flaws = ["logout", "slo-any-name"].map(Switch::Flaw).to_vec();
        assert_eq!(
            find_for_preset(preset, shown, flaws).await,
            ["SAML-SP-SLO-08"],
            "{preset}"
        );
    }
    let hole = vec![Switch::Waves("many-assertions", broken_sp::always)];
    let wrapped = find_for_preset("eduperson", broken_sp::USER, hole).await;
    assert!(
        wrapped.iter().any(|it| it.starts_with("SAML-SP-XSW-")),
        "{wrapped:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_flaw_gives_exactly_its_findings() {
    let mut wrong = Vec::new();
    let mut judging = futures::stream::iter(broken_sp::flaw_table::FLAWS)
        .map(|(group, flaws, expected)| {
            tokio::spawn(async move { (flaws, expected, find_with_flaws(flaws, group).await) })
        })
        .buffer_unordered(4);
    while let Some(done) = judging.next().await {
        let (flaws, expected, found) = done.unwrap();
        if found != *expected {
            wrong.push(format!("{flaws:?}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_service_provider_fails_exactly_its_requirements() {
    let mut judging = futures::stream::iter(sp_profiles::BROKEN)
        .map(|row| tokio::spawn(sp_profiles::find_difference(row)))
        .buffer_unordered(4);
    let mut wrong = Vec::new();
    while let Some(done) = judging.next().await {
        wrong.extend(done.unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let lists = sp_profiles::BROKEN.iter().map(|(_, _, fails)| *fails);
    let broken = lists.flatten().copied();
    let unbroken = sp_profiles::UNBROKEN;
    assert_each_can_fail(Kind::Sp, &sp_profiles::all(), broken, unbroken);
    // The reason in UNBROKEN: without an accepted Response there is no verdict.
    let nothing = [Switch::Declines(broken_sp::always)];
    let report = sp_profiles::judge_switches(sp_profiles::Group::Messages, &nothing).await;
    assert_eq!(report.exit_code(), 2);
    assert_eq!(report.outcomes, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hole_gives_exactly_its_findings() {
    let faults = catalogue();
    let reasons: BTreeSet<&str> = faults
        .values()
        .map(|fault| fault.refusal.as_str())
        .collect();
    let holes: Vec<&'static str> = std::iter::once("none")
        .chain(reasons)
        .map(|reason| &*reason.to_owned().leak())
        .collect();
    let mut wrong = BTreeMap::new();
    // Only a few at a time: if all send two megabytes at once, honest logins take so long that
    // this would be a finding.
    let mut judging = futures::stream::iter(holes)
        .map(|hole| tokio::spawn(async move { (hole, judge_hole(hole).await) }))
        .buffer_unordered(4);
    while let Some(done) = judging.next().await {
        let (hole, report) = done.unwrap();
        // A finding of level MAY is a warning.
        let is_found = |it: &&Outcome| matches!(it.verdict, Verdict::Fail | Verdict::Warn);
        let found = report.outcomes.iter().filter(is_found);
        let found: BTreeSet<&str> = found.map(|one| one.check.id.as_str()).collect();
        let expected: BTreeSet<&str> = faults
            .values()
            // An open fault may be accepted or refused.
            .filter(|fault| fault.refusal == hole && !fault.is_open)
            .map(|fault| fault.check.as_str())
            .collect();
        if found != expected {
            let differ: Vec<&&str> = found.symmetric_difference(&expected).collect();
            wrong.insert(hole, format!("{differ:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_control_that_is_refused_is_a_finding() {
    let controls = rehearsal::check::sp::catalogue().unwrap().into_iter();
    let controls = controls.filter(|it| it.id.starts_with("SAML-SP-GOOD-"));
    let mut wrong = BTreeMap::new();
    let mut judging = futures::stream::iter(controls)
        .map(|control| {
            let id: &'static str = control.id.leak();
            tokio::spawn(async move { (id, judged_without(id).await) })
        })
        .buffer_unordered(4);
    while let Some(done) = judging.next().await {
        let (id, report) = done.unwrap();
        let is_found = |it: &&Outcome| matches!(it.verdict, Verdict::Fail | Verdict::Warn);
        let found = report.outcomes.iter().filter(is_found);
        let found: Vec<String> = found.map(|it| it.check.id.clone()).collect();
        if found != [id] {
            wrong.insert(id, found);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stranger_gets_the_findings_that_are_true_for_it() {
    let mut wrong = Vec::new();
    let mut judging = futures::stream::iter(sp_strangers::strangers())
        .map(|stranger| {
            tokio::spawn(async move {
                let report = stranger.judge().await;
                (stranger, report)
            })
        })
        .buffer_unordered(4);
    while let Some(done) = judging.next().await {
        let (stranger, report) = done.unwrap();
        let found = sp_strangers::found(&report);
        let expected = match &stranger.finds {
            Ok(lines) => Ok(lines.iter().map(|it| (*it).to_owned()).collect()),
            Err(code) => Err((*code).to_owned()),
        };
        if found != expected {
            let all = report.outcomes.iter();
            let texts: Vec<String> = all
                .filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warn))
                .filter(|it| it.cause.is_none())
                .map(|it| format!("{}: {}", it.check.id, it.actual))
                .collect();
            let error = &report.error;
            wrong.push(format!(
                "{}: expected {expected:?}, found {found:?}: {texts:#?} {error:?}",
                stranger.name
            ));
        }
        let is_skipped = |id: &str| stranger.skips.iter().any(|it| id.starts_with(it));
        for outcome in report.outcomes.iter().filter(|it| is_skipped(&it.check.id)) {
            if outcome.verdict != Verdict::Skip {
                wrong.push(format!(
                    "{}: {} was judged",
                    stranger.name, outcome.check.id
                ));
            }
        }
        let passed = report.count(Verdict::Pass);
        if passed < stranger.passes {
            wrong.push(format!("{}: only {passed} checks passed", stranger.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_judged_if_no_honest_response_is_accepted() {
    let ambient = ambient_with_keys();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let other = Provider::start(0, None, &ambient).await.unwrap();
    // The service provider trusts another identity provider.
    let base = broken_sp::start(&other.metadata(), "none", &ambient).await;
    let judge = Judge {
        target: judged_sp::target_at(&base, broken_sp::metadata(&base), String::new()),
        provider,
        person: Person::of_the_guide(broken_sp::USER),
        variants: Variants::None,
        runner: Runner::default(),
        ambient,
    };
    let report = judge.judge().await.unwrap();
    let error = report.error.as_ref().unwrap();
    assert_eq!(error.code, "wrong-idp", "{error:?}");
    assert_eq!(report.exit_code(), 2);
    assert_eq!(report.outcomes, []);
}
