//! A running identity provider with one application. Tests use it as an administrator does (by
//! the management API) and as a browser does.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::{Arc, OnceLock};

use ambient::Ambient;
use jiff::{SignedDuration, Timestamp};
use mock_idp::{Config, KeyMaterial, Running};
use reqwest::Method;
use saml::Limits;
use saml::acceptance::{
    Checked, Expectations, Expected, Posted, Refusal, SignaturePolicy, TrustedKeys,
};
use saml::binding::{Parameter, redirect};
use saml::message::AuthnRequest;
use saml::metadata::IdpMetadata;
use scraper::{Html, Selector};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

pub(crate) const SP: &str = "https://sp.example/acme";
pub(crate) const ACS: &str = "https://sp.example/webapp/sso/acs/acme";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Returns a connection to a SCIM server, with these settings in addition.
pub(crate) fn connection(mut configuration: Value, settings: &Value) -> Value {
    for (key, value) in settings.as_object().unwrap() {
        configuration[key] = value.clone();
    }
    json!({"name": "Portal", "type": "scim", "configuration": configuration})
}

pub(crate) fn start_of_time() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

/// Returns one key for the whole test binary, because generating RSA keys is slow.
fn key() -> KeyMaterial {
    static KEY: OnceLock<KeyMaterial> = OnceLock::new();
    KEY.get_or_init(|| mock_idp::generate_key("Test", start_of_time()).unwrap())
        .clone()
}

pub(crate) struct World {
    pub(crate) idp: Running,
    pub(crate) ambient: Ambient,
    pub(crate) env: String,
    pub(crate) app: String,
    pub(crate) alice: String,
    directory: TempDir,
    http: reqwest::Client,
}

fn config(directory: &TempDir) -> Config {
    Config {
        control_listen: Some(([127, 0, 0, 1], 0).into()),
        database_url: format!(
            "sqlite://{}?mode=rwc",
            directory.path().join("idp.db").display()
        ),
        admin_token: Some("admin-token".to_owned()),
        signing_key: Some(key()),
        password_memory: 1024,
        ..Config::default()
    }
}

pub(crate) fn browser() -> reqwest::Client {
    reqwest::Client::builder()
        .cookie_store(true)
        .no_proxy()
        .build()
        .unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_timer(Arc::new(mock_idp::SystemTimer)).await
    }

    pub(crate) async fn with_timer(timer: Arc<dyn mock_idp::Timer>) -> Self {
        let directory = TempDir::new().unwrap();
        let ambient = Ambient::simulated(start_of_time(), 7);
        let config = Config {
            timer,
            ..config(&directory)
        };
        let idp = mock_idp::start(config, ambient.clone()).await.unwrap();
        let mut world = Self {
            idp,
            ambient,
            env: String::new(),
            app: String::new(),
            alice: String::new(),
            directory,
            http: browser(),
        };
        let made = world
            .create_document("/environments", json!({"name": "Administrators"}))
            .await;
        world.env = made["id"].as_str().unwrap().to_owned();
        world.app = world
            .create(
                "/applications",
                json!({"name": "Portal", "spEntityId": SP, "acsUrls": [ACS], "enabled": true}),
            )
            .await;
        for (name, value) in [
            ("displayname", "${user.name.given + ' ' + user.name.family}"),
            ("groups", "${user.memberOfGroupIDs}"),
            ("name", "${user.username}"),
            ("objectidentifier", "${user.id}"),
        ] {
            let path = format!("/applications/{}/attributes", world.app);
            world
                .create(&path, json!({"name": name, "value": value}))
                .await;
        }
        world.alice = world
            .create(
                "/users",
                json!({"username": "alice", "email": "alice@example.com",
                       "name": {"given": "Alice", "family": "Adams"}, "password": PASSWORD}),
            )
            .await;
        world
    }

    /// Restarts the identity provider with the same database.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            idp,
            ambient,
            env,
            app,
            alice,
            directory,
            http,
        } = self;
        idp.shutdown().await;
        let idp = mock_idp::start(config(&directory), ambient.clone())
            .await
            .unwrap();
        Self {
            idp,
            ambient,
            env,
            app,
            alice,
            directory,
            http,
        }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("/environments/{}{path}", self.env)
    }

    /// Calls the management API below `/v1`.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("{}/v1{path}", self.idp.base_url());
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(self.idp.admin_token());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn create_document(&self, path: &str, body: Value) -> Value {
        let (status, made) = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(status, 201, "POST {path}: {made}");
        made
    }

    /// Creates a resource in the environment. Returns its id.
    pub(crate) async fn create(&self, path: &str, body: Value) -> String {
        let made = self.create_document(&self.at(path), body).await;
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn change(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, changed) = self.call(method, &self.at(path), Some(body)).await;
        assert_eq!(status, 200, "{path}: {changed}");
        changed
    }

    pub(crate) async fn show(&self, path: &str) -> Value {
        let (status, shown) = self.call(Method::GET, &self.at(path), None).await;
        assert_eq!(status, 200, "{path}: {shown}");
        shown
    }

    pub(crate) async fn delete(&self, path: &str) {
        let (status, answer) = self.call(Method::DELETE, &self.at(path), None).await;
        assert_eq!(status, 204, "{path}: {answer}");
    }

    /// Creates a connection with a rule for a new group that contains Alice. Returns the ids of
    /// the connection and the group.
    pub(crate) async fn set_up_provisioning(&self, connection: Value) -> (String, String) {
        let group = self.create("/groups", json!({"name": "Users"})).await;
        let join = format!("/users/{}/memberOfGroups", self.alice);
        self.create(&join, json!({"id": group})).await;
        let store = self.create("/propagation/stores", connection).await;
        let plan = self.create("/propagation/plans", json!({"name": "Plan"}));
        let path = format!("/propagation/plans/{}/rules", plan.await);
        let rule = json!({
            "name": "Everyone", "targetStore": {"id": store}, "active": true,
            "groups": [{"id": group}],
        });
        self.create(&path, rule).await;
        (store, group)
    }

    /// Calls the control port.
    pub(crate) async fn call_control(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("{}{path}", self.idp.control_url().unwrap());
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Waits until no operation of the store is due: its queue is empty, or each operation in it
    /// failed and waits for the clock. A clock that moves earlier would also postpone the repetition
    /// of an attempt that is under way.
    pub(crate) async fn wait_until_nothing_is_due(&self, store: &str) -> Value {
        let store = self.at(&format!("/propagation/stores/{store}"));
        let path = format!("/v1{store}/idle?timeout_ms=20");
        loop {
            let (status, queue) = self.call_control(Method::GET, &path, None).await;
            let (_, clock) = self.call_control(Method::GET, "/control/clock", None).await;
            let instant = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
            if status == 200 || instant(&queue["nextAttemptAt"]) > instant(&clock["now"]) {
                return queue;
            }
        }
    }

    /// Moves the clock forward.
    pub(crate) async fn advance(&self, seconds: i64) {
        let forward = json!({"advance_seconds": seconds});
        let (status, answer) = self
            .call_control(Method::PUT, "/control/clock", Some(forward))
            .await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) async fn misbehave(&self, fault: &str) {
        let path = format!(
            "/control/environments/{}/applications/{}/faults",
            self.env, self.app
        );
        let body = json!({"faults": [{"id": fault, "times": "once"}]});
        let (status, answer) = self.call_control(Method::PUT, &path, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) async fn fetch_metadata(&self) -> IdpMetadata {
        let url = format!(
            "{}/{}/saml20/metadata/{}",
            self.idp.base_url(),
            self.env,
            self.app
        );
        let text = self.http.get(url).send().await.unwrap().text().await;
        IdpMetadata::parse(&text.unwrap()).unwrap()
    }

    pub(crate) fn request(&self) -> AuthnRequest {
        AuthnRequest {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: self.ambient.now(),
            issuer: SP.to_owned(),
            destination: None,
            acs_url: Some(ACS.to_owned()),
            acs_index: None,
            protocol_binding: None,
            name_id_policy: None,
            force_authn: false,
            is_passive: false,
            requested_authn_context: None,
        }
    }

    pub(crate) fn redirect(&self, request: &AuthnRequest) -> String {
        let endpoint = format!("{}/{}/saml20/idp/sso", self.idp.base_url(), self.env);
        redirect::encode(
            &endpoint,
            Parameter::Request,
            &request.to_xml(),
            Some("state"),
            None,
        )
        .unwrap()
    }

    /// Opens the request, signs on if asked, and returns the page that posts the Response.
    pub(crate) async fn sign_on(&self, browser: &reqwest::Client, request: &AuthnRequest) -> Page {
        let page = open(browser.get(self.redirect(request))).await;
        page.sign_on(browser, "alice", PASSWORD).await
    }

    /// Signs on, and checks the Response as a service provider should.
    pub(crate) async fn sign_on_and_judge(&self) -> Result<Checked, Refusal> {
        let request = self.request();
        let page = self.sign_on(&browser(), &request).await;
        self.judge(&page.saml_response(), Expected::Request(request.id))
            .await
    }

    pub(crate) async fn judge(&self, field: &str, expected: Expected) -> Result<Checked, Refusal> {
        let metadata = self.fetch_metadata().await;
        let keys = TrustedKeys::new(metadata.signing_certificates).unwrap();
        Posted::from_form(field, &Limits::default())?
            .verify(&keys, SignaturePolicy::Either)?
            .check(&Expectations {
                idp_entity_id: metadata.entity_id,
                sp_entity_id: SP.to_owned(),
                acs_url: ACS.to_owned(),
                in_response_to: expected,
                now: self.ambient.now(),
                clock_skew: SignedDuration::from_secs(60),
            })
    }
}

/// A page that the browser shows.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) body: String,
}

pub(crate) async fn open(request: reqwest::RequestBuilder) -> Page {
    let answer = request.send().await.unwrap();
    Page {
        status: answer.status().as_u16(),
        url: answer.url().clone(),
        body: answer.text().await.unwrap(),
    }
}

impl Page {
    fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let page = Html::parse_document(&self.body);
        let found = page.select(&Selector::parse(selector).unwrap()).next()?;
        found.attr(name).map(str::to_owned)
    }

    pub(crate) fn asks_for_a_password(&self) -> bool {
        self.attribute("input[name=password]", "type").is_some()
    }

    pub(crate) fn saml_response(&self) -> String {
        self.attribute("input[name=SAMLResponse]", "value")
            .unwrap_or_else(|| panic!("no SAMLResponse at {}: {}", self.url, self.body))
    }

    pub(crate) fn relay_state(&self) -> Option<String> {
        self.attribute("input[name=RelayState]", "value")
    }

    pub(crate) fn action(&self) -> String {
        self.attribute("form", "action").unwrap()
    }

    pub(crate) async fn sign_on(
        self,
        browser: &reqwest::Client,
        username: &str,
        password: &str,
    ) -> Self {
        if !self.asks_for_a_password() {
            return self;
        }
        let fields = [("username", username), ("password", password)];
        open(browser.post(self.action()).form(&fields)).await
    }
}
