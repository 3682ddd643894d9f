//! G-20 to G-23, G-25: desktop activation and its end.

use jiff::SignedDuration;
use saml::binding::post;
use serde_json::{Value, json};

use crate::parties::{Answer, Browser, Parties, Person, Tenant, asked, step, text};

pub(crate) async fn activate(
    parties: &Parties,
    tenant: &Tenant,
    person: &Person,
    device: &str,
) -> Answer {
    activate_at(parties.browser(), parties, tenant, person, device).await
}

/// The same at this replica of the portal.
pub(crate) async fn activate_at(
    app: Browser,
    parties: &Parties,
    tenant: &Tenant,
    person: &Person,
    device: &str,
) -> Answer {
    let wanted = json!({"email": "anna@corp.example", "device": {"id": device, "name": "Mac"}, "app_version": "1"});
    let begun = app.post("/desktop/v1/activations", &wanted).await.is(201);
    let (request, relay_state) = asked(begun["sso_url"].as_str().unwrap());
    let xml = parties.idp.says(tenant, &request, person);
    let path = format!(
        "/desktop/v1/activations/{}/response",
        text(&begun["activation_id"])
    );
    app.post(
        &path,
        &json!({
            "activation_secret": begun["activation_secret"],
            "saml_response": post::encode(&xml),
            "relay_state": relay_state,
        }),
    )
    .await
}

#[tokio::test]
async fn a_product_user_gets_one_licence_for_several_macs() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.integrated(1).await;
    let anna = Person::named("anna@corp.example", &["g-users"]);
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
async fn without_the_users_group_or_a_seat_there_is_no_licence() {
    let parties = Parties::start().await;
    let (admin, tenant) = parties.integrated(1).await;
    let only_admin = Person::named("boss@corp.example", &["g-admins"]);
    let refused = activate(&parties, &tenant, &only_admin, "mac-1")
        .await
        .problem(403, "not-in-users-group");
    let path = format!("/api/business/refusals/{}", text(&refused["reference"]));
    assert!(text(&admin.get(&path).await.is(200)["private"]).contains("Desktop Users"));
    activate(
        &parties,
        &tenant,
        &Person::named("anna@corp.example", &["g-users"]),
        "mac-1",
    )
    .await
    .is(200);
    activate(
        &parties,
        &tenant,
        &Person::named("bert@corp.example", &["g-users"]),
        "mac-2",
    )
    .await
    .problem(403, "no-seat-left");
}

#[tokio::test]
async fn a_user_who_left_the_group_loses_the_licence_and_the_seat_is_free() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.integrated(1).await;
    let anna = Person::named("anna@corp.example", &["g-users"]);
    let held = activate(&parties, &tenant, &anna, "mac-1").await.is(200);
    let left = Person::named("anna@corp.example", &["g-admins"]);
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
        &Person::named("bert@corp.example", &["g-users"]),
        "mac-2",
    )
    .await
    .is(200);
}

#[tokio::test]
async fn an_ended_subscription_grants_and_validates_nothing() {
    let parties = Parties::start().await;
    let (_, tenant) = parties.integrated(1).await;
    let anna = Person::named("anna@corp.example", &["g-users"]);
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
    let (admin, tenant) = parties.integrated(5).await;
    let app = parties.browser();
    let wanted = json!({"email": "anna@corp.example", "device": {"id": "mac-1"}});
    let begun = app.post("/desktop/v1/activations", &wanted).await.is(201);
    let (request, relay_state) = asked(begun["sso_url"].as_str().unwrap());
    let xml = parties.idp.says(
        &tenant,
        &request,
        &Person::named("anna@corp.example", &["g-users"]),
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
    let (admin, tenant) = parties.integrated(10).await;
    let people: Vec<Person> = (0..20)
        .map(|n| Person::named(&format!("u{n}@corp.example"), &["g-users"]))
        .collect();
    let activations = people
        .iter()
        .map(|person| activate(&parties, &tenant, person, "mac"));
    let answers = futures::future::join_all(activations).await;
    let granted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(granted, 10);
    let listed = admin.get("/api/business/licenses").await.is(200);
    assert_eq!(listed["licenses"].as_array().unwrap().len(), 10);
}
