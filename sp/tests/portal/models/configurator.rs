//! Model of the configurator: which steps are complete, and when the
//! integration can be activated.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Prepared, RUNTIME, configuration};
use crate::parties::{Browser, step, text};

const DOMAIN: &str = "corp.example";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Domain {
    Absent,
    Pending,
    Verified,
}

#[derive(Debug, Clone)]
struct Model {
    domain: Domain,
    application: bool,
    groups: bool,
    saml: bool,
    scim: bool,
    users: bool,
    is_active: bool,
    /// Expected HTTP status of the last request.
    expected: u16,
}

#[derive(Debug, Clone)]
enum Request {
    AddDomain,
    VerifyDomain,
    RemoveDomain,
    Application(bool),
    Groups,
    Saml,
    Scim(bool),
    Users(bool),
    Activate,
    Deactivate,
}

impl Model {
    /// Returns for each step whether it is complete. The administrator who
    /// started the configuration is the backup login.
    fn steps(&self) -> [bool; 7] {
        [
            self.domain == Domain::Verified,
            self.application,
            self.groups,
            self.saml,
            self.scim,
            self.users,
            true,
        ]
    }

    fn is_complete(&self) -> bool {
        self.steps().into_iter().all(|complete| complete)
    }

    fn status(&self) -> &'static str {
        match (self.is_active, self.is_complete()) {
            (true, _) => "active",
            (false, true) => "configured",
            (false, false) => "configuring",
        }
    }

    fn request(&mut self, request: &Request) -> u16 {
        // An active integration refuses to remove what logins need.
        let confirm = |is_active: bool, done: bool, step: &mut bool| {
            if is_active && !done {
                return 409;
            }
            *step = done;
            200
        };
        match *request {
            Request::AddDomain if self.domain != Domain::Absent => 409,
            Request::AddDomain => {
                self.domain = Domain::Pending;
                201
            }
            Request::VerifyDomain if self.domain == Domain::Absent => 404,
            Request::VerifyDomain => {
                self.domain = Domain::Verified;
                200
            }
            Request::RemoveDomain if self.is_active => 409,
            Request::RemoveDomain if self.domain == Domain::Absent => 404,
            Request::RemoveDomain => {
                self.domain = Domain::Absent;
                204
            }
            Request::Application(done) => confirm(self.is_active, done, &mut self.application),
            Request::Groups => {
                self.groups = true;
                200
            }
            Request::Saml => {
                self.saml = true;
                200
            }
            Request::Scim(done) => confirm(self.is_active, done, &mut self.scim),
            Request::Users(done) => confirm(self.is_active, done, &mut self.users),
            Request::Activate if !self.is_complete() => 409,
            Request::Activate => {
                self.is_active = true;
                200
            }
            Request::Deactivate => {
                self.is_active = false;
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
            domain: Domain::Absent,
            application: false,
            groups: false,
            saml: false,
            scim: false,
            users: false,
            is_active: false,
            expected: 0,
        })
        .boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Request> {
        let mostly = || prop::bool::weighted(0.8);
        let activate = if model.is_complete() { 8 } else { 1 };
        prop_oneof![
            3 => Just(Request::AddDomain),
            3 => Just(Request::VerifyDomain),
            1 => Just(Request::RemoveDomain),
            2 => mostly().prop_map(Request::Application),
            2 => Just(Request::Groups),
            2 => Just(Request::Saml),
            2 => mostly().prop_map(Request::Scim),
            2 => mostly().prop_map(Request::Users),
            activate => Just(Request::Activate),
            1 => Just(Request::Deactivate),
        ]
        .boxed()
    }

    fn apply(mut model: Model, request: &Request) -> Model {
        model.expected = model.request(request);
        model
    }
}

/// An administrator who has chosen Start Configuring.
static PORTAL: LazyLock<Arc<Prepared<Browser>>> = LazyLock::new(|| {
    Prepared::new(async |parties| {
        let admin = parties.create_admin(1).await;
        admin.post(&step("start"), &Value::Null).await.is(200);
        admin
    })
});

async fn send(request: &Request) -> u16 {
    let admin = &PORTAL.with;
    let change = async |path: &str, body: Value| {
        let path = step(&format!("{path}?confirm=true"));
        admin.put(&path, &body).await
    };
    let post = async |path: &str, body: Value| admin.post(&step(path), &body).await;
    let answer = match *request {
        Request::AddDomain => {
            let answer = post("domains", json!({"domain": DOMAIN})).await;
            if answer.status == 201 {
                let domain: Value = serde_json::from_str(&answer.body).unwrap();
                let record = text(&domain["txt_value"]);
                PORTAL.parties.dns.txt(DOMAIN, &[&record]);
            }
            answer
        }
        Request::VerifyDomain => post(&format!("domains/{DOMAIN}/verify"), Value::Null).await,
        Request::RemoveDomain => {
            let path = step(&format!("domains/{DOMAIN}?confirm=true"));
            admin.send(Method::DELETE, &path, &Value::Null).await
        }
        Request::Application(done) => change("application", json!({"done": done})).await,
        Request::Groups => {
            let groups = json!({
                "admins": {"name": "Portal Admins", "id": "g-admins"},
                "users": {"name": "Desktop Users", "id": "g-users"},
            });
            change("groups", groups).await
        }
        Request::Saml => {
            let xml = PORTAL.parties.idp.metadata().to_xml();
            change("saml", json!({"metadata_xml": xml})).await
        }
        Request::Scim(done) => change("scim", json!({"done": done})).await,
        Request::Users(done) => change("users", json!({"done": done})).await,
        Request::Activate => post("activate?confirm=true", Value::Null).await,
        Request::Deactivate => post("deactivate?confirm=true", Value::Null).await,
    };
    answer.status.as_u16()
}

struct Configurator;

impl StateMachineTest for Configurator {
    type SystemUnderTest = ();
    type Reference = Reference;

    fn init_test(_: &Model) {
        PORTAL.restore();
    }

    fn apply((): (), model: &Model, request: Request) {
        let status = RUNTIME.block_on(send(&request));
        assert_eq!(status, model.expected, "{request:?}");
    }

    fn check_invariants((): &(), model: &Model) {
        let page = RUNTIME.block_on(async {
            let page = PORTAL.with.get("/api/business/idp-integration").await;
            page.is(200)
        });
        assert_eq!(page["status"], model.status());
        let steps = page["steps"].as_array().unwrap();
        for (step, is_complete) in steps.iter().zip(model.steps()) {
            assert_eq!(step["state"] != "grey", is_complete, "{step}");
        }
        let can_activate = !model.is_active && model.is_complete();
        assert_eq!(page["can_activate"], can_activate);
    }
}

prop_state_machine! {
    #![proptest_config(configuration())]
    #[test]
    fn the_configurator_follows_the_model(sequential 1..40 => Configurator);
}
