//! Tests the replay of SCIM clients: the portal and a correct server pass every act of every
//! client, and at each broken server exactly the acts fail that it breaks.

mod broken;

use std::collections::{BTreeMap, BTreeSet};

use ambient::Ambient;
use broken::{BROKEN, Broken, refusal};
use rehearsal::check::profile::{Kind, Profile, RequirementVerdict, profiles};
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::{Judge, Options};
use rehearsal::check::{CheckReport, Verdict};

use super::mutant_scim::{BASE, ENTERPRISE, MutantServer, Mutation, TOKEN, edit, is, sent};

/// Returns the profiles of the clients.
fn clients() -> Vec<&'static Profile> {
    let all = profiles().iter();
    all.filter(|it| it.name.ends_with("-client")).collect()
}

/// Returns a runner with the checks of these profiles.
pub(crate) fn runner() -> Runner {
    Runner {
        selection: Selection::default().among(Profile::checks_to_run(Kind::Scim, &clients())),
        ..Runner::default()
    }
}

/// Asserts that the portal passes every act of every client.
pub(crate) fn our_portal(report: CheckReport) {
    let report = report
        .with_profiles(&clients())
        .with_assessments(&clients());
    let outcomes = report.outcomes.iter();
    let wrong: Vec<String> = outcomes
        .filter(|it| it.check.id.starts_with("SCIM-CLIENT-") && it.verdict != Verdict::Pass)
        .map(|it| format!("{} {:?}: {}", it.check.id, it.verdict, it.actual))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(report.assessments.len(), 8);
    for assessment in &report.assessments {
        let passed = assessment.count(RequirementVerdict::Passed, None);
        assert!(passed >= 11, "{}: {passed}", assessment.profile.name);
        assert!(assessment.is_well());
    }
}

async fn judge_mutant(bend: Option<Mutation>) -> CheckReport {
    let server = bend.map_or_else(MutantServer::default, MutantServer::with);
    let judge = Judge {
        wire: &server,
        base: BASE.to_owned(),
        credentials: Credentials::Bearer(TOKEN.to_owned()),
        options: Options::default(),
        read_only: false,
        runner: runner(),
        ambient: Ambient::real(),
    };
    judge.judge().await.unwrap()
}

/// Returns the checks of clients with this verdict.
fn with(report: &CheckReport, verdict: &[Verdict]) -> BTreeSet<String> {
    let all = report.outcomes.iter();
    all.filter(|it| verdict.contains(&it.verdict))
        .map(|it| it.check.id.clone())
        .filter(|id| id.starts_with("SCIM-CLIENT-"))
        .collect()
}

#[tokio::test]
async fn a_correct_server_passes_every_act_of_every_client() {
    let report = judge_mutant(None).await;
    let open = with(&report, &[Verdict::Fail, Verdict::Warn, Verdict::Skip]);
    assert_eq!(open, BTreeSet::new());
    assert_eq!(with(&report, &[Verdict::Pass]).len(), 94);
}

fn fails(broken: &Broken) -> BTreeSet<String> {
    broken.fails.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test]
async fn exactly_the_acts_fail_that_a_server_breaks() {
    let mut wrong = BTreeMap::new();
    let mut shown = BTreeSet::new();
    for broken in BROKEN {
        let report = judge_mutant(Some(broken.bend)).await;
        let failed = with(&report, &[Verdict::Fail, Verdict::Warn]);
        let wanted = fails(broken);
        if failed != wanted {
            let reasons = report
                .findings()
                .map(|it| format!("{}: {}", it.check.id, it.actual));
            wrong.insert(
                broken.name,
                (failed.clone(), wanted, reasons.collect::<Vec<_>>()),
            );
        }
        for outcome in &report.outcomes {
            // What was not judged names the act that failed before it.
            if outcome.verdict == Verdict::Skip && outcome.check.id.starts_with("SCIM-CLIENT-") {
                let cause = outcome.cause.as_deref().unwrap_or_default();
                assert!(
                    failed.contains(cause),
                    "{}: {} {}",
                    broken.name,
                    outcome.check.id,
                    outcome.actual
                );
            }
        }
        shown.extend(failed);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let all: BTreeSet<String> = clients()
        .iter()
        .flat_map(|it| it.requirements_of(Kind::Scim))
        .flat_map(|it| it.checks_of(Kind::Scim))
        .cloned()
        .collect();
    assert_eq!(shown, all, "each act needs a server that breaks it");
}

#[tokio::test]
async fn a_failed_requirement_of_a_client_fails_the_command() {
    let client = Profile::find_by_name("okta-client").unwrap();
    let bend = BROKEN
        .iter()
        .find(|it| it.name == "an operation must have a path");
    let report = judge_mutant(Some(bend.unwrap().bend)).await;
    let report = report.with_profiles(&[client]).with_assessments(&[client]);
    let failed: Vec<&str> = report.assessments[0]
        .results
        .iter()
        .filter(|it| it.verdict == RequirementVerdict::Failed)
        .map(|it| it.requirement.id.as_str())
        .collect();
    assert_eq!(failed, ["disable", "rename", "remove"]);
    assert_eq!(report.exit_code(), 1);
    // What cannot be tested because of a finding is no success either.
    let enable = &report.assessments[0].results[4];
    assert_eq!(enable.verdict, RequirementVerdict::NotTested);
    assert!(enable.is_fatal(), "{enable:?}");
}

#[tokio::test]
async fn a_server_without_groups_and_extensions_works_without_their_acts() {
    // It also refuses users with an extension that it does not have.
    let report = judge_mutant(Some(Mutation::AnswersInstead(|server, request| {
        let body = sent(request);
        if body.get(ENTERPRISE).is_some() {
            return Some(refusal(400, Some("invalidSyntax")));
        }
        let mut answer = server.answer(request);
        if is(request, "GET", "/ResourceTypes") {
            edit(&mut answer, |body| {
                if let Some(all) = body["Resources"].as_array_mut() {
                    all.retain(|it| it["name"] == "User");
                    let user = all[0].as_object_mut();
                    drop(user.map(|it| it.remove("schemaExtensions")));
                }
                body["totalResults"] = 1.into();
            });
        }
        Some(answer)
    })))
    .await;
    let failed = with(&report, &[Verdict::Fail, Verdict::Warn]);
    assert_eq!(failed, BTreeSet::new());
    let skipped = with(&report, &[Verdict::Skip]);
    let is_of_group = |id: &String| {
        let act = id.rsplit('-').next().unwrap_or_default();
        ["06", "07", "08", "09", "11", "13", "14"].contains(&act)
    };
    assert!(skipped.iter().all(is_of_group), "{skipped:?}");
    let report = report
        .with_profiles(&clients())
        .with_assessments(&clients());
    assert!(report.assessments.iter().all(|it| it.is_well()));
}
