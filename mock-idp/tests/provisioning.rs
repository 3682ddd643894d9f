//! Tests of provisioning to a small SCIM endpoint, which stores what it gets and can be made to
//! fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scim_target;
mod world;

use reqwest::Method;
use scim_target::Target;
use scim_target::provisioned::Provisioned;
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_is_made_changed_disabled_and_deleted_at_the_target() {
    let here = Provisioned::new(json!({})).await;
    assert_eq!(
        here.target.all("Users"),
        [] as [Value; 0],
        "nothing before a revision"
    );
    here.world.create("/propagation/revisions", json!({})).await;
    let status = here.wait_until_idle().await;
    assert_eq!(
        (&status["syncState"], &status["successCount"]),
        (&json!("SUCCESS"), &json!(1))
    );
    let alice = here.target.user("alice").unwrap();
    assert_eq!(alice["displayName"], "Alice Adams");
    assert_eq!(alice["externalId"], here.world.alice.as_str());
    assert_eq!(alice["active"], true);
    assert_eq!(
        alice["emails"],
        json!([{"value": "alice@example.com", "type": "work", "primary": true}])
    );
    let group = &here.target.all("Groups")[0];
    assert_eq!(group["displayName"], "Users");
    assert_eq!(group["externalId"], here.group.as_str());
    assert_eq!(group["members"], json!([{"value": alice["id"]}]));

    let path = format!("/users/{}", here.world.alice);
    let married = json!({"name": {"family": "Brown"}});
    here.world.change(Method::PATCH, &path, married).await;
    here.wait_until_idle().await;
    let alice = here.target.user("alice").unwrap();
    assert_eq!(alice["name"]["familyName"], "Brown");

    let enabled = format!("{path}/enabled");
    here.world
        .change(Method::PUT, &enabled, json!({"enabled": false}))
        .await;
    here.wait_until_idle().await;
    assert_eq!(here.target.user("alice").unwrap()["active"], false);

    here.world.delete(&path).await;
    here.wait_until_idle().await;
    assert_eq!(here.target.user("alice"), None);
    assert_eq!(here.target.all("Groups")[0]["members"], json!([]));
}

#[tokio::test]
async fn joining_and_leaving_a_group_sends_the_difference() {
    let here = Provisioned::new_synchronized(json!({})).await;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    let bob = here.world.create("/users", bob).await;
    here.wait_until_idle().await;
    here.target.requests();
    let join = format!("/users/{bob}/memberOfGroups");
    here.world.create(&join, json!({"id": here.group})).await;
    here.wait_until_idle().await;
    assert_eq!(here.target.requests(), ["PATCH /Groups"]);
    let members = || {
        here.target.all("Groups")[0]["members"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(members(), 2);
    here.world.delete(&format!("{join}/{}", here.group)).await;
    here.wait_until_idle().await;
    assert_eq!(members(), 1);
}

#[tokio::test]
async fn an_existing_user_is_found_and_not_created_again() {
    let here = Provisioned::new(json!({})).await;
    for (kind, value) in [
        ("Users", json!({"id": "old", "userName": "alice"})),
        (
            "Groups",
            json!({"id": "old", "displayName": "Users", "members": [{"value": "x"}]}),
        ),
    ] {
        let key = (kind.to_owned(), "old".to_owned());
        here.target
            .held
            .lock()
            .unwrap()
            .resources
            .insert(key, value);
    }
    here.world.create("/propagation/revisions", json!({})).await;
    here.wait_until_idle().await;
    assert_eq!(here.target.all("Users").len(), 1);
    assert_eq!(
        here.target.user("alice").unwrap()["displayName"],
        "Alice Adams"
    );
    let group = &here.target.all("Groups")[0];
    assert_eq!(
        group["members"],
        json!([{"value": "x"}, {"value": "old"}]),
        "merged, as PingOne does by default"
    );
}

#[tokio::test]
async fn a_target_that_fails_is_tried_again_when_the_clock_says_so() {
    let here = Provisioned::new_synchronized(json!({})).await;
    here.target.held.lock().unwrap().failures = 1;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    here.world.create("/users", bob).await;
    let waiting = here.world.wait_until_nothing_is_due(&here.store).await;
    assert_eq!(waiting["nextAttemptAt"], "2026-03-01T08:00:01Z");
    here.world.advance(2).await;
    here.wait_until_idle().await;
    assert!(here.target.user("bob").is_some());
}

#[tokio::test]
async fn a_target_that_loses_answers_has_every_user_once() {
    let here = Provisioned::new(json!({})).await;
    here.target.held.lock().unwrap().losing = 3;
    let mut names = vec!["alice".to_owned()];
    for number in 0..30 {
        let name = format!("user{number}");
        let user = json!({"username": name, "email": format!("{name}@example.com")});
        let id = here.world.create("/users", user).await;
        let join = format!("/users/{id}/memberOfGroups");
        here.world.create(&join, json!({"id": here.group})).await;
        names.push(name);
    }
    here.world.create("/propagation/revisions", json!({})).await;
    let mut rounds = 0;
    while here.world.wait_until_nothing_is_due(&here.store).await["idle"] == false {
        rounds += 1;
        assert!(rounds < 60, "expected an end of it");
        here.world.advance(600).await;
    }
    assert!(rounds > 0, "expected answers that were lost");
    let mut held: Vec<String> = here.target.all("Users").iter().map(name_of).collect();
    held.sort();
    names.sort();
    assert_eq!(held, names);
    let groups = here.target.all("Groups");
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0]["members"].as_array().unwrap().len(), names.len());
}

fn name_of(user: &Value) -> String {
    user["userName"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_queue_outlives_a_restart() {
    let here = Provisioned::new_synchronized(json!({})).await;
    here.target.held.lock().unwrap().failures = 1;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    here.world.create("/users", bob).await;
    let waiting = here.world.wait_until_nothing_is_due(&here.store).await;
    assert_eq!(waiting["waiting"], 1);
    let here = Provisioned {
        world: here.world.restart().await,
        ..here
    };
    here.world.advance(2).await;
    here.wait_until_idle().await;
    assert!(here.target.user("bob").is_some());
    assert_eq!(here.target.all("Users").len(), 2);
}

#[tokio::test]
async fn settings_decide_what_is_done_at_the_target() {
    let here = Provisioned::new_synchronized(json!({"REMOVE_ACTION": "Disable"})).await;
    here.world
        .delete(&format!("/users/{}", here.world.alice))
        .await;
    here.wait_until_idle().await;
    assert_eq!(here.target.user("alice").unwrap()["active"], false);

    let here = Provisioned::new_synchronized(json!({"CREATE_USERS": false})).await;
    assert!(here.target.all("Users").is_empty());
}

#[tokio::test]
async fn a_group_that_is_there_is_overwritten_when_the_connection_says_so() {
    let here = Provisioned::new(json!({"GROUP_MEMBERSHIP_HANDLING": "Overwrite"})).await;
    let group = json!({"id": "old", "displayName": "Users", "members": [{"value": "x"}]});
    let key = ("Groups".to_owned(), "old".to_owned());
    here.target
        .held
        .lock()
        .unwrap()
        .resources
        .insert(key, group);
    here.world.create("/propagation/revisions", json!({})).await;
    here.wait_until_idle().await;
    let alice = here.target.user("alice").unwrap();
    let group = &here.target.all("Groups")[0];
    assert_eq!(group["members"], json!([{"value": alice["id"]}]));
}

#[tokio::test]
async fn a_paused_store_keeps_its_queue() {
    let here = Provisioned::new_synchronized(json!({})).await;
    let path = format!("/propagation/stores/{}", here.store);
    let mut store = here.world.show(&path).await;
    store["status"] = "INACTIVE".into();
    here.world.change(Method::PUT, &path, store.clone()).await;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    let bob = here.world.create("/users", bob).await;
    assert_eq!(
        here.world.show(&path).await["syncStatus"]["syncState"],
        "PAUSED"
    );
    let users = here.world.show(&format!("{path}/users")).await;
    let users = users["_embedded"]["users"].as_array().unwrap().clone();
    let found = users
        .iter()
        .find(|user| user["id"] == bob.as_str())
        .unwrap();
    assert_eq!(
        (&found["state"], &found["username"]),
        (&json!("PENDING"), &json!("bob"))
    );
    store["status"] = "ACTIVE".into();
    here.world.change(Method::PUT, &path, store).await;
    here.wait_until_idle().await;
    assert!(here.target.user("bob").is_some());
}

#[tokio::test]
async fn failures_are_shown_for_each_user_and_retried() {
    let here = Provisioned::new_synchronized(json!({})).await;
    here.target.held.lock().unwrap().refusing = true;
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    let bob = here.world.create("/users", bob).await;
    let status = here.wait_until_idle().await;
    assert_eq!(
        (&status["syncState"], &status["failedCount"]),
        (&json!("FAILED"), &json!(1))
    );
    let path = format!("/propagation/stores/{}", here.store);
    let failed = here
        .world
        .show(&format!("{path}/users?filter=state%20eq%20%22FAILED%22"))
        .await;
    let failed = &failed["_embedded"]["users"][0];
    assert_eq!(failed["id"], bob.as_str());
    assert!(
        failed["error"].as_str().unwrap().contains("400"),
        "{failed}"
    );
    here.target.held.lock().unwrap().refusing = false;
    let queued = here
        .world
        .change(
            Method::POST,
            &format!("{path}/sync"),
            json!({"scope": "FAILED"}),
        )
        .await;
    assert_eq!(queued["queued"], 1);
    assert_eq!(here.wait_until_idle().await["syncState"], "SUCCESS");
    assert!(here.target.user("bob").is_some());
}

#[tokio::test]
async fn a_deleted_rule_leaves_its_users_or_takes_them_along() {
    for deprovision in [false, true] {
        let here = Provisioned::new_synchronized(json!({})).await;
        let rules = here.world.show("/propagation/rules").await;
        let rule = &rules["_embedded"]["rules"][0];
        let path = format!("/propagation/rules/{}", rule["id"].as_str().unwrap());
        let mut rule = rule.clone();
        rule["deprovision"] = deprovision.into();
        here.world.change(Method::PUT, &path, rule).await;
        here.world.delete(&path).await;
        here.wait_until_idle().await;
        assert_eq!(here.target.user("alice").is_none(), deprovision);
    }
}

#[tokio::test]
async fn a_deleted_store_that_is_managed_is_left_by_all_at_the_next_revision() {
    for managed in [false, true] {
        let here = Provisioned::new_synchronized(json!({})).await;
        let path = format!("/propagation/stores/{}", here.store);
        let mut store = here.world.show(&path).await;
        store["managed"] = managed.into();
        here.world.change(Method::PUT, &path, store).await;
        here.world.delete(&path).await;
        assert!(here.target.user("alice").is_some(), "not before a revision");
        here.world.create("/propagation/revisions", json!({})).await;
        // 404 shows that all data of the store was deleted.
        while here.ask_idle(20_000).await.0 != 404 {}
        assert_eq!(here.target.user("alice").is_none(), managed);
        assert_eq!(here.target.all("Groups").is_empty(), managed);
    }
}

#[tokio::test]
async fn a_token_is_fetched_by_client_credentials_and_again_when_it_is_refused() {
    let here = Target::new().await;
    let issuer = here.url.clone();
    let here = Provisioned::with_target(
        here,
        json!({"AUTHENTICATION_METHOD": "OAuth 2 Client Credentials",
               "OAUTH_TOKEN_REQUEST": format!("{issuer}/oauth/token"),
               "OAUTH_CLIENT_ID": "idp", "OAUTH_CLIENT_SECRET": "shh"}),
    )
    .await;
    here.world.create("/propagation/revisions", json!({})).await;
    here.wait_until_idle().await;
    assert!(here.target.user("alice").is_some());
    let tokens = |requests: &[String]| requests.iter().filter(|r| *r == "POST token").count();
    assert_eq!(tokens(&here.target.requests()), 1, "one token for them all");
    here.target.held.lock().unwrap().token = "renewed".to_owned();
    let bob = json!({"username": "bob", "email": "bob@example.com"});
    here.world.create("/users", bob).await;
    here.world.wait_until_nothing_is_due(&here.store).await;
    here.world.advance(2).await;
    here.wait_until_idle().await;
    assert!(here.target.user("bob").is_some());
}
