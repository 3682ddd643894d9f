//! For every fault of the catalogue, a correct service provider refuses the Response, with the
//! code in the catalogue.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::collections::BTreeMap;

use saml::acceptance::Expected;
use world::{World, browser};

#[tokio::test]
async fn each_fault_gets_the_refusal_of_the_catalogue() {
    let world = World::new().await;
    let mut wrong = BTreeMap::new();
    for fault in faults::catalogue().unwrap() {
        let of_the_portal = [
            "wrong-domain",
            "assertion-replayed",
            "request-cookie-missing",
            "unsolicited",
        ];
        if of_the_portal.contains(&fault.refusal.as_str()) || fault.encrypts() {
            continue;
        }
        world.misbehave(&fault.id).await;
        let got = match world.sign_on_and_judge().await {
            Ok(_) => "accepted".to_owned(),
            Err(refusal) if refusal.violations().any(|v| v.code.name() == fault.refusal) => {
                continue;
            }
            Err(refusal) => refusal.private(),
        };
        wrong.insert(fault.id, got);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The fault was chosen for `once`, so the next Response has no fault.
    world.sign_on_and_judge().await.unwrap();
}

#[tokio::test]
async fn a_replay_delivers_the_same_assertion() {
    let world = World::new().await;
    let request = world.request();
    let first = world.sign_on(&browser(), &request).await;
    world.misbehave("replay").await;
    let second = world.sign_on(&browser(), &world.request()).await;
    assert_eq!(first.saml_response(), second.saml_response());
    let expected = Expected::Request(request.id);
    world
        .judge(&second.saml_response(), expected)
        .await
        .unwrap();
}
