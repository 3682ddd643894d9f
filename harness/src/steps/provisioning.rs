//! G-12, G-26 and G-27: the SCIM connection, and the users and groups that the portal then
//! has.

use cucumber::{given, then, when};
use reqwest::Method;
use serde_json::Value;

use world::World;
use world::judge::{Failed, Outcome, holds, list, same};

#[when(expr = "{word} copies the SCIM bearer token")]
async fn copies_token(world: &mut World, given: String) -> Outcome {
    world.copies_scim_token(&given).await
}

#[when("the bearer token is copied with a letter missing")]
async fn copies_token_badly(world: &mut World) -> Outcome {
    world.copies_scim_token("Ada").await?;
    world.scim_token.pop();
    Ok(())
}

#[when("the IdP administrator tests the connection to the SCIM base URL")]
async fn tests_connection(world: &mut World) -> Outcome {
    world.tests_connection().await
}

#[when(expr = "the IdP administrator saves the connection {string}")]
async fn saves_connection(world: &mut World, name: String) -> Outcome {
    world.saves_connection(&name).await
}

#[when("the IdP administrator starts provisioning")]
async fn starts_provisioning(world: &mut World) -> Outcome {
    world.starts_provisioning().await
}

#[given(expr = "the IdP provisions like {string}")]
async fn pushes_as(world: &mut World, provider: String) -> Outcome {
    world.idp_speaks_as(&provider).await
}

#[when(expr = "the IdP administrator disables {word}")]
async fn disables(world: &mut World, given: String) -> Outcome {
    world.user_enabled(&given, false).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator enables {word}")]
async fn enables(world: &mut World, given: String) -> Outcome {
    world.user_enabled(&given, true).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator deletes {word}")]
async fn deletes(world: &mut World, given: String) -> Outcome {
    world.deletes_user(&given).await?;
    world.directory_is_in_sync().await
}

#[when(expr = "the IdP administrator changes {word}'s family name to {string}")]
async fn renames(world: &mut World, given: String, family: String) -> Outcome {
    world.renames_user(&given, &family).await?;
    world.directory_is_in_sync().await
}

#[then("the connection test succeeds")]
async fn test_succeeds(world: &mut World) -> Outcome {
    let answer = world.answer()?;
    holds(
        "the connection test to succeed",
        (200..300).contains(&answer.status) && !says_failed(&answer.body),
        answer,
    )
}

#[then("the connection test fails")]
async fn test_fails(world: &mut World) -> Outcome {
    let answer = world.answer()?;
    holds(
        "the connection test to fail",
        answer.status >= 400 || says_failed(&answer.body),
        answer,
    )
}

#[then(expr = "the portal shows {word} as {word}")]
async fn shows(world: &mut World, given: String, status: String) -> Outcome {
    let user = user_at_portal(world, &given).await?;
    holds(
        format!("{given} as {status}"),
        user["status"] == status.as_str(),
        user,
    )
}

#[then(expr = "the portal does not show {word} as active")]
async fn does_not_show(world: &mut World, given: String) -> Outcome {
    match find(world, &given).await? {
        Some(user) => holds(
            format!("{given} gone or not active"),
            user["status"] != "active",
            user,
        ),
        None => Ok(()),
    }
}

#[then(expr = "the portal does not know {word}")]
async fn does_not_know(world: &mut World, given: String) -> Outcome {
    match find(world, &given).await? {
        Some(user) => Err(Failed::mismatch("nobody by that e-mail", user.to_string())),
        None => Ok(()),
    }
}

#[then(expr = "the portal shows {word} as coming from {string}")]
async fn shows_source(world: &mut World, given: String, source: String) -> Outcome {
    let user = user_at_portal(world, &given).await?;
    holds(
        format!("{given} with the source {source:?}"),
        user["source"] == source.as_str(),
        user,
    )
}

#[when("somebody calls the SCIM base URL with a bearer token")]
async fn calls_scim(world: &mut World) -> Outcome {
    let base = world.given_by_portal("/scim/base_url")?;
    let client = world.person("somebody")?.browser.client();
    let request = client
        .get(format!("{base}/Users"))
        .bearer_auth("any-token-that-was-once-good");
    world.keep(request).await?;
    Ok(())
}

#[then(expr = "the SCIM answer is {int}")]
async fn scim_answers(world: &mut World, status: u16) -> Outcome {
    let answer = world.answer()?;
    holds(
        format!("the status {status}"),
        answer.status == status,
        answer,
    )
}

#[then(expr = "the portal shows {word} with the name {string}")]
async fn shows_name(world: &mut World, given: String, name: String) -> Outcome {
    let user = user_at_portal(world, &given).await?;
    holds(
        format!("{given} with the name {name:?}"),
        user["name"] == name.as_str(),
        user,
    )
}

#[then(expr = "the portal shows {word} in the group {string}")]
async fn shows_in_group(world: &mut World, given: String, group: String) -> Outcome {
    let user = user_at_portal(world, &given).await?;
    holds(
        format!("{given} in {group:?}"),
        in_group(&user, &group),
        user,
    )
}

#[then(expr = "the portal does not show {word} in the group {string}")]
async fn does_not_show_in_group(world: &mut World, given: String, group: String) -> Outcome {
    let user = user_at_portal(world, &given).await?;
    holds(
        format!("{given} not in {group:?}"),
        !in_group(&user, &group),
        user,
    )
}

#[then(expr = "the portal notes at {word} that {string} and {string} differ")]
async fn notes_difference(
    world: &mut World,
    given: String,
    theirs: String,
    ours: String,
) -> Outcome {
    let user = user_at_portal(world, &given).await?;
    let notes = user["notes"].to_string();
    holds(
        format!("a note that names both {theirs:?} and {ours:?}"),
        notes.contains(&theirs) && notes.contains(&ours),
        user,
    )
}

#[then(expr = "{word} has a license")]
async fn has_license(world: &mut World, given: String) -> Outcome {
    same("licenses granted", 1, licenses(world, &given).await?)
}

#[then(expr = "{word} has no license")]
async fn has_no_license(world: &mut World, given: String) -> Outcome {
    same("licenses granted", 0, licenses(world, &given).await?)
}

async fn licenses(world: &mut World, given: &str) -> Outcome<usize> {
    let email = world.email_of(given)?;
    let answer = world
        .at_api("Ada", Method::GET, "/api/business/licenses", None)
        .await?
        .clone()
        .succeeded("listing the licenses")?;
    Ok(list(&answer.body, "/licenses")?
        .iter()
        .filter(|license| license["user"]["email"] == email.as_str())
        .count())
}

async fn find(world: &mut World, given: &str) -> Outcome<Option<Value>> {
    let email = world.email_of(given)?;
    let answer = world
        .at_api("Ada", Method::GET, "/api/business/users", None)
        .await?
        .clone()
        .succeeded("listing the users")?;
    Ok(list(&answer.body, "/users")?
        .iter()
        .find(|user| user["email"] == email.as_str())
        .cloned())
}

async fn user_at_portal(world: &mut World, given: &str) -> Outcome<Value> {
    find(world, given).await?.ok_or_else(|| {
        Failed::mismatch(format!("{given} among the users"), "nobody by that e-mail")
    })
}

fn in_group(user: &Value, group: &str) -> bool {
    user["groups"].as_array().is_some_and(|groups| {
        groups
            .iter()
            .any(|shown| shown == group || shown["name"] == group || shown["display_name"] == group)
    })
}

fn says_failed(body: &Value) -> bool {
    let words = body.to_string().to_ascii_uppercase();
    words.contains("FAIL") || words.contains("INVALID")
}
