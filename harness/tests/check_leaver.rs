//! Tests `rehearsal check leaver`. The portal passes. At an application with one hole, exactly
//! the checks for this hole fail. All created accounts are deleted.
#![allow(clippy::unwrap_used)]

mod leaver_app;
mod profiles_met;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ambient::Ambient;
use jiff::{SignedDuration, Timestamp};
use leaver_app::{ADMINS, App, HOLES, Hole, KNOWN, REQUIREMENTS, STAFF, TOKEN};
use profiles_met::{assert_each_can_fail, assert_profiles_met, failed_requirements};
use regex::Regex;
use rehearsal::World;
use rehearsal::check::leaver::{
    Application, Issue, Judge, Mover, Pace, Plan, Provider, Revocation, SubjectFormat, Tokens,
};
use rehearsal::check::profile::{Kind, Profile};
use rehearsal::check::runner::{Access, Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::wire::{Http, Pending};
use rehearsal::check::{CheckReport, Signal, UserUrl, Verdict, leaver, scim};
use rehearsal::organization::{self, PRODUCT_USERS};
use reqwest::Method;
use saml::metadata::SpMetadata;
use serde_json::{Value, json};
use url::Url;

/// A pace that advances the simulated clock instead of waiting.
struct SimulatedPace(Ambient);

impl Pace for SimulatedPace {
    fn wait(&self, length: Duration) -> Pending<'_, ()> {
        let by = SignedDuration::try_from(length).unwrap();
        self.0.clock().advance(by).unwrap();
        Box::pin(std::future::ready(()))
    }
}

fn simulated_ambient() -> Ambient {
    Ambient::simulated(Timestamp::from_second(1_790_000_000).unwrap(), 7)
}

fn user_url(template: &str) -> UserUrl {
    UserUrl::parse("a URL", template).unwrap()
}

/// Returns a plan that uses every feature of the application.
fn whole_plan(app: &App) -> Plan {
    Plan {
        group: Some(STAFF.to_owned()),
        mover: Some(Mover {
            group: ADMINS.to_owned(),
            expect: Regex::new("roles=[^;]*Admins").unwrap(),
        }),
        tokens: Some(Tokens {
            issue: Issue::Post(user_url(&format!("{}/token", app.base))),
            probe: user_url(&format!("{}/api", app.base)),
        }),
        revocation: Some(Revocation {
            url: format!("{}/revoke", app.base).parse().unwrap(),
            format: SubjectFormat::Email,
        }),
        known_user: Some(KNOWN.to_owned()),
        limit: Duration::from_secs(300),
    }
}

/// Returns a judge of the application that sends SCIM requests over this wire.
fn judge<'w>(
    app: &App,
    wire: &'w Http,
    (provider, plan): (&Provider, Plan),
    runner: Runner,
    (ambient, pace): (&Ambient, Arc<dyn Pace>),
) -> Judge<'w> {
    let application = Application::new(
        app.metadata(),
        Some(format!("{}/login", app.base)),
        format!("{}/me", app.base),
        "user={user};".to_owned(),
        Vec::new(),
    );
    Judge {
        directory: scim::Judge {
            wire,
            base: format!("{}/scim", app.base),
            credentials: Credentials::Bearer(TOKEN.to_owned()),
            options: scim::Options::default(),
            read_only: false,
            runner,
            ambient: ambient.clone(),
        },
        application: application.unwrap(),
        provider: provider.clone(),
        plan,
        pace,
    }
}

fn wire_to(app: &App) -> Http {
    let base = format!("{}/scim", app.base).parse().unwrap();
    Http::to(base, Access::default()).unwrap()
}

async fn judge_app(
    app: &App,
    provider: &Provider,
    plan: Plan,
    runner: Runner,
    ambient: &Ambient,
) -> CheckReport {
    let pace = Arc::new(SimulatedPace(ambient.clone()));
    let wire = wire_to(app);
    let judge = judge(app, &wire, (provider, plan), runner, (ambient, pace));
    judge.judge().await
}

/// Starts an application with this hole, runs all checks, and returns both.
async fn with_hole(provider: &Provider, hole: Hole, ambient: &Ambient) -> (App, CheckReport) {
    let app = App::start(provider, hole, ambient).await;
    let plan = whole_plan(&app);
    let report = judge_app(&app, provider, plan, Runner::default(), ambient).await;
    (app, report)
}

fn of_verdict(report: &CheckReport, verdict: Verdict) -> Vec<&str> {
    let all = report.outcomes.iter().filter(|it| it.verdict == verdict);
    all.map(|it| it.check.id.as_str()).collect()
}

fn findings_and_skips(report: &CheckReport) -> Vec<String> {
    let all = report.outcomes.iter();
    all.filter(|it| it.verdict != Verdict::Pass)
        .map(|it| format!("{} {:?}: {}", it.check.id, it.verdict, it.actual))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hole_fails_its_checks_and_no_others() {
    let first = simulated_ambient();
    let provider = Provider::start(0, None, &first).await.unwrap();
    let mut wrong = BTreeMap::new();
    let profile = [Profile::find_by_name("ipsie-al1").unwrap()];
    let mut failed = BTreeMap::new();
    for (hole, fails, skips) in HOLES {
        let (app, report) = with_hole(&provider, hole, &simulated_ambient()).await;
        failed.insert(format!("{hole:?}"), failed_requirements(&report, &profile));
        let found = of_verdict(&report, Verdict::Fail);
        let skipped = of_verdict(&report, Verdict::Skip);
        let left = app.left();
        if found != fails || skipped != skips || !left.is_empty() || report.error.is_some() {
            let findings_and_skips = findings_and_skips(&report);
            wrong.insert(
                format!("{hole:?}"),
                format!("{findings_and_skips:#?} {left:?} {:?}", report.error),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    failed.retain(|_, requirements| !requirements.is_empty());
    let expected = REQUIREMENTS.iter().map(|(hole, requirements)| {
        let requirements = requirements.iter().map(|it| (*it).to_owned());
        (format!("{hole:?}"), requirements.collect())
    });
    assert_eq!(failed, expected.collect::<BTreeMap<_, _>>());
    let broken = REQUIREMENTS.iter().flat_map(|(_, all)| *all).copied();
    assert_each_can_fail(Kind::Leaver, &profile, broken, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_does_not_wait_if_everything_ends_at_once() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let (began, (_, report)) = (
        ambient.now(),
        with_hole(&provider, Hole::None, &ambient).await,
    );
    assert_eq!(findings_and_skips(&report), Vec::<String>::new());
    assert_eq!(ambient.now(), began);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_end_passes_and_its_seconds_are_reported() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let (_, report) = with_hole(&provider, Hole::EndsAfter(40), &ambient).await;
    let one = |id: &str| report.outcomes.iter().find(|it| it.check.id == id).unwrap();
    let session = one("LEAVER-DEACT-01");
    assert_eq!(session.verdict, Verdict::Pass);
    // The check looks after 0, 1, 2, 4, 8, 16, 26, 36 and 46 seconds.
    assert_eq!(
        session.actual,
        "the session had ended after 46 s; it still worked after 36 s"
    );
    assert_eq!(session.evidence["figures"][0]["seconds"], 46.0);
    let shown = report.terminal();
    let line = "LEAVER-DEACT-01   46.00 s  A session ends when SCIM deactivates the person";
    assert!(shown.contains(line), "{shown}");

    let (_, report) = with_hole(&provider, Hole::EndsAfter(301), &ambient).await;
    let late = of_verdict(&report, Verdict::Fail);
    assert!(late.contains(&"LEAVER-DEACT-01"), "{late:?}");
    assert!(late.contains(&"LEAVER-DELETE-02"), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_new_person_is_a_finding_only_if_a_known_person_can_log_in() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let (app, report) = with_hole(&provider, Hole::JoinersAreRefused, &ambient).await;
    assert_eq!(of_verdict(&report, Verdict::Fail), ["LEAVER-JOIN-01"]);
    let others = report
        .outcomes
        .iter()
        .filter(|it| it.verdict == Verdict::Skip);
    let caused = others.filter(|it| it.cause.as_deref() == Some("LEAVER-JOIN-01"));
    assert_eq!(caused.count(), leaver::catalogue().len() - 2);
    assert_eq!(app.left(), Vec::<String>::new());

    let plan = Plan {
        known_user: None,
        ..whole_plan(&app)
    };
    let report = judge_app(&app, &provider, plan, Runner::default(), &ambient).await;
    assert_eq!(report.error.unwrap().code, "not-trusted");
    assert_eq!(app.left(), Vec::<String>::new());

    let plan = Plan {
        group: Some("Stuff".to_owned()),
        ..whole_plan(&app)
    };
    let report = judge_app(&app, &provider, plan, Runner::default(), &ambient).await;
    assert_eq!(report.error.unwrap().code, "no-group");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_stops_answering_ends_the_run() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let (app, report) = with_hole(&provider, Hole::ProbeBreaksOff, &ambient).await;
    assert_eq!(report.exit_code(), 2);
    assert_eq!(report.error.unwrap().code, "no-answer");
    assert_eq!(app.left(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_were_not_deleted_are_reported() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let (app, report) = with_hole(&provider, Hole::KeepsDeleted, &ambient).await;
    assert_eq!(of_verdict(&report, Verdict::Fail), Vec::<&str>::new());
    let deleted = of_verdict(&report, Verdict::Skip);
    assert_eq!(deleted.len(), 7, "{deleted:?}");
    assert!(deleted.iter().all(|id| id.starts_with("LEAVER-DELETE-")));
    assert_eq!(of_verdict(&report, Verdict::Warn), ["LEAVER-CLEAN-01"]);
    let last = report.outcomes.last().unwrap();
    // The persons of the cases, and the accounts that were created to find out which
    // attributes the server requires.
    assert!(app.left().len() > 6);
    assert_eq!(last.actual.matches("/Users/").count(), app.left().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_set_up_name_the_options_of_check_leaver() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let app = App::start(&provider, Hole::None, &ambient).await;
    let folder = tempfile::tempdir().unwrap();
    let (token, metadata) = (folder.path().join("token"), folder.path().join("sp.xml"));
    std::fs::write(&token, "wrong-token\n").unwrap();
    std::fs::write(&metadata, app.metadata().to_xml()).unwrap();
    let run = |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_rehearsal"));
        command
            .args([
                "check",
                "leaver",
                "--scim-url",
                &format!("{}/scim", app.base),
            ])
            .arg("--token-file")
            .arg(&token)
            .arg("--sp-metadata")
            .arg(&metadata)
            .args(["--probe-url", &format!("{}/me", app.base)])
            .args(more)
            .output()
    };
    let done = run(&[]).await.unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(
        said.contains("rehearsal check leaver: nothing can be judged (wrong-token)"),
        "{said}"
    );
    assert!(said.contains("--scim-url"), "{said}");
    assert!(!said.contains("--base-url"), "{said}");
    for (more, message) in [
        (
            ["--token-probe", "http://127.0.0.1:9/x"],
            "give --token-url or --token-command",
        ),
        (["--expect", "("], "invalid --expect"),
        (["--start-url", "login"], "invalid --start-url"),
    ] {
        let done = run(&more).await.unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(message), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_selected_checks_are_judged() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let app = App::start(&provider, Hole::None, &ambient).await;
    let only = ["LEAVER-DEACT-01".to_owned(), "LEAVER-REVOKE".to_owned()];
    let runner = Runner {
        selection: Selection::new(&only, &[], &leaver::catalogue()).unwrap(),
        ..Runner::default()
    };
    let plan = Plan {
        group: Some(STAFF.to_owned()),
        ..Plan::default()
    };
    let report = judge_app(&app, &provider, plan, runner, &ambient).await;
    let all: Vec<(&str, Verdict)> = report
        .outcomes
        .iter()
        .map(|it| (it.check.id.as_str(), it.verdict))
        .collect();
    assert_eq!(
        all,
        [
            ("LEAVER-DEACT-01", Verdict::Pass),
            ("LEAVER-REVOKE-01", Verdict::Skip),
            ("LEAVER-REVOKE-02", Verdict::Skip),
            ("LEAVER-REVOKE-03", Verdict::Skip),
            ("LEAVER-REVOKE-04", Verdict::Skip),
            ("LEAVER-REVOKE-05", Verdict::Skip),
            ("LEAVER-REVOKE-06", Verdict::Skip),
        ]
    );
    assert!(report.outcomes[1].actual.contains("--revocation-url"));
}

/// A pace that stops the run by a signal while the check watches sessions.
struct Interrupted(Runner);

impl Pace for Interrupted {
    fn wait(&self, _: Duration) -> Pending<'_, ()> {
        self.0.stop.send(Signal::Terminate);
        Box::pin(std::future::pending())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_between_two_looks_ends_the_run_and_cleans_up() {
    let ambient = simulated_ambient();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    let app = App::start(&provider, Hole::SurvivesDelete, &ambient).await;
    let runner = Runner::default();
    let pace = Arc::new(Interrupted(runner.clone()));
    let wire = wire_to(&app);
    let plan = whole_plan(&app);
    let judge = judge(&app, &wire, (&provider, plan), runner, (&ambient, pace));
    let report = judge.judge().await;
    assert_eq!(report.exit_code(), 143);
    let seen = of_verdict(&report, Verdict::Pass);
    assert!(seen.contains(&"LEAVER-DEACT-01"), "{seen:?}");
    assert!(
        !report
            .outcomes
            .iter()
            .any(|it| it.check.id == "LEAVER-DELETE-01")
    );
    assert_eq!(app.left(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_passes() {
    let options = rehearsal::Options {
        unrecorded: true,
        ..rehearsal::Options::default()
    };
    let mut world = World::with(options).await.unwrap();
    let plan = organization::Plan::default();
    world.demo_organization(plan).await.unwrap();
    let ambient = Ambient::real();
    let provider = Provider::start(0, None, &ambient).await.unwrap();
    world.trusts("Ada", &provider.metadata()).await.unwrap();
    // Whose revocation requests the portal accepts.
    let issuer = json!({"issuer": provider.issuer, "audience": "scim", "clients": ["none"]});
    let path = "/scim/issuers";
    let added = world.at_configurator("Ada", Method::POST, path, Some(issuer));
    assert_eq!(added.await.unwrap().status, 201);
    let ready = world.ready().to_json();
    let at = |name: &str| ready["sp"][name].as_str().unwrap().to_owned();
    let metadata = reqwest::get(at("metadata_url")).await.unwrap();
    let metadata = SpMetadata::parse(&metadata.text().await.unwrap()).unwrap();
    let base: Url = at("scim_base_url").parse().unwrap();
    let wire = Http::to(base.clone(), Access::default()).unwrap();
    let application = Application::new(
        metadata,
        Some(format!("{}?email={{user}}", at("sso_start_url"))),
        at("whoami_url"),
        "\"email\":\"{user}\"".to_owned(),
        Vec::new(),
    );
    let judge = Judge {
        directory: scim::Judge {
            wire: &wire,
            base: base.to_string(),
            credentials: Credentials::Bearer(at("scim_bearer_token")),
            options: scim::Options {
                domain: Some("lumen.example".to_owned()),
                ..scim::Options::default()
            },
            read_only: false,
            runner: Runner::default(),
            ambient,
        },
        application: application.unwrap(),
        provider,
        plan: Plan {
            group: Some(PRODUCT_USERS.to_owned()),
            mover: Some(Mover {
                group: organization::ADMINS.to_owned(),
                expect: Regex::new("\"roles\":\\[[^]]*\"admin\"").unwrap(),
            }),
            revocation: Some(Revocation {
                url: at("revocation_url").parse().unwrap(),
                format: SubjectFormat::Email,
            }),
            // In the portal all sessions end at once, so this limits only the time of a failure.
            limit: Duration::from_secs(5),
            ..Plan::default()
        },
        pace: Arc::new(leaver::RealPace),
    };
    let report = judge.judge().await;
    assert_eq!(report.error, None);
    let not_passed: Vec<String> = findings_and_skips(&report);
    let wanting = |line: &&String| {
        // The portal has no API tokens for users.
        !line.contains("no --token-probe") && !line.starts_with("LEAVER-REVOKE-02 Skip")
    };
    let not_passed: Vec<&String> = not_passed.iter().filter(wanting).collect();
    assert_eq!(not_passed, Vec::<&String>::new());
    let passed = report.count(Verdict::Pass);
    assert!(passed >= 25, "{passed}");
    let all: Vec<_> = Profile::chosen(Kind::Leaver, &["ipsie-al1".to_owned()]).unwrap();
    assert_profiles_met(&report, &all, 1);
    let written: Value = report.json();
    assert!(!written.to_string().contains(&at("scim_bearer_token")));
    world.rehearsal.shutdown().await;
}
