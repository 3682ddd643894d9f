//! G-20 to G-25: the desktop app.

use cucumber::{then, when};
use desktop_sim::{ActivationError, ActivationState, Dialog, NoSuchButton};

use world::World;
use world::judge::{Failed, Outcome, holds, same};
use world::recorder::{Actor, reading};

#[when(expr = "{word} installs the app by the download link and starts it")]
async fn installs(world: &mut World, given: String) -> Outcome {
    world.installs_app(&given)
}

#[when(expr = "{word} installs the app on another Mac and starts it")]
async fn installs_again(world: &mut World, given: String) -> Outcome {
    world.installs_app(&format!("{given}-2"))
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
    let (app, _) = world.app()?;
    same("the dialog", &Dialog::CorporateEmail, app.dialog())
}

#[when(expr = "{word} opens Account & License… in the menu")]
async fn opens_account_and_license(world: &mut World, _given: String) -> Outcome {
    let (app, transcript) = world.app()?;
    app.open_account_and_license(transcript);
    Ok(())
}

#[when(expr = "{word} clicks Business Edition")]
async fn clicks_business_edition(world: &mut World, _given: String) -> Outcome {
    let (app, transcript) = world.app()?;
    app.click_business_edition(transcript)
        .map_err(missing_button_error)
}

#[when(expr = "{word} clicks Continue with SSO")]
async fn clicks_continue(world: &mut World, _given: String) -> Outcome {
    let (app, transcript) = world.app()?;
    app.click_continue_with_sso(transcript)
        .map_err(missing_button_error)
}

fn missing_button_error(error: NoSuchButton) -> Failed {
    Failed::mismatch("a button to click", error.to_string())
}

#[when(expr = "{word} types the corporate e-mail and password in the app's sign-in dialog")]
async fn types_in_dialog(world: &mut World, given: String) -> Outcome {
    let email = world.email_of(&given)?;
    world
        .signs_in_to_app(&email, world::CORPORATE_PASSWORD)
        .await
}

#[when(expr = "{word} types {string} and a password in the app's sign-in dialog")]
async fn types_this_in_dialog(world: &mut World, _given: String, email: String) -> Outcome {
    world.signs_in_to_app(&email, world::PORTAL_PASSWORD).await
}

#[when(expr = "{word} types corporate e-mail and password on the portal's sign-in page")]
async fn types_on_page(world: &mut World, given: String) -> Outcome {
    world
        .types_on_sign_in_page(&given, world::CORPORATE_PASSWORD)
        .await
}

#[then("the page points the user to Continue with SSO")]
async fn page_turns(world: &mut World) -> Outcome {
    let page = world.page()?;
    holds(
        "a page that says to choose Continue with SSO, and offers it",
        page.status == 403
            && page.text().contains("single sign-on")
            && world::actions::sso_form(page).is_some(),
        format!("{} {}", page.status, page.text()),
    )
}

#[then(expr = "the app's dialog is {string}")]
async fn dialog_is(world: &mut World, title: String) -> Outcome {
    let (app, _) = world.app()?;
    same("the dialog", title.as_str(), app.dialog().title())
}

#[then(expr = "the app's dialog says {string}")]
async fn dialog_says(world: &mut World, words: String) -> Outcome {
    let (app, _) = world.app()?;
    let text = app.dialog().to_string();
    holds(
        format!("a dialog that says {words:?}"),
        text.contains(&words),
        text,
    )
}

#[when("the app is quit and started again")]
async fn is_restarted(world: &mut World) -> Outcome {
    world.restarts_app("Grace")?;
    world.app_looks_at_license().await
}

#[when("the app's disk is copied to Mallory's Mac and the app is started there")]
async fn is_copied(world: &mut World) -> Outcome {
    world.restarts_app("Mallory")?;
    world.app_looks_at_license().await
}

#[when("the license on the app's disk is edited to last longer and the app is started")]
async fn is_edited(world: &mut World) -> Outcome {
    let (app, _) = world.app()?;
    let kept = app.kept().cloned();
    let mut kept = kept.ok_or_else(|| Failed::Unknown("an activation".to_owned()))?;
    kept.signed_license = reading::prolong_jws(&kept.signed_license)
        .ok_or_else(|| Failed::mismatch("a JWS with an exp", kept.signed_license.clone()))?;
    let disk = serde_json::to_string(&kept).unwrap_or_default();
    world.starts_app_with("Grace", &disk)?;
    world.app_looks_at_license().await
}

#[when("the app looks at its license")]
async fn looks(world: &mut World) -> Outcome {
    world.app_looks_at_license().await
}

#[when("the portal is stopped")]
async fn portal_stops(world: &mut World) -> Outcome {
    world.rehearsal.stop_portal().await
}

#[then(regex = r"^the app runs (.+)$")]
async fn runs(world: &mut World, how: String) -> Outcome {
    let activation_state = world.activation_state.as_ref();
    let fits = match (how.as_str(), activation_state) {
        ("without asking the portal", Some(ActivationState::Running { revalidated, .. })) => {
            !revalidated
        }
        ("after revalidating its license", Some(ActivationState::Running { revalidated, .. })) => {
            *revalidated
        }
        ("off-line", Some(ActivationState::Offline { .. })) => true,
        ("for its grace period", Some(ActivationState::TakenBack { .. })) => true,
        _ => false,
    };
    holds(
        format!("an app that runs {how}"),
        fits,
        format!("{activation_state:?}"),
    )
}

#[then(expr = "the app is stopped and says {string}")]
async fn is_stopped(world: &mut World, words: String) -> Outcome {
    let activation_state = world.activation_state.as_ref();
    holds(
        format!("a stopped app that says {words:?}"),
        matches!(activation_state, Some(ActivationState::Stopped { because }) if because.contains(&words)),
        format!("{activation_state:?}"),
    )
}

#[then("the transcript has the dialogs as text")]
async fn transcript_has_dialogs(world: &mut World) -> Outcome {
    let text = world.transcript.to_string();
    holds(
        "the dialogs from the corporate e-mail to the activated app",
        [
            "┌─ Activate with Single Sign-On ─",
            "( Next )",
            "Activated for",
        ]
        .iter()
        .all(|words| text.contains(words)),
        text,
    )
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
            "a license with an id and a token",
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
