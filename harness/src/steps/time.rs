//! Moves the clocks of the parties by their control ports, so that no step waits. What
//! expires belongs to G-11, G-12, G-17, G-18, G-23 and G-25.

use cucumber::{then, when};
use jiff::SignedDuration;

use world::World;
use world::judge::{Outcome, same};

#[when(expr = "{int} day(s) pass(es)")]
async fn days_pass(world: &mut World, days: i64) -> Outcome {
    let days = SignedDuration::from_hours(24 * days);
    world.rehearsal.advance_clocks(days).await
}

#[when(expr = "{int} hour(s) pass(es)")]
async fn hours_pass(world: &mut World, hours: i64) -> Outcome {
    let hours = SignedDuration::from_hours(hours);
    world.rehearsal.advance_clocks(hours).await
}

#[then("the former bearer token still opens the SCIM base URL")]
async fn former_token_opens(world: &mut World) -> Outcome {
    same("the status", 200, status_of_former_token(world).await?)
}

#[then("the former bearer token no longer opens the SCIM base URL")]
async fn former_token_opens_nothing(world: &mut World) -> Outcome {
    same("the status", 401, status_of_former_token(world).await?)
}

async fn status_of_former_token(world: &mut World) -> Outcome<u16> {
    let base = world.given_by_portal("/scim/base_url")?;
    let token = world.former_scim_token.clone();
    let client = world.person("somebody")?.browser.client();
    let request = client.get(format!("{base}/Users")).bearer_auth(token);
    Ok(world.keep(request).await?.status)
}
