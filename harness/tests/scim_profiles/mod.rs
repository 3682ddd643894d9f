//! Tests the profiles for SCIM servers: which requirements the portal and a correct server meet,
//! and that each broken server fails exactly the requirements that it breaks.

mod group_mutants;
mod mutants;
mod vacuous;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ambient::Ambient;
use rehearsal::check::profile::{Demand, Kind, Profile, RequirementVerdict, profiles};
use rehearsal::check::runner::{Runner, Selection};
use rehearsal::check::scim::credentials::Credentials;
use rehearsal::check::scim::wire::{Pending, ScimAnswer, ScimRequest, Wire, WireError};
use rehearsal::check::scim::{Judge, OAuthToken, Options, TriedAssertion};
use rehearsal::check::{CheckReport, Verdict};

use super::mutant_scim::{BASE, MutantServer, Mutation, TOKEN, mutants as known_mutants};

/// Returns the profiles for SCIM servers, apart from those of clients (see `scim_clients`).
fn all() -> Vec<&'static Profile> {
    let all = profiles().iter();
    all.filter(|it| it.kinds.contains(&Kind::Scim) && !it.name.ends_with("-client"))
        .collect()
}

/// Returns a runner with the checks of all these profiles.
pub(crate) fn runner() -> Runner {
    Runner {
        selection: Selection::default().among(Profile::checks_to_run(Kind::Scim, &all())),
        ..Runner::default()
    }
}

fn by_all(report: CheckReport) -> CheckReport {
    report.with_profiles(&all()).with_assessments(&all())
}

/// Returns the requirements that failed, as `profile requirement`, and asserts that every
/// untested requirement has a reason.
fn failed(report: &CheckReport) -> BTreeSet<String> {
    for assessment in &report.assessments {
        for result in &assessment.results {
            let at = format!("{} {}", assessment.profile.name, result.requirement.id);
            let is_open = result.verdict == RequirementVerdict::NotTested;
            assert!(!is_open || !result.reason.is_empty(), "{at} has no reason");
            assert_ne!(result.reason, "it was not run", "{at}");
        }
    }
    failed_in(report)
}

/// Requirements that a server for Entra ID and Okta cannot meet, because the draft forbids
/// requests that they send, or IPSIE forbids what RFC 7643 contains.
const TOLERANT: [&str; 6] = [
    "ipsie-al2 group-name",
    "ipsie-al2 no-password",
    "scim-interop-02 conformance",
    "scim-interop-02 path",
    "scim-interop-02 unknown-attribute",
    "scim-interop-02 unknown-path",
];

/// Asserts that the portal meets the profiles that forbid what Entra ID and Okta send, if step 5 of
/// the configurator has the strict rules.
pub(crate) fn our_portal_by_strict_rules(report: CheckReport) {
    let strict = ["scim-interop-02", "ipsie-al1", "ipsie-al2"];
    let mut failed = failed(&by_all(report));
    failed.retain(|it| {
        strict
            .iter()
            .any(|name| it.starts_with(&format!("{name} ")))
    });
    assert_eq!(failed, BTreeSet::new());
}

/// Asserts which requirements of all profiles the portal does not meet.
pub(crate) fn our_portal(report: CheckReport) {
    let report = by_all(report);
    let mut known: BTreeSet<String> = TOLERANT.iter().map(|it| (*it).to_owned()).collect();
    // The portal merges on replace, as RFC 7644 allows, and defines no types for roles,
    // entitlements and x509Certificates.
    known.insert("scim-interop-02 replace-complex".to_owned());
    known.insert("scim-interop-02 canonical-values".to_owned());
    assert_eq!(failed(&report), known);
    assert_eq!(report.assessments.len(), 8);
    let passed = |name: &str| {
        let mut all = report.assessments.iter();
        let found = all.find(|it| it.profile.name == name).unwrap();
        found.count(RequirementVerdict::Passed, Some(Demand::Required))
    };
    assert!(passed("entra-gallery-scim") >= 20);
    assert!(passed("okta-oin-scim-manual") >= 35);
    // With the profile of Entra ID alone there is no finding.
    let alone = [Profile::find_by_name("entra-gallery-scim").unwrap()];
    let report = report.clone().with_assessments(&alone);
    assert_eq!(
        report.exit_code(),
        0,
        "{:#?}",
        report.assessments[0].results
    );
}

async fn judge_mutant(
    bend: Option<Mutation>,
    oauth: Option<OAuthToken>,
) -> (CheckReport, Vec<String>) {
    judge_mutant_at(BASE, bend, oauth, runner()).await
}

async fn judge_mutant_at(
    base: &str,
    bend: Option<Mutation>,
    oauth: Option<OAuthToken>,
    runner: Runner,
) -> (CheckReport, Vec<String>) {
    let server = bend.map_or_else(MutantServer::default, MutantServer::with);
    let judge = Judge {
        wire: &server,
        base: base.to_owned(),
        credentials: Credentials::Bearer(TOKEN.to_owned()),
        options: Options {
            oauth,
            ..Options::default()
        },
        read_only: false,
        runner,
        ambient: Ambient::real(),
    };
    let report = judge.judge().await.unwrap();
    (by_all(report), server.left())
}

#[tokio::test]
async fn a_server_meets_the_rfcs_or_the_strict_profile() {
    let (honest, left) = judge_mutant(None, Some(token(3600, "scim"))).await;
    let mut known: BTreeSet<String> = TOLERANT.iter().map(|it| (*it).to_owned()).collect();
    known.insert("scim-interop-02 replace-complex".to_owned());
    // The grammar of RFC 7644 allows a sub-attribute after brackets only in paths, not in
    // filters.
    known.insert("entra-gallery-scim matching-by-email".to_owned());
    assert_eq!(failed(&honest), known);
    assert_eq!(left, Vec::<String>::new());

    // A server that follows the draft fails what these clients need.
    let (strict, _) = judge_mutant(Some(Mutation::AnswersInstead(mutants::strict)), None).await;
    let failed = failed(&strict);
    let of = |name: &str| -> Vec<&str> {
        let all = failed.iter();
        all.filter_map(|it| it.strip_prefix(name)?.strip_prefix(' '))
            .collect()
    };
    assert_eq!(of("scim-interop-02"), Vec::<&str>::new());
    assert_eq!(of("okta-oin-scim-spec"), Vec::<&str>::new());
    assert_eq!(
        of("okta-oin-scim-crud"),
        ["5"],
        "Okta deactivates without a path"
    );
    let habits = ["flagged-client", "matching-by-email"];
    assert_eq!(of("entra-gallery-scim"), habits);
}

/// Returns a token that was issued for a signed assertion.
fn token(seconds: u64, scope: &str) -> OAuthToken {
    OAuthToken {
        expires_in: Some(seconds),
        scope: Some(scope.to_owned()),
        by_assertion: true,
        tried: vec![TriedAssertion {
            fault: "it has expired",
            status: 401,
            is_issued: false,
        }],
    }
}

#[tokio::test]
async fn the_lifetime_scope_and_assertions_of_the_token_are_judged() {
    let mut lax = token(3600, "scim");
    lax.tried[0].is_issued = true;
    for (oauth, wanted) in [
        (lax, &["ipsie-al1 oauth"][..]),
        (token(21_600, "scim"), &[][..]),
        (
            token(300, "scim"),
            &["entra-gallery-scim Validate_Credentials_Test"],
        ),
        (
            token(86_400, "scim admin"),
            &[
                "entra-gallery-scim Validate_Credentials_Test",
                "ipsie-al1 scope",
            ],
        ),
    ] {
        let only = ["15", "17", "18", "19"].map(|it| format!("SCIM-PROFILE-{it}"));
        let runner = Runner {
            selection: Selection::default().among(Some(only.to_vec())),
            ..Runner::default()
        };
        let (report, _) = judge_mutant_at(BASE, None, Some(oauth.clone()), runner).await;
        assert_eq!(
            failed_in(&report),
            wanted.iter().map(|it| (*it).to_owned()).collect(),
            "{oauth:?}"
        );
    }
}

/// A server that limits requests: it answers GET with 429 after the 61st.
struct Tiring {
    server: MutantServer,
    request: AtomicUsize,
    retry_after: Option<&'static str>,
}

impl Wire for Tiring {
    fn send<'a>(&'a self, request: &'a ScimRequest) -> Pending<'a, Result<ScimAnswer, WireError>> {
        Box::pin(async move {
            let mut answer = self.server.send(request).await?;
            if request.method == "GET" && self.request.fetch_add(1, Ordering::SeqCst) > 60 {
                answer.status = 429;
                answer.headers.extend(
                    self.retry_after
                        .map(|it| ("retry-after".to_owned(), it.to_owned())),
                );
            }
            Ok(answer)
        })
    }

    /// Returns at once, so that requests are sent without waiting.
    fn pause(&self, _: Duration) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn the_load_check_runs_only_with_rate_seconds_and_reports_its_figures() {
    // Four seconds are 100 requests; the last ones are limited.
    for (seconds, retry_after, verdict) in [
        (None, Some("1"), RequirementVerdict::NotTested),
        (Some(1), Some("1"), RequirementVerdict::Passed),
        (Some(4), Some("1"), RequirementVerdict::Passed),
        (Some(4), Some("soon"), RequirementVerdict::Failed),
        (Some(4), None, RequirementVerdict::Failed),
    ] {
        let server = Tiring {
            server: MutantServer::default(),
            request: AtomicUsize::new(0),
            retry_after,
        };
        let only = vec!["SCIM-PROFILE-80".to_owned()];
        let judge = Judge {
            wire: &server,
            base: BASE.to_owned(),
            credentials: Credentials::Bearer(TOKEN.to_owned()),
            options: Options {
                rate_seconds: seconds,
                ..Options::default()
            },
            read_only: false,
            runner: Runner {
                selection: Selection::default().among(Some(only)),
                ..Runner::default()
            },
            ambient: Ambient::real(),
        };
        let report = by_all(judge.judge().await.unwrap());
        let all = report.assessments.iter().flat_map(|it| &it.results);
        let rate: Vec<_> = all.filter(|it| it.requirement.id == "rate").collect();
        assert_eq!(rate.len(), 2, "of Entra and of IPSIE");
        for result in rate {
            let at = format!(
                "{seconds:?} {retry_after:?}: {} {:?}",
                result.reason, result.figure
            );
            assert_eq!(result.verdict, verdict, "{at}");
            assert_eq!(result.figure.is_some(), seconds.is_some(), "{at}");
        }
    }
}

#[tokio::test]
async fn a_base_url_without_tls_or_with_an_underscore_fails() {
    let (report, _) = judge_mutant_at("http://scim.example.com/v2_1", None, None, runner()).await;
    let failed = failed(&report);
    for requirement in ["okta-oin-scim-manual C9298", "scim-interop-02 tls"] {
        assert!(failed.contains(requirement), "{failed:?}");
    }
    let (report, _) = judge_mutant_at("https://scim.example.com/v2", None, None, runner()).await;
    let tls = &report
        .outcomes
        .iter()
        .find(|it| it.check.id == "SCIM-PROFILE-05");
    assert_eq!(tls.unwrap().verdict, Verdict::Pass);
}

/// Required requirements whose failure other tests in this file show, or `oauth_server` does.
const ELSEWHERE: [&str; 12] = [
    // Two checks of which one is enough: no single deviation breaks both.
    "entra-gallery-scim soft-or-hard-delete",
    "scim-interop-02 replace-complex",
    "entra-gallery-scim Validate_Credentials_Test",
    "okta-oin-scim-manual C9298",
    "scim-interop-02 tls",
    "entra-gallery-scim rate",
    "ipsie-al1 rate",
    "ipsie-al1 scope",
    "ipsie-al1 oauth",
    "ipsie-al1 metadata",
    "ipsie-al1 token-expiry",
    "entra-gallery-scim client-secrets",
];

/// Maps each check to the deviation that makes it fail: the mutants of all checks, including
/// those that only profiles require.
fn deviations() -> BTreeMap<&'static str, Mutation> {
    let known = known_mutants().into_iter().map(|it| (it.fires, it.bend));
    let own = mutants::MUTANTS.iter().chain(group_mutants::MUTANTS);
    known.chain(own.copied()).collect()
}

/// Returns a mutant for each required requirement (one mutant may serve several), and the
/// requirements without a mutant.
fn chosen() -> (BTreeMap<&'static str, Mutation>, Vec<String>) {
    let deviations = deviations();
    let (mut chosen, mut without) = (BTreeMap::new(), Vec::new());
    for profile in all() {
        for it in profile.requirements_of(Kind::Scim) {
            let at = format!("{} {}", profile.name, it.id);
            let is_shown = [&TOLERANT[..], &ELSEWHERE].concat().contains(&at.as_str());
            if it.level != Demand::Required || it.checks_of(Kind::Scim).next().is_none() || is_shown
            {
                continue;
            }
            let known = |id: &&String| deviations.contains_key(id.as_str());
            let Some(id) = it.checks.iter().find(known) else {
                without.push(at);
                continue;
            };
            let (fires, bend) = deviations.get_key_value(id.as_str()).unwrap();
            chosen.insert(*fires, *bend);
        }
    }
    (chosen, without)
}

/// Checks that create dozens of resources. They run only against the mutant that must fail
/// them, because they are slow.
const LONG: [&str; 3] = ["SCIM-PROFILE-28", "SCIM-PROFILE-40", "SCIM-PROFILE-44"];

/// Runs the checks against a broken server. Returns the report and the checks that failed.
async fn check_broken_server(
    fires: &str,
    bend: Option<Mutation>,
) -> (CheckReport, BTreeSet<String>) {
    let is_long = |id: &str| LONG.contains(&id) && id != fires;
    let mut ids = Profile::checks_to_run(Kind::Scim, &all()).unwrap();
    ids.retain(|id| !is_long(id));
    let runner = Runner {
        selection: Selection::default().among(Some(ids)),
        ..Runner::default()
    };
    let (report, _) = judge_mutant_at(BASE, bend, None, runner).await;
    let found = report.outcomes.iter();
    let found = found.filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warn));
    let found = found.map(|it| it.check.id.clone()).collect();
    (report, found)
}

/// Returns the requirements that failed, as `profile requirement`.
fn failed_in(report: &CheckReport) -> BTreeSet<String> {
    let mut failed = BTreeSet::new();
    for assessment in &report.assessments {
        let all = assessment.results.iter();
        // A requirement that refers to another profile only repeats its verdict.
        let all = all.filter(|it| it.requirement.profile.is_none());
        let all = all.filter(|it| it.verdict == RequirementVerdict::Failed);
        let name = &assessment.profile.name;
        failed.extend(all.map(|it| format!("{name} {}", it.requirement.id)));
    }
    failed
}

/// Returns how the judgment of a broken server differs from the expected one. Expected: in
/// addition to those of the correct server, exactly the requirements fail that contain a
/// check which now fails.
async fn find_misjudgment(
    fires: &'static str,
    bend: Mutation,
    honest: BTreeSet<String>,
) -> Option<String> {
    let (report, found) = check_broken_server(fires, Some(bend)).await;
    if !found.contains(fires) {
        return Some(format!("{fires} did not fire: {found:?}"));
    }
    let names = |it: &&rehearsal::check::profile::Requirement, ids: &BTreeSet<String>| {
        it.checks.iter().any(|id| ids.contains(id))
    };
    let new: BTreeSet<String> = found.difference(&honest).cloned().collect();
    let mut wanted = BTreeSet::new();
    for profile in all() {
        let all = profile.requirements_of(Kind::Scim);
        let all = all.filter(|it| names(it, &new) && !names(it, &honest));
        wanted.extend(all.map(|it| format!("{} {}", profile.name, it.id)));
        // A feature that the server says it lacks, and that the source demands.
        let lacks = |id: &String| {
            let outcome = report.outcomes.iter().find(|it| it.check.id == *id);
            let feature = outcome.and_then(|it| it.lacks.as_ref());
            feature.is_some_and(|it| profile.demands.contains(it))
        };
        let all = profile.requirements_of(Kind::Scim);
        let all = all.filter(|it| it.level == Demand::Required && it.checks.iter().any(lacks));
        let all = all.filter(|it| !names(it, &honest));
        wanted.extend(all.map(|it| format!("{} {}", profile.name, it.id)));
    }
    let known = |at: &String| {
        let mut all = all().into_iter();
        all.any(|profile| {
            let mut all = profile.requirements_of(Kind::Scim);
            all.any(|it| *at == format!("{} {}", profile.name, it.id) && names(&it, &honest))
        })
    };
    let mut failed = failed_in(&report);
    failed.retain(|at| !known(at));
    (failed != wanted || wanted.is_empty())
        .then(|| format!("failed {failed:?}, expected {wanted:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_required_requirement_is_failed_by_a_server_that_breaks_it() {
    let (chosen, without) = chosen();
    assert_eq!(without, Vec::<String>::new(), "no mutant breaks them");
    let honest = check_broken_server("", None).await.1;
    let judging = chosen.into_iter().map(|(fires, bend)| {
        let honest = honest.clone();
        async move { (fires, find_misjudgment(fires, bend, honest).await) }
    });
    let wrong = super::find_misjudgments(judging).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}
