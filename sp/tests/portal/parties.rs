//! The environment of each test: a portal with a new database, a browser, a DNS
//! server, and an IdP that signs Responses.

use std::net::SocketAddr;
use std::sync::Mutex;

use ambient::Ambient;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use saml::binding::post;
use serde_json::{Value, json};

pub(crate) use crate::browser::{Answer, Browser, answer, sent_request};
use crate::database::TestDatabase;
pub(crate) use crate::identity_provider::{IDP, Idp, Person};
pub(crate) use crate::name_server::Dns;

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Parties {
    pub(crate) portal: Option<sp::Running>,
    /// Address of a portal that runs as a separate process instead.
    process: Option<Place>,
    pub(crate) ambient: Ambient,
    pub(crate) dns: Dns,
    pub(crate) idp: Idp,
    pub(crate) config: sp::Config,
    /// License key with which the business account was created.
    pub(crate) key: Mutex<String>,
    _database: TestDatabase,
}

/// Addresses of a portal.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) base: String,
    pub(crate) control: String,
}

impl Parties {
    pub(crate) async fn start() -> Self {
        Self::start_on(TestDatabase::create().await).await
    }

    pub(crate) async fn start_on(database: TestDatabase) -> Self {
        let start: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        let ambient = Ambient::simulated(start, 7);
        let dns = Dns::start().await;
        let config = sp::Config {
            control_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            database_url: database.url().to_owned(),
            dns_servers: vec![dns.address],
            dns_timeout: SignedDuration::from_millis(200),
            ..sp::Config::default()
        };
        let portal = sp::start(config.clone(), ambient.clone()).await.unwrap();
        Self {
            portal: Some(portal),
            process: None,
            idp: Idp::new(ambient.clone()),
            ambient,
            dns,
            config,
            key: Mutex::default(),
            _database: database,
        }
    }

    /// Creates the environment for a portal process that was started with this
    /// DNS server.
    pub(crate) fn around(process: Place, ambient: Ambient, dns: Dns) -> Self {
        Self {
            portal: None,
            process: Some(process),
            idp: Idp::new(ambient.clone()),
            ambient,
            dns,
            config: sp::Config::default(),
            key: Mutex::default(),
            _database: TestDatabase::sqlite(),
        }
    }

    fn place(&self) -> Place {
        self.process.clone().unwrap_or_else(|| Place {
            base: self.portal().base_url().to_owned(),
            control: self.portal().control_url().unwrap().to_owned(),
        })
    }

    pub(crate) fn portal(&self) -> &sp::Running {
        self.portal.as_ref().unwrap()
    }

    /// Stops the portal and starts it again on the same database and address.
    pub(crate) async fn restart(&mut self) {
        let portal = self.portal.take().unwrap();
        let base = portal.base_url().to_owned();
        self.config.listen = base.trim_start_matches("http://").parse().unwrap();
        portal.shutdown().await;
        self.portal = Some(
            sp::start(self.config.clone(), self.ambient.clone())
                .await
                .unwrap(),
        );
    }

    /// Returns the URL to post the Response to, and the body with the Response
    /// about this user.
    pub(crate) fn answer_activation(
        &self,
        tenant: &Tenant,
        begun: &Value,
        person: &Person,
    ) -> (String, Value) {
        let (request, relay_state) = sent_request(begun["sso_url"].as_str().unwrap());
        let xml = self.idp.sign_response(tenant, &request, person);
        let path = format!(
            "/desktop/v1/activations/{}/response",
            text(&begun["activation_id"])
        );
        let body = json!({
            "activation_secret": begun["activation_secret"],
            "saml_response": post::encode(&xml),
            "relay_state": relay_state,
        });
        (path, body)
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser {
            client: Client::builder()
                .cookie_store(true)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            base: self.place().base,
        }
    }

    pub(crate) async fn order_license_key(&self, order: Value) -> String {
        let url = format!("{}/control/license-keys", self.place().control);
        let answer = Client::new().post(url).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = answer.json().await.unwrap();
        body["key"].as_str().unwrap().to_owned()
    }

    /// Registers an account and logs it in.
    pub(crate) async fn register_account(&self, email: &str) -> Browser {
        let browser = self.browser();
        let credentials = json!({"email": email, "password": PASSWORD});
        browser.post("/api/accounts", &credentials).await.is(201);
        browser.post("/api/session", &credentials).await.is(200);
        browser
    }

    /// Creates a business account with this many per-user seats; returns
    /// its administrator.
    pub(crate) async fn create_admin(&self, seats: u32) -> Browser {
        self.create_admin_with_order(json!({"seats": seats})).await
    }

    /// Creates a business account with a key of this order; returns
    /// its administrator.
    pub(crate) async fn create_admin_with_order(&self, order: Value) -> Browser {
        let admin = self.register_account("owner@vendor-mail.example").await;
        let key = self.order_license_key(order).await;
        key.clone_into(&mut self.key.lock().unwrap());
        let organization = json!({"name": "Corp", "country": "CH"});
        admin
            .post(
                "/api/license-keys",
                &json!({"key": key, "organization": organization}),
            )
            .await
            .is(201);
        admin
    }

    /// Creates an administrator and an active integration of corp.example.
    pub(crate) async fn create_integration(&self, seats: u32) -> (Browser, Tenant) {
        self.create_integration_with_order(json!({"seats": seats}))
            .await
    }

    /// Creates an administrator, with a key of this order, and an active
    /// integration of corp.example.
    pub(crate) async fn create_integration_with_order(&self, order: Value) -> (Browser, Tenant) {
        let admin = self.create_admin_with_order(order).await;
        let tenant = self.configure(&admin).await;
        admin.post(&step("activate"), &Value::Null).await.is(200);
        (admin, tenant)
    }

    /// Creates another business account; returns its SCIM Base URL and
    /// bearer token.
    pub(crate) async fn create_second_tenant(&self) -> (String, String) {
        let admin = self.register_account("other@vendor-mail.example").await;
        let key = self.order_license_key(json!({"seats": 1})).await;
        let organization = json!({"name": "Other", "country": "CH"});
        let new = json!({"key": key, "organization": organization});
        admin.post("/api/license-keys", &new).await.is(201);
        admin.post(&step("start"), &Value::Null).await.is(200);
        let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        (text(&page["scim"]["base_url"]), text(&made["token"]))
    }

    /// Completes all seven steps and activates the integration.
    pub(crate) async fn configure(&self, admin: &Browser) -> Tenant {
        admin.post(&step("start"), &Value::Null).await.is(200);
        let domain = admin
            .post(&step("domains"), &json!({"domain": "corp.example"}))
            .await
            .is(201);
        self.dns
            .txt("corp.example", &[domain["txt_value"].as_str().unwrap()]);
        let verified = admin
            .post(&step("domains/corp.example/verify"), &Value::Null)
            .await
            .is(200);
        assert_eq!(verified["status"], "verified", "{verified}");
        admin
            .put(&step("application"), &json!({"done": true}))
            .await
            .is(200);
        let groups = json!({
            "admins": {"name": "Portal Admins", "id": "g-admins"},
            "users": {"name": "Desktop Users", "id": "g-users"},
        });
        admin.put(&step("groups"), &groups).await.is(200);
        let metadata = json!({"metadata_xml": self.idp.metadata().to_xml()});
        admin.put(&step("saml"), &metadata).await.is(200);
        admin.post(&step("scim/token"), &Value::Null).await.is(201);
        admin
            .put(&step("scim"), &json!({"done": true}))
            .await
            .is(200);
        admin
            .put(&step("users"), &json!({"done": true}))
            .await
            .is(200);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        let shown = admin
            .put(&step("backup-login"), &page["backup_login"])
            .await
            .is(200);
        assert_eq!(shown["can_activate"], true, "{shown}");
        Tenant {
            entity_id: text(&shown["service_provider"]["entity_id"]),
            acs_url: text(&shown["service_provider"]["acs_url"]),
        }
    }
}

pub(crate) fn step(path: &str) -> String {
    format!("/api/business/idp-integration/{path}")
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) struct Tenant {
    pub(crate) entity_id: String,
    pub(crate) acs_url: String,
}
