//! Connections → Provisioning, with the portal as the target.

use super::{adds_rule, adds_user, creates_group, sees_in_sync};
use crate::{Outcome, rehearse};

#[tokio::test]
async fn a_connection_is_tested_saved_and_shows_what_failed() -> Outcome {
    rehearse(async |page, world| {
        world
            .integration_is_configured(rehearsal::organization::Plan::default())
            .await?;
        world
            .at_configurator("Ada", reqwest::Method::POST, "/activate", None)
            .await?
            .succeeded("Activate Integration")?;
        let base_url = world.given_by_portal("/scim/base_url")?;
        let token = world.scim_token.clone();
        // The scenario's environment has a different name than the console's default.
        let console = world.rehearsal.idp_url().join("/console")?;
        page.open(console.as_str()).await?;
        page.field("Password")
            .enter(world.rehearsal.idp_admin_token())
            .await?;
        page.click("Sign On").await?;
        page.click("Administrator").await?;
        page.click("Connections").await?;
        page.click("Provisioning").await?;
        page.click("+").await?;
        page.click("New connection").await?;
        page.click("Next").await?;
        assert!(page.field("Name").says().await?.contains("Enter a value"));
        page.field("Name").enter("Parallels").await?;
        page.click("Next").await?;
        page.field("SCIM Base URL").enter(&base_url).await?;
        page.field("Bearer Token").enter("wrong").await?;
        page.click("Test Connection").await?;
        page.says("Test Connection failed").await?;
        assert_eq!(page.field("SCIM Base URL").text().await?, base_url);
        page.field("Bearer Token").enter(&token).await?;
        page.click("Test Connection").await?;
        page.says("Test Connection succeeded").await?;
        page.click("Save").await?;
        assert_eq!(page.heading().await?, "Parallels");
        page.says("Nothing is sent yet: add a rule.").await?;
        adds_user(page, "Grace", "Hopper", "grace@lumen.example").await?;
        let id = creates_group(page, "Friends").await?;
        assert!(!id.is_empty());
        adds_rule(page, "Parallels", &["Friends"]).await?;
        sees_in_sync(page, "Parallels").await?;
        assert!(page.says("Nothing is sent yet").await.is_err());
        page.click("Edit").await?;
        page.field("Bearer Token").enter("revoked").await?;
        page.click("Save").await?;
        adds_user(page, "Alan", "Turing", "alan@lumen.example").await?;
        page.click("Provisioning").await?;
        page.click("Parallels").await?;
        for _ in 0..400 {
            if page.value("Waiting").await? == "0" {
                break;
            }
            page.click("Refresh").await?;
        }
        page.within("alan@lumen.example").await?.says("401").await?;
        page.take_screenshots("console-connection-failed").await?;
        // The user's row shows the reason too, until the next attempt.
        page.within("Connection").await?.click("Users").await?;
        page.within("alan@lumen.example").await?.says("401").await?;
        page.within("grace@lumen.example")
            .await?
            .says("In sync")
            .await?;
        page.take_screenshots("console-connection-users").await?;
        page.within("Connection").await?.click("Overview").await?;
        page.click("Edit").await?;
        page.field("Bearer Token").enter(&token).await?;
        page.click("Save").await?;
        page.within("Connection").await?.click("Users").await?;
        page.click("Retry alan@lumen.example").await?;
        page.says("Another attempt was started.").await?;
        for _ in 0..400 {
            if page
                .within("alan@lumen.example")
                .await?
                .says("In sync")
                .await
                .is_ok()
            {
                break;
            }
            page.within("Connection").await?.click("Users").await?;
        }
        page.within("alan@lumen.example")
            .await?
            .says("In sync")
            .await?;
        page.field("State").enter("Failed").await?;
        page.click("Show").await?;
        page.says("No user is in this state.").await?;
        page.click("Provisioning").await?;
        page.take_screenshots("console-provisioning").await
    })
    .await
}
