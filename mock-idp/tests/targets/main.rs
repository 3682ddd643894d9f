//! Tests of provisioning to targets with quirks that people report. Each row is a target with
//! one quirk, and the expected outcome. Either the target converges, or the error is clear; no
//! other user's record is changed, and no user who left stays active while the status is
//! SUCCESS.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod models;
mod target;
#[path = "../world/mod.rs"]
mod world;

use serde_json::{Value, json};
use target::{Provisioned, Quirk};

#[tokio::test]
async fn targets_with_deviations_converge() {
    let rows: [(&str, &'static [Quirk], Value); 11] = [
        ("none", &[], json!({})),
        ("PV-02", &[Quirk::Empty201], json!({})),
        ("PV-10", &[Quirk::NoPatch(405)], json!({})),
        ("PV-10, 501", &[Quirk::NoPatch(501)], json!({})),
        ("PV-10, unrouted", &[Quirk::NoPatch(404)], json!({})),
        (
            "PV-10, by ServiceProviderConfig",
            &[Quirk::DeniesPatch],
            json!({}),
        ),
        ("no PUT", &[Quirk::NoPut], json!({})),
        ("PV-15", &[Quirk::Slash], json!({})),
        ("PV-16", &[Quirk::OddIds], json!({})),
        ("PV-47", &[Quirk::Query], json!({})),
        (
            "disabled without PATCH",
            &[Quirk::NoPatch(405)],
            json!({"REMOVE_ACTION": "Disable"}),
        ),
    ];
    let all = rows.into_iter().map(|(row, quirks, settings)| async move {
        Provisioned::new(quirks, settings)
            .await
            .check_convergence(row)
            .await;
    });
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_connection_that_says_so_sends_no_patch() {
    let here = Provisioned::new(&[], json!({"UPDATE_METHOD": "PUT"})).await;
    here.check_convergence("UPDATE_METHOD").await;
    assert_eq!(here.target.requests("PATCH"), 0);
}

#[tokio::test]
async fn a_target_that_ignores_filters_keeps_its_other_users() {
    // PV-41: exactly one other user exists at the target.
    let here = Provisioned::new(&[Quirk::NoFilter], json!({})).await;
    let stranger = json!({"id": "s", "userName": "stranger", "displayName": "Stranger"});
    here.target.put("/Users/s", stranger.clone());
    let status = here.synchronize().await;
    assert_eq!(status["syncState"], "SUCCESS", "{status}");
    assert_eq!(here.target.user("stranger"), Some(stranger.clone()));
    assert!(here.target.user("alice").is_some());
    here.world.delete(&here.alice()).await;
    here.wait_until_idle().await;
    assert_eq!(here.target.all("/Users/"), [stranger]);
}

#[tokio::test]
async fn existing_users_are_matched_by_the_work_email() {
    // PV-51, as Entra matches.
    let filter = json!({"USER_FILTER": "emails[type eq \"work\"].value eq \"%s\"",
        "UNIQUE_USER_IDENTIFIER": "workEmail"});
    let here = Provisioned::new(&[], filter).await;
    let old = json!({"id": "o", "userName": "old", "emails": [
        {"value": "alice@example.com", "type": "work"}]});
    here.target.put("/Users/o", old);
    let status = here.synchronize().await;
    assert_eq!(status["syncState"], "SUCCESS", "{status}");
    let all = here.target.all("/Users/");
    assert_eq!(all.len(), 1);
    assert_eq!(
        (&all[0]["id"], &all[0]["userName"]),
        (&json!("o"), &json!("alice"))
    );
}

#[tokio::test]
async fn a_page_is_no_list() {
    let here = Provisioned::new(&[Quirk::Page], json!({})).await;
    let store = here
        .world
        .show(&format!("/propagation/stores/{}", here.store))
        .await;
    let check = "/propagation/stores/connection/status";
    let tested = here.world.change(reqwest::Method::POST, check, store).await;
    assert_eq!(tested["status"], "FAILED", "{tested}");
    assert!(tested.to_string().contains("ListResponse"), "{tested}");

    let status = here.synchronize().await;
    assert_eq!(status["syncState"], "FAILED", "{status}");
    assert!(status.to_string().contains("ListResponse"), "{status}");
    assert_eq!(here.target.requests("POST"), 0, "nobody is created unseen");
}

#[tokio::test]
async fn an_endless_answer_is_aborted() {
    let here = Provisioned::new(&[Quirk::Endless], json!({})).await;
    let path = format!("/propagation/stores/{}", here.store);
    let store = here.world.show(&path).await;
    let check = "/propagation/stores/connection/status";
    let tested = here.world.change(reqwest::Method::POST, check, store).await;
    assert_eq!(tested["status"], "FAILED", "{tested}");
    assert!(tested.to_string().contains("larger than"), "{tested}");
    let status = here.synchronize().await;
    assert_eq!(status["syncState"], "FAILED", "{status}");
    assert!(status.to_string().contains("larger than"), "{status}");
}

#[tokio::test]
async fn a_user_who_cannot_be_deleted_is_an_error() {
    // PV-16: a 404 was taken to mean that the user no longer exists.
    let here = Provisioned::new(&[Quirk::NoDelete], json!({})).await;
    here.synchronize().await;
    here.world.delete(&here.alice()).await;
    let status = here.wait_until_idle().await;
    assert_eq!(status["syncState"], "FAILED", "{status}");
    assert_eq!(status["failedDeprovisionCount"], 1, "{status}");
    assert!(status.to_string().contains("still there"), "{status}");
}

#[tokio::test]
async fn an_operation_that_the_target_does_not_support_is_not_retried() {
    let here = Provisioned::new(&[Quirk::NoPut, Quirk::NoPatch(501)], json!({})).await;
    here.synchronize().await;
    here.rename_alice().await;
    // It would not settle if the operation were repeated later.
    let status = here.wait_until_idle().await;
    assert_eq!(status["syncState"], "FAILED", "{status}");
    assert!(status.to_string().contains("501"), "{status}");
}

#[tokio::test]
async fn a_user_who_leaves_before_the_answer_to_the_creation_is_removed() {
    let here = Provisioned::new(&[], json!({})).await;
    here.target.held.lock().unwrap().loses_next = true;
    here.world.create("/propagation/revisions", json!({})).await;
    here.target.lost.notified().await;
    assert!(
        here.target.user("alice").is_some(),
        "the target created her"
    );
    here.world.delete(&here.alice()).await;
    here.world.wait_until_nothing_is_due(&here.store).await;
    here.target.held.lock().unwrap().is_broken = false;
    // Operations that failed meanwhile are repeated after this time.
    here.world.advance(60).await;
    let status = here.wait_until_idle().await;
    assert_eq!(status["syncState"], "SUCCESS", "{status}");
    assert_eq!(here.target.user("alice"), None);
}
