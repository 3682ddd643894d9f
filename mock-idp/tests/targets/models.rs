//! Makes random changes in the directory while the target sometimes fails. At the end, the
//! target must match a small model.
//!
//! `PROPTEST_CASES` sets the number of sequences [default: 6].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::target::Provisioned;

const PEOPLE: usize = 3;

/// The runtime for the requests of these synchronous tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn configuration() -> Config {
    let cases = std::env::vars().find(|(name, _)| name == "PROPTEST_CASES");
    Config {
        cases: cases.map_or(6, |(_, cases)| cases.parse().unwrap()),
        // Each step of shrinking plays a whole sequence.
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    }
}

fn username(person: usize) -> String {
    format!("person-{person}")
}

fn family(name: u8) -> String {
    format!("Family {name}")
}

/// A user of the directory.
#[derive(Debug, Clone)]
struct User {
    is_enabled: bool,
    is_member: bool,
    family: u8,
}

#[derive(Debug, Clone)]
struct Model {
    users: BTreeMap<usize, User>,
    is_target_broken: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Create(usize),
    Delete(usize),
    SetEnabled(usize, bool),
    Join(usize),
    Leave(usize),
    Rename(usize, u8),
    /// The target answers 503 to every list request.
    BreakTarget,
    RepairTarget,
}

struct Reference;

impl ReferenceStateMachine for Reference {
    type State = Model;
    type Transition = Change;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model {
            users: BTreeMap::new(),
            is_target_broken: false,
        })
        .boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Change> {
        let person = 0..PEOPLE;
        prop_oneof![
            4 => person.clone().prop_map(Change::Create),
            2 => person.clone().prop_map(Change::Delete),
            2 => (person.clone(), any::<bool>())
                .prop_map(|(person, enabled)| Change::SetEnabled(person, enabled)),
            3 => person.clone().prop_map(Change::Join),
            1 => person.clone().prop_map(Change::Leave),
            2 => (person, 0..3u8).prop_map(|(person, name)| Change::Rename(person, name)),
            1 => Just(Change::BreakTarget),
            2 => Just(Change::RepairTarget),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, change: &Change) -> bool {
        let user = |person: &usize| model.users.get(person);
        match change {
            Change::Create(person) => user(person).is_none(),
            Change::Delete(person) | Change::SetEnabled(person, _) | Change::Rename(person, _) => {
                user(person).is_some()
            }
            Change::Join(person) => user(person).is_some_and(|user| !user.is_member),
            Change::Leave(person) => user(person).is_some_and(|user| user.is_member),
            Change::BreakTarget => !model.is_target_broken,
            Change::RepairTarget => model.is_target_broken,
        }
    }

    fn apply(mut model: Model, change: &Change) -> Model {
        let mut edit = |person: usize, edit: &dyn Fn(&mut User)| {
            if let Some(user) = model.users.get_mut(&person) {
                edit(user);
            }
        };
        match *change {
            Change::Create(person) => {
                let user = User {
                    is_enabled: true,
                    is_member: false,
                    family: 0,
                };
                model.users.insert(person, user);
            }
            Change::Delete(person) => {
                model.users.remove(&person);
            }
            Change::SetEnabled(person, enabled) => edit(person, &|user| user.is_enabled = enabled),
            Change::Join(person) => edit(person, &|user| user.is_member = true),
            Change::Leave(person) => edit(person, &|user| user.is_member = false),
            Change::Rename(person, name) => edit(person, &|user| user.family = name),
            Change::BreakTarget => model.is_target_broken = true,
            Change::RepairTarget => model.is_target_broken = false,
        }
        model
    }
}

struct Played {
    here: Provisioned,
    group: String,
    ids: BTreeMap<usize, String>,
}

impl Played {
    async fn start() -> Self {
        let here = Provisioned::new(&[], json!({})).await;
        let groups = here.world.show("/groups").await;
        let group = groups["_embedded"]["groups"][0]["id"].as_str().unwrap();
        let group = group.to_owned();
        here.synchronize().await;
        Self {
            here,
            group,
            ids: BTreeMap::new(),
        }
    }

    async fn change(&mut self, change: &Change) {
        let world = &self.here.world;
        let path = |person: usize| format!("/users/{}", self.ids[&person]);
        match *change {
            Change::Create(person) => {
                let name = username(person);
                let user = json!({
                    "username": name, "email": format!("{name}@example.com"),
                    "name": {"given": "A", "family": family(0)},
                });
                let id = world.create("/users", user).await;
                self.ids.insert(person, id);
            }
            Change::Delete(person) => {
                world.delete(&path(person)).await;
                self.ids.remove(&person);
            }
            Change::SetEnabled(person, enabled) => {
                let path = format!("{}/enabled", path(person));
                let body = json!({"enabled": enabled});
                world.change(Method::PUT, &path, body).await;
            }
            Change::Join(person) => {
                let path = format!("{}/memberOfGroups", path(person));
                world.create(&path, json!({"id": self.group})).await;
            }
            Change::Leave(person) => {
                let path = format!("{}/memberOfGroups/{}", path(person), self.group);
                world.delete(&path).await;
            }
            Change::Rename(person, name) => {
                let name = json!({"name": {"family": family(name)}});
                world.change(Method::PATCH, &path(person), name).await;
            }
            Change::BreakTarget => self.here.target.held.lock().unwrap().is_broken = true,
            Change::RepairTarget => {
                world.wait_until_nothing_is_due(&self.here.store).await;
                self.here.target.held.lock().unwrap().is_broken = false;
                // Operations that failed meanwhile are repeated after this time.
                world.advance(86_400).await;
            }
        }
    }

    /// Returns the records at the target of the users in the model.
    fn at_target(&self) -> BTreeMap<String, Vec<Value>> {
        let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for user in self.here.target.all("/Users/") {
            let name = user["userName"].as_str().unwrap().to_owned();
            found.entry(name).or_default().push(user);
        }
        found.remove("alice");
        found
    }

    fn compare(&self, model: &Model) {
        let mut found = self.at_target();
        let mut members = BTreeSet::new();
        for (person, user) in &model.users {
            let all = found.remove(&username(*person)).unwrap_or_default();
            assert!(all.len() <= 1, "twice: {all:?}");
            let Some(record) = all.first() else {
                assert!(!user.is_enabled, "{} is missing", username(*person));
                continue;
            };
            assert_eq!(record["active"], user.is_enabled, "{record}");
            if user.is_enabled {
                assert_eq!(record["name"]["familyName"], family(user.family));
            }
            if user.is_member {
                members.insert(record["id"].to_string());
            }
        }
        assert!(
            found.is_empty(),
            "who was deleted is still there: {found:?}"
        );
        let groups = self.here.target.all("/Groups/");
        let alice = self.here.target.user("alice").unwrap();
        let listed = groups[0]["members"].as_array().unwrap().iter();
        let pushed: BTreeSet<String> = listed
            .filter(|member| member["value"] != alice["id"])
            .map(|member| member["value"].to_string())
            .collect();
        assert_eq!(pushed, members);
    }
}

struct Provisioning;

impl StateMachineTest for Provisioning {
    type SystemUnderTest = Played;
    type Reference = Reference;

    fn init_test(_: &Model) -> Played {
        RUNTIME.block_on(Played::start())
    }

    fn apply(mut played: Played, model: &Model, change: Change) -> Played {
        RUNTIME.block_on(async {
            played.change(&change).await;
            if !model.is_target_broken {
                let status = played.here.wait_until_idle().await;
                assert_eq!(status["syncState"], "SUCCESS", "{change:?} {status}");
            }
        });
        if !model.is_target_broken {
            played.compare(model);
        }
        played
    }
}

prop_state_machine! {
    #![proptest_config(configuration())]
    #[test]
    fn the_target_follows_the_model(sequential 1..25 => Provisioning);
}
