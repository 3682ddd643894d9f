//! G-26 to G-28 with the SCIM requests of each vendor.

use cucumber::{given, then, when};
use reqwest::Method;
use serde_json::json;

use world::World;
use world::actions::Provider;
use world::judge::{Outcome, same};
use world::organization::Plan;

#[given(expr = "the integration is active with {int} seats, provisioned by {word}")]
async fn provisioned_by(world: &mut World, seats: u32, provider: String) -> Outcome {
    let plan = Plan {
        seats,
        ..Plan::default()
    };
    world.integration_is_configured(plan).await?;
    world
        .at_configurator("Ada", Method::POST, "/activate", None)
        .await?
        .succeeded("Activate Integration")?;
    world.provider = Provider::named(&provider)?;
    Ok(())
}

#[when(expr = "the provider creates {word}")]
async fn creates(world: &mut World, given: String) -> Outcome {
    world.provider_does("create", &given, "").await
}

#[when(expr = "the provider changes {word}'s family name to {string}")]
async fn renames(world: &mut World, given: String, family: String) -> Outcome {
    world.person(&given)?.family = family;
    world.provider_does("update", &given, "").await
}

#[when(expr = "the provider disables {word}")]
async fn disables(world: &mut World, given: String) -> Outcome {
    world.provider_does("disable", &given, "").await
}

#[when(expr = "the provider enables {word}")]
async fn enables(world: &mut World, given: String) -> Outcome {
    world.provider_does("enable", &given, "").await
}

#[when(expr = "the provider removes {word}")]
async fn removes(world: &mut World, given: String) -> Outcome {
    world.provider_does("remove", &given, "").await
}

#[when(expr = "the provider puts {word} in the group {string}")]
async fn puts(world: &mut World, given: String, group: String) -> Outcome {
    world.provider_moves("join", &given, &group).await
}

#[when(expr = "the provider takes {word} out of the group {string}")]
async fn takes(world: &mut World, given: String, group: String) -> Outcome {
    world.provider_moves("leave", &given, &group).await
}

#[when("SCIM support is turned off")]
async fn turned_off(world: &mut World) -> Outcome {
    world
        .at_configurator("Ada", Method::PUT, "/scim", Some(json!({"enabled": false})))
        .await?
        .succeeded("turning SCIM off")?;
    Ok(())
}

#[then("the portal refuses the provider's SCIM requests")]
async fn not_let_in(world: &mut World) -> Outcome {
    let answered = world.provider_sends("GET", "/Users?count=1", None).await?;
    same("the status", 401, answered.status)
}
