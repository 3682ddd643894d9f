//! Compares the OpenAPI document with the running portal: exactly the
//! documented methods are routed, and every answer matches its
//! documented schema.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};

use reqwest::{Client, Method};
use saml::binding::post;
use serde_json::{Value, json};

use crate::desktop::begin_activation;
use crate::parties::{Answer, Browser, PASSWORD, Parties, Person, step, text};

/// The document that [`check`] compares answers with, if a test has set it.
static DOCUMENT: OnceLock<Document> = OnceLock::new();

struct Document {
    /// The document as the portal publishes it.
    published: Value,
    /// All schemas, changed to refuse undocumented members.
    components: Value,
    /// Method and path of the operations that succeeded.
    succeeded: Mutex<BTreeSet<(String, String)>>,
}

/// Changes every object with documented members to refuse others.
fn forbid_others(schema: &mut Value) {
    if let Some(members) = schema.as_object_mut()
        && members.contains_key("properties")
    {
        members
            .entry("additionalProperties")
            .or_insert(false.into());
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(forbid_others),
        Value::Array(items) => items.iter_mut().for_each(forbid_others),
        _ => {}
    }
}

impl Document {
    async fn read(base: &str) -> Self {
        let url = format!("{base}/api/openapi.json");
        let published: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let mut components = published["components"].clone();
        forbid_others(&mut components["schemas"]);
        Self {
            published,
            components,
            succeeded: Mutex::default(),
        }
    }

    fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.published["paths"].as_object().unwrap().iter()
    }

    /// Returns the documented path of a URL; paths without parameters first.
    fn path_of(&self, address: &str) -> Option<&str> {
        let address = address.split('?').next().unwrap();
        let requested: Vec<&str> = address.split('/').collect();
        let matches = |path: &str| {
            let parts: Vec<&str> = path.split('/').collect();
            let fits =
                |(part, requested): (&&str, &&str)| part.starts_with('{') || part == requested;
            parts.len() == requested.len() && parts.iter().zip(&requested).all(fits)
        };
        let paths = self.paths().map(|(path, _)| path.as_str());
        paths
            .filter(|path| matches(path))
            .min_by_key(|path| path.matches('{').count())
    }

    fn validate(&self, method: &Method, address: &str, answer: &Answer) {
        let Some(path) = self.path_of(address) else {
            return;
        };
        let status = answer.status.as_u16();
        let at = format!("{method} {path}: {status} {}", answer.body);
        let method = method.as_str().to_lowercase();
        let operation = &self.published["paths"][path][&method];
        if operation.is_null() {
            assert_eq!(status, 405, "{at}");
            return;
        }
        let response = &operation["responses"][status.to_string()];
        assert!(response.is_object(), "the status is not documented: {at}");
        if response["content"].is_null() {
            assert_eq!(answer.body, "", "{at}");
        } else {
            let content = &response["content"][&answer.content_type];
            assert!(content.is_object(), "{}: {at}", answer.content_type);
            let mut schema = content["schema"].clone();
            schema["components"] = self.components.clone();
            let validator = jsonschema::options()
                .should_validate_formats(true)
                .build(&schema)
                .unwrap();
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&body)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?} {at}");
        }
        if status < 300 {
            let operation = (method, path.to_owned());
            self.succeeded.lock().unwrap().insert(operation);
        }
    }
}

/// Compares an answer with the document, if a test has set it.
pub(crate) fn check(method: &Method, address: &str, answer: &Answer) {
    if let Some(document) = DOCUMENT.get() {
        document.validate(method, address, answer);
    }
}

/// A SCIM client whose answers are compared as well.
struct Scim<'a> {
    browser: &'a Browser,
    base: String,
    token: String,
}

impl Scim<'_> {
    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.base);
        let request = Client::new().request(method.clone(), &url);
        let mut request = request.bearer_auth(&self.token);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = crate::parties::answer(request).await;
        let address = url.strip_prefix(&self.browser.base).unwrap();
        check(&method, address, &answer);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// Calls every documented operation.
    async fn walk(&self) {
        for path in [
            "/ServiceProviderConfig",
            "/ResourceTypes",
            "/ResourceTypes/User",
            "/ResourceTypes/Nothing",
            "/Schemas",
            "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
            "/Users?filter=a+b+c",
        ] {
            self.send(Method::GET, path, &Value::Null).await;
        }
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "bert@corp.example",
            "name": {"familyName": "B"},
            "emails": [{"value": "bert@corp.example"}],
        });
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Some",
        });
        let search = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "count": 2,
        });
        let patch = |path: &str, value: Value| {
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "add", "path": path, "value": value}],
            })
        };
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group},
                {"method": "DELETE", "path": "/Users/nobody"},
            ],
        });
        let made = self.send(Method::POST, "/Users", &user).await;
        let user_path = format!("/Users/{}", text(&made["id"]));
        let member = json!([{"value": made["id"]}]);
        self.send(Method::POST, "/Users", &user).await;
        let made = self.send(Method::POST, "/Groups", &group).await;
        let group_path = format!("/Groups/{}", text(&made["id"]));
        let name = patch("displayName", json!("Bert"));
        self.send(Method::PATCH, &user_path, &name).await;
        self.send(Method::PATCH, &group_path, &patch("members", member))
            .await;
        self.send(Method::PUT, &user_path, &user).await;
        self.send(Method::PUT, &group_path, &group).await;
        for path in ["/.search", "/Users/.search", "/Groups/.search"] {
            self.send(Method::POST, path, &search).await;
        }
        self.send(Method::POST, "/Bulk", &bulk).await;
        for path in ["/Users", "/Groups", &user_path, &group_path] {
            self.send(Method::GET, path, &Value::Null).await;
        }
        for path in [&user_path, &group_path, &group_path] {
            self.send(Method::DELETE, path, &Value::Null).await;
        }
    }
}

/// Calls the operations that an integration does not need.
async fn walk_accounts(parties: &Parties, admin: &Browser) {
    let other = parties.browser();
    other.get("/api/session").await.is(401);
    let new = json!({"email": "x@mail.example", "password": PASSWORD, "name": "X"});
    let wrong = json!({"email": "x@mail.example", "password": "wrong"});
    other.post("/api/accounts", &new).await.is(201);
    other.post("/api/accounts", &new).await.is(409);
    other.post("/api/accounts", &json!([])).await.is(400);
    other.post("/api/session", &wrong).await.is(401);
    other.post("/api/session", &new).await.is(200);
    other.get("/api/business").await.is(409);
    other.get("/api/business/users").await.is(409);
    other
        .send(Method::DELETE, "/api/session", &Value::Null)
        .await;
    other.post("/api/session", &new).await.is(200);
    other
        .send(Method::DELETE, "/api/sessions", &Value::Null)
        .await
        .is(204);
    admin.get("/api/session").await.is(200);
    let business = admin.get("/api/business").await.is(200);
    let selection = json!({"id": business["id"]});
    admin
        .put("/api/session/workspace", &selection)
        .await
        .is(200);
    let member = json!({"email": "m@mail.example", "role": "member"});
    admin.post("/api/business/users", &member).await.is(201);
    let subscriptions = admin.get("/api/business/subscriptions").await.is(200);
    let id = text(&subscriptions["subscriptions"][0]["id"]);
    let change = json!({"name": "Fleet", "group": {"name": "Desktop Users", "id": "g-users"}});
    let path = format!("/api/business/subscriptions/{id}");
    admin.put(&path, &change).await.is(200);
    admin.put(&path, &json!({"group": null})).await.is(200);
}

#[tokio::test]
async fn every_answer_has_the_documented_form_and_every_operation_is_called() {
    let parties = Parties::start().await;
    let base = parties.portal().base_url();
    let document = Document::read(base).await;
    assert!(DOCUMENT.set(document).is_ok());
    let document = DOCUMENT.get().unwrap();

    let (admin, tenant) = parties.create_integration(2).await;
    walk_accounts(&parties, &admin).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let app = parties.browser();
    let (path, body) = begin_activation(&app, &parties, &tenant, &anna, "mac-1").await;
    let license = app.post(&path, &body).await.is(200);
    app.post(&path, &body).await.is(403);
    let held = json!({"license_token": license["license_token"], "device_id": "mac-1"});
    let validate = "/desktop/v1/licenses/validate";
    app.post(validate, &held).await.is(200);
    app.get("/desktop/v1/keys").await.is(200);
    let stranger = Person::new("eve@corp.example", &["g-admins"]);
    let (path, body) = begin_activation(&app, &parties, &tenant, &stranger, "mac-2").await;
    let refused = app.post(&path, &body).await.is(403);
    let reference = text(&refused["reference"]);
    let garbage = json!({"activation_secret": "x", "saml_response": post::encode("<x/>")});
    app.post(&path, &garbage).await;

    let page = admin.get("/api/business/idp-integration").await.is(200);
    let made = admin.post(&step("scim/token"), &Value::Null).await.is(201);
    let scim = Scim {
        browser: &admin,
        base: text(&page["scim"]["base_url"]),
        token: text(&made["token"]),
    };
    scim.walk().await;

    for path in [
        "users",
        "licenses",
        "audit",
        "scim-log",
        "refusals?q=eve&page=1",
    ] {
        admin.get(&format!("/api/business/{path}")).await.is(200);
    }
    let path = "/api/business/refusals?page=none";
    admin.get(path).await.problem(400, "invalid-query");
    admin
        .get(&format!("/api/business/refusals/{reference}"))
        .await
        .is(200);
    let licenses = admin.get("/api/business/licenses").await.is(200);
    let id = text(&licenses["licenses"][0]["id"]);
    let path = format!("/api/business/licenses/{id}/devices/mac-1");
    admin
        .send(Method::DELETE, &path, &Value::Null)
        .await
        .is(204);
    app.post(validate, &held).await;

    let context = json!({"comparison": "exact", "classes": ["urn:x"]});
    let settings = json!({"authn_context": context});
    admin.put(&step("saml-settings"), &settings).await.is(200);
    let unreachable = json!({"metadata_url": "http://127.0.0.1:1/"});
    admin.put(&step("saml"), &unreachable).await.is(502);
    let confirm = |path: &str| step(&format!("{path}?confirm=true"));
    admin
        .post(&step("deactivate?confirm=maybe"), &Value::Null)
        .await
        .problem(400, "invalid-query");
    admin
        .post(&confirm("deactivate"), &Value::Null)
        .await
        .is(200);
    let tokens = admin.get("/api/business/idp-integration").await.is(200);
    for token in tokens["scim"]["tokens"].as_array().unwrap() {
        let path = step(&format!("scim/token/{}", text(&token["id"])));
        admin.send(Method::DELETE, &path, &Value::Null).await;
    }
    let issuer =
        json!({"issuer": "https://as.example", "audience": "api://scim", "clients": ["c"]});
    let added = admin.post(&step("scim/issuers"), &issuer).await.is(201);
    admin.get("/api/business/idp-integration").await.is(200);
    let path = step(&format!("scim/issuers/{}", text(&added["id"])));
    for status in [204, 404] {
        let removal = admin.send(Method::DELETE, &path, &Value::Null).await;
        removal.is(status);
    }
    let path = confirm("domains/corp.example");
    admin
        .send(Method::DELETE, &path, &Value::Null)
        .await
        .is(204);
    let path = step("domains/corp.example/verify");
    admin.post(&path, &Value::Null).await.is(404);

    let mut documented = BTreeSet::new();
    for (path, operations) in document.paths() {
        for method in operations.as_object().unwrap().keys() {
            documented.insert((method.clone(), path.clone()));
        }
    }
    assert!(documented.len() > 50, "{}", documented.len());
    let succeeded = document.succeeded.lock().unwrap();
    let missing: Vec<_> = documented.difference(&succeeded).collect();
    assert!(
        missing.is_empty(),
        "never called with success: {missing:#?}"
    );
}

#[tokio::test]
async fn every_documented_method_is_routed_and_no_other() {
    let parties = Parties::start().await;
    let (base, token) = parties.create_second_tenant().await;
    let browser = parties.browser();
    let document = Document::read(&browser.base).await;
    let tenant = base.split('/').nth_back(1).unwrap().to_owned();
    let ids = BTreeMap::from([("{tenant}", tenant.as_str())]);
    for (path, operations) in document.paths() {
        let mut address = path.clone();
        for (name, id) in &ids {
            address = address.replace(name, id);
        }
        let url = format!("{}{}", browser.base, address.replace(['{', '}'], ""));
        // No route supports this method: the answer lists the supported ones.
        let method = Method::from_bytes(b"REPORT").unwrap();
        let request = Client::new().request(method, url).bearer_auth(&token);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let allow = answer.headers()["allow"].to_str().unwrap();
        let routed: BTreeSet<String> = allow
            .split(',')
            .map(|method| method.trim().to_lowercase())
            .filter(|method| method != "head")
            .collect();
        let operations = operations.as_object().unwrap();
        let documented: BTreeSet<String> = operations.keys().cloned().collect();
        assert_eq!(routed, documented, "{path}");
    }
}
