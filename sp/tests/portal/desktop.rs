//! Tests of desktop activation and of its end (G-20 to G-23, G-25).

use jiff::SignedDuration;
use saml::binding::post;
use serde_json::{Value, json};

use crate::parties::{Answer, Browser, Parties, Person, Tenant, sent_request, step, text};

pub(crate) async fn activate(
    parties: &Parties,
    tenant: &Tenant,
    person: &Person,
    device: &str,
) -> Answer {
    activate_at(parties.browser(), parties, tenant, person, device).await
}

/// Activates a device at this replica of the portal.
pub(crate) async fn activate_at(
    app: Browser,
    parties: &Parties,
    tenant: &Tenant,
    person: &Person,
    device: &str,
) -> Answer {
    let (path, body) = begin_activation(&app, parties, tenant, person, device).await;
    app.post(&path, &body).await
}

/// Starts an activation. Returns the URL that the IdP's Response must be posted
/// to, and the body to post.
pub(crate) async fn begin_activation(
    app: &Browser,
    parties: &Parties,
    tenant: &Tenant,
    person: &Person,
    device: &str,
) -> (String, Value) {
    let wanted = json!({"email": "anna@corp.example", "device": {"id": device, "name": "Mac"}, "app_version": "1"});
    let begun = app.post("/desktop/v1/activations", &wanted).await.is(201);
    parties.answer_activation(tenant, &begun, person)
}

#[tokio::test]
async fn a_product_user_gets_one_license_for_several_macs() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let first = activate(&parties, &tenant, &anna, "mac-1").await.is(200);
    let second = activate(&parties, &tenant, &anna, "mac-2").await.is(200);
    assert_eq!(first["license"]["id"], second["license"]["id"]);
    let listed = admin.get("/api/business/licenses").await.is(200);
    assert_eq!(listed["licenses"].as_array().unwrap().len(), 1);
    assert_eq!(
        listed["licenses"][0]["devices"].as_array().unwrap().len(),
        2
    );
    let subscriptions = admin.get("/api/business/subscriptions").await.is(200);
    assert_eq!(subscriptions["subscriptions"][0]["free"], 0);
    let held = json!({"license_token": first["license_token"], "device_id": "mac-1"});
    let app = parties.browser();
    let valid = app
        .post("/desktop/v1/licenses/validate", &held)
        .await
        .is(200);
    assert_eq!(valid["status"], "valid");
    let stolen = json!({"license_token": first["license_token"], "device_id": "mac-9"});
    app.post("/desktop/v1/licenses/validate", &stolen)
        .await
        .problem(404, "license-unknown");
}

#[tokio::test]
async fn without_the_users_group_or_a_seat_there_is_no_license() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let only_admin = Person::new("boss@corp.example", &["g-admins"]);
    let refused = activate(&parties, &tenant, &only_admin, "mac-1")
        .await
        .problem(403, "not-in-users-group");
    let path = format!("/api/business/refusals/{}", text(&refused["reference"]));
    assert!(text(&admin.get(&path).await.is(200)["private"]).contains("Desktop Users"));
    activate(
        &parties,
        &tenant,
        &Person::new("anna@corp.example", &["g-users"]),
        "mac-1",
    )
    .await
    .is(200);
    activate(
        &parties,
        &tenant,
        &Person::new("bert@corp.example", &["g-users"]),
        "mac-2",
    )
    .await
    .problem(403, "no-seat-left");
}

#[tokio::test]
async fn a_user_who_left_the_group_loses_the_license_and_the_seat_is_free() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(1).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let held = activate(&parties, &tenant, &anna, "mac-1").await.is(200);
    let left = Person::new("anna@corp.example", &["g-admins"]);
    activate(&parties, &tenant, &left, "mac-1")
        .await
        .problem(403, "not-in-users-group");
    let app = parties.browser();
    let held = json!({"license_token": held["license_token"], "device_id": "mac-1"});
    let revoked = app
        .post("/desktop/v1/licenses/validate", &held)
        .await
        .problem(403, "license-revoked");
    assert!(text(&revoked["reason"]).contains("group"));
    activate(
        &parties,
        &tenant,
        &Person::new("bert@corp.example", &["g-users"]),
        "mac-2",
    )
    .await
    .is(200);
}

#[tokio::test]
async fn an_ended_subscription_grants_and_validates_nothing() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.create_integration(1).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let held = activate(&parties, &tenant, &anna, "mac-1").await.is(200);
    parties
        .ambient
        .clock()
        .advance(SignedDuration::from_hours(24 * 366))
        .unwrap();
    activate(&parties, &tenant, &anna, "mac-1")
        .await
        .problem(403, "subscription-expired");
    let held = json!({"license_token": held["license_token"], "device_id": "mac-1"});
    parties
        .browser()
        .post("/desktop/v1/licenses/validate", &held)
        .await
        .problem(403, "license-revoked");
}

#[tokio::test]
async fn an_activation_is_the_apps_own_and_used_once() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(5).await;
    let app = parties.browser();
    let wanted = json!({"email": "anna@corp.example", "device": {"id": "mac-1"}});
    let begun = app.post("/desktop/v1/activations", &wanted).await.is(201);
    let (request, relay_state) = sent_request(begun["sso_url"].as_str().unwrap());
    let xml = parties.idp.sign_response(
        &tenant,
        &request,
        &Person::new("anna@corp.example", &["g-users"]),
    );
    let path = format!(
        "/desktop/v1/activations/{}/response",
        text(&begun["activation_id"])
    );
    let send = async |secret: &Value, relay_state: &str| {
        app.post(&path, &json!({"activation_secret": secret, "saml_response": post::encode(&xml), "relay_state": relay_state})).await
    };
    let secret = &begun["activation_secret"];
    send(&json!("wrong"), &relay_state)
        .await
        .problem(404, "activation-unknown");
    send(secret, "wrong")
        .await
        .problem(403, "relay-state-mismatch");
    send(secret, &relay_state).await.is(200);
    assert!(matches!(
        send(secret, &relay_state).await.status.as_u16(),
        403 | 409
    ));
    admin.post(&step("deactivate"), &Value::Null).await.is(200);
    app.post("/desktop/v1/activations", &wanted)
        .await
        .problem(403, "sso-unavailable");
}

#[tokio::test]
async fn many_desktops_at_once_never_get_more_seats_than_there_are() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(100).await;
    let portals = [parties.portal().base_url().to_owned()];
    activate_more_devices_than_seats(&parties, &admin, &tenant, &portals).await;
}

/// Activates 200 devices concurrently, alternating between these replicas: 100
/// licenses are granted, all others get the error that no seat is left.
pub(crate) async fn activate_more_devices_than_seats(
    parties: &Parties,
    admin: &Browser,
    tenant: &Tenant,
    portals: &[String],
) {
    let people: Vec<Person> = (0..200)
        .map(|n| Person::new(&format!("u{n}@corp.example"), &["g-users"]))
        .collect();
    let app = parties.browser();
    let activations = people.iter().enumerate().map(|(n, person)| {
        let mut app = app.clone();
        app.base.clone_from(&portals[n % portals.len()]);
        activate_at(app, parties, tenant, person, "mac")
    });
    let answers = futures::future::join_all(activations).await;
    let granted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(granted, 100);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.problem(403, "no-seat-left");
    }
    let listed = admin.get("/api/business/licenses").await.is(200);
    assert_eq!(listed["licenses"].as_array().unwrap().len(), 100);
    let subscriptions = admin.get("/api/business/subscriptions").await.is(200);
    assert_eq!(subscriptions["subscriptions"][0]["free"], 0);
}

#[tokio::test]
async fn one_user_gets_as_many_devices_as_the_subscription_allows() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    for n in 0..5 {
        let mac = format!("mac-{n}");
        activate(&parties, &tenant, &anna, &mac).await.is(200);
        // Activating the same Mac again does not count as a further device.
        activate(&parties, &tenant, &anna, &mac).await.is(200);
    }
    activate(&parties, &tenant, &anna, "mac-5")
        .await
        .problem(403, "too-many-devices");
    let listed = admin.get("/api/business/licenses").await.is(200);
    let license = text(&listed["licenses"][0]["id"]);
    let path = format!("/api/business/licenses/{license}/devices/mac-0");
    admin
        .send(reqwest::Method::DELETE, &path, &Value::Null)
        .await
        .is(204);
    activate(&parties, &tenant, &anna, "mac-5").await.is(200);
}

#[tokio::test]
async fn a_group_with_its_own_key_uses_that_and_all_others_the_primary_key() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(2).await;
    let key = parties.order_license_key(json!({"seats": 1})).await;
    let second = admin
        .post(
            "/api/license-keys",
            &json!({"key": key, "subscription_name": "Design"}),
        )
        .await
        .is(201);
    let path = format!(
        "/api/business/subscriptions/{}",
        text(&second["subscription"]["id"])
    );
    let mapped = admin
        .put(
            &path,
            &json!({"group": {"name": "Design", "id": "g-design"}}),
        )
        .await
        .is(200);
    assert_eq!(mapped["group"]["name"], "Design");
    let designer = Person::new("dora@corp.example", &["g-users", "g-design"]);
    let granted = activate(&parties, &tenant, &designer, "mac-1")
        .await
        .is(200);
    assert_eq!(granted["license"]["subscription"]["name"], "Design");
    let another = Person::new("emil@corp.example", &["g-users", "g-design"]);
    activate(&parties, &tenant, &another, "mac-2")
        .await
        .problem(403, "no-seat-left");
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let granted = activate(&parties, &tenant, &anna, "mac-3").await.is(200);
    assert_ne!(granted["license"]["subscription"]["name"], "Design");
    // A user who leaves the group moves to the primary subscription, with
    // license and devices.
    let left = Person::new("dora@corp.example", &["g-users"]);
    let moved = activate(&parties, &tenant, &left, "mac-1").await.is(200);
    assert_ne!(moved["license"]["subscription"]["name"], "Design");
    let listed = admin.get("/api/business/licenses").await.is(200);
    assert_eq!(listed["licenses"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_is_issued_registered_and_withdrawn_with_its_reason() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.create_integration(1).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let held = activate(&parties, &tenant, &anna, "mac-1").await.is(200);
    let cancel = async |key: &str| {
        let control = parties.portal().control_url().unwrap();
        let body = json!({"key": key, "reason": "charged back"});
        let url = format!("{control}/control/license-keys/cancel");
        let sent = parties.browser().client.post(url).json(&body).send();
        sent.await.unwrap().status().as_u16()
    };
    let unregistered = parties.order_license_key(json!({"seats": 1})).await;
    assert_eq!(cancel(&unregistered).await, 204);
    assert_eq!(cancel(&unregistered).await, 410);
    admin
        .post("/api/license-keys", &json!({"key": unregistered}))
        .await
        .problem(410, "license-key-cancelled");
    let key = parties.key.lock().unwrap().clone();
    assert_eq!(cancel(&key).await, 204);
    let app = parties.browser();
    let held = json!({"license_token": held["license_token"], "device_id": "mac-1"});
    let revoked = app
        .post("/desktop/v1/licenses/validate", &held)
        .await
        .problem(403, "license-revoked");
    assert!(text(&revoked["reason"]).contains("charged back"));
    activate(&parties, &tenant, &anna, "mac-1")
        .await
        .problem(403, "subscription-not-started");
}

#[tokio::test]
async fn in_its_grace_a_subscription_renews_licenses_and_grants_none() {
    let parties = Parties::start().await;
    let day = 24 * 3600;
    let order = json!({"seats": 2, "grace_seconds": 10 * day,
        "ends": parties.ambient.now() + SignedDuration::from_secs(30 * day)});
    let (_, tenant) = parties.create_integration_with_order(order).await;
    let anna = Person::new("anna@corp.example", &["g-users"]);
    let granted = activate(&parties, &tenant, &anna, "mac-1").await.is(200);
    let held = json!({"license_token": granted["license_token"], "device_id": "mac-1"});
    let clock = parties.ambient.clock();
    clock.advance(SignedDuration::from_secs(35 * day)).unwrap();
    let app = parties.browser();
    let validate = async || app.post("/desktop/v1/licenses/validate", &held).await;
    validate().await.is(200);
    let bert = Person::new("bert@corp.example", &["g-users"]);
    activate(&parties, &tenant, &bert, "mac-2")
        .await
        .problem(403, "subscription-expired");
    clock.advance(SignedDuration::from_secs(6 * day)).unwrap();
    validate().await.problem(403, "license-revoked");
}
