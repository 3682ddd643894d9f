//! Model of licenses: seats, devices, changes of users by SCIM, and the state
//! of the integration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sqlx::AnyPool;

use super::{Prepared, RUNTIME, configuration};
use crate::desktop::begin_activation;
use crate::parties::{Browser, Person, Tenant, step, text};
use crate::reconciliation;

const PEOPLE: usize = 3;
const SEATS: usize = 2;
const DEVICES: usize = 2;

fn email(person: usize) -> String {
    format!("person-{person}@corp.example")
}

fn device(device: usize) -> String {
    format!("mac-{device}")
}

/// A user of the directory.
#[derive(Debug, Clone, Default)]
struct User {
    is_disabled: bool,
    is_member: bool,
    /// Devices of the user's license, if there is one.
    license: Option<BTreeSet<usize>>,
}

#[derive(Debug, Clone)]
struct Model {
    users: BTreeMap<usize, User>,
    integration_is_active: bool,
    /// Expected HTTP status of the last request.
    expected: u16,
}

#[derive(Debug, Clone)]
enum Request {
    Create(usize),
    Delete(usize),
    SetActive(usize, bool),
    Join(usize),
    Leave(usize),
    Activate(usize, usize),
    Validate(usize, usize),
    Release(usize, usize),
    SwitchIntegration(bool),
}

impl Model {
    fn activate(&mut self, person: usize, device: usize) -> u16 {
        let taken = self.users.values().filter(|user| user.license.is_some());
        let has_free_seat = taken.count() < SEATS;
        let Some(user) = self.users.get_mut(&person) else {
            return 403;
        };
        if !self.integration_is_active || user.is_disabled || !user.is_member {
            return 403;
        }
        match &mut user.license {
            Some(devices) if devices.contains(&device) => 200,
            Some(devices) if devices.len() >= DEVICES => 403,
            Some(devices) => {
                devices.insert(device);
                200
            }
            None if has_free_seat => {
                user.license = Some(BTreeSet::from([device]));
                200
            }
            None => 403,
        }
    }

    fn request(&mut self, request: &Request) -> u16 {
        match *request {
            Request::Create(person) if self.users.contains_key(&person) => 409,
            Request::Create(person) => {
                self.users.insert(person, User::default());
                201
            }
            Request::Delete(person) => match self.users.remove(&person) {
                Some(_) => 204,
                None => 404,
            },
            Request::SetActive(person, active) => match self.users.get_mut(&person) {
                Some(user) => {
                    user.is_disabled = !active;
                    if !active {
                        user.license = None;
                    }
                    200
                }
                None => 404,
            },
            Request::Join(person) => match self.users.get_mut(&person) {
                Some(user) => {
                    user.is_member = true;
                    200
                }
                None => 400,
            },
            Request::Leave(person) => {
                if let Some(user) = self.users.get_mut(&person) {
                    user.is_member = false;
                    user.license = None;
                }
                200
            }
            Request::Activate(person, device) => self.activate(person, device),
            Request::Validate(person, device) => {
                let license = self
                    .users
                    .get(&person)
                    .and_then(|user| user.license.as_ref());
                match license {
                    Some(devices) if devices.contains(&device) => 200,
                    // The license was revoked or never granted.
                    _ => 404,
                }
            }
            Request::Release(person, device) => {
                let user = self.users.get_mut(&person);
                let license = user.and_then(|user| user.license.as_mut());
                if license.is_some_and(|devices| devices.remove(&device)) {
                    204
                } else {
                    404
                }
            }
            Request::SwitchIntegration(active) => {
                self.integration_is_active = active;
                200
            }
        }
    }
}

struct Reference;

impl ReferenceStateMachine for Reference {
    type State = Model;
    type Transition = Request;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model {
            users: BTreeMap::new(),
            integration_is_active: true,
            expected: 0,
        })
        .boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Request> {
        let person = 0..PEOPLE;
        let device = 0..DEVICES + 1;
        let both = (person.clone(), device);
        prop_oneof![
            3 => person.clone().prop_map(Request::Create),
            1 => person.clone().prop_map(Request::Delete),
            2 => (person.clone(), any::<bool>())
                .prop_map(|(person, active)| Request::SetActive(person, active)),
            4 => person.clone().prop_map(Request::Join),
            1 => person.prop_map(Request::Leave),
            8 => both.clone().prop_map(|(person, device)| Request::Activate(person, device)),
            2 => both.clone().prop_map(|(person, device)| Request::Validate(person, device)),
            1 => both.prop_map(|(person, device)| Request::Release(person, device)),
            1 => any::<bool>().prop_map(Request::SwitchIntegration),
        ]
        .boxed()
    }

    fn apply(mut model: Model, request: &Request) -> Model {
        model.expected = model.request(request);
        model
    }
}

/// The initial state of each sequence: an active integration, and the users
/// group in the directory.
struct Setup {
    admin: Browser,
    tenant: Tenant,
    scim_base: String,
    scim_token: String,
    group: String,
}

static PORTAL: LazyLock<Arc<Prepared<Setup>>> = LazyLock::new(|| {
    Prepared::new(async |parties| {
        let order = json!({"seats": SEATS, "devices": DEVICES});
        let (admin, tenant) = parties.create_integration_with_order(order).await;
        admin
            .put(&step("scim"), &json!({"enabled": true}))
            .await
            .is(200);
        let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        let mut setup = Setup {
            admin,
            tenant,
            scim_base: text(&page["scim"]["base_url"]),
            scim_token: text(&made["token"]),
            group: String::new(),
        };
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Desktop Users",
            "externalId": "g-users",
        });
        let (status, group) = setup.send_scim(Method::POST, "/Groups", &group).await;
        assert_eq!(status, 201, "{group}");
        setup.group = format!("/Groups/{}", text(&group["id"]));
        setup
    })
});

impl Setup {
    async fn send_scim(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.scim_base);
        let request = Client::new().request(method, url);
        let request = request.bearer_auth(&self.scim_token).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn patch(&self, path: &str, operation: Value) -> u16 {
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operation],
        });
        self.send_scim(Method::PATCH, path, &patch).await.0
    }

    async fn list_licenses(&self) -> Value {
        let listed = self.admin.get("/api/business/licenses").await.is(200);
        listed["licenses"].clone()
    }
}

/// IDs and license tokens of the users of one sequence.
struct Played {
    ids: BTreeMap<usize, String>,
    tokens: BTreeMap<(usize, usize), String>,
}

impl Played {
    fn path(&self, person: usize) -> String {
        let id = self.ids.get(&person).map_or("nobody", String::as_str);
        format!("/Users/{id}")
    }

    async fn activate(&mut self, model: &Model, person: usize, device_number: usize) -> u16 {
        let portal = &PORTAL;
        let app = portal.parties.browser();
        let device = device(device_number);
        if !model.integration_is_active {
            let new = json!({"email": email(person), "device": {"id": device}});
            let answer = app.post("/desktop/v1/activations", &new).await;
            return answer.status.as_u16();
        }
        let is_member = model.users.get(&person).is_some_and(|user| user.is_member);
        let groups: &[&str] = if is_member { &["g-users"] } else { &[] };
        let someone = Person::new(&email(person), groups);
        let tenant = &portal.with.tenant;
        let (path, body) = begin_activation(&app, &portal.parties, tenant, &someone, &device).await;
        let answer = app.post(&path, &body).await;
        if answer.status == 200 {
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            let token = text(&body["license_token"]);
            self.tokens.insert((person, device_number), token);
        }
        answer.status.as_u16()
    }

    /// Sends the request and returns its status. Treats 403 and 404 for an
    /// invalid license as the same.
    async fn send(&mut self, model: &Model, request: &Request) -> u16 {
        let setup = &PORTAL.with;
        match *request {
            Request::Create(person) => {
                let user = json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                    "userName": email(person),
                    "externalId": format!("id-of-{}", email(person)),
                });
                let (status, user) = setup.send_scim(Method::POST, "/Users", &user).await;
                if status == 201 {
                    self.ids.insert(person, text(&user["id"]));
                }
                status
            }
            Request::Delete(person) => {
                let path = self.path(person);
                self.ids.remove(&person);
                setup.send_scim(Method::DELETE, &path, &Value::Null).await.0
            }
            Request::SetActive(person, active) => {
                let operation = json!({"op": "replace", "path": "active", "value": active});
                setup.patch(&self.path(person), operation).await
            }
            Request::Join(person) => {
                let id = self.ids.get(&person).map_or("nobody", String::as_str);
                let value = json!([{"value": id}]);
                let operation = json!({"op": "add", "path": "members", "value": value});
                setup.patch(&setup.group, operation).await
            }
            Request::Leave(person) => {
                let id = self.ids.get(&person).map_or("nobody", String::as_str);
                let path = format!("members[value eq \"{id}\"]");
                setup
                    .patch(&setup.group, json!({"op": "remove", "path": path}))
                    .await
            }
            Request::Activate(person, device) => self.activate(model, person, device).await,
            Request::Validate(person, number) => {
                let token = self.tokens.get(&(person, number));
                let token = token.map_or("none", String::as_str);
                let held = json!({"license_token": token, "device_id": device(number)});
                let app = PORTAL.parties.browser();
                let answer = app.post("/desktop/v1/licenses/validate", &held).await;
                match answer.status.as_u16() {
                    403 => 404,
                    status => status,
                }
            }
            Request::Release(person, number) => {
                let licenses = setup.list_licenses().await;
                let mut licenses = licenses.as_array().unwrap().iter();
                let license = licenses.find(|one| one["user"]["email"] == email(person));
                let id = license.map_or("none".to_owned(), |one| text(&one["id"]));
                let path = format!("/api/business/licenses/{id}/devices/{}", device(number));
                let answer = setup.admin.send(Method::DELETE, &path, &Value::Null).await;
                answer.status.as_u16()
            }
            Request::SwitchIntegration(active) => {
                let act = if active { "activate" } else { "deactivate" };
                let path = step(&format!("{act}?confirm=true"));
                let answer = setup.admin.post(&path, &Value::Null).await;
                answer.status.as_u16()
            }
        }
    }
}

struct Licenses;

impl StateMachineTest for Licenses {
    type SystemUnderTest = Played;
    type Reference = Reference;

    fn init_test(_: &Model) -> Played {
        PORTAL.restore();
        Played {
            ids: BTreeMap::new(),
            tokens: BTreeMap::new(),
        }
    }

    fn apply(mut played: Played, model: &Model, request: Request) -> Played {
        let status = RUNTIME.block_on(played.send(model, &request));
        assert_eq!(status, model.expected, "{request:?}");
        played
    }

    fn check_invariants(_: &Played, model: &Model) {
        let setup = &PORTAL.with;
        let (licenses, subscriptions) = RUNTIME.block_on(async {
            let subscriptions = setup.admin.get("/api/business/subscriptions").await;
            (setup.list_licenses().await, subscriptions.is(200))
        });
        let held: BTreeMap<String, BTreeSet<String>> = licenses
            .as_array()
            .unwrap()
            .iter()
            .map(|license| {
                let devices = license["devices"].as_array().unwrap().iter();
                let devices = devices.map(|device| text(&device["id"])).collect();
                (text(&license["user"]["email"]), devices)
            })
            .collect();
        let expected: BTreeMap<String, BTreeSet<String>> = model
            .users
            .iter()
            .filter_map(|(person, user)| {
                let devices = user.license.as_ref()?.iter();
                Some((email(*person), devices.map(|it| device(*it)).collect()))
            })
            .collect();
        assert_eq!(held, expected);
        let used = &subscriptions["subscriptions"][0]["used"];
        assert_eq!(*used, json!(expected.len()));
    }

    fn teardown(_: Played, _: Model) {
        RUNTIME.block_on(async {
            let url = &PORTAL.parties.config.database_url;
            let pool = AnyPool::connect(url).await.unwrap();
            reconciliation::check_no_orphan_rows(&pool).await;
            pool.close().await;
        });
    }
}

prop_state_machine! {
    #![proptest_config(configuration())]
    #[test]
    fn licenses_follow_the_model(sequential 1..40 => Licenses);
}
