//! The start page, and Connections → Applications.

use super::{adds_mappings, adds_to_group, adds_user, creates_group, opens, registers_application};
use crate::{Outcome, rehearse};

#[tokio::test]
async fn an_administrator_signs_on_and_off() -> Outcome {
    rehearse(async |page, world| {
        let console = world.rehearsal.idp_url().join("/console")?;
        page.open(console.as_str()).await?;
        assert_eq!(page.heading().await?, "Sign On");
        page.looked_at("console-sign-on").await?;
        page.field("Password").enter("not the token").await?;
        page.click("Sign On").await?;
        let said = page.field("Password").says().await?;
        assert!(said.contains("Incorrect username or password"), "{said}");
        page.field("Password")
            .enter(world.rehearsal.idp_admin_token())
            .await?;
        page.click("Sign On").await?;
        assert_eq!(page.heading().await?, "Start");
        page.looked_at("console-start").await?;
        page.click("+").await?;
        page.click("Finish").await?;
        let said = page.field("Environment Name").says().await?;
        assert_eq!(said, "Enter a value here.");
        page.field("Environment Name").enter("Staging").await?;
        page.looked_at("console-environment-new").await?;
        page.click("Finish").await?;
        assert_eq!(page.heading().await?, "Applications");
        page.says("Staging").await?;
        page.click("Sign Off").await?;
        page.open(console.as_str()).await?;
        assert_eq!(page.heading().await?, "Sign On");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_application_is_made_and_configured() -> Outcome {
    rehearse(async |page, world| {
        opens(page, world).await?;
        page.click("Connections").await?;
        page.click("Applications").await?;
        page.looked_at("console-applications-empty").await?;
        page.click("+").await?;
        page.field("Application Name").enter("Parallels").await?;
        page.click("Save").await?;
        page.says("Choose SAML Application.").await?;
        assert_eq!(page.field("Application Name").text().await?, "Parallels");
        page.choose("SAML Application").await?;
        page.looked_at("console-application-new").await?;
        page.click("Save").await?;
        assert_eq!(page.heading().await?, "Parallels");
        page.looked_at("console-application-overview").await?;
        page.click("Enable application").await?;
        page.says("Expected acsUrls and spEntityId before").await?;
        page.click("Configuration").await?;
        page.looked_at("console-application-configuration").await?;
        page.click("Copy Issuer ID").await?;
        page.hears("Copied").await?;
        page.click("Edit Configuration").await?;
        page.field("ACS URLs")
            .enter("ftp://not-http.example")
            .await?;
        page.field("Entity ID").enter("https://sp.example").await?;
        page.click("Save").await?;
        let said = page.field("ACS URLs").says().await?;
        assert!(said.contains("http"), "{said}");
        assert_eq!(page.field("Entity ID").text().await?, "https://sp.example");
        page.looked_at("console-application-configuration-edit")
            .await?;
        page.field("ACS URLs")
            .enter("https://sp.example/acs")
            .await?;
        page.click("Save").await?;
        page.says("Changes saved.").await?;
        assert_eq!(page.value("Entity ID").await?, "https://sp.example");
        let certificate = page.download("Download Signing Certificate").await?;
        assert!(
            certificate.starts_with("-----BEGIN CERTIFICATE-----"),
            "{certificate}"
        );
        page.click("Access").await?;
        page.looked_at("console-application-access").await?;
        page.click("Enable application").await?;
        page.says("Enabled.").await?;
        page.click("Applications").await?;
        page.within("Parallels").await?.says("Enabled").await?;
        page.looked_at("console-applications").await
    })
    .await
}

#[tokio::test]
async fn a_service_provider_is_imported_by_its_metadata() -> Outcome {
    rehearse(async |page, world| {
        world.has_business_account("Ada", 1).await?;
        world.starts_configuring("Ada").await?;
        let metadata = world.given_by_portal("/service_provider/metadata_url")?;
        let entity_id = world.given_by_portal("/service_provider/entity_id")?;
        opens(page, world).await?;
        registers_application(page, "Parallels").await?;
        page.click("Configure").await?;
        page.choose("Import From URL").await?;
        page.field("Metadata URL")
            .enter("http://127.0.0.1:9/")
            .await?;
        page.click("Save").await?;
        let said = page.field("Metadata URL").says().await?;
        assert!(said.contains("Expected metadata at"), "{said}");
        page.field("Metadata URL").enter(&metadata).await?;
        page.click("Save").await?;
        assert_eq!(page.value("Entity ID").await?, entity_id);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_expression_is_tested_for_a_user() -> Outcome {
    rehearse(async |page, world| {
        opens(page, world).await?;
        adds_user(page, "Ada", "Lovelace", "ada@lumen.example").await?;
        registers_application(page, "Parallels").await?;
        page.click("Attribute Mappings").await?;
        page.click("Add").await?;
        page.field("Attribute Name").enter("displayname").await?;
        page.field("PingOne Mapping").enter("Expression").await?;
        page.field("Expression")
            .enter("${user.name.given +}")
            .await?;
        page.click("Save").await?;
        let said = page.field("Expression").says().await?;
        assert!(said.contains("Column 20"), "{said}");
        page.field("Expression")
            .enter("${user.name.given + ' ' + user.name.family}")
            .await?;
        page.field("User").enter("ada@lumen.example").await?;
        page.click("Test Expression").await?;
        page.says("Ada Lovelace").await?;
        assert_eq!(page.field("Attribute Name").text().await?, "displayname");
        page.looked_at("console-mapping").await?;
        page.click("Save").await?;
        page.within("displayname")
            .await?
            .says("Expression: ${")
            .await?;
        page.looked_at("console-mappings").await
    })
    .await
}

#[tokio::test]
async fn everything_works_without_scripts() -> Outcome {
    rehearse(async |page, world| {
        page.without_scripts().await?;
        opens(page, world).await?;
        registers_application(page, "Parallels").await?;
        page.click("Configuration").await?;
        assert!(
            !page.offers("Copy Issuer ID").await?,
            "a button that does nothing"
        );
        assert!(page.value("Issuer ID").await?.starts_with("http"));
        adds_mappings(page, "Parallels").await?;
        creates_group(page, "Everybody").await?;
        adds_user(page, "Ada", "Lovelace", "ada@lumen.example").await?;
        adds_to_group(page, "Everybody", "ada@lumen.example").await?;
        page.click("Provisioning").await?;
        page.click("+").await?;
        page.click("New connection").await?;
        assert_eq!(page.heading().await?, "New connection");
        Ok(())
    })
    .await
}
