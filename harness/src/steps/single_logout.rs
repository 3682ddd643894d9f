//! Single logout, and IdP-initiated sign-on.

use cucumber::{given, then, when};

use world::World;
use world::actions::page_summary;
use world::judge::{Outcome, holds};

#[given(expr = "single logout is set up by {string}")]
async fn is_set_up(world: &mut World, binding: String) -> Outcome {
    world.sets_up_single_logout(&binding).await
}

#[given("the portal accepts logins that start at the IdP")]
async fn accepts_unsolicited(world: &mut World) -> Outcome {
    world.accepts_unsolicited().await
}

#[when(expr = "{word} logs out of the portal")]
async fn logs_out(world: &mut World, given: String) -> Outcome {
    world.logs_out_of_portal(&given).await
}

#[when(expr = "{word} signs off at the IdP")]
async fn signs_off(world: &mut World, given: String) -> Outcome {
    world.signs_off_at_idp(&given).await
}

#[when(expr = "an unsigned logout reaches the portal in {word}'s browser")]
async fn unsigned(world: &mut World, given: String) -> Outcome {
    world.unsigned_logout(&given).await
}

#[when(expr = "the IdP's former logout reaches the portal again in {word}'s browser")]
async fn again(world: &mut World, given: String) -> Outcome {
    world.former_logout_again(&given).await
}

#[when(expr = "{word} starts at the IdP for {string}")]
async fn starts_at_idp(world: &mut World, given: String, page: String) -> Outcome {
    world.starts_at_idp(&given, &page).await
}

#[then(expr = "the browser ends on a page that says {string}")]
async fn ends_saying(world: &mut World, words: String) -> Outcome {
    let page = world.page()?;
    holds(
        format!("a page that says {words:?}"),
        page.status == 200 && page.text().contains(&words),
        page_summary(page),
    )
}

#[then(expr = "the browser ends at {string}")]
async fn ends_at(world: &mut World, path: String) -> Outcome {
    let page = world.page()?;
    let url = &page.url;
    let got = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    holds(
        format!("the address {path}"),
        got == path,
        page_summary(page),
    )
}
