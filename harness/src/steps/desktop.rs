//! G-20 to G-23: the desktop app.

use cucumber::{then, when};
use desktop_sim::{ActivationError, Prompt};

use crate::World;
use crate::judge::{Failed, Outcome, holds, same};
use crate::witness::{Actor, reading};

#[when(expr = "{word} installs the app by the download link and starts it")]
async fn installs(world: &mut World, given: String) -> Outcome {
    world.installs_app(&given)
}

#[when(expr = "{word} types the corporate e-mail and logs in at the IdP")]
async fn types_email(world: &mut World, given: String) -> Outcome {
    let email = world.email_of(&given)?;
    world.activates(&email, &email).await
}

#[when(expr = "{word} types the e-mail {string} in the app")]
async fn types_this_email(world: &mut World, _given: String, email: String) -> Outcome {
    world.activates(&email, &email).await
}

#[then("the app prompts for the corporate e-mail")]
async fn prompts(world: &mut World) -> Outcome {
    let app = world
        .app
        .as_ref()
        .ok_or_else(|| Failed::Unknown("the desktop app".to_owned()))?;
    same("the first dialog", Prompt::CorporateEmail, app.prompt())
}

#[then("the portal handed the app the organization's SSO request")]
async fn handed_request(world: &mut World) -> Outcome {
    let issuer = world.given_by_portal("/service_provider/entity_id")?;
    let handed = world
        .rehearsal
        .recorder
        .exchanges()
        .iter()
        .filter(|exchange| {
            exchange.from == Actor::Desktop && exchange.target == "/desktop/v1/activations"
        })
        .flat_map(reading::saml_messages)
        .any(|message| message.xml.contains("AuthnRequest") && message.xml.contains(&issuer));
    holds(
        format!("an AuthnRequest of {issuer} in the answer to the app"),
        handed,
        &world.transcript,
    )
}

#[then("the IdP's answer reached the portal by way of the app")]
async fn by_way_of_app(world: &mut World) -> Outcome {
    let exchanges = world.rehearsal.recorder.exchanges();
    let carried = exchanges.iter().any(|exchange| {
        exchange.from == Actor::Desktop
            && exchange.to == Actor::Portal
            && exchange.target.ends_with("/response")
            && exchange.request.contains("saml_response")
    });
    holds(
        "the app to carry the SAMLResponse to the portal",
        carried,
        &world.transcript,
    )?;
    let posted = exchanges
        .iter()
        .any(|exchange| exchange.from == Actor::Desktop && exchange.target.contains("/acs/"));
    holds(
        "nothing posted to the ACS past the app",
        !posted,
        &world.transcript,
    )
}

#[then("the app is activated")]
async fn is_activated(world: &mut World) -> Outcome {
    match activation(world)? {
        Ok(activated) => holds(
            "a licence with an id and a token",
            !activated.license.id.is_empty() && !activated.license_token.is_empty(),
            format!("{:?}", activated.license),
        ),
        Err(error) => Err(Failed::mismatch("an activated app", error.to_string())),
    }
}

#[then("the app is not activated and shows why")]
async fn is_refused(world: &mut World) -> Outcome {
    match activation(world)? {
        Err(ActivationError::Refused(problem)) => holds(
            "a refusal with a code and a sentence",
            !problem.code.is_empty() && !problem.detail.is_empty(),
            format!("{problem:?}"),
        ),
        other => Err(Failed::mismatch("a refusal", format!("{other:?}"))),
    }
}

#[then(expr = "the app shows {string}")]
async fn shows(world: &mut World, code: String) -> Outcome {
    match activation(world)? {
        Err(ActivationError::Refused(problem)) => holds(
            format!("a refusal with the code {code} and what to do"),
            problem.code == code && !problem.detail.is_empty(),
            format!("{problem:?}"),
        ),
        other => Err(Failed::mismatch(
            format!("a refusal with the code {code}"),
            format!("{other:?}"),
        )),
    }
}

fn activation(world: &World) -> Outcome<&Result<desktop_sim::Activated, ActivationError>> {
    world
        .activation
        .as_ref()
        .ok_or_else(|| Failed::Unknown("an activation".to_owned()))
}
