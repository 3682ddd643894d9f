//! G-01, and the steps that judge any answer of the portal's API.

use cucumber::{given, then, when};
use reqwest::Method;

use world::PORTAL_PASSWORD;
use world::World;
use world::judge::{Outcome, holds, same};

#[given(expr = "{word} has a portal account and is logged in")]
async fn has_account(world: &mut World, given: String) -> Outcome {
    world.has_account(&given).await
}

#[when(expr = "{word} registers a portal account")]
async fn registers(world: &mut World, given: String) -> Outcome {
    world.registers_account(&given, PORTAL_PASSWORD).await
}

#[when(expr = "{word} registers a portal account with the password {string}")]
async fn registers_with(world: &mut World, given: String, password: String) -> Outcome {
    world.registers_account(&given, &password).await
}

#[when(expr = "{word} logs in")]
async fn logs_in(world: &mut World, given: String) -> Outcome {
    world.logs_in(&given, PORTAL_PASSWORD).await
}

#[when(expr = "{word} logs in with the password {string}")]
async fn logs_in_with(world: &mut World, given: String, password: String) -> Outcome {
    world.logs_in(&given, &password).await
}

#[when(expr = "{word} logs out")]
async fn logs_out(world: &mut World, given: String) -> Outcome {
    world.logs_out(&given).await
}

#[then(expr = "{word} is logged in to the portal")]
async fn is_logged_in(world: &mut World, given: String) -> Outcome {
    let email = world.email_of(&given)?;
    let session = world
        .at_api(&given, Method::GET, "/api/session", None)
        .await?;
    same("the status of the session", 200, session.status)?;
    same(
        "the session's account",
        Some(email.as_str()),
        session.body["account"]["email"].as_str(),
    )
}

#[then(expr = "{word} is not logged in to the portal")]
async fn is_not_logged_in(world: &mut World, given: String) -> Outcome {
    let session = world
        .at_api(&given, Method::GET, "/api/session", None)
        .await?;
    same("the status of the session", 401, session.status)
}

#[then(expr = "the portal answers {int}")]
async fn answers(world: &mut World, status: u16) -> Outcome {
    let answer = world.answer()?;
    holds(
        format!("the status {status}"),
        answer.status == status,
        answer,
    )
}

/// RFC 9457 §3: `type`, `title`, `status`, `detail`; and the portal's `code`.
#[then(expr = "the portal refuses with {int} {string}")]
async fn refuses(world: &mut World, status: u16, code: String) -> Outcome {
    let answer = world.answer()?;
    holds(
        format!("the status {status} and the code {code}"),
        answer.status == status && answer.body["code"] == code.as_str(),
        answer,
    )?;
    same(
        "the media type",
        "application/problem+json",
        answer.media_type.as_str(),
    )?;
    for member in ["type", "title", "detail"] {
        holds(
            format!("a problem document (RFC 9457) with a {member} that is not empty"),
            answer.body[member]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            answer,
        )?;
    }
    same(
        "the problem's status member",
        Some(u64::from(status)),
        answer.body["status"].as_u64(),
    )
}
