//! Model of activations: begun on several devices, answered by the user who began
//! or by another one, twice, too late, with the Response to another request, or
//! not at all, because the user canceled at the IdP.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use reqwest::Client;
use saml::binding::post;
use saml::message::{Status, StatusCode};
use serde_json::{Value, json};
use sqlx::AnyPool;

use super::{Prepared, RUNTIME, configuration};
use crate::parties::{Browser, Person, Tenant, sent_request, text};
use crate::reconciliation;

const PEOPLE: usize = 3;
const SEATS: usize = 2;
const DEVICES: usize = 2;
/// Minutes in which an activation must be answered.
const LIFETIME: i64 = 15;

fn email(person: usize) -> String {
    format!("person-{person}@corp.example")
}

fn device(device: usize) -> String {
    format!("mac-{device}")
}

/// An activation that an app began.
#[derive(Debug, Clone)]
struct Attempt {
    device: usize,
    /// Minute in which it began.
    begun: i64,
    /// True as soon as a correct Response arrived, whatever came of it.
    is_answered: bool,
}

#[derive(Debug, Clone)]
struct Model {
    /// Minutes since the start of the sequence.
    now: i64,
    attempts: Vec<Attempt>,
    /// The devices of each license, by user.
    licenses: BTreeMap<usize, BTreeSet<usize>>,
    key_is_cancelled: bool,
    /// Expected HTTP status of the last request.
    expected: u16,
}

/// What an app or a user does. The first number is that of the attempt.
#[derive(Debug, Clone)]
enum Request {
    Begin {
        person: usize,
        device: usize,
    },
    /// The Response is about this user, who need not be the one who began.
    Answer {
        attempt: usize,
        person: usize,
        is_member: bool,
    },
    /// The same Response again.
    Repeat {
        attempt: usize,
    },
    /// The IdP answers that the user was not authenticated.
    CancelAtIdp {
        attempt: usize,
    },
    /// A Response to the request of another attempt.
    AnswerOther {
        attempt: usize,
        other: usize,
    },
    WrongSecret {
        attempt: usize,
    },
    Wait {
        minutes: i64,
    },
    /// The vendor cancels the license key.
    CancelKey,
}

impl Model {
    fn is_expired(&self, attempt: usize) -> bool {
        self.now >= self.attempts[attempt].begun + LIFETIME
    }

    /// Returns the status of an answer that the portal refuses without using the attempt.
    fn refused(&self, attempt: usize) -> u16 {
        if self.is_expired(attempt) { 410 } else { 403 }
    }

    fn grant(&mut self, person: usize, device: usize) -> u16 {
        let has_free_seat = self.licenses.len() < SEATS;
        if self.key_is_cancelled {
            return 403;
        }
        match self.licenses.get_mut(&person) {
            Some(devices) if devices.contains(&device) => 200,
            Some(devices) if devices.len() >= DEVICES => 403,
            Some(devices) => {
                devices.insert(device);
                200
            }
            None if has_free_seat => {
                self.licenses.insert(person, BTreeSet::from([device]));
                200
            }
            None => 403,
        }
    }

    fn answer(&mut self, attempt: usize, person: usize, is_member: bool) -> u16 {
        if self.is_expired(attempt) {
            return 410;
        }
        if std::mem::replace(&mut self.attempts[attempt].is_answered, true) {
            return 409;
        }
        match is_member {
            true => self.grant(person, self.attempts[attempt].device),
            false => {
                // The assertion says that this user left the group.
                self.licenses.remove(&person);
                403
            }
        }
    }

    fn request(&mut self, request: &Request) -> u16 {
        match *request {
            Request::Begin { device, .. } => {
                self.attempts.push(Attempt {
                    device,
                    begun: self.now,
                    is_answered: false,
                });
                201
            }
            Request::Answer {
                attempt,
                person,
                is_member,
            } => self.answer(attempt, person, is_member),
            Request::Repeat { attempt }
            | Request::CancelAtIdp { attempt }
            | Request::AnswerOther { attempt, .. } => self.refused(attempt),
            Request::WrongSecret { .. } => 404,
            Request::Wait { minutes } => {
                self.now += minutes;
                0
            }
            Request::CancelKey => {
                self.licenses.clear();
                match std::mem::replace(&mut self.key_is_cancelled, true) {
                    false => 204,
                    true => 410,
                }
            }
        }
    }

    /// Returns the attempt that a request is about.
    fn attempt_of(request: &Request) -> Option<usize> {
        match *request {
            Request::Answer { attempt, .. }
            | Request::Repeat { attempt }
            | Request::CancelAtIdp { attempt }
            | Request::AnswerOther { attempt, .. }
            | Request::WrongSecret { attempt } => Some(attempt),
            Request::Begin { .. } | Request::Wait { .. } | Request::CancelKey => None,
        }
    }
}

struct Reference;

impl ReferenceStateMachine for Reference {
    type State = Model;
    type Transition = Request;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model {
            now: 0,
            attempts: Vec::new(),
            licenses: BTreeMap::new(),
            key_is_cancelled: false,
            expected: 0,
        })
        .boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Request> {
        let begin = (0..PEOPLE, 0..DEVICES + 1)
            .prop_map(|(person, device)| Request::Begin { person, device });
        let wait = (1..=LIFETIME).prop_map(|minutes| Request::Wait { minutes });
        let count = model.attempts.len();
        if count == 0 {
            return prop_oneof![8 => begin, 1 => wait].boxed();
        }
        let attempt = 0..count;
        let answer = (attempt.clone(), 0..PEOPLE, prop::bool::weighted(0.8)).prop_map(
            |(attempt, person, is_member)| Request::Answer {
                attempt,
                person,
                is_member,
            },
        );
        let other = (attempt.clone(), attempt.clone())
            .prop_map(|(attempt, other)| Request::AnswerOther { attempt, other });
        prop_oneof![
            6 => begin,
            8 => answer,
            2 => attempt.clone().prop_map(|attempt| Request::Repeat { attempt }),
            2 => attempt.clone().prop_map(|attempt| Request::CancelAtIdp { attempt }),
            2 => other,
            1 => attempt.prop_map(|attempt| Request::WrongSecret { attempt }),
            3 => wait,
            1 => Just(Request::CancelKey),
        ]
        .boxed()
    }

    fn preconditions(model: &Model, request: &Request) -> bool {
        let known = |attempt: usize| attempt < model.attempts.len();
        match *request {
            Request::AnswerOther { attempt, other } => {
                known(attempt) && known(other) && attempt != other
            }
            Request::Repeat { attempt } => known(attempt) && model.attempts[attempt].is_answered,
            _ => Model::attempt_of(request).is_none_or(known),
        }
    }

    fn apply(mut model: Model, request: &Request) -> Model {
        model.expected = model.request(request);
        model
    }
}

/// The initial state of each sequence: an active integration.
struct Setup {
    admin: Browser,
    tenant: Tenant,
    key: String,
    start: Timestamp,
}

static PORTAL: LazyLock<Arc<Prepared<Setup>>> = LazyLock::new(|| {
    Prepared::new(async |parties| {
        let order = json!({"seats": SEATS, "devices": DEVICES});
        let (admin, tenant) = parties.create_integration_with_order(order).await;
        Setup {
            admin,
            tenant,
            key: parties.key.lock().unwrap().clone(),
            start: parties.ambient.now(),
        }
    })
});

/// What the apps of one sequence received and sent.
#[derive(Default)]
struct Played {
    begun: Vec<Value>,
    /// The first correct answer of each attempt.
    answers: BTreeMap<usize, Value>,
}

impl Played {
    /// Returns the body with the Response to the request of `attempt`.
    fn body(&self, attempt: usize, person: &Person) -> Value {
        let tenant = &PORTAL.with.tenant;
        let begun = &self.begun[attempt];
        PORTAL.parties.answer_activation(tenant, begun, person).1
    }

    async fn post(&self, attempt: usize, body: &Value) -> u16 {
        let path = format!(
            "/desktop/v1/activations/{}/response",
            text(&self.begun[attempt]["activation_id"])
        );
        let answer = PORTAL.parties.browser().post(&path, body).await;
        answer.status.as_u16()
    }

    /// Returns the body with a Response that tells that the user was not authenticated.
    fn canceled(&self, attempt: usize) -> Value {
        let (parties, tenant) = (&PORTAL.parties, &PORTAL.with.tenant);
        let sso_url = self.begun[attempt]["sso_url"].as_str().unwrap();
        let (request, _) = sent_request(sso_url);
        let someone = Person::new(&email(0), &["g-users"]);
        let mut response = parties.idp.draft(tenant, &request, &someone);
        response.assertions.clear();
        response.status = Status {
            code: StatusCode::Responder,
            detail: Some(StatusCode::AuthnFailed),
            message: None,
        };
        let mut body = self.body(attempt, &someone);
        let xml = parties.idp.sign_whole(&response);
        body["saml_response"] = post::encode(&xml).into();
        body
    }

    /// Sends the request and returns its status.
    async fn send(&mut self, request: &Request) -> u16 {
        match *request {
            Request::Begin {
                person,
                device: number,
            } => {
                let app = PORTAL.parties.browser();
                let new = json!({"email": email(person), "device": {"id": device(number)}});
                let answer = app.post("/desktop/v1/activations", &new).await;
                self.begun.push(serde_json::from_str(&answer.body).unwrap());
                answer.status.as_u16()
            }
            Request::Answer {
                attempt,
                person,
                is_member,
            } => {
                let groups: &[&str] = if is_member { &["g-users"] } else { &[] };
                let body = self.body(attempt, &Person::new(&email(person), groups));
                let status = self.post(attempt, &body).await;
                if !matches!(status, 409 | 410) {
                    self.answers.insert(attempt, body);
                }
                status
            }
            Request::Repeat { attempt } => self.post(attempt, &self.answers[&attempt]).await,
            Request::CancelAtIdp { attempt } => self.post(attempt, &self.canceled(attempt)).await,
            Request::AnswerOther { attempt, other } => {
                let someone = Person::new(&email(0), &["g-users"]);
                let mut body = self.body(attempt, &someone);
                body["saml_response"] = self.body(other, &someone)["saml_response"].clone();
                self.post(attempt, &body).await
            }
            Request::WrongSecret { attempt } => {
                let mut body = self.body(attempt, &Person::new(&email(0), &["g-users"]));
                body["activation_secret"] = "of-another-app".into();
                self.post(attempt, &body).await
            }
            Request::Wait { minutes } => {
                let clock = PORTAL.parties.ambient.clock();
                clock.advance(SignedDuration::from_mins(minutes)).unwrap();
                0
            }
            Request::CancelKey => {
                let control = PORTAL.parties.portal().control_url().unwrap();
                let body = json!({"key": PORTAL.with.key, "reason": "charged back"});
                let url = format!("{control}/control/license-keys/cancel");
                let answer = Client::new().post(url).json(&body).send().await;
                answer.unwrap().status().as_u16()
            }
        }
    }
}

struct Activations;

impl StateMachineTest for Activations {
    type SystemUnderTest = Played;
    type Reference = Reference;

    fn init_test(_: &Model) -> Played {
        PORTAL.restore();
        let clock = PORTAL.parties.ambient.clock();
        clock.set(PORTAL.with.start).unwrap();
        Played::default()
    }

    fn apply(mut played: Played, model: &Model, request: Request) -> Played {
        let status = RUNTIME.block_on(played.send(&request));
        assert_eq!(status, model.expected, "{request:?}");
        played
    }

    fn check_invariants(_: &Played, model: &Model) {
        let admin = &PORTAL.with.admin;
        let listed = RUNTIME.block_on(async {
            let listed = admin.get("/api/business/licenses").await;
            listed.is(200)
        });
        let held: BTreeMap<String, BTreeSet<String>> = listed["licenses"]
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
            .licenses
            .iter()
            .map(|(person, devices)| {
                let devices = devices.iter().map(|it| device(*it)).collect();
                (email(*person), devices)
            })
            .collect();
        assert_eq!(held, expected);
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
    fn activations_follow_the_model(sequential 1..40 => Activations);
}
