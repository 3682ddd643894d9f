//! The environment of each test: a portal with a new database, a browser, a DNS
//! server, and an IdP that signs Responses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ambient::Ambient;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, StatusCode};
use saml::binding::{post, redirect};
use saml::keys::{Certificate, SigningKey};
use saml::message::{
    Assertion, Attribute, AuthnRequest, AuthnStatement, Conditions, NameId, NameIdFormat, Response,
    Status, Subject, SubjectConfirmation,
};
use saml::metadata::{Endpoint, IdpMetadata};
use saml::names;
use saml::signature::Signer;
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::database::TestDatabase;

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
        Self::on(TestDatabase::fresh().await).await
    }

    pub(crate) async fn on(database: TestDatabase) -> Self {
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
        let (request, relay_state) = asked(begun["sso_url"].as_str().unwrap());
        let xml = self.idp.says(tenant, &request, person);
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

    pub(crate) async fn license_key(&self, order: Value) -> String {
        let url = format!("{}/control/license-keys", self.place().control);
        let answer = Client::new().post(url).json(&order).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = answer.json().await.unwrap();
        body["key"].as_str().unwrap().to_owned()
    }

    /// Registers an account and logs it in.
    pub(crate) async fn account(&self, email: &str) -> Browser {
        let browser = self.browser();
        let credentials = json!({"email": email, "password": PASSWORD});
        browser.post("/api/accounts", &credentials).await.is(201);
        browser.post("/api/session", &credentials).await.is(200);
        browser
    }

    /// Creates a business account with this many per-user seats; returns
    /// its administrator.
    pub(crate) async fn admin(&self, seats: u32) -> Browser {
        self.admin_by(json!({"seats": seats})).await
    }

    /// Creates a business account with a key of this order; returns
    /// its administrator.
    pub(crate) async fn admin_by(&self, order: Value) -> Browser {
        let admin = self.account("owner@vendor-mail.example").await;
        let key = self.license_key(order).await;
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
    pub(crate) async fn integrated(&self, seats: u32) -> (Browser, Tenant) {
        self.integrated_by(json!({"seats": seats})).await
    }

    /// Creates an administrator, with a key of this order, and an active
    /// integration of corp.example.
    pub(crate) async fn integrated_by(&self, order: Value) -> (Browser, Tenant) {
        let admin = self.admin_by(order).await;
        let tenant = self.configure(&admin).await;
        admin.post(&step("activate"), &Value::Null).await.is(200);
        (admin, tenant)
    }

    /// Creates another business account; returns its SCIM Base URL and
    /// bearer token.
    pub(crate) async fn second_tenant(&self) -> (String, String) {
        let admin = self.account("other@vendor-mail.example").await;
        let key = self.license_key(json!({"seats": 1})).await;
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

/// A browser with its own cookies; it does not follow redirects.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) base: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the body with backticks instead of `<code>` tags.
    pub(crate) fn prose(&self) -> String {
        self.body.replace("<code>", "`").replace("</code>", "`")
    }

    /// Checks the status and returns the JSON body.
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// Checks status and problem code and returns the body.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.is(status);
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(body["status"], status);
        body
    }
}

impl Browser {
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.clone(), url);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = answer(request).await;
        crate::openapi::check(&method, path, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    /// Starts SSO; returns the AuthnRequest and the RelayState.
    pub(crate) async fn sso(&self, email: &str) -> (AuthnRequest, String) {
        let path = format!("/sso/start?email={}", email.replace('@', "%40"));
        let answer = self.get(&path).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        asked(&answer.location.unwrap())
    }

    /// Starts SSO; returns the query of the redirect to the IdP.
    pub(crate) async fn sso_query(&self, email: &str) -> String {
        let path = format!("/sso/start?email={}", email.replace('@', "%40"));
        let location = self.get(&path).await.location.unwrap();
        location.split_once('?').unwrap().1.to_owned()
    }

    /// Posts a form as a browser without scripts does.
    pub(crate) async fn form(&self, url: &str, fields: &[(&str, String)]) -> Answer {
        answer(self.client.post(url).form(fields)).await
    }

    /// Opens a page and posts a form with the page's form token.
    pub(crate) async fn fills_in(
        &self,
        page: &str,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let shown = self.get(page).await;
        let token = shown.body.split_once("name=\"csrf\" value=\"");
        let token = token.map_or("", |(_, rest)| rest.split('"').next().unwrap());
        let mut fields = fields.to_vec();
        fields.push(("csrf", token));
        answer(
            self.client
                .post(format!("{}{action}", self.base))
                .form(&fields),
        )
        .await
    }

    /// Posts a Response to the ACS, as the IdP's page does.
    pub(crate) async fn posts(&self, acs: &str, xml: &str, relay_state: &str) -> Answer {
        let form = [
            ("SAMLResponse", post::encode(xml)),
            ("RelayState", relay_state.to_owned()),
        ];
        answer(self.client.post(acs).form(&form)).await
    }
}

/// Decodes the AuthnRequest and the RelayState in a redirect to the IdP.
pub(crate) fn asked(url: &str) -> (AuthnRequest, String) {
    let (_, query) = url.split_once('?').unwrap();
    let message = redirect::decode(query, &saml::Limits::default()).unwrap();
    (
        AuthnRequest::parse(&message.xml).unwrap(),
        message.relay_state.unwrap(),
    )
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    Answer {
        status: response.status(),
        location: header("location"),
        content_type: header("content-type").unwrap_or_default(),
        body: response.text().await.unwrap(),
    }
}

/// How a DNS zone answers.
#[derive(Clone)]
enum Zone {
    Txt(Vec<String>),
    Silent,
}

/// A DNS server on loopback. Unknown names are answered with NXDOMAIN.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    zones: Arc<Mutex<HashMap<String, Zone>>>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let zones: Arc<Mutex<HashMap<String, Zone>>> = Arc::default();
        let known = Arc::clone(&zones);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                if let Some(reply) = reply(&buffer[..length], &known) {
                    let _ = socket.send_to(&reply, from).await;
                }
            }
        });
        Self { address, zones }
    }

    /// Sets the TXT records of a zone; may be none.
    pub(crate) fn txt(&self, name: &str, records: &[&str]) {
        let records = records.iter().map(|&text| text.to_owned()).collect();
        self.set(name, Zone::Txt(records));
    }

    /// Makes the zone's servers silent.
    pub(crate) fn silent(&self, name: &str) {
        self.set(name, Zone::Silent);
    }

    fn set(&self, name: &str, zone: Zone) {
        self.zones.lock().unwrap().insert(name.to_owned(), zone);
    }
}

/// Answers a query (RFC 1035, section 4): one question, TXT records.
fn reply(query: &[u8], zones: &Mutex<HashMap<String, Zone>>) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let zone = zones.lock().unwrap().get(&labels.join(".")).cloned();
    let (code, records) = match zone {
        None => (3, Vec::new()),
        Some(Zone::Txt(records)) => (0, records),
        Some(Zone::Silent) => return None,
    };
    let count = u16::try_from(records.len()).unwrap();
    let mut reply = query[..2].to_vec();
    reply.extend([0x85, 0x80 | code, 0, 1]);
    reply.extend(count.to_be_bytes());
    reply.extend([0, 0, 0, 0]);
    reply.extend(&query[12..at + 5]);
    for record in records {
        reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        let length = u16::try_from(record.len() + 1).unwrap();
        reply.extend(length.to_be_bytes());
        reply.push(u8::try_from(record.len()).unwrap());
        reply.extend(record.as_bytes());
    }
    Some(reply)
}

/// An IdP that signs any Response that a test wants.
pub(crate) struct Idp {
    pub(crate) key: SigningKey,
    ambient: Ambient,
}

pub(crate) const IDP: &str = "https://idp.example/env";

/// The user in a Response.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) attributes: Vec<(&'static str, Vec<String>)>,
}

impl Person {
    pub(crate) fn named(email: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Self {
            attributes: vec![
                ("displayname", vec!["Jo Doe".to_owned()]),
                ("groups", groups),
                ("name", vec![email.to_owned()]),
                ("objectidentifier", vec![format!("id-of-{email}")]),
            ],
        }
    }
}

impl Idp {
    fn new(ambient: Ambient) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["idp.example".to_owned()])
            .unwrap()
            .self_signed(&pair)
            .unwrap();
        let certificate = Certificate::parse(&certificate.pem()).unwrap();
        Self {
            key: SigningKey::new(&pair.serialize_pem(), certificate).unwrap(),
            ambient,
        }
    }

    pub(crate) fn metadata(&self) -> IdpMetadata {
        IdpMetadata {
            entity_id: IDP.to_owned(),
            signing_certificates: vec![self.key.certificate().clone()],
            sso: vec![Endpoint {
                binding: names::HTTP_REDIRECT.to_owned(),
                location: format!("{IDP}/saml20/idp/sso"),
                response_location: None,
            }],
            slo: vec![Endpoint {
                response_location: Some(format!("{IDP}/saml20/idp/slo/response")),
                ..Endpoint::at(names::HTTP_REDIRECT, &format!("{IDP}/saml20/idp/slo"))
            }],
            name_id_formats: Vec::new(),
            want_authn_requests_signed: false,
            valid_until: None,
            cache_duration: None,
        }
    }

    pub(crate) fn draft(
        &self,
        tenant: &Tenant,
        request: &AuthnRequest,
        person: &Person,
    ) -> Response {
        let now = self.ambient.now();
        let soon = now + SignedDuration::from_mins(5);
        let attributes = person.attributes.iter().map(|(name, values)| Attribute {
            name: (*name).to_owned(),
            name_format: Some(names::ATTRNAME_BASIC.to_owned()),
            values: values.clone(),
        });
        let assertion = Assertion {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: now,
            issuer: IDP.to_owned(),
            subject: Some(Subject {
                name_id: NameId {
                    value: "subject".to_owned(),
                    format: NameIdFormat::Unspecified,
                    name_qualifier: None,
                    sp_name_qualifier: None,
                },
                confirmations: vec![SubjectConfirmation {
                    method: names::BEARER.to_owned(),
                    recipient: Some(tenant.acs_url.clone()),
                    not_on_or_after: Some(soon),
                    not_before: None,
                    in_response_to: Some(request.id.clone()),
                }],
            }),
            conditions: Some(Conditions {
                not_before: Some(now),
                not_on_or_after: Some(soon),
                audience_restrictions: vec![vec![tenant.entity_id.clone()]],
            }),
            authn_statements: vec![AuthnStatement {
                authn_instant: now,
                session_index: Some("_s".to_owned()),
                session_not_on_or_after: None,
                class_ref: names::PASSWORD_PROTECTED_TRANSPORT.to_owned(),
            }],
            attributes: attributes.collect(),
        };
        Response {
            id: format!("_{}", self.ambient.rng().hex(16)),
            issue_instant: now,
            destination: Some(tenant.acs_url.clone()),
            in_response_to: Some(request.id.clone()),
            issuer: Some(IDP.to_owned()),
            status: Status::success(),
            assertions: vec![assertion],
        }
    }

    pub(crate) fn sign(&self, response: &Response) -> String {
        let signer = Signer {
            key: self.key.clone(),
            response: false,
            assertion: true,
            algorithm: self.key.algorithm(),
        };
        signer.sign(response).unwrap()
    }

    /// Returns a Response without `InResponseTo` (IdP-initiated SSO).
    pub(crate) fn says_unasked(&self, tenant: &Tenant, id: &str, person: &Person) -> String {
        let request = AuthnRequest {
            id: String::new(),
            issue_instant: self.ambient.now(),
            issuer: tenant.entity_id.clone(),
            destination: None,
            acs_url: None,
            acs_index: None,
            protocol_binding: None,
            name_id_policy: None,
            force_authn: false,
            is_passive: false,
            requested_authn_context: None,
        };
        let mut response = self.draft(tenant, &request, person);
        response.in_response_to = None;
        for assertion in &mut response.assertions {
            id.clone_into(&mut assertion.id);
            if let Some(subject) = &mut assertion.subject {
                for confirmation in &mut subject.confirmations {
                    confirmation.in_response_to = None;
                }
            }
        }
        self.sign(&response)
    }

    pub(crate) fn says(&self, tenant: &Tenant, request: &AuthnRequest, person: &Person) -> String {
        self.sign(&self.draft(tenant, request, person))
    }
}
