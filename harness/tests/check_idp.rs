//! `rehearsal check idp`: no finding at Rehearsal's own identity provider; each of its
//! faults is found by exactly the checks of a table; and each check finds its error in an
//! edited recording.
#![allow(clippy::unwrap_used)]

#[path = "check_idp/by_post.rs"]
mod by_post;
#[path = "check_idp/demanded.rs"]
mod demanded;
#[path = "check_idp/deviations/mod.rs"]
mod deviations;
#[path = "check_idp/dying.rs"]
mod dying;
#[path = "check_idp/faults.rs"]
mod expected;
#[path = "check_idp/profile_table.rs"]
mod profile_table;
mod profiles_met;
#[path = "check_idp/signed.rs"]
mod signed;
#[path = "check_idp/strangers.rs"]
mod strangers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ambient::Ambient;
use profiles_met::{assert_each_can_fail, assert_profiles_met, failed_requirements};
use rehearsal::check::idp::{self, Credentials, Fetched, Gathering, Party, Person, Recording};
use rehearsal::check::profile::{Kind, Profile, profiles};
use rehearsal::check::runner::{Access, Runner};
use rehearsal::check::{CheckReport, Verdict};
use rehearsal::organization::{PRODUCT_USERS, Plan};
use rehearsal::{Options, World};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "Corp-2-maple-lantern";

struct Stage {
    world: World,
    ready: Value,
    ambient: Ambient,
    metadata: Fetched,
}

impl Stage {
    async fn set() -> Self {
        let options = Options {
            unrecorded: true,
            ..Options::default()
        };
        let mut world = World::with(options).await.unwrap();
        let plan = Plan {
            scim: false,
            ..Plan::default()
        };
        world.integration_is_active(plan).await.unwrap();
        world.creates_user("Grace").await.unwrap();
        world.joins_group("Grace", PRODUCT_USERS).await.unwrap();
        let ready = world.ready().to_json();
        let place = ready["idp"]["metadata_url"].as_str().unwrap();
        let ambient = Ambient::real();
        let metadata = idp::fetch(&reqwest::Client::new(), place, &ambient, &Access::default())
            .await
            .unwrap();
        Self {
            world,
            ready,
            ambient,
            metadata,
        }
    }

    /// Records the trials that `wanted` selects.
    async fn gather(
        &self,
        party: &Party,
        wanted: impl Fn(&str) -> bool,
        disabled: Option<Credentials>,
    ) -> Recording {
        let login = &self.ready["idp"]["sso_login"];
        let idp = self.ready["idp"]["entity_id"].as_str().unwrap();
        let entity: String =
            url::form_urlencoded::byte_serialize(party.entity_id.as_bytes()).collect();
        let gathering = Gathering {
            party,
            ambient: &self.ambient,
            person: Person::Driven(Credentials {
                name: login["username"].as_str().unwrap().to_owned(),
                password: login["password"].as_str().unwrap().to_owned(),
            }),
            disabled,
            initiated: Some(format!("{idp}/saml20/idp/startsso?spEntityId={entity}")),
            metadata: self.metadata.clone(),
            runner: &Runner::default(),
        };
        gathering.gather_of(wanted).await.unwrap()
    }

    /// Records all trials, also those that need a disabled user.
    async fn record_all(&mut self, party: &Party) -> Recording {
        self.world
            .registers("judge", &party.metadata())
            .await
            .unwrap();
        self.world.creates_user("Mallory").await.unwrap();
        self.world
            .joins_group("Mallory", PRODUCT_USERS)
            .await
            .unwrap();
        self.world.user_enabled("Mallory", false).await.unwrap();
        let disabled = Credentials {
            name: "mallory@lumen.example".to_owned(),
            password: PASSWORD.to_owned(),
        };
        self.gather(party, |_| true, Some(disabled)).await
    }

    /// Returns the recording as if two keys were announced and both signed: the first sign-on is
    /// recorded again with a new key, which is added to the metadata.
    async fn with_two_keys(&mut self, party: &Party, recording: &Recording) -> Recording {
        let keys = self.world.at_management(Method::GET, "/keys", None);
        let key = keys.await.unwrap().body["_embedded"]["keys"][0]["id"].clone();
        let path = format!("/keys/{}/rotation", key.as_str().unwrap());
        let rotation = self
            .world
            .at_management(Method::POST, &path, Some(json!({})));
        assert_eq!(rotation.await.unwrap().status, 201);
        let client = reqwest::Client::new();
        let place = &self.metadata.place;
        let access = Access::default();
        let metadata = idp::fetch(&client, place, &self.ambient, &access);
        self.metadata = metadata.await.unwrap();
        let signed = self.gather(party, |name| name == "redirect", None).await;
        let mut recording = recording.clone();
        recording.trials.extend(signed.trials);
        const KEY: (&str, &str) = ("<md:KeyDescriptor", "</md:KeyDescriptor>");
        let body = &self.metadata.body;
        let new = &body[body.find(KEY.0).unwrap()..body.find(KEY.1).unwrap()];
        deviations::edits::before(&mut recording, KEY.0, &format!("{new}{}", KEY.1));
        recording
    }
}

fn of_verdict(report: &CheckReport, verdict: Verdict) -> Vec<String> {
    let all = report.outcomes.iter();
    all.filter(|it| it.verdict == verdict)
        .map(|it| format!("{}: {}", it.check.id, it.actual))
        .collect()
}

fn findings(report: &CheckReport) -> BTreeSet<String> {
    let all = report.outcomes.iter();
    all.filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warn))
        .map(|it| it.check.id.clone())
        .collect()
}

/// One complete recording takes most of the time, so all tests of it are here.
#[tokio::test(flavor = "multi_thread")]
async fn our_idp_has_no_finding_and_each_check_finds_its_deviation() {
    let mut stage = Stage::set().await;
    let party = Party::start(0, None, &stage.ambient).await.unwrap();
    let recording = stage.record_all(&party).await;
    let report = idp::judge(&recording);
    assert_eq!(of_verdict(&report, Verdict::Fail), Vec::<String>::new());

    // The recording is judged in the same way without the identity provider, and contains
    // no password.
    let recorded = serde_json::to_string(&recording).unwrap();
    assert!(!recorded.contains(PASSWORD));
    let replayed: Recording = serde_json::from_str(&recorded).unwrap();
    assert_eq!(idp::judge(&replayed), report);

    let set_up = stage.judge_for_profiles(&recording).await;
    assert_profiles_met(&set_up, &all_profiles(), 5);
    demanded::each_check_finds_its_deviation(&recording);
    let honest = findings(&report);
    our_idp_fails_only_what_it_does_not_do(&recording, &honest);
    let two_keys = stage.with_two_keys(&party, &recording).await;
    let by_two_keys = findings(&idp::judge(&two_keys));
    let by_two_keys: BTreeSet<String> = by_two_keys.difference(&honest).cloned().collect();
    assert_eq!(by_two_keys, BTreeSet::from(["SAML-IDP-KEY-02".to_owned()]));
    each_check_finds_what_it_is_for(&recording, &honest, &by_two_keys);
    each_deviation_fails_its_requirements(&recording);
    each_check_reads_only_the_trials_of_its_table(&recording, &report);
}

/// With `--only`, only the trials that the chosen checks read are sent. The verdict must be that of
/// a whole run.
fn each_check_reads_only_the_trials_of_its_table(recording: &Recording, whole: &CheckReport) {
    for trials in [idp::Trials::None, idp::Trials::SignOns] {
        let mut narrow = recording.clone();
        narrow.trials.retain(|name, _| trials.include(name));
        let report = idp::judge(&narrow);
        let of_these = |id: &str| idp::Trials::for_checks(|it| it == id) <= trials;
        let outcomes = whole.outcomes.iter().zip(&report.outcomes);
        let differing: Vec<String> = outcomes
            .filter(|(all, few)| of_these(&all.check.id) && all.verdict != few.verdict)
            .map(|(all, few)| format!("{}: {} / {}", all.check.id, all.actual, few.actual))
            .collect();
        assert_eq!(differing, Vec::<String>::new(), "{trials:?}");
    }
}

fn all_profiles() -> Vec<&'static Profile> {
    let all = profiles().iter();
    all.filter(|it| it.kinds.contains(&Kind::Idp)).collect()
}

fn each_deviation_fails_its_requirements(recording: &Recording) {
    let mut wrong = String::new();
    for (what, fails) in profile_table::DEVIATIONS {
        let mut all = deviations::all().chain(strangers::STRANGERS);
        let (_, edit, _) = all.find(|(name, ..)| name == what).unwrap();
        let mut edited = recording.clone();
        edit(&mut edited);
        let mut failed = failed_requirements(&idp::judge_also(&edited, |_| true), &all_profiles());
        let by_default = demanded::BY_DEFAULT.map(|(_, requirement)| requirement);
        failed.retain(|it| !by_default.contains(&it.as_str()));
        if !failed.iter().eq(fails.iter()) {
            wrong.push_str(&format!("{what}: expected {fails:?}, got {failed:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_required_requirement_has_a_broken_identity_provider() {
    let rows = profile_table::DEVIATIONS
        .iter()
        .chain(profile_table::FAULTS);
    let by_default = demanded::BY_DEFAULT.map(|(_, requirement)| requirement);
    let demanded = demanded::DEVIATIONS
        .iter()
        .map(|(.., requirement)| *requirement);
    let broken = rows
        .flat_map(|(_, fails)| *fails)
        .copied()
        .chain(by_default)
        .chain(demanded);
    assert_each_can_fail(Kind::Idp, &all_profiles(), broken, &[]);
}

/// Returns the checks that fail after an edit and do not fail in the unedited recording.
fn brought_up(
    recording: &Recording,
    honest: &BTreeSet<String>,
    edit: fn(&mut Recording),
) -> BTreeSet<String> {
    let mut edited = recording.clone();
    edit(&mut edited);
    let report = idp::judge(&edited);
    for outcome in &report.outcomes {
        // The texts are for people: they must not contain Rust's notation.
        for notation in ["Some(", "None", "[\""] {
            assert!(
                !outcome.actual.contains(notation),
                "{}: {}",
                outcome.check.id,
                outcome.actual
            );
        }
    }
    let found = findings(&report);
    found.difference(honest).cloned().collect()
}

fn our_idp_fails_only_what_it_does_not_do(recording: &Recording, honest: &BTreeSet<String>) {
    let not_done = deviations::NOT_DONE.iter().flat_map(|(.., ids)| *ids);
    let not_done: BTreeSet<String> = not_done.map(|id| (*id).to_owned()).collect();
    assert_eq!(*honest, not_done);
    for (what, edit, ids) in deviations::NOT_DONE {
        let mut edited = recording.clone();
        edit(&mut edited);
        let report = idp::judge(&edited);
        let mut others = honest.clone();
        others.retain(|id| !ids.contains(&id.as_str()));
        assert_eq!(findings(&report), others, "{what}");
        let passes = |id: &str| {
            let mut all = report.outcomes.iter();
            all.any(|it| it.check.id == id && it.verdict == Verdict::Pass)
        };
        assert!(ids.iter().all(|id| passes(id)), "{what}");
    }
}

fn each_check_finds_what_it_is_for(
    recording: &Recording,
    honest: &BTreeSet<String>,
    by_two_keys: &BTreeSet<String>,
) {
    let all: Vec<_> = deviations::all().chain(strangers::STRANGERS).collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    // Each deviation is judged separately, two at a time.
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while let Some((what, edit, _)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let new = brought_up(recording, honest, *edit);
                    found.lock().unwrap().insert(*what, new);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let mut wrong = String::new();
    for (what, _, expected) in &all {
        let expected: BTreeSet<String> = expected.iter().map(|it| (*it).to_owned()).collect();
        let got = found.get(what);
        if got != Some(&expected) {
            wrong.push_str(&format!("{what}: expected {expected:?}, got {got:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let by_faults = expected::FAULTS.iter().flat_map(|(_, ids)| *ids);
    let mut shown: BTreeSet<&str> = by_faults.copied().collect();
    shown.extend(found.values().flatten().map(String::as_str));
    shown.extend(by_two_keys.iter().map(String::as_str));
    let never: Vec<String> = idp::checks()
        .into_iter()
        .map(|(check, _)| check.id)
        .filter(|id| !shown.contains(id.as_str()) && !honest.contains(id))
        .collect();
    assert!(
        never.is_empty(),
        "nothing shows that these can fail: {never:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_our_idp_is_found_by_the_checks_of_the_table() {
    let mut stage = Stage::set().await;
    let mut parties = Vec::new();
    for number in 0..4 {
        let party = Party::start(0, None, &stage.ambient).await.unwrap();
        let application = stage
            .world
            .registers(&format!("judge {number}"), &party.metadata())
            .await
            .unwrap();
        parties.push((party, application));
    }
    let environment = stage.world.directory.environment.clone();
    let control = stage.world.rehearsal.idp_control().unwrap().url();
    let client = reqwest::Client::new();
    let offered: Value = client
        .get(format!("{control}/control/faults"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let offered: Vec<String> = offered["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    let stage = Arc::new(stage);
    let mut tasks = tokio::task::JoinSet::new();
    for (at, (party, application)) in parties.into_iter().enumerate() {
        let mine: Vec<String> = offered.iter().skip(at).step_by(4).cloned().collect();
        let (stage, client) = (stage.clone(), client.clone());
        let url = format!(
            "{control}/control/environments/{environment}/applications/{application}/faults"
        );
        tasks.spawn(async move {
            let short = |name: &str| idp::SHORT.contains(&name);
            let honest = stage.gather(&party, short, None).await;
            let excused = findings(&idp::judge(&honest));
            let mut found = Vec::new();
            let mut failed = Vec::new();
            for fault in mine {
                let chosen = json!({"faults": [fault]});
                let answer = client.put(url.clone()).json(&chosen).send().await.unwrap();
                assert_eq!(answer.status(), 200, "{fault}");
                // One Response with the fault among correct ones; a replay needs several to
                // be seen.
                let several = fault == "replay";
                let one = |name: &str| name == "redirect" || several && short(name);
                let made = stage.gather(&party, one, None).await;
                let mut recording = honest.clone();
                recording.trials.extend(made.trials);
                let report = idp::judge(&recording);
                let new = findings(&report).difference(&excused).cloned().collect();
                if profile_table::FAULTS.iter().any(|(name, _)| *name == fault) {
                    let all = all_profiles();
                    failed.push((fault.clone(), failed_requirements(&report, &all)));
                }
                found.push((fault, new));
            }
            (found, failed)
        });
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut failed = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (found_by_one, failed_by_one) = done.unwrap();
        found.extend(found_by_one);
        failed.extend(failed_by_one);
    }
    let expected = profile_table::FAULTS.iter().map(|(fault, fails)| {
        let fails = fails.iter().map(|it| (*it).to_owned());
        ((*fault).to_owned(), fails.collect::<BTreeSet<_>>())
    });
    assert_eq!(failed, expected.collect::<BTreeMap<_, _>>());
    let table: BTreeMap<&str, BTreeSet<&str>> = expected::FAULTS
        .iter()
        .map(|(fault, ids)| (*fault, ids.iter().copied().collect()))
        .collect();
    let mut wrong = String::new();
    for (fault, ids) in &found {
        let new: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let none = BTreeSet::new();
        if table.get(fault.as_str()).unwrap_or(&none) != &new {
            wrong.push_str(&format!("    (\"{fault}\", &{:?}),\n", new));
        }
    }
    let gone: Vec<&&str> = table
        .keys()
        .filter(|it| !found.contains_key(**it))
        .collect();
    assert!(
        wrong.is_empty() && gone.is_empty(),
        "got\n{wrong}\nmissing {gone:?}"
    );
}

#[test]
fn ids_are_unique_and_every_check_says_how_to_fix() {
    let checks = idp::checks();
    let ids: BTreeSet<&str> = checks.iter().map(|(it, _)| it.id.as_str()).collect();
    assert_eq!(ids.len(), checks.len());
    assert!(checks.len() >= 60, "{}", checks.len());
    for (check, expected) in &checks {
        assert!(check.fix.len() > 40, "{}: {}", check.id, check.fix);
        assert!(
            !expected.is_empty() && check.title.ends_with('.'),
            "{}",
            check.id
        );
    }
}
