//! G-06, G-07, G-14 and G-15: the configurator's page, domains, backup login, Activate and
//! Deactivate.

use cucumber::{given, then, when};
use reqwest::Method;
use serde_json::{Value, json};

use world::World;
use world::actions::STEPS;
use world::judge::{Failed, Outcome, holds, list, same};
use world::organization::Plan;

#[given("the integration is configured")]
async fn configured(world: &mut World) -> Outcome {
    world.integration_is_configured(Plan::default()).await
}

#[given("the integration is active")]
async fn active(world: &mut World) -> Outcome {
    world.integration_is_active(Plan::default()).await
}

#[given(expr = "the integration is active with {int} seats")]
async fn active_with_seats(world: &mut World, seats: u32) -> Outcome {
    let plan = Plan {
        seats,
        ..Plan::default()
    };
    world.integration_is_active(plan).await
}

#[given(expr = "the integration is active with {int} seats for {int} Mac(s) each")]
async fn active_with_macs(world: &mut World, seats: u32, macs: u32) -> Outcome {
    let plan = Plan {
        seats,
        macs: Some(macs),
        ..Plan::default()
    };
    world.integration_is_active(plan).await
}

#[given(expr = "the integration is active with a subscription of {int} days")]
async fn active_for_days(world: &mut World, days: i64) -> Outcome {
    let plan = Plan {
        days: Some(days),
        ..Plan::default()
    };
    world.integration_is_active(plan).await
}

#[given("the integration is active without SCIM")]
async fn active_without_scim(world: &mut World) -> Outcome {
    let plan = Plan {
        scim: false,
        ..Plan::default()
    };
    world.integration_is_active(plan).await
}

#[given(expr = "the integration is active, with the admins group entered as {string}")]
async fn active_with_admins(world: &mut World, name: String) -> Outcome {
    let plan = Plan {
        admins_entered_as: name,
        ..Plan::default()
    };
    world.integration_is_active(plan).await
}

#[given(expr = "the integration is active, with the mapping {string} written {string}")]
async fn active_with_mapping(world: &mut World, right: String, wrong: String) -> Outcome {
    let plan = Plan {
        mapping_written: Some((right, wrong)),
        ..Plan::default()
    };
    world.integration_is_active(plan).await
}

#[when(expr = "{word} clicks Start Configuring")]
async fn starts(world: &mut World, given: String) -> Outcome {
    world.starts_configuring(&given).await?;
    Ok(())
}

#[when(expr = "{word} comes back to the page")]
async fn comes_back(world: &mut World, given: String) -> Outcome {
    world
        .look_at_configurator(&given)
        .await?
        .succeeded("opening the page again")?;
    Ok(())
}

#[when("the portal is stopped and started again")]
async fn restarts(world: &mut World) -> Outcome {
    world.configurator = Value::Null;
    world.rehearsal.restart_portal().await
}

#[when(expr = "{word} adds the domain {string}")]
async fn adds_domain(world: &mut World, given: String, domain: String) -> Outcome {
    world.adds_domain(&given, &domain).await?;
    Ok(())
}

#[when(expr = "the DNS administrator publishes the TXT record for {string}")]
async fn publishes(world: &mut World, domain: String) -> Outcome {
    world.publishes_record(&domain).await
}

#[when(expr = "the DNS server of {string} fails")]
async fn dns_fails(world: &mut World, domain: String) -> Outcome {
    world.rehearsal.dns.fail(&domain)
}

#[when(expr = "{word} verifies the domain {string}")]
async fn verifies(world: &mut World, given: String, domain: String) -> Outcome {
    world
        .verifies_domain(&given, &domain)
        .await?
        .succeeded("asking for the look-up")?;
    Ok(())
}

#[when(expr = "{word} selects Configuration in the IdP Directory is done in step {int}")]
async fn done(world: &mut World, given: String, number: usize) -> Outcome {
    let id = step_id(number)?;
    world
        .confirms_done(&given, id)
        .await?
        .succeeded("confirming the step")?;
    Ok(())
}

#[when(expr = "{word} makes {word} the backup login")]
async fn backup_login(world: &mut World, given: String, other: String) -> Outcome {
    let email = world.email_of(&other)?;
    world.enters_backup_login(&given, &email).await?;
    Ok(())
}

#[when(expr = "{word} clicks Activate Integration")]
async fn activates(world: &mut World, given: String) -> Outcome {
    world
        .at_configurator(&given, Method::POST, "/activate", None)
        .await?;
    Ok(())
}

#[when(expr = "{word} clicks Deactivate")]
async fn deactivates(world: &mut World, given: String) -> Outcome {
    world
        .at_configurator(&given, Method::POST, "/deactivate", None)
        .await?
        .succeeded("Deactivate")?;
    Ok(())
}

#[when(expr = "{word} turns SCIM support off")]
async fn turns_scim_off(world: &mut World, given: String) -> Outcome {
    let off = json!({"enabled": false, "done": true});
    world
        .at_configurator(&given, Method::PUT, "/scim", Some(off))
        .await?
        .succeeded("turning SCIM off")?;
    Ok(())
}

#[then("the page shows the seven steps of the guide, all grey")]
async fn seven_grey_steps(world: &mut World) -> Outcome {
    let steps = list(&world.configurator, "/steps")?;
    let shown: Vec<(u64, &str)> = steps
        .iter()
        .map(|step| {
            (
                step["number"].as_u64().unwrap_or_default(),
                step["id"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    let expected: Vec<(u64, &str)> = (1..).zip(STEPS).collect();
    same("the steps' numbers and ids", expected, shown)?;
    // Step 7 has a default value and may be green from the beginning.
    for step in steps.iter().take(6) {
        same("the state", Some("grey"), step["state"].as_str())?;
    }
    Ok(())
}

#[then(expr = "step {int} is green")]
async fn is_green(world: &mut World, number: usize) -> Outcome {
    is_colored(world, number, "green")
}

#[then(expr = "step {int} is grey")]
async fn is_grey(world: &mut World, number: usize) -> Outcome {
    is_colored(world, number, "grey")
}

#[then(expr = "step {int} is amber and names {string}")]
async fn is_amber(world: &mut World, number: usize, name: String) -> Outcome {
    is_colored(world, number, "amber")?;
    let warnings = &step_row(world, number)?["warnings"];
    holds(
        format!("a warning that names {name}"),
        warnings.to_string().contains(&format!("`{name}`")),
        warnings,
    )
}

#[then("the bearer token is shown")]
async fn token_shown(world: &mut World) -> Outcome {
    let scim = &world.configurator["scim"];
    holds("a bearer token to copy", scim["token"].is_string(), scim)
}

#[then("the admin is asked to confirm")]
async fn asked_to_confirm(world: &mut World) -> Outcome {
    let answer = world.answer()?;
    holds(
        "409 confirmation-required that says what would be lost",
        answer.status == 409
            && answer.body["code"] == "confirmation-required"
            && answer.body["warnings"][0]["code"] == "own-admin-role",
        answer,
    )
}

#[then("all seven steps are green")]
async fn all_green(world: &mut World) -> Outcome {
    (1..=STEPS.len()).try_for_each(|step| is_colored(world, step, "green"))
}

#[then(expr = "step {int} says what is missing")]
async fn says_missing(world: &mut World, number: usize) -> Outcome {
    let shown = step_row(world, number)?;
    holds(
        "the step to list what is missing",
        shown["missing"]
            .as_array()
            .is_some_and(|all| !all.is_empty()),
        shown,
    )
}

#[then(expr = "the domain {string} is {word}")]
async fn domain_is(world: &mut World, domain: String, status: String) -> Outcome {
    let row = list(&world.configurator, "/domains")?
        .iter()
        .find(|row| row["domain"] == domain.as_str())
        .ok_or_else(|| {
            Failed::mismatch(
                format!("the domain {domain}"),
                world.configurator.to_string(),
            )
        })?;
    holds(
        format!("the domain to be {status}"),
        row["status"] == status.as_str(),
        row,
    )
}

#[then("the requested TXT record has the portal's form")]
async fn txt_form(world: &mut World) -> Outcome {
    let (name, value) = world.txt_record(&world.domain)?;
    same(
        "the record's name",
        world.domain.as_str(),
        name.trim_end_matches('.'),
    )?;
    let digits = value
        .strip_prefix("parallels-domain-verification=")
        .unwrap_or_default();
    holds(
        "parallels-domain-verification= and 64 lower-case hexadecimal digits",
        digits.len() == 64
            && digits
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')),
        value,
    )
}

#[then(expr = "the backup login is {string}")]
async fn backup_login_is(world: &mut World, email: String) -> Outcome {
    same(
        "the backup login",
        Some(email.as_str()),
        world.configurator["backup_login"]["email"].as_str(),
    )
}

#[then("Activate Integration is available")]
async fn activation_available(world: &mut World) -> Outcome {
    same(
        "can_activate",
        Some(true),
        world.configurator["can_activate"].as_bool(),
    )
}

#[then("Activate Integration is not available")]
async fn activation_not_available(world: &mut World) -> Outcome {
    same(
        "can_activate",
        Some(false),
        world.configurator["can_activate"].as_bool(),
    )
}

#[then("the integration is active")]
async fn is_active(world: &mut World) -> Outcome {
    same(
        "the status",
        Some("active"),
        world.configurator["status"].as_str(),
    )
}

#[then("the integration is not active")]
async fn is_not_active(world: &mut World) -> Outcome {
    let status = &world.configurator["status"];
    holds(
        "a status other than active",
        status.is_string() && status != "active",
        status,
    )
}

#[then("SCIM support is on")]
async fn scim_is_on(world: &mut World) -> Outcome {
    let enabled = world.configurator["scim"]["enabled"].as_bool();
    same("scim.enabled", Some(true), enabled)
}

#[then("SCIM support is off")]
async fn scim_is_off(world: &mut World) -> Outcome {
    let enabled = world.configurator["scim"]["enabled"].as_bool();
    same("scim.enabled", Some(false), enabled)
}

fn is_colored(world: &World, step: usize, state: &str) -> Outcome {
    let shown = step_row(world, step)?;
    holds(
        format!("step {step} to be {state}"),
        shown["state"] == state,
        shown,
    )
}

fn step_row(world: &World, step: usize) -> Outcome<&Value> {
    let id = step_id(step)?;
    list(&world.configurator, "/steps")?
        .iter()
        .find(|row| row["id"] == id)
        .ok_or_else(|| Failed::mismatch(format!("the step {id}"), world.configurator.to_string()))
}

fn step_id(step: usize) -> Outcome<&'static str> {
    STEPS
        .get(step.wrapping_sub(1))
        .copied()
        .ok_or_else(|| Failed::Unknown(format!("step {step}: the guide has seven")))
}
