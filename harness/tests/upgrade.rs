//! Opens databases that older versions of the program wrote, in `upgrade/databases`: the program
//! of today migrates them, and people, licenses, tokens, sessions and logs are still there and work.
#![allow(clippy::unwrap_used)]

#[path = "upgrade/parties.rs"]
mod parties;

use std::path::{Path, PathBuf};

use browser::Browser;
use desktop_sim::{App, DeviceIdentity};
use parties::{Kind, Parties};
use reqwest::header;
use serde_json::{Value, json};
use url::Url;

/// Returns the folders with databases, one for each version.
fn versions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/databases");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.is_dir());
    all.sort();
    assert!(!all.is_empty(), "databases not found");
    all
}

async fn check_all(kind: Kind) {
    for version in versions() {
        let Some(parties) = Parties::start(&version, kind).await else {
            return;
        };
        people_and_tokens_work(&parties).await;
        sessions_and_logs_are_kept(&parties).await;
        the_activated_app_keeps_its_license(&parties).await;
        a_user_signs_on(&parties).await;
        parties.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_older_version_works_on_sqlite() {
    check_all(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_older_version_works_on_postgresql() {
    check_all(Kind::Postgres).await;
}

/// SCIM clients and scripts have a token; users have a password.
async fn people_and_tokens_work(parties: &Parties) {
    let token = parties.fact("/ready/sp/scim_bearer_token");
    let base = parties.fact("/ready/sp/scim_base_url");
    let users = parties.get(&format!("{base}/Users"), &token).await;
    let mut names: Vec<&str> = users["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["userName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["ada@lumen.example", "grace@lumen.example"]);
    let groups = parties.get(&format!("{base}/Groups"), &token).await;
    assert_eq!(groups["totalResults"], 2, "{groups}");

    let api = parties.fact("/ready/idp/admin_api_url");
    let token = parties.fact("/ready/idp/admin_token");
    let listed = parties.get(&format!("{api}/environments"), &token).await;
    let environment = &listed["_embedded"]["environments"][0]["id"];
    let users = format!("{api}/environments/{}/users", environment.as_str().unwrap());
    let users = parties.get(&users, &token).await;
    let users = users["_embedded"]["users"].as_array().unwrap();
    assert_eq!(users.len(), 2);
}

async fn sessions_and_logs_are_kept(parties: &Parties) {
    // The cookie of a browser that was logged in before the upgrade.
    let cookie = parties.fact("/session_cookie");
    let who = parties.get_with_cookie("/whoami", &cookie).await;
    assert_eq!(who["email"], "ada@lumen.example", "{who}");
    let count = |answer: &Value, member: &str| answer[member].as_array().unwrap().len();

    let audit = parties
        .get_with_cookie("/api/business/audit", &cookie)
        .await;
    assert!(count(&audit, "events") > 20, "{audit}");
    let log = parties
        .get_with_cookie("/api/business/scim-log", &cookie)
        .await;
    assert!(count(&log, "requests") >= 10, "{log}");
    let licenses = parties
        .get_with_cookie("/api/business/licenses", &cookie)
        .await;
    assert_eq!(count(&licenses, "licenses"), 1, "{licenses}");
    let subscriptions = parties
        .get_with_cookie("/api/business/subscriptions", &cookie)
        .await;
    assert_eq!(count(&subscriptions, "subscriptions"), 1, "{subscriptions}");
    let integration = parties
        .get_with_cookie("/api/business/idp-integration", &cookie)
        .await;
    assert_eq!(integration["status"], "active", "{integration}");
    let domain = &integration["domains"][0];
    assert_eq!(domain["domain"], "lumen.example", "{integration}");
    assert_eq!(domain["status"], "verified", "{integration}");

    // The password of the account is still valid too.
    let login = json!({
        "email": parties.fact("/ready/sp/admin_login/email"),
        "password": parties.fact("/ready/sp/admin_login/password"),
    });
    let portal = parties.fact("/ready/sp/base_url");
    let client = reqwest::Client::new();
    let request = client.post(format!("{portal}/api/session")).json(&login);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

async fn the_activated_app_keeps_its_license(parties: &Parties) {
    let kept = parties.facts["activation"].clone();
    let device = DeviceIdentity {
        id: parties.fact("/activation/license/device/id"),
        name: parties.fact("/activation/license/device/name"),
    };
    let portal: Url = parties.fact("/ready/sp/base_url").parse().unwrap();
    let app = App::new(portal, device, parties.ambient.clone()).unwrap();
    let mut app = app.with_kept(serde_json::from_value(kept).unwrap());
    app.revalidate().await.unwrap();
}

/// The whole way: portal, sign-on page, password, signed Response, session.
async fn a_user_signs_on(parties: &Parties) {
    let browser = Browser::new("upgrade").unwrap();
    let mut start: Url = parties.fact("/ready/sp/sso_start_url").parse().unwrap();
    start
        .query_pairs_mut()
        .append_pair("email", "ada@lumen.example");
    let page = browser.open(start).await.unwrap();
    let mut form = page.login_form().unwrap();
    form.fill_in(
        "ada@lumen.example",
        &parties.fact("/ready/idp/sso_login/password"),
    );
    let page = browser.submit(&form).await.unwrap();
    let message = page.saml_form().unwrap();
    browser.submit_message(&message).await.unwrap();

    let whoami = parties.fact("/ready/sp/whoami_url");
    let answer = browser.client().get(whoami).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let who: Value = answer.json().await.unwrap();
    assert_eq!(who["email"], "ada@lumen.example", "{who}");
    assert_eq!(who["roles"], json!(["admin"]), "{who}");
}

impl Parties {
    /// Returns a string of `facts.json`, by JSON pointer.
    fn fact(&self, pointer: &str) -> String {
        let value = self.facts.pointer(pointer);
        let text = value.and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{pointer} not found"))
            .to_owned()
    }

    async fn get(&self, url: &str, token: &str) -> Value {
        let request = reqwest::Client::new().get(url).bearer_auth(token);
        json_of(request).await
    }

    /// Sends a request to the portal.
    async fn get_with_cookie(&self, path: &str, cookie: &str) -> Value {
        let url = format!("{}{path}", self.fact("/ready/sp/base_url"));
        let request = reqwest::Client::new().get(url);
        json_of(request.header(header::COOKIE, cookie)).await
    }
}

async fn json_of(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let (status, url) = (answer.status(), answer.url().clone());
    let text = answer.text().await.unwrap();
    assert_eq!(status, 200, "{url}: {text}");
    serde_json::from_str(&text).unwrap()
}
