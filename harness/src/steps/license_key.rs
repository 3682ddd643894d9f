//! G-03, G-04 and G-05: license keys, the business account, and the IdP Integration page.

use cucumber::{given, then, when};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use world::World;
use world::actions::per_user_key;
use world::judge::{Failed, Outcome, holds, list, same};

#[given(expr = "a Business Edition key with {int} seats")]
async fn key(world: &mut World, seats: u32) -> Outcome {
    world.key_is_sold(per_user_key(seats)).await
}

#[given(expr = "a per-device Business Edition key with {int} seats")]
async fn per_device_key(world: &mut World, seats: u32) -> Outcome {
    let order = json!({"seats": seats, "licensing": "per-device", "edition": "business"});
    world.key_is_sold(order).await
}

#[given(expr = "a Business Edition key that ended yesterday")]
async fn ended_key(world: &mut World) -> Outcome {
    let now = world.rehearsal.ambient.now();
    let mut order = per_user_key(5);
    order["starts"] = (now - SignedDuration::from_hours(24 * 366))
        .to_string()
        .into();
    order["ends"] = (now - SignedDuration::from_hours(24)).to_string().into();
    world.key_is_sold(order).await
}

#[given(expr = "{word} has a business account with {int} seats")]
async fn business_account(world: &mut World, given: String, seats: u32) -> Outcome {
    world.has_business_account(&given, seats).await
}

#[when(expr = "{word} registers the license key")]
async fn registers(world: &mut World, given: String) -> Outcome {
    world.registers_key(&given, None, None).await
}

#[when(expr = "{word} registers the license key with the display name {string}")]
async fn registers_named(world: &mut World, given: String, name: String) -> Outcome {
    world.registers_key(&given, Some(&name), None).await
}

#[when(expr = "{word} registers the license key for the organization {string}")]
async fn registers_for(world: &mut World, given: String, organization: String) -> Outcome {
    world.registers_key(&given, None, Some(&organization)).await
}

#[when(
    expr = "{word} registers the license key for the organization {string} with the display name {string}"
)]
async fn registers_named_for(
    world: &mut World,
    given: String,
    organization: String,
    name: String,
) -> Outcome {
    world
        .registers_key(&given, Some(&name), Some(&organization))
        .await
}

#[when(expr = "{word} registers the key {string}")]
async fn registers_this(world: &mut World, given: String, key: String) -> Outcome {
    world.license_key = key;
    world.registers_key(&given, None, Some("Lumen Works")).await
}

#[then(expr = "{word}'s business account is {string}")]
async fn business_account_is(world: &mut World, given: String, name: String) -> Outcome {
    let answer = world
        .at_api(&given, Method::GET, "/api/business", None)
        .await?;
    same("the status", 200, answer.status)?;
    same(
        "the name",
        Some(name.as_str()),
        answer.body["name"].as_str(),
    )
}

#[then(expr = "the subscription {string} has {int} seats, {int} of them free")]
async fn subscription(world: &mut World, name: String, seats: u64, free: u64) -> Outcome {
    let answer = world
        .at_api("Ada", Method::GET, "/api/business/subscriptions", None)
        .await?
        .clone();
    let subscription = list(&answer.body, "/subscriptions")?
        .iter()
        .find(|subscription| subscription["name"] == name.as_str())
        .ok_or_else(|| Failed::mismatch(format!("a subscription {name:?}"), answer.to_string()))?;
    same("seats", Some(seats), subscription["seats"].as_u64())?;
    same("free seats", Some(free), subscription["free"].as_u64())
}

#[then(expr = "{int} seats are free")]
async fn free_seats(world: &mut World, free: u64) -> Outcome {
    let answer = world
        .at_api("Ada", Method::GET, "/api/business/subscriptions", None)
        .await?
        .clone();
    let sum: u64 = list(&answer.body, "/subscriptions")?
        .iter()
        .filter_map(|subscription| subscription["free"].as_u64())
        .sum();
    same("free seats", free, sum)
}

#[then(expr = "the IdP Integration page is open to {word}")]
async fn page_is_open(world: &mut World, given: String) -> Outcome {
    let answer = world.look_at_configurator(&given).await?;
    holds("the page to open with 200", answer.status == 200, &answer)
}

#[then(expr = "the IdP Integration page is closed to {word}")]
async fn page_is_closed(world: &mut World, given: String) -> Outcome {
    let answer = world.look_at_configurator(&given).await?;
    holds(
        "the page to be refused with a 4xx problem",
        (400..500).contains(&answer.status) && answer.body["code"].is_string(),
        &answer,
    )
}
