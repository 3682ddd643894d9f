//! The IdP's side of G-08 to G-13 by the console alone, ids read off the page
//! as a person reads them; the portal's side by its API.

use harness::World;
use harness::organization::{ADMINS, PRODUCT_USERS};
use reqwest::Method;
use serde_json::json;

use super::{
    adds_mappings, adds_rule, adds_to_group, adds_user, configures_saml, connects_scim,
    creates_group, opens, registers_application, sees_in_sync,
};
use crate::{Outcome, rehearse};

#[tokio::test]
async fn the_guide_with_the_console_at_the_idps_side() -> Outcome {
    rehearse(async |page, world| {
        // I, and (1)
        world.has_business_account("Ada", 5).await?;
        world.starts_configuring("Ada").await?;
        world.completes_domains("Ada").await?;
        // (2) Register Parallels enterprise app
        opens(page, world).await?;
        registers_application(page, "Parallels").await?;
        done(world, "application").await?;
        // (3) Configure user groups mapping
        let admins = creates_group(page, ADMINS).await?;
        let users = creates_group(page, PRODUCT_USERS).await?;
        world
            .enters_groups("Ada", (ADMINS, &admins), (PRODUCT_USERS, &users))
            .await?
            .succeeded("step 3")?;
        adds_mappings(page, "Parallels").await?;
        for (name, source) in super::MAPPINGS {
            page.within(name).await?.says(source).await?;
        }
        page.looked_at("console-mappings-of-the-guide").await?;
        // (4) Configure SAML integration
        let entity_id = world.given_by_portal("/service_provider/entity_id")?;
        let acs_url = world.given_by_portal("/service_provider/acs_url")?;
        let idp = configures_saml(page, "Parallels", &entity_id, &acs_url).await?;
        let values = json!({
            "entity_id": idp.issuer, "sso_url": idp.sso_url, "certificate": idp.certificate,
        });
        world
            .enters_saml("Ada", values)
            .await?
            .succeeded("step 4")?;
        // (5) Configure SCIM integration
        world.copies_scim_token("Ada").await?;
        let base_url = world.given_by_portal("/scim/base_url")?;
        let token = world.scim_token.clone();
        connects_scim(page, "Parallels", &base_url, &token).await?;
        done(world, "scim").await?;
        // (6) Add users to the application groups
        for (given, family, group) in [
            ("Ada", "Lovelace", ADMINS),
            ("Grace", "Hopper", PRODUCT_USERS),
        ] {
            let email = world.email_of(given)?;
            adds_user(page, given, family, &email).await?;
            adds_to_group(page, group, &email).await?;
        }
        done(world, "users").await?;
        // (7), and Activate Integration
        let email = world.email_of("Ada")?;
        world.enters_backup_login("Ada", &email).await?;
        world
            .at_configurator("Ada", Method::POST, "/activate", None)
            .await?
            .succeeded("Activate Integration")?;
        adds_rule(page, "Parallels", &[ADMINS, PRODUCT_USERS]).await?;
        sees_in_sync(page, "Parallels").await?;
        // Testing SSO, and the desktop
        world.logs_out("Ada").await?;
        assert!(enters(world, "Ada").await?, "Ada is let in");
        world.installs_app("Grace")?;
        let email = world.email_of("Grace")?;
        world.activates(&email, &email).await?;
        assert!(
            matches!(world.activation, Some(Ok(_))),
            "{:?}",
            world.activation
        );
        // One wrong answer, chosen in the console, is refused; the next is right.
        page.click("Misbehaviour").await?;
        page.click("Parallels").await?;
        page.field("Fault").enter("conditions-expired").await?;
        page.choose("At the next answer").await?;
        page.click("Misbehave").await?;
        world.logs_out("Ada").await?;
        assert!(!enters(world, "Ada").await?, "the wrong answer is refused");
        assert!(enters(world, "Ada").await?, "the next one is right again");
        Ok(())
    })
    .await
}

async fn done(world: &mut World, step: &str) -> Outcome {
    world.confirms_done("Ada", step).await?.succeeded(step)?;
    Ok(())
}

/// Whether someone who signs in by SSO is let in.
async fn enters(world: &mut World, given: &str) -> Outcome<bool> {
    world.signs_in_by_sso(given).await?;
    let answer = world.at_api(given, Method::GET, "/whoami", None).await?;
    Ok(answer.status == 200)
}
