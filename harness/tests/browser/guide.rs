//! Plays the whole guide in the portal and in the IdP's console with a browser only: from
//! the license key to an activated desktop app. This test checks every page on the way
//! (accessibility, screenshots).

use std::time::Duration;

use rehearsal::World;
use rehearsal::organization::{ADMINS, PRODUCT_USERS};
use rehearsal::rehearsal::target::Target;
use serde_json::{Value, json};

use crate::console::{self, CORPORATE_PASSWORD, IdpValues};
use crate::page::Page;
use crate::topology::Topology;
use crate::{Outcome, rehearse, rehearse_in};

const ADA: &str = "ada@lumen.example";
const GRACE: &str = "grace@lumen.example";
const DOMAIN: &str = "lumen.example";
const PORTAL_PASSWORD: &str = "Wq7-otter-quarry-81";
/// Maximum time to wait for the parties, which are ready when the test begins.
const PATIENCE: Duration = Duration::from_secs(10);
const DONE: &str = "Configuration in the IdP Directory is done";

/// Creates a world with its own organization among the parties of the topology.
async fn create_world_among(topology: &mut Topology) -> Outcome<World> {
    let token = topology.admin_token();
    let target = Target::read(&topology.target_with_secrets().to_string(), Some(token))?;
    let target = target.wait_until_ready(PATIENCE).await?;
    Ok(World::among(&target, DOMAIN.to_owned()).await?)
}

/// With the services of docker-compose.yml; without PostgreSQL, with parties in this
/// process.
#[tokio::test]
async fn the_whole_guide_in_both_consoles() -> Outcome {
    let Some(mut topology) = Topology::start(&[]).await else {
        return rehearse(async |page, world| walks(page, world, None).await).await;
    };
    let world = create_world_among(&mut topology).await?;
    rehearse_in(
        async || Ok(world),
        async |page, world| walks(page, world, Some(&mut topology)).await,
    )
    .await
}

async fn walks(page: &Page, world: &mut World, mut topology: Option<&mut Topology>) -> Outcome {
    let page = &page.on_tour();
    // The vendor sells a license key before the guide begins.
    match &mut topology {
        Some(topology) => world.license_key = buys_key(topology).await?,
        None => {
            let order = json!({"seats": 5, "licensing": "per-user", "edition": "business"});
            world.key_is_sold(order).await?;
        }
    }
    let simulation = topology.as_ref().map(|it| it.simulation.clone());
    registers_license_key(page, world).await?;
    starts_configuring(page).await?;
    configures_domain(page, world, simulation.as_deref()).await?;
    // (2) Register Parallels enterprise app
    console::opens(page, world).await?;
    console::registers_application(page, "Parallels").await?;
    selects_done(page, world, "application").await?;
    // (3) Configure user groups mapping
    console::opens(page, world).await?;
    let admins = console::creates_group(page, ADMINS).await?;
    let users = console::creates_group(page, PRODUCT_USERS).await?;
    enters_groups(page, world, (&admins, &users)).await?;
    console::opens(page, world).await?;
    console::adds_mappings(page, "Parallels").await?;
    // (4) Configure SAML integration
    open_configurator(page, world).await?;
    let entity_id = page.value("Service Provider Entity ID").await?;
    let acs_url = page.value("Assertion Consumer Service URL").await?;
    console::opens(page, world).await?;
    let idp = console::configures_saml(page, "Parallels", &entity_id, &acs_url).await?;
    enters_saml(page, world, &idp).await?;
    // (5) Configure SCIM integration
    open_configurator(page, world).await?;
    let base_url = page.value("SCIM Base URL").await?;
    // The token exists already, like the base URL; no click is needed.
    let token = page.value("Bearer Token").await?;
    page.take_screenshots("portal-integration-scim-token")
        .await?;
    console::opens(page, world).await?;
    console::connects_scim(page, "Parallels", &base_url, &token).await?;
    selects_done(page, world, "scim").await?;
    // (6) Add users to the application groups
    console::opens(page, world).await?;
    console::adds_user(page, "Ada", "Lovelace", ADA).await?;
    console::adds_user(page, "Grace", "Hopper", GRACE).await?;
    console::adds_to_group(page, ADMINS, ADA).await?;
    console::adds_to_group(page, PRODUCT_USERS, GRACE).await?;
    selects_done(page, world, "users").await?;
    activates(page, world).await?;
    console::opens(page, world).await?;
    console::adds_rule(page, "Parallels", &[ADMINS, PRODUCT_USERS]).await?;
    console::sees_in_sync(page, "Parallels").await?;
    page.take_screenshots("console-connection").await?;
    asks_before_dangerous_acts(page, world).await?;
    tests_sso(page, world).await?;
    tests_activation(page, world, topology).await?;
    is_refused_a_wrong_answer(page, world).await
}

async fn open_portal_page(page: &Page, world: &World, path: &str) -> Outcome {
    let url = world.rehearsal.portal_url().join(path)?;
    page.open(url.as_str()).await
}

/// I. Registering the license key with Parallels.
async fn registers_license_key(page: &Page, world: &World) -> Outcome {
    open_portal_page(page, world, "/").await?;
    assert_eq!(page.heading().await?, "Sign In");
    page.take_screenshots("portal-sign-in").await?;
    page.click("Register an account").await?;
    page.field("Your name").enter("Ada Lovelace").await?;
    page.field("E-mail").enter(ADA).await?;
    page.field("Password").enter("short").await?;
    page.click("Register").await?;
    let said = page.field("Password").says().await?;
    assert!(said.contains("Too short"), "{said}");
    assert_eq!(page.field("E-mail").text().await?, ADA);
    page.take_screenshots("portal-register").await?;
    page.field("Password").enter(PORTAL_PASSWORD).await?;
    page.click("Register").await?;
    assert_eq!(page.heading().await?, "Dashboard");
    page.take_screenshots("portal-dashboard-new").await?;
    page.click("Register Key").await?;
    page.field("License key").enter("not a key").await?;
    page.click("Register").await?;
    let said = page.field("License key").says().await?;
    assert!(said.contains("five groups of six"), "{said}");
    page.take_screenshots("portal-register-key").await?;
    page.field("License key").enter(&world.license_key).await?;
    page.field("Subscription name (optional)")
        .enter("Macs of Lumen")
        .await?;
    page.click("Register").await?;
    page.says("Tell us about your organization").await?;
    page.take_screenshots("portal-organization").await?;
    page.field("Organization name").enter("Lumen Works").await?;
    page.field("Country").enter("United Kingdom").await?;
    page.click("Register").await?;
    page.says("The license key is registered.").await?;
    page.take_screenshots("portal-dashboard").await
}

async fn starts_configuring(page: &Page) -> Outcome {
    page.click("Business Profile").await?;
    page.says("Lumen Works").await?;
    page.take_screenshots("portal-business-profile").await?;
    page.click("IdP Integration").await?;
    page.take_screenshots("portal-integration-start").await?;
    page.click("Start Configuring").await
}

/// Opens the configurator's page, at the first grey step.
async fn open_configurator(page: &Page, world: &World) -> Outcome {
    open_portal_page(page, world, "/dashboard").await?;
    page.click("IdP Integration").await
}

/// (1) Configure organization's domains.
async fn configures_domain(page: &Page, world: &World, simulation: Option<&str>) -> Outcome {
    open_configurator(page, world).await?;
    page.field("Domain").enter(DOMAIN).await?;
    page.click("Add Domain").await?;
    let name = page.value("Name").await?;
    let value = page.value("TXT value").await?;
    page.wait_for_text("does not exist in DNS").await?;
    page.take_screenshots("portal-integration-domain").await?;
    // The DNS administrator publishes the record.
    match simulation {
        Some(simulation) => {
            publishes_record(page, simulation, &name, &value).await?;
            open_configurator(page, world).await?;
        }
        None => world.rehearsal.dns.publish_txt(&name, &value).await?,
    }
    page.wait_for_text("the TXT record was found").await?;
    page.click("Verify lumen.example").await?;
    page.says("verified").await
}

/// Publishes the TXT record on the simulation page.
async fn publishes_record(page: &Page, simulation: &str, name: &str, value: &str) -> Outcome {
    page.open(simulation).await?;
    assert_eq!(page.heading().await?, "Simulation");
    let form = page.within("DNS records").await?;
    form.field("Name").enter(name).await?;
    form.field("TXT value").enter(value).await?;
    form.click("Add Record").await?;
    page.says("The record is published.").await?;
    page.take_screenshots("simulation").await
}

/// Selects "Configuration in the IdP Directory is done" in the next step.
async fn selects_done(page: &Page, world: &World, step: &str) -> Outcome {
    open_configurator(page, world).await?;
    page.choose(DONE).await?;
    page.take_screenshots(&format!("portal-integration-{step}"))
        .await?;
    page.click("Save").await?;
    page.says("Saved.").await
}

async fn enters_groups(page: &Page, world: &World, (admins, users): (&str, &str)) -> Outcome {
    open_configurator(page, world).await?;
    for (label, text) in [
        ("Name of the admins group", ADMINS),
        ("ID of the admins group", admins),
        ("Name of the users group", PRODUCT_USERS),
        ("ID of the users group", users),
    ] {
        page.field(label).enter(text).await?;
    }
    page.take_screenshots("portal-integration-groups").await?;
    page.click("Save").await?;
    page.says("Saved.").await
}

async fn enters_saml(page: &Page, world: &World, idp: &IdpValues) -> Outcome {
    open_configurator(page, world).await?;
    page.field("Identity Provider Entity ID")
        .enter(&idp.issuer)
        .await?;
    page.field("Identity Provider SSO URL")
        .enter(&idp.sso_url)
        .await?;
    // The page shows at once what was pasted. A late answer about the text before it must
    // change nothing.
    let certificate = page.field("Public Certificate");
    page.hold_next_answer().await?;
    certificate.enter("x").await?;
    certificate.enter(&idp.certificate).await?;
    page.wait_for_text("SHA-256 fingerprint").await?;
    page.release_answer().await?;
    page.says("SHA-256 fingerprint").await?;
    page.take_screenshots("portal-integration-saml").await?;
    page.click("Save").await?;
    page.says("Saved.").await
}

/// (7) Configure backup login: the default is the current user's e-mail address. Then
/// Activate Integration.
async fn activates(page: &Page, world: &World) -> Outcome {
    open_configurator(page, world).await?;
    opens_step(page, "(7) Configure backup login").await?;
    page.take_screenshots("portal-integration-backup-login")
        .await?;
    page.says("7 of 7 steps green").await?;
    page.take_screenshots("portal-integration-ready").await?;
    page.click("Activate Integration").await?;
    page.says("The integration is active").await?;
    page.take_screenshots("portal-integration-active").await
}

/// Opens a step that is completed.
async fn opens_step(page: &Page, title: &str) -> Outcome {
    page.within(title).await?.click("✓").await
}

/// Actions that cannot be undone ask first. A group name that differs from the directory's
/// is reported before it is saved.
async fn asks_before_dangerous_acts(page: &Page, world: &World) -> Outcome {
    open_configurator(page, world).await?;
    page.click("Deactivate…").await?;
    page.says("can’t sign in with SSO").await?;
    opens_step(page, "(1) Configure organization’s domains").await?;
    page.click("Remove lumen.example…").await?;
    opens_step(page, "(5) Configure SCIM integration").await?;
    page.says("Last call from your identity provider").await?;
    page.click("Replace Bearer Token…").await?;
    page.says("unless you end it before").await?;
    page.take_screenshots("portal-integration-asks").await?;
    open_configurator(page, world).await?;
    opens_step(page, "(3) Configure user groups mapping").await?;
    let name = page.field("Name of the admins group");
    name.enter(&ADMINS.to_lowercase()).await?;
    page.click("Save").await?;
    assert_eq!(page.heading().await?, "Save anyway?");
    page.says(ADMINS).await?;
    page.take_screenshots("portal-integration-save-anyway")
        .await?;
    page.click("Back").await?;
    let typed = page.field("Name of the admins group").text().await?;
    assert_eq!(typed, ADMINS.to_lowercase());
    page.take_screenshots("portal-integration-groups-back")
        .await
}

/// Signs on at the IdP, if it asks for it.
async fn continues_with_sso(page: &Page) -> Outcome {
    page.click("Continue with SSO").await?;
    page.look_at_once("portal-continue-with-sso").await?;
    page.field("Work e-mail").enter(ADA).await?;
    page.click("Continue").await
}

/// Testing SSO on login to the Parallels My Account.
async fn tests_sso(page: &Page, world: &World) -> Outcome {
    open_portal_page(page, world, "/dashboard").await?;
    page.click("Sign Out").await?;
    open_portal_page(page, world, "/directdownload/pd?experience=sso").await?;
    page.take_screenshots("portal-download").await?;
    continues_with_sso(page).await?;
    page.lands_on("Sign On").await?;
    page.take_screenshots("idp-sign-on").await?;
    page.field("Username").enter(ADA).await?;
    page.field("Password").enter(CORPORATE_PASSWORD).await?;
    page.click("Sign On").await?;
    page.lands_on("Dashboard").await?;
    page.says(ADA).await
}

/// III. Downloading, installing, and activating Parallels Desktop.
async fn tests_activation(
    page: &Page,
    world: &mut World,
    topology: Option<&mut Topology>,
) -> Outcome {
    match topology {
        Some(topology) => activates_as_process(world, topology).await?,
        None => {
            world.installs_app("Grace")?;
            world.activates(GRACE, GRACE).await?;
            assert!(
                matches!(world.activation, Some(Ok(_))),
                "{:?}",
                world.activation
            );
        }
    }
    for (link, words, name) in [
        ("Licenses", "Grace's Mac", "portal-licenses"),
        ("Subscriptions", "1 in use", "portal-subscriptions"),
        ("Users", "SCIM", "portal-users"),
        ("Audit Log", "Activated Parallels Desktop", "portal-audit"),
        ("SCIM Sync Log", "POST", "portal-scim-log"),
    ] {
        page.click(link).await?;
        page.says(words).await?;
        page.take_screenshots(name).await?;
    }
    Ok(())
}

/// Buys a license key: returns what `rehearsal key` prints.
async fn buys_key(topology: &mut Topology) -> Outcome<String> {
    let target = topology.target_path();
    let words = ["rehearsal", "key", "--seats", "5", "--target", &target];
    let output = topology.command_in("simulation", &words).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Runs the desktop app as a separate process.
async fn activates_as_process(world: &World, topology: &mut Topology) -> Outcome {
    let portal = world.rehearsal.portal_url();
    let output = topology
        .command_in("simulation", &["desktop-sim", "activate"])
        .args(["--portal", portal.as_str()])
        .args(["--email", GRACE, "--password", CORPORATE_PASSWORD])
        .args(["--device-name", "Grace's Mac"])
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let activated: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(activated["license"]["email"], GRACE, "{activated}");
    Ok(())
}

/// Beyond the guide: one faulty Response, chosen in the console, is refused; the next
/// Response is correct and accepted.
async fn is_refused_a_wrong_answer(page: &Page, world: &World) -> Outcome {
    console::opens(page, world).await?;
    console::misbehaves_once(page, "Parallels", "conditions-expired").await?;
    for heading in ["You could not be logged in", "Dashboard"] {
        open_portal_page(page, world, "/login").await?;
        page.continues_with_sso(ADA).await?;
        page.lands_on(heading).await?;
        page.take_screenshots(&format!(
            "portal-{}",
            heading.to_lowercase().replace(' ', "-")
        ))
        .await?;
    }
    Ok(())
}
