//! G-02: login by a social identity.

use cucumber::{then, when};

use world::World;
use world::judge::{Failed, Outcome, holds, same};
use world::social::Misbehavior;

#[when(expr = "{word} signs in with {word}")]
async fn signs_in(world: &mut World, given: String, provider: String) -> Outcome {
    world.signs_in_with(&given, &provider, true, true).await
}

#[when(expr = "{word} signs in with {word}, which has not verified the e-mail")]
async fn unverified(world: &mut World, given: String, provider: String) -> Outcome {
    world.signs_in_with(&given, &provider, false, true).await
}

#[when(expr = "{word} chooses {word} and cancels there")]
async fn cancels(world: &mut World, given: String, provider: String) -> Outcome {
    world.signs_in_with(&given, &provider, true, false).await
}

#[when(expr = "{word} follows the provider's answer that {word} got")]
async fn follows_another(world: &mut World, given: String, other: String) -> Outcome {
    // The victim's browser opens the callback URL that the attacker received.
    world.signs_in_with(&other, "Google", true, true).await?;
    let way = world.page()?.way.clone();
    let back = way.iter().find(|url| url.path().ends_with("/callback"));
    let back = back.cloned();
    let back = back.ok_or_else(|| Failed::mismatch("a way back", format!("{way:?}")))?;
    let browser = world.person(&given)?.browser.clone();
    world.page = Some(browser.open(back).await?);
    Ok(())
}

#[when(expr = "the provider answers with another {word}")]
async fn misbehaves(world: &mut World, what: String) -> Outcome {
    let misbehavior = match what.as_str() {
        "nonce" => Misbehavior::Nonce,
        "state" => Misbehavior::State,
        "audience" => Misbehavior::Audience,
        "key" => Misbehavior::Key,
        "time" => Misbehavior::Expired,
        other => return Err(Failed::Unknown(format!("a misbehavior called {other}"))),
    };
    world.rehearsal.social()?.misbehave(misbehavior);
    Ok(())
}

#[then(expr = "the sign-in page says {string}")]
async fn page_says(world: &mut World, words: String) -> Outcome {
    let page = world.page()?;
    holds(
        format!("a sign-in page that says {words:?}"),
        page.status >= 400 && page.login_form().is_some() && page.text().contains(&words),
        format!("{} {} {}", page.status, page.url, page.text()),
    )
}

#[then(expr = "{word}'s dashboard is on the screen")]
async fn on_dashboard(world: &mut World, given: String) -> Outcome {
    let email = world.email_of(&given)?;
    let page = world.page()?;
    same("the page", "/dashboard", page.url.path())?;
    holds(
        format!("a dashboard that names {email}"),
        page.status == 200 && page.text().contains(&email),
        page.text(),
    )
}
