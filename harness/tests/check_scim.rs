//! `rehearsal check scim`: no finding at Rehearsal's own portal and at a correct server; at
//! each mutant, exactly the finding of its deviation; and no resource is left behind.
#![allow(clippy::unwrap_used)]

mod counted_progress;
mod mutant_scim;
mod oauth_server;
mod scim_clients;
mod scim_large_list;
mod scim_locations;
mod scim_profiles;
mod scim_restarts;
mod scim_strangers;
mod second_business;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ambient::Ambient;
use counted_progress::Counted;
use mutant_scim::{BASE, Mutant, MutantServer, SECOND_TOKEN, TOKEN, mutants};
use rehearsal::World;
use rehearsal::check::runner::{Access, Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::wire::{Http, Pending, ScimAnswer, ScimRequest, Wire, WireError};
use rehearsal::check::scim::{CheckError, Judge, Options as ScimOptions, SecondTenant, catalogue};
use rehearsal::check::{CheckReport, Signal, Verdict};
use rehearsal::organization::Plan;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::Url;

/// Starts the portal with the demo organization; returns SCIM base URL and bearer token.
async fn start_portal() -> (World, Url, String) {
    start_portal_with(rehearsal::Options::default()).await
}

async fn start_portal_with(options: rehearsal::Options) -> (World, Url, String) {
    let options = rehearsal::Options {
        unrecorded: true,
        ..options
    };
    let mut world = World::with(options).await.unwrap();
    world.demo_organization(Plan::default()).await.unwrap();
    let ready = world.ready().to_json();
    let base = ready["sp"]["scim_base_url"].as_str().unwrap();
    let token = ready["sp"]["scim_bearer_token"].as_str().unwrap();
    (world, Url::parse(base).unwrap(), token.to_owned())
}

async fn judge_url(base: &Url, token: &str, read_only: bool) -> Result<CheckReport, CheckError> {
    judge_url_with(base, token, read_only, Runner::default()).await
}

async fn judge_url_with(
    base: &Url,
    token: &str,
    read_only: bool,
    runner: Runner,
) -> Result<CheckReport, CheckError> {
    let wire = Http::to(base.clone(), Access::default()).unwrap();
    let judge = Judge {
        wire: &wire,
        base: base.to_string(),
        credentials: Credentials::Bearer(token.to_owned()),
        options: ScimOptions::default(),
        read_only,
        runner,
        ambient: Ambient::real(),
    };
    judge.judge().await
}

fn answer(report: &CheckReport, verdict: Verdict) -> Vec<String> {
    let all = report.outcomes.iter();
    all.filter(|outcome| outcome.verdict == verdict)
        .map(|outcome| {
            let check = &outcome.check;
            format!("{} {}: {}", check.id, check.title, outcome.actual)
        })
        .collect()
}

/// Returns the skipped checks, except those that need credentials which the run does not have:
/// their ids begin with one of `needs_more`.
fn skipped_with(report: &CheckReport, needs_more: &[&str]) -> Vec<String> {
    let mut all = answer(report, Verdict::Skip);
    all.retain(|it| !needs_more.iter().any(|family| it.starts_with(family)));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_has_no_finding() {
    let (mut world, base, token) = start_portal().await;
    let counted = Counted::default();
    let runner = Runner {
        progress: counted.progress(),
        ..Runner::default()
    };
    let report = judge_url_with(&base, &token, false, runner).await.unwrap();
    for verdict in [Verdict::Fail, Verdict::Warn] {
        assert_eq!(answer(&report, verdict), Vec::<String>::new());
    }
    // SCIM-PAGE-17 needs more than 10,000 users: see `scim_large_list`.
    assert_eq!(
        skipped_with(&report, &["SCIM-TENANT-", "SCIM-OAUTH-", "SCIM-PAGE-17"]),
        [""; 0]
    );
    // The report has as many checks as the documents and the progress say.
    assert_eq!(report.outcomes.len(), catalogue().len());
    assert_eq!(counted.complete(), catalogue().len());
    for outcome in &report.outcomes {
        let answer = format!("{} {}", outcome.actual, outcome.evidence);
        let id = &outcome.check.id;
        assert!(!answer.contains(&token), "{id} tells the token: {answer}");
    }
    assert!(!report.json().to_string().contains(&token));

    let by_profiles = judge_url_with(&base, &token, false, scim_profiles::runner());
    scim_profiles::our_portal(by_profiles.await.unwrap());
    let by_clients = judge_url_with(&base, &token, false, scim_clients::runner());
    scim_clients::our_portal(by_clients.await.unwrap());

    let strict = Some(json!({"rules": "strict"}));
    let path = "/scim";
    let changed = world.at_configurator("Ada", reqwest::Method::PUT, path, strict);
    assert_eq!(changed.await.unwrap().status, 200);
    let by_strict_rules = judge_url_with(&base, &token, false, scim_profiles::runner());
    scim_profiles::our_portal_by_strict_rules(by_strict_rules.await.unwrap());
    world.rehearsal.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_portal_keeps_its_tenants_apart() {
    let (mut world, base, token) = start_portal().await;
    let idp_metadata = world.idp_metadata().await.unwrap();
    let second = second_business::set_up(&mut world, &idp_metadata).await;
    let checks = catalogue();
    let wire = Http::to(base.clone(), Access::default()).unwrap();
    let judge = Judge {
        wire: &wire,
        base: base.to_string(),
        credentials: Credentials::Bearer(token),
        options: ScimOptions {
            second: Some(SecondTenant {
                credentials: Credentials::Bearer(second.scim_token.clone()),
                base: Some(second.scim_base_url),
            }),
            ..ScimOptions::default()
        },
        read_only: false,
        runner: Runner {
            selection: Selection::new(&["SCIM-TENANT-".to_owned()], &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient: Ambient::real(),
    };
    let report = judge.judge().await.unwrap();
    for verdict in [Verdict::Fail, Verdict::Warn, Verdict::Skip] {
        assert_eq!(answer(&report, verdict), Vec::<String>::new());
    }
    assert_eq!(report.count(Verdict::Pass), 6);
    assert!(!report.json().to_string().contains(&second.scim_token));
    world.rehearsal.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_reported_before_the_checks() {
    let (world, base, _) = start_portal().await;
    let refused = judge_url(&base, "no-token-of-ours", false).await;
    assert!(
        matches!(refused, Err(CheckError::Refused(_))),
        "{refused:?}"
    );
    world.rehearsal.shutdown().await;
}

async fn judge_wire(wire: &dyn Wire, stopped: bool) -> CheckReport {
    judge_wire_as(wire, false, stopped).await
}

async fn judge_wire_as(wire: &dyn Wire, read_only: bool, stopped: bool) -> CheckReport {
    judge_wire_with(wire, ScimOptions::default(), (read_only, stopped)).await
}

/// Judges with the credentials of another tenant, too.
async fn judge_with_second_tenant(wire: &dyn Wire) -> CheckReport {
    let options = ScimOptions {
        second: Some(SecondTenant {
            credentials: Credentials::Bearer(SECOND_TOKEN.to_owned()),
            base: None,
        }),
        ..ScimOptions::default()
    };
    judge_wire_with(wire, options, (false, false)).await
}

async fn judge_wire_with(
    wire: &dyn Wire,
    options: ScimOptions,
    (read_only, stopped): (bool, bool),
) -> CheckReport {
    let runner = Runner::default();
    if stopped {
        runner.stop.send(Signal::Terminate);
    }
    judge_wire_by(runner, wire, options, read_only).await
}

/// Runs only this check.
async fn judge_only(wire: &dyn Wire, id: &str) -> CheckReport {
    let runner = Runner {
        selection: Selection::new(&[id.to_owned()], &[], &catalogue()).unwrap(),
        ..Runner::default()
    };
    judge_wire_by(runner, wire, ScimOptions::default(), false).await
}

async fn judge_wire_by(
    runner: Runner,
    wire: &dyn Wire,
    options: ScimOptions,
    read_only: bool,
) -> CheckReport {
    let judge = Judge {
        wire,
        base: BASE.to_owned(),
        credentials: Credentials::Bearer(TOKEN.to_owned()),
        options,
        read_only,
        runner,
        ambient: Ambient::real(),
    };
    judge.judge().await.unwrap()
}

#[tokio::test]
async fn an_honest_server_passes_every_check_and_is_left_empty() {
    let honest = MutantServer::default();
    let report = judge_with_second_tenant(&honest).await;
    for verdict in [Verdict::Fail, Verdict::Warn] {
        assert_eq!(answer(&report, verdict), Vec::<String>::new());
    }
    assert_eq!(
        skipped_with(&report, &["SCIM-OAUTH-", "SCIM-PAGE-17"]),
        [""; 0]
    );
    assert_eq!(honest.left(), Vec::<String>::new());
}

/// Returns what is wrong with the report about a mutant; None if nothing is.
async fn find_misjudgment(mutant: Mutant) -> Option<String> {
    let bent = MutantServer::with(mutant.bend);
    // Use a second tenant only for mutants that confuse tenants.
    let report = match mutant.fires.starts_with("SCIM-TENANT-") {
        true => judge_with_second_tenant(&bent).await,
        false => judge_wire(&bent, false).await,
    };
    // A deviation from a MAY is a warning.
    let is_finding = |verdict: Verdict| matches!(verdict, Verdict::Fail | Verdict::Warn);
    let mut wanted = BTreeSet::from([mutant.fires]);
    wanted.extend(mutant.also);
    let mut wrong = Vec::new();
    for one in &report.outcomes {
        let (id, actual) = (one.check.id.as_str(), &one.actual);
        match (wanted.contains(id), is_finding(one.verdict)) {
            (true, false) => wrong.push(format!("{id} is {:?}: {actual}", one.verdict)),
            (false, true) => wrong.push(format!("{id} fired: {actual}")),
            _ => {}
        }
    }
    let left = bent.left();
    if wanted.contains("SCIM-CLEAN-01") == left.is_empty() {
        wrong.push(format!("left behind: {left:?}"));
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

/// Returns what is wrong with the reports, by the names of the servers.
async fn find_misjudgments<J>(judged: impl IntoIterator<Item = J>) -> BTreeMap<&'static str, String>
where
    J: Future<Output = (&'static str, Option<String>)> + Send + 'static,
{
    // Only a few at a time, because the judge measures how long a server takes to answer.
    let places = Arc::new(Semaphore::new(4));
    let mut judging = tokio::task::JoinSet::new();
    for one in judged {
        let places = Arc::clone(&places);
        judging.spawn(async move {
            let _place = places.acquire().await.unwrap();
            one.await
        });
    }
    let mut wrong = BTreeMap::new();
    while let Some(done) = judging.join_next().await {
        let (name, misjudged) = done.unwrap();
        wrong.extend(misjudged.map(|misjudged| (name, misjudged)));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deviation_is_found_by_its_check_and_by_no_other() {
    let only = std::env::var("SCIM_MUTANT").ok();
    let selected = mutants()
        .into_iter()
        .filter(|mutant| {
            only.as_deref()
                .is_none_or(|only| mutant.fires.contains(only))
        })
        .map(|mutant| async move { (mutant.fires, find_misjudgment(mutant).await) });
    let wrong = find_misjudgments(selected).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_check_has_its_mutant() {
    let mut all = catalogue();
    // Those of OAuth have flaws of an authorization server instead: see `oauth_server`.
    all.retain(|it| !it.id.starts_with("SCIM-OAUTH-"));
    let all: BTreeSet<&str> = all.iter().map(|it| it.id.as_str()).collect();
    let fired: BTreeSet<&str> = mutants().iter().map(|it| it.fires).collect();
    assert_eq!(all, fired);
}

#[tokio::test]
async fn an_interrupted_run_stops_judging_and_deletes_its_resources() {
    let honest = MutantServer::default();
    let report = judge_wire(&honest, true).await;
    assert_eq!(report.count(Verdict::Fail), 0);
    let interruption = report.incomplete.unwrap();
    assert_eq!(interruption.signal, Signal::Terminate);
    assert_eq!(interruption.total, catalogue().len());
    assert_eq!(report.exit_code(), 143);
    assert_eq!(report.count(Verdict::Pass), 0, "nothing was created yet");
    assert_eq!(honest.left(), Vec::<String>::new());
}

/// A correct server that records all requests other than GET.
#[derive(Default)]
struct Watched {
    server: MutantServer,
    writes: Mutex<Vec<String>>,
}

impl Wire for Watched {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        // A token in a URL gets into the server's log.
        if request.method != "GET" || request.target.contains("access_token") {
            self.writes.lock().unwrap().push(request.line());
        }
        self.server.send(request)
    }
}

#[tokio::test]
async fn read_only_sends_only_get_and_no_token_in_a_url() {
    let watched = Watched::default();
    let report = judge_wire_as(&watched, true, false).await;
    assert_eq!(answer(&report, Verdict::Fail), Vec::<String>::new());
    assert!(report.count(Verdict::Pass) > 40);
    assert_eq!(*watched.writes.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stranger_gets_the_findings_that_are_true_for_it() {
    let only = std::env::var("SCIM_STRANGER").unwrap_or_default();
    let selected = scim_strangers::strangers()
        .into_iter()
        .filter(|stranger| stranger.name.contains(&only))
        .map(|stranger| async move {
            (
                stranger.name,
                scim_strangers::find_misjudgment(stranger).await,
            )
        });
    let wrong = find_misjudgments(selected).await;
    let wrong: Vec<String> = wrong
        .iter()
        .map(|(name, wrong)| format!("== {name}\n{wrong}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A correct server that refuses users with a member that is no attribute of the User schema.
struct Strict(MutantServer);

impl Wire for Strict {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        let body = mutant_scim::sent(request);
        let unknown = body.as_object().into_iter().flatten().find(|(name, _)| {
            let is_core = mutant_scim::is_attribute_of_users(name);
            !is_core && !["schemas", mutant_scim::ENTERPRISE].contains(&name.as_str())
        });
        match unknown.filter(|_| mutant_scim::is(request, "POST", "/Users")) {
            None => self.0.send(request),
            Some((name, _)) => {
                let detail = format!("{name} is no attribute");
                let refusal = mutant_scim::Refusal(400, Some("invalidSyntax"), detail);
                let answer = mutant_scim::answer(400, &mutant_scim::error(&refusal));
                Box::pin(std::future::ready(Ok(answer)))
            }
        }
    }
}

async fn judge_with_template(template: &str) -> Result<CheckReport, CheckError> {
    let checks = catalogue();
    let judge = Judge {
        wire: &Strict(MutantServer::default()),
        base: BASE.to_owned(),
        credentials: Credentials::Bearer(TOKEN.to_owned()),
        options: ScimOptions {
            template: Some(serde_json::from_str(template).unwrap()),
            ..ScimOptions::default()
        },
        read_only: false,
        runner: Runner {
            selection: Selection::new(&["SCIM-CREATE-01".to_owned()], &[], &checks).unwrap(),
            ..Runner::default()
        },
        ambient: Ambient::real(),
    };
    judge.judge().await
}

#[tokio::test]
async fn the_template_of_the_book_fits_a_strict_server() {
    let book = include_str!("../../docs/check-scim.md");
    let (_, after) = book.split_once("A template is a user as JSON").unwrap();
    let (_, after) = after.split_once("```json\n").unwrap();
    let (template, _) = after.split_once("```").unwrap();
    let report = judge_with_template(template).await.unwrap();
    assert_eq!(answer(&report, Verdict::Fail), Vec::<String>::new());
    assert!(report.count(Verdict::Pass) > 0);
}

#[tokio::test]
async fn a_template_may_be_the_cause_of_refused_users() {
    let refused = judge_with_template(r#"{"costCenter": "{name}"}"#).await;
    let error = refused.unwrap_err().to_set_up_error(BASE);
    assert_eq!(error.code, "users-refused");
    assert!(
        error.fix.starts_with("The cause may be --user-template"),
        "{}",
        error.fix
    );
}

/// A correct server whose `/Schemas` lists only the schemas whose id contains one of these texts.
struct Undeclared(MutantServer, &'static [&'static str]);

impl Wire for Undeclared {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        Box::pin(async move {
            let mut answer = self.0.send(request).await?;
            if mutant_scim::is(request, "GET", "/Schemas") {
                mutant_scim::edit(&mut answer, |body| {
                    let is_kept = |id: &str| self.1.iter().any(|it| id.contains(it));
                    let all = body.get_mut("Resources").and_then(Value::as_array_mut);
                    if let Some(all) = all {
                        all.retain(|one| one["id"].as_str().is_some_and(is_kept));
                        body["totalResults"] = all.len().into();
                    }
                });
            }
            Ok(answer)
        })
    }
}

#[tokio::test]
async fn checks_of_an_undeclared_attribute_say_that_the_schema_is_missing() {
    for kept in [&[][..], &["core:2.0:Group"]] {
        let server = Undeclared(MutantServer::default(), kept);
        let report = judge_wire(&server, false).await;
        for id in ["SCIM-GROUP-06", "SCIM-GROUP-27"] {
            let found = report.outcomes.iter().find(|it| it.check.id == id).unwrap();
            assert_eq!(found.verdict, Verdict::Skip, "{kept:?} {id}");
            let why = &found.actual;
            assert!(
                why.starts_with("/Schemas has no attributes of"),
                "{kept:?} {id}: {why}"
            );
            assert!(
                why.ends_with("whether users have groups"),
                "{kept:?} {id}: {why}"
            );
        }
    }
}
