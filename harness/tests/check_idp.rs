//! `rehearsal check idp`: no finding at our own identity provider; each of its
//! faults is found by exactly the checks of a table; and each check by itself
//! finds what it is for in a dossier that was amended.
#![allow(clippy::unwrap_used)]

#[path = "check_idp/amendments.rs"]
mod amendments;
#[path = "check_idp/faults.rs"]
mod expected;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ambient::Ambient;
use harness::check::idp::{self, Credentials, Dossier, Fetched, Gathering, Party, Person};
use harness::check::{CheckReport, Verdict};
use harness::organization::{PRODUCT_USERS, Plan};
use harness::{Options, World};
use serde_json::{Value, json};

const PASSWORD: &str = "Corp-2-maple-lantern";

struct Stage {
    world: World,
    ready: Value,
    ambient: Ambient,
    metadata: Fetched,
}

fn nothing(_: &str, _: &str) {}

impl Stage {
    async fn set() -> Self {
        let options = Options {
            untapped: true,
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
        let ready = world.ready();
        let place = ready["idp"]["metadata_url"].as_str().unwrap();
        let ambient = Ambient::real();
        let metadata = idp::fetch(&reqwest::Client::new(), place, &ambient)
            .await
            .unwrap();
        Self {
            world,
            ready,
            ambient,
            metadata,
        }
    }

    async fn gather(&self, party: &Party, short: bool, disabled: Option<Credentials>) -> Dossier {
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
            tell: &nothing,
        };
        let wanted = |name: &str| !short || idp::SHORT.contains(&name);
        gathering.gather_of(wanted).await.unwrap()
    }

    /// Everything, with a user who is switched off.
    async fn whole(&mut self) -> Dossier {
        let party = Party::start(0, None, &self.ambient).await.unwrap();
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
        self.gather(&party, false, Some(disabled)).await
    }
}

fn told(report: &CheckReport, verdict: Verdict) -> Vec<String> {
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

#[tokio::test(flavor = "multi_thread")]
async fn our_idp_has_no_finding_and_a_recording_is_judged_alike() {
    let mut stage = Stage::set().await;
    let dossier = stage.whole().await;
    let report = idp::judge(&dossier);
    assert_eq!(told(&report, Verdict::Fail), Vec::<String>::new());

    // A recording is judged alike, without the identity provider; and it
    // holds no password.
    let recorded = serde_json::to_string(&dossier).unwrap();
    assert!(!recorded.contains(PASSWORD));
    let replayed: Dossier = serde_json::from_str(&recorded).unwrap();
    assert_eq!(idp::judge(&replayed), report);
    if let Ok(path) = std::env::var("REHEARSAL_KEEP_DOSSIER") {
        std::fs::write(path, &recorded).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the table of amendments has not been run to its end yet"]
async fn each_check_finds_what_it_is_for() {
    let mut stage = Stage::set().await;
    let dossier = stage.whole().await;
    let report = idp::judge(&dossier);
    let honest = findings(&report);
    let mut wrong = BTreeMap::new();
    let mut found_once = BTreeSet::new();
    for (what, amend, expected) in amendments::AMENDMENTS {
        let mut amended = dossier.clone();
        amend(&mut amended);
        let found = findings(&idp::judge(&amended));
        let new: BTreeSet<&str> = found.difference(&honest).map(String::as_str).collect();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        found_once.extend(new.iter().map(|it| (*it).to_owned()));
        if new != expected {
            wrong.insert(*what, format!("expected {expected:?}, came {new:?}"));
        }
    }
    for (_, ids) in expected::FAULTS {
        found_once.extend(ids.iter().map(|it| (*it).to_owned()));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let never: Vec<String> = idp::checks()
        .into_iter()
        .map(|(check, _)| check.id)
        .filter(|id| !found_once.contains(id) && !honest.contains(id))
        .filter(|id| !amendments::NEEDS_AN_IDP_OF_ITS_OWN.contains(&id.as_str()))
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
    let control = stage.world.rehearsal.idp_control_url().clone();
    let client = reqwest::Client::new();
    let offered: Value = client
        .get(control.join("/control/faults").unwrap())
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
    let honest = {
        let dossier = stage.gather(&parties[0].0, true, None).await;
        findings(&idp::judge(&dossier))
    };
    let stage = Arc::new(stage);
    let mut tasks = tokio::task::JoinSet::new();
    for (at, (party, application)) in parties.into_iter().enumerate() {
        let mine: Vec<String> = offered.iter().skip(at).step_by(4).cloned().collect();
        let (stage, client) = (stage.clone(), client.clone());
        let url = control
            .join(&format!(
                "/control/environments/{environment}/applications/{application}/faults"
            ))
            .unwrap();
        tasks.spawn(async move {
            let mut found = Vec::new();
            for fault in mine {
                let chosen = json!({"faults": [fault]});
                let answer = client.put(url.clone()).json(&chosen).send().await.unwrap();
                assert_eq!(answer.status(), 200, "{fault}");
                let dossier = stage.gather(&party, true, None).await;
                found.push((fault, findings(&idp::judge(&dossier))));
            }
            found
        });
    }
    let mut found = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        found.extend(done.unwrap());
    }
    let table: BTreeMap<&str, BTreeSet<&str>> = expected::FAULTS
        .iter()
        .map(|(fault, ids)| (*fault, ids.iter().copied().collect()))
        .collect();
    let mut wrong = String::new();
    for (fault, ids) in &found {
        let new: BTreeSet<&str> = ids.difference(&honest).map(String::as_str).collect();
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
        "came\n{wrong}\ngone {gone:?}"
    );
}

#[test]
fn ids_are_unique_and_every_check_says_how_to_mend() {
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
