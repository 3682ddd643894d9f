//! Tests of transport faults: chosen for an application, or requested by a header of a request.
//! Other requests have no fault.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mock_idp::Timer;
use reqwest::Method;
use serde_json::{Value, json};
use world::{World, browser};

/// A timer that completes at once and records the durations.
#[derive(Debug, Default, Clone)]
struct Noted(Arc<Mutex<Vec<Duration>>>);

impl Timer for Noted {
    fn wait(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.lock().unwrap().push(duration);
        Box::pin(async {})
    }
}

async fn start_world() -> (World, Noted) {
    let noted = Noted::default();
    let world = World::with_timer(Arc::new(noted.clone())).await;
    (world, noted)
}

async fn choose(world: &World, faults: Value) {
    let path = format!(
        "/control/environments/{}/applications/{}/faults",
        world.env, world.app
    );
    let body = json!({"faults": faults});
    let (status, answer) = world.call_control(Method::PUT, &path, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    for (requested, shown) in faults
        .as_array()
        .unwrap()
        .iter()
        .zip(answer["faults"].as_array().unwrap())
    {
        let requested = requested.as_str().or(requested["id"].as_str());
        assert_eq!(shown["id"].as_str(), requested);
    }
}

fn metadata(world: &World) -> String {
    format!(
        "{}/{}/saml20/metadata/{}",
        world.idp.base_url(),
        world.env,
        world.app
    )
}

#[tokio::test]
async fn a_status_takes_the_answers_place_for_that_application_only() {
    let (world, _) = start_world().await;
    let other = json!({"name": "Other", "spEntityId": "https://other.example", "acsUrls": ["https://other.example/acs"], "enabled": true});
    let other = world.create("/applications", other).await;
    choose(&world, json!([{"id": "error-status", "status": 502}])).await;
    let http = browser();
    let answer = http.get(metadata(&world)).send().await.unwrap();
    assert_eq!(answer.status(), 502);
    let answer = http
        .get(world.redirect(&world.request()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 502, "the sign-on of the same application");
    let elsewhere = metadata(&world).replace(&world.app, &other);
    assert_eq!(http.get(elsewhere).send().await.unwrap().status(), 200);
    assert_eq!(
        world.show("/users").await["count"],
        1,
        "the API is left alone"
    );
    choose(&world, json!([])).await;
    assert_eq!(
        http.get(metadata(&world)).send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_again_and_only_once() {
    let (world, _) = start_world().await;
    choose(
        &world,
        json!([{"id": "too-many-requests", "retryAfter": 7, "times": "once"}]),
    )
    .await;
    let http = browser();
    let answer = http.get(metadata(&world)).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(
        http.get(metadata(&world)).send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn every_third_answer_and_a_seeded_share_of_them() {
    let (world, _) = start_world().await;
    let http = browser();
    let statuses = async |count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            let answer = http.get(metadata(&world)).send().await.unwrap();
            statuses.push(answer.status().as_u16());
        }
        statuses
    };
    choose(
        &world,
        json!([{"id": "error-status", "times": {"every": 3}}]),
    )
    .await;
    assert_eq!(statuses(6).await, [200, 200, 503, 200, 200, 503]);
    choose(
        &world,
        json!([{"id": "error-status", "times": {"percent": 50}}]),
    )
    .await;
    let struck = statuses(40)
        .await
        .iter()
        .filter(|status| **status == 503)
        .count();
    assert!((8..=32).contains(&struck), "{struck}");
}

#[tokio::test]
async fn half_a_body_and_a_reset_end_the_connection() {
    let (world, _) = start_world().await;
    choose(&world, json!(["half-a-body"])).await;
    let answer = browser().get(metadata(&world)).send().await.unwrap();
    let promised = answer.content_length().unwrap();
    assert!(promised > 500);
    assert!(answer.bytes().await.is_err());
    choose(&world, json!(["reset"])).await;
    assert!(browser().get(metadata(&world)).send().await.is_err());
}

#[tokio::test]
async fn an_answer_comes_late_drop_by_drop_and_as_something_else() {
    let (world, noted) = start_world().await;
    choose(
        &world,
        json!([{"id": "latency", "milliseconds": 90_000}, {"id": "slow-drip", "milliseconds": 40},
               {"id": "wrong-content-type", "contentType": "text/html"}]),
    )
    .await;
    let answer = browser().get(metadata(&world)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html");
    let length = answer.bytes().await.unwrap().len();
    let waits = noted.0.lock().unwrap().clone();
    assert_eq!(waits[0], Duration::from_secs(90));
    assert_eq!(waits.len(), 1 + length.div_ceil(16));
}

#[tokio::test]
async fn a_request_asks_for_its_own_fault_by_a_header() {
    let (world, _) = start_world().await;
    let http = browser();
    let with = |header: &'static str| {
        http.get(metadata(&world))
            .header("x-rehearsal-fault", header)
    };
    let answer = with("error-status; status=500").send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(with("earthquake").send().await.unwrap().status(), 400);
    assert_eq!(
        http.get(metadata(&world)).send().await.unwrap().status(),
        200
    );

    // A fault of the catalogue, at a sign-on of a user who has a session.
    let request = world.request();
    world.sign_on(&http, &request).await.saml_response();
    let request = world.request();
    let requested = http
        .get(world.redirect(&request))
        .header("x-rehearsal-fault", "expired");
    let page = world::open(requested).await;
    let expected = saml::acceptance::Expected::Request(request.id);
    let judged = world.judge(&page.saml_response(), expected).await;
    assert!(judged.is_err());
    world.sign_on_and_judge().await.unwrap();
}
