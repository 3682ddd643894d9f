//! Tests that are specific to PostgreSQL: several replicas with one
//! database. (`REHEARSAL_TEST_DATABASE=postgres` runs all other tests on
//! PostgreSQL as well.)

use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::parties::{Parties, Person};

#[tokio::test(flavor = "multi_thread")]
async fn the_portal_runs_on_postgresql_as_on_sqlite() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let parties = Parties::start_on(database).await;
    let (admin, tenant) = parties.create_integration(100).await;
    let browser = parties.browser();
    let (request, relay_state) = browser.start_sso("anna@corp.example").await;
    let anna = Person::new("anna@corp.example", &["g-admins"]);
    let xml = parties.idp.sign_response(&tenant, &request, &anna);
    browser
        .post_response(&tenant.acs_url, &xml, &relay_state)
        .await
        .is(303);
    assert_eq!(
        browser.get("/whoami").await.is(200)["roles"],
        json!(["admin"])
    );
    // Start a second replica with the same database and the same public URL.
    let config = sp::Config {
        public_url: Some(parties.portal().base_url().parse().unwrap()),
        control_listen: None,
        ..parties.config.clone()
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap();
    drop(listener);
    let config = sp::Config { listen, ..config };
    let rng = parties.ambient.rng().fork();
    let second = sp::start(config, parties.ambient.with_rng(rng))
        .await
        .unwrap();
    // A Response accepted by one replica is refused by the other one, also when
    // both receive it concurrently. Sessions are valid at both.
    let at_second = tenant
        .acs_url
        .replace(parties.portal().base_url(), &format!("http://{listen}"));
    let unasked = json!({"unsolicited": true});
    let path = crate::parties::step("saml-settings");
    admin.put(&path, &unasked).await.is(200);
    let xml = parties
        .idp
        .sign_unsolicited_response(&tenant, "_first", &anna);
    let statuses = |answers: Vec<crate::parties::Answer>| {
        let all = answers.iter().map(|answer| answer.status.as_u16());
        let mut all: Vec<u16> = all.collect();
        all.sort_unstable();
        all
    };
    let visitor = parties.browser();
    let first = visitor.post_response(&tenant.acs_url, &xml, "").await;
    let again = parties.browser().post_response(&at_second, &xml, "").await;
    assert_eq!(statuses(vec![first, again]), [303, 403]);
    let xml = parties
        .idp
        .sign_unsolicited_response(&tenant, "_at-once", &anna);
    let (one, other) = (parties.browser(), parties.browser());
    let (one, other) = futures::join!(
        one.post_response(&tenant.acs_url, &xml, ""),
        other.post_response(&at_second, &xml, "")
    );
    assert_eq!(statuses(vec![one, other]), [303, 403]);
    second.shutdown().await;
    admin.get("/api/business/audit").await.is(200);
    admin.get("/api/business/subscriptions").await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_patched_on_postgresql() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let parties = Parties::start_on(database).await;
    let (base, token) = parties.create_second_tenant().await;
    let client = reqwest::Client::new();
    let ask = async |method: reqwest::Method, path: &str, body: Value| {
        let url = format!("{base}{path}");
        let request = client.request(method, url).bearer_auth(&token).json(&body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        assert!((200..300).contains(&status), "{status} {body}");
        body
    };
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "anna@corp.example",
    });
    let user = ask(reqwest::Method::POST, "/Users", user).await;
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Portal Admins",
    });
    let group = ask(reqwest::Method::POST, "/Groups", group).await;
    let path = format!("/Groups/{}", group["id"].as_str().unwrap());
    for (operation, left) in [("add", 1), ("remove", 0)] {
        let mut change = json!({"op": operation, "path": "members"});
        if operation == "add" {
            change["value"] = json!([{"value": user["id"]}]);
        }
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [change],
        });
        ask(reqwest::Method::PATCH, &path, patch).await;
        let group = ask(reqwest::Method::GET, &path, Value::Null).await;
        let members = group["members"].as_array().map_or(0, Vec::len);
        assert_eq!(members, left, "{group}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_portals_start_at_once_on_an_empty_database() {
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let starts = (0..8).map(|_| sp::store::Store::open(database.url(), true));
    for store in futures::future::join_all(starts).await {
        store.unwrap().close().await;
    }
}
