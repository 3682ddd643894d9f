//! Tests of accounts, sessions and license keys (G-01, G-03 to G-05).

use serde_json::{Value, json};

use crate::parties::{PASSWORD, Parties, step};

#[tokio::test]
async fn a_person_registers_logs_in_and_logs_out() {
    let parties = Parties::start().await;
    let browser = parties.browser();
    browser
        .get("/api/session")
        .await
        .problem(401, "not-logged-in");
    let jo = json!({"email": "Jo@Mail.example", "password": PASSWORD, "name": "Jo"});
    let account = browser.post("/api/accounts", &jo).await.is(201);
    assert_eq!(account["email"], "jo@mail.example");
    browser.post("/api/session", &jo).await.is(200);
    let session = browser.get("/api/session").await.is(200);
    assert_eq!(session["via"], "password");
    assert_eq!(session["workspace"], Value::Null);
    browser
        .send(reqwest::Method::DELETE, "/api/session", &Value::Null)
        .await
        .is(204);
    browser
        .get("/api/session")
        .await
        .problem(401, "not-logged-in");
}

#[tokio::test]
async fn a_weak_password_a_taken_email_and_a_wrong_password_are_reported() {
    let parties = Parties::start().await;
    let browser = parties.register_account("jo@mail.example").await;
    let new = |email: &str, password: &str| json!({"email": email, "password": password});
    let post = async |path: &str, body: Value| browser.post(path, &body).await;
    post("/api/accounts", new("al@mail.example", "short"))
        .await
        .problem(400, "weak-password");
    post("/api/accounts", new("jo@mail.example", PASSWORD))
        .await
        .problem(409, "email-taken");
    post("/api/accounts", new("jo", PASSWORD))
        .await
        .problem(400, "invalid-email");
    post(
        "/api/session",
        new("jo@mail.example", "wrong horse battery"),
    )
    .await
    .problem(401, "wrong-credentials");
    post("/api/session", new("nobody@mail.example", PASSWORD))
        .await
        .problem(401, "wrong-credentials");
}

#[tokio::test]
async fn the_eleventh_wrong_password_must_wait() {
    let parties = Parties::start().await;
    let browser = parties.register_account("jo@mail.example").await;
    let wrong = json!({"email": "jo@mail.example", "password": "wrong horse battery"});
    for _ in 0..10 {
        browser
            .post("/api/session", &wrong)
            .await
            .problem(401, "wrong-credentials");
    }
    browser
        .post("/api/session", &wrong)
        .await
        .problem(429, "too-many-attempts");
    parties
        .ambient
        .clock()
        .advance(jiff::SignedDuration::from_mins(16))
        .unwrap();
    browser
        .post("/api/session", &wrong)
        .await
        .problem(401, "wrong-credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_tried_at_once_are_counted_before_they_are_checked() {
    let parties = Parties::start().await;
    parties.register_account("jo@mail.example").await;
    let wrong = json!({"email": "jo@mail.example", "password": "wrong horse battery"});
    let browser = parties.browser();
    let tries = (0..40).map(|_| browser.post("/api/session", &wrong));
    let answers = futures::future::join_all(tries).await;
    let count = |status: u16| {
        let all = answers.iter();
        all.filter(|answer| answer.status == status).count()
    };
    assert_eq!((count(401), count(429)), (10, 30));
}

#[tokio::test]
async fn bad_input_is_a_problem_and_never_a_stack_trace() {
    let parties = Parties::start().await;
    let browser = parties.browser();
    let url = format!("{}/api/accounts", browser.base);
    let raw = |body: &'static str, kind: &'static str| {
        let request = browser
            .client
            .post(&url)
            .header("content-type", kind)
            .body(body);
        async move { request.send().await.unwrap() }
    };
    assert_eq!(raw("{", "application/json").await.status(), 400);
    assert_eq!(raw("[]", "application/json").await.status(), 400);
    assert_eq!(
        raw("a=b", "application/x-www-form-urlencoded")
            .await
            .status(),
        415
    );
    let foreign = browser
        .client
        .post(&url)
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), 403);
    browser.get("/api/nothing").await.problem(404, "not-found");
    browser
        .get("/api/accounts")
        .await
        .problem(405, "method-not-allowed");
    browser.get("/nothing").await.is(404);
    browser.get("/healthz").await.is(200);
    browser.get("/readyz").await.is(200);
}

#[tokio::test]
async fn the_first_key_creates_the_business_account_and_the_next_is_added_to_it() {
    let parties = Parties::start().await;
    let browser = parties.register_account("jo@mail.example").await;
    let key = parties.order_license_key(json!({"seats": 5})).await;
    browser
        .post("/api/license-keys", &json!({"key": key}))
        .await
        .problem(409, "organization-required");
    let with_organization =
        json!({"key": key, "organization": {"name": "Corp"}, "subscription_name": "Macs"});
    let made = browser
        .post("/api/license-keys", &with_organization)
        .await
        .is(201);
    assert_eq!(made["subscription"]["name"], "Macs");
    let second = parties.order_license_key(json!({"seats": 3})).await;
    let landed = browser
        .post("/api/license-keys", &json!({"key": second}))
        .await
        .is(201);
    assert_eq!(landed["business_account"], made["business_account"]);
    let listed = browser.get("/api/business/subscriptions").await.is(200);
    assert_eq!(listed["subscriptions"].as_array().unwrap().len(), 2);
    let free = |n: usize| listed["subscriptions"][n]["free"].as_i64().unwrap();
    assert_eq!(free(0) + free(1), 8);
}

#[tokio::test]
async fn a_refused_key_has_a_reason() {
    let parties = Parties::start().await;
    let browser = parties.create_admin(1).await;
    let register = async |key: &str| {
        browser
            .post("/api/license-keys", &json!({"key": key}))
            .await
    };
    register("ABC").await.problem(422, "license-key-malformed");
    register("ABCDEF-ABCDEF-ABCDEF-ABCDEF-ABCDEF")
        .await
        .problem(404, "license-key-unknown");
    let ended = parties
        .order_license_key(
            json!({"seats": 1, "starts": "2020-01-01T00:00:00Z", "ends": "2021-01-01T00:00:00Z"}),
        )
        .await;
    register(&ended).await.problem(410, "license-key-expired");
    let key = parties.order_license_key(json!({"seats": 1})).await;
    register(&key).await.is(201);
    register(&key).await.problem(409, "license-key-used");
}

#[tokio::test]
async fn the_configurator_exists_only_with_a_per_user_key_and_for_admins() {
    let parties = Parties::start().await;
    let browser = parties.register_account("jo@mail.example").await;
    let page = step("");
    let page = page.trim_end_matches('/');
    browser.get(page).await.problem(409, "no-workspace");
    let key = parties
        .order_license_key(json!({"seats": 1, "licensing": "per-device"}))
        .await;
    browser
        .post(
            "/api/license-keys",
            &json!({"key": key, "organization": {"name": "Corp"}}),
        )
        .await
        .is(201);
    browser
        .get(page)
        .await
        .problem(409, "idp-integration-not-available");
    assert_eq!(
        browser.get("/api/business").await.is(200)["idp_integration_available"],
        false
    );
    let key = parties.order_license_key(json!({"seats": 1})).await;
    browser
        .post("/api/license-keys", &json!({"key": key}))
        .await
        .is(201);
    assert_eq!(browser.get(page).await.is(200)["status"], "not-started");
    browser
        .post("/api/business/users", &json!({"email": "al@mail.example"}))
        .await
        .is(201);
    let member = parties.register_account("al@mail.example").await;
    member.get(page).await.problem(403, "not-an-admin");
}

#[tokio::test]
async fn a_session_ends_when_it_idles() {
    let parties = Parties::start().await;
    let browser = parties.register_account("jo@mail.example").await;
    parties
        .ambient
        .clock()
        .advance(jiff::SignedDuration::from_mins(119))
        .unwrap();
    browser.get("/api/session").await.is(200);
    parties
        .ambient
        .clock()
        .advance(jiff::SignedDuration::from_mins(121))
        .unwrap();
    browser
        .get("/api/session")
        .await
        .problem(401, "not-logged-in");
}
