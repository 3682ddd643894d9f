//! Effects of SCIM on licenses, roles and sessions (G-26 to G-28).

use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::desktop::{activate, begin_activation};
use crate::parties::{Answer, Browser, Parties, Person, Tenant, step, text};

/// A SCIM client with the tenant's bearer token, like the IdP's provisioning.
pub(crate) struct Provisioning {
    pub(crate) client: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Provisioning {
    pub(crate) async fn set_up(admin: &Browser) -> Self {
        let token = admin.post(&step("scim/token"), &Value::Null).await.is(201);
        let page = admin.get("/api/business/idp-integration").await.is(200);
        Self {
            client: reqwest::Client::new(),
            base: text(&page["scim"]["base_url"]),
            token: text(&token["token"]),
        }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.base);
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(&self.token)
            .header("content-type", "application/scim+json");
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Sends a request without a body; returns the status.
    pub(crate) async fn send_without_body(&self, method: Method, path: &str) -> u16 {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        answer.status().as_u16()
    }

    pub(crate) async fn create_user(&self, email: &str) -> String {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": email,
            "externalId": format!("id-of-{email}"),
            "displayName": "Jo Doe",
            "emails": [{"value": email, "primary": true}],
            "active": true,
        });
        text(&self.send(Method::POST, "/Users", &user).await["id"])
    }

    pub(crate) async fn create_group(
        &self,
        name: &str,
        external_id: &str,
        members: &[&str],
    ) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            "externalId": external_id,
            "members": members,
        });
        text(&self.send(Method::POST, "/Groups", &group).await["id"])
    }

    pub(crate) async fn patch(&self, path: &str, operation: Value) {
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operation],
        });
        self.send(Method::PATCH, path, &patch).await;
    }
}

pub(crate) async fn sign_on(
    parties: &Parties,
    tenant: &Tenant,
    person: &Person,
) -> (Browser, Answer) {
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let xml = parties.idp.sign_response(tenant, &request, person);
    let answer = browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await;
    (browser, answer)
}

/// A person may sign on before the identity provider has provisioned them, or after SCIM was
/// disabled.
#[tokio::test]
async fn an_administrator_who_is_not_in_the_directory_stays_signed_on() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let scim = Provisioning::set_up(&admin).await;
    let bert = scim.create_user("bert@corp.example").await;
    scim.create_group("Portal Admins", "g-admins", &[&bert])
        .await;
    scim.create_group("Desktop Users", "g-users", &[&bert])
        .await;
    let anna = Person::new("anna@corp.example", &["g-admins"]);
    for _ in 0..2 {
        let (browser, answer) = sign_on(&parties, &tenant, &anna).await;
        answer.is(303);
        let who = browser.get("/whoami").await.is(200);
        assert_eq!(who["roles"], json!(["admin"]));
    }
}

#[tokio::test]
async fn a_disabled_or_deleted_user_frees_the_seat() {
    for how in ["leaves", "is disabled", "is deleted"] {
        let parties = Parties::start().await;
        let (admin, tenant) = parties.create_integration(1).await;
        let scim = Provisioning::set_up(&admin).await;
        let id = scim.create_user("anna@corp.example").await;
        let users = scim.create_group("Desktop Users", "g-users", &[&id]).await;
        let anna = Person::new("anna@corp.example", &["g-users"]);
        let held = activate(&parties, &tenant, &anna, "mac-1").await.is(200);
        match how {
            "leaves" => {
                let path = format!("members[value eq \"{id}\"]");
                scim.patch(
                    &format!("/Groups/{users}"),
                    json!({"op": "remove", "path": path}),
                )
                .await;
            }
            "is disabled" => {
                let disable = json!({"op": "replace", "path": "active", "value": false});
                scim.patch(&format!("/Users/{id}"), disable).await;
            }
            _ => {
                scim.send(Method::DELETE, &format!("/Users/{id}"), &Value::Null)
                    .await;
            }
        }
        let held = json!({"license_token": held["license_token"], "device_id": "mac-1"});
        let app = parties.browser();
        app.post("/desktop/v1/licenses/validate", &held)
            .await
            .problem(403, "license-revoked");
        let bert = Person::new("bert@corp.example", &["g-users"]);
        activate(&parties, &tenant, &bert, "mac-2").await.is(200);
    }
}

#[tokio::test]
async fn an_admin_taken_out_of_the_group_loses_the_open_session() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let scim = Provisioning::set_up(&admin).await;
    let id = scim.create_user("anna@corp.example").await;
    let admins = scim.create_group("Portal Admins", "g-admins", &[&id]).await;
    let anna = Person::new("anna@corp.example", &["g-admins"]);
    let (browser, answer) = sign_on(&parties, &tenant, &anna).await;
    answer.is(303);
    browser.get("/api/business/users").await.is(200);
    let nobody = json!({"op": "replace", "path": "members", "value": []});
    scim.patch(&format!("/Groups/{admins}"), nobody).await;
    browser
        .get("/api/business/users")
        .await
        .problem(401, "not-logged-in");
    // The script of an open page notices it and reloads the page.
    assert_eq!(fetch_fragment(&browser, "/session/access").await.0, 401);
    assert_eq!(fetch_fragment(&browser, LOOK_UP).await.0, 401);
}

/// A request that the script of an open page repeats.
const LOOK_UP: &str = "/profile/business/idp_integration/lookup/corp.example";

async fn fetch_fragment(browser: &Browser, path: &str) -> (u16, String) {
    let url = format!("{}{path}", browser.base);
    let fetch = browser.client.get(url).header("x-fragment", "1");
    let answer = fetch.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn an_admin_who_stays_a_product_user_loses_the_pages_and_keeps_the_session() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let scim = Provisioning::set_up(&admin).await;
    let id = scim.create_user("anna@corp.example").await;
    let admins = scim.create_group("Portal Admins", "g-admins", &[&id]).await;
    scim.create_group("Desktop Users", "g-users", &[&id]).await;
    let anna = Person::new("anna@corp.example", &["g-admins", "g-users"]);
    let (browser, answer) = sign_on(&parties, &tenant, &anna).await;
    answer.is(303);
    let page = browser.get("/profile/business/users").await;
    assert_eq!(page.status, 200);
    let (_, before) = fetch_fragment(&browser, "/session/access").await;
    assert!(
        page.body.contains(&format!("data-access=\"{before}\"")),
        "{before}: {}",
        page.body
    );
    assert_eq!(fetch_fragment(&browser, LOOK_UP).await.0, 200);
    let nobody = json!({"op": "replace", "path": "members", "value": []});
    scim.patch(&format!("/Groups/{admins}"), nobody).await;
    browser
        .get("/api/business/users")
        .await
        .problem(403, "not-an-admin");
    assert_eq!(browser.get("/profile/business/users").await.status, 403);
    let (status, after) = fetch_fragment(&browser, "/session/access").await;
    assert_eq!(status, 200);
    assert_ne!(before, after, "the page is loaded again");
    assert_eq!(fetch_fragment(&browser, LOOK_UP).await.0, 401);
}

#[tokio::test]
async fn polling_of_a_page_does_not_prolong_the_session() {
    let parties = Parties::start().await;
    let browser = parties.register_account("jo@mail.example").await;
    let clock = parties.ambient.clock();
    let half = parties.config.session_idle.as_secs() / 2 + 60;
    clock.advance(SignedDuration::from_secs(half)).unwrap();
    assert_eq!(fetch_fragment(&browser, "/session/access").await.0, 200);
    clock.advance(SignedDuration::from_secs(half)).unwrap();
    assert_eq!(fetch_fragment(&browser, "/session/access").await.0, 401);
    browser
        .get("/api/session")
        .await
        .problem(401, "not-logged-in");
}

#[tokio::test]
async fn a_group_that_the_directory_spells_otherwise_is_not_the_mapped_one() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let scim = Provisioning::set_up(&admin).await;
    let id = scim.create_user("anna@corp.example").await;
    scim.create_group("portal admins", "g-admins", &[&id]).await;
    let anna = Person::new("anna@corp.example", &["g-admins"]);
    let (_, answer) = sign_on(&parties, &tenant, &anna).await;
    answer.is(403);
    let users = admin.get("/api/business/users").await.is(200);
    let anna = &users["users"][1];
    assert_eq!(anna["role"], "member");
    let note = text(&anna["notes"][0]);
    assert!(
        note.contains("`Portal Admins`") && note.contains("`portal admins`"),
        "{note}"
    );
}

#[tokio::test]
async fn a_disabled_user_sees_the_reason_in_browser_and_app() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let scim = Provisioning::set_up(&admin).await;
    let id = scim.create_user("anna@corp.example").await;
    let disable = json!({"op": "replace", "path": "active", "value": false});
    scim.patch(&format!("/Users/{id}"), disable).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let (_, answer) = sign_on(&parties, &tenant, &anna).await;
    answer.is(403);
    assert!(answer.body.contains("disabled"));
    activate(&parties, &tenant, &anna, "mac-1")
        .await
        .problem(403, "account-disabled");
}

#[tokio::test]
async fn a_user_made_by_a_first_login_is_found_and_taken_over_by_scim() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let scim = Provisioning::set_up(&admin).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    sign_on(&parties, &tenant, &anna).await.1.is(303);
    let found = "/Users?filter=userName%20eq%20%22ANNA@corp.example%22";
    let listed = scim.send(Method::GET, found, &Value::Null).await;
    assert_eq!(listed["totalResults"], 1, "{listed}");
    let id = text(&listed["Resources"][0]["id"]);
    assert_eq!(
        listed["Resources"][0]["emails"][0]["value"],
        "anna@corp.example"
    );
    let rename = json!({"op": "replace", "path": "displayName", "value": "Anna Roe"});
    scim.patch(&format!("/Users/{id}"), rename).await;
    let users = admin.get("/api/business/users").await.is(200);
    assert_eq!(users["users"][1]["name"], "Anna Roe");
}

#[tokio::test]
async fn a_response_from_before_a_removal_does_not_restore_access() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(2).await;
    let scim = Provisioning::set_up(&admin).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let id = scim.create_user("anna@corp.example").await;
    let group = scim.create_group("Desktop Users", "g-users", &[&id]).await;
    let app = parties.browser();
    let later = || {
        let second = SignedDuration::from_secs(1);
        parties.ambient.clock().advance(second).unwrap();
    };
    // SCIM removes the user from the group after the Response was issued.
    let begun = begin_activation(&app, &parties, &tenant, &anna, "mac-1").await;
    later();
    let leave = json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")});
    scim.patch(&format!("/Groups/{group}"), leave).await;
    let refused = app.post(&begun.0, &begun.1).await;
    let refused = refused.problem(403, "not-in-users-group");
    let path = format!("/api/business/refusals/{}", text(&refused["reference"]));
    let next = text(&admin.get(&path).await.is(200)["next"]);
    assert!(next.contains("log in once more"), "{next}");
    let listed = admin.get("/api/business/licenses").await.is(200);
    assert_eq!(listed["licenses"], json!([]));
    // SCIM deletes the user after the Response was issued.
    let begun = begin_activation(&app, &parties, &tenant, &anna, "mac-1").await;
    later();
    scim.send_without_body(Method::DELETE, &format!("/Users/{id}"))
        .await;
    let refused = app.post(&begun.0, &begun.1).await;
    refused.problem(403, "account-disabled");
    let found = "/Users?filter=userName%20eq%20%22anna@corp.example%22";
    let listed = scim.send(Method::GET, found, &Value::Null).await;
    assert_eq!(listed["totalResults"], 0, "{listed}");
    // A Response that was issued later counts (G-28).
    activate(&parties, &tenant, &anna, "mac-1").await.is(200);
}
