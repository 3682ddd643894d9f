//! The start page, and Connections → Applications, beyond what the guide does.

use super::{adds_user, opens, registers_application};
use crate::page::Page;
use crate::{Outcome, rehearse};

#[tokio::test]
async fn application_settings_are_corrected_tested_and_imported() -> Outcome {
    rehearse(async |page, world| {
        world.has_business_account("Ada", 1).await?;
        world.starts_configuring("Ada").await?;
        let metadata = world.given_by_portal("/service_provider/metadata_url")?;
        let entity_id = world.given_by_portal("/service_provider/entity_id")?;
        let console = world.rehearsal.idp_url().join("/console")?;
        page.open(console.as_str()).await?;
        page.field("Password").enter("not the token").await?;
        page.click("Sign On").await?;
        let said = page.field("Password").says().await?;
        assert!(said.contains("Incorrect username or password"), "{said}");
        opens(page, world).await?;
        // An incomplete application cannot be enabled.
        registers_application(page, "Parallels").await?;
        page.click("Enable application").await?;
        page.says("Expected acsUrls and spEntityId before").await?;
        page.click("Configuration").await?;
        page.click("Copy Issuer ID").await?;
        page.wait_for_text("Copied").await?;
        page.click("Edit Configuration").await?;
        page.field("ACS URLs")
            .enter("ftp://not-http.example")
            .await?;
        page.field("Entity ID").enter("https://sp.example").await?;
        page.click("Save").await?;
        let said = page.field("ACS URLs").says().await?;
        assert!(said.contains("http"), "{said}");
        assert_eq!(page.field("Entity ID").text().await?, "https://sp.example");
        logs_out_and_encrypts(page).await?;
        tests_an_expression(page).await?;
        // Another application, from the service provider's metadata.
        registers_application(page, "Portal").await?;
        page.click("Configure").await?;
        page.choose("Import From URL").await?;
        page.field("Metadata URL")
            .enter("http://127.0.0.1:9/")
            .await?;
        page.click("Save").await?;
        let said = page.field("Metadata URL").says().await?;
        assert!(said.contains("Cannot get the metadata at"), "{said}");
        page.field("Metadata URL").enter(&metadata).await?;
        page.click("Save").await?;
        assert_eq!(page.value("Entity ID").await?, entity_id);
        let slo = page.value("SLO Endpoint").await?;
        assert!(slo.starts_with("http"), "taken from the metadata: {slo}");
        page.click("Sign Off").await?;
        page.open(console.as_str()).await?;
        assert_eq!(page.heading().await?, "Sign On");
        Ok(())
    })
    .await
}

/// Sets single logout and encryption on Edit Configuration.
async fn logs_out_and_encrypts(page: &Page) -> Outcome {
    page.field("ACS URLs")
        .enter("https://sp.example/acs")
        .await?;
    page.field("SLO Endpoint")
        .enter("https://sp.example/slo")
        .await?;
    page.field("SLO Binding").enter("HTTP Redirect").await?;
    page.field("SLO Window").enter("8").await?;
    let encryption = page.field("Assertion Encryption");
    encryption.enter("AES_256").await?;
    page.click("Save").await?;
    let said = page.field("Encryption Certificate").says().await?;
    assert!(said.contains("Enter a value"), "{said}");
    page.take_screenshots("console-application-encryption")
        .await?;
    let certificate = page.download("Download Signing Certificate").await?;
    page.field("Or Another Certificate")
        .enter(&certificate)
        .await?;
    page.click("Save").await?;
    page.says("Changes saved.").await?;
    for (name, value) in [
        ("SLO Endpoint", "https://sp.example/slo"),
        ("SLO Binding", "HTTP Redirect"),
        ("SLO Window", "8 hours"),
        ("Assertion Encryption", "AES_256"),
    ] {
        assert_eq!(page.value(name).await?, value, "{name}");
    }
    // Settings that are emptied are removed.
    page.click("Edit Configuration").await?;
    page.field("SLO Endpoint").enter("").await?;
    page.field("Assertion Encryption")
        .enter("Not encrypted")
        .await?;
    page.click("Save").await?;
    assert_eq!(page.value("SLO Endpoint").await?, "None");
    assert_eq!(page.value("Assertion Encryption").await?, "Not encrypted");
    Ok(())
}

async fn tests_an_expression(page: &Page) -> Outcome {
    adds_user(page, "Ada", "Lovelace", "ada@lumen.example").await?;
    page.click("Applications").await?;
    page.click("Parallels").await?;
    page.click("Attribute Mappings").await?;
    page.click("Add").await?;
    page.field("Attribute Name").enter("displayname").await?;
    page.field("PingOne Mapping").enter("Expression").await?;
    page.field("Expression")
        .enter("${user.name.given +}")
        .await?;
    page.click("Save").await?;
    let said = page.field("Expression").says().await?;
    assert!(said.contains("at column 20"), "{said}");
    page.field("Expression")
        .enter("${user.name.given + ' ' + user.name.family}")
        .await?;
    page.field("User").enter("ada@lumen.example").await?;
    page.click("Test Expression").await?;
    page.says("Ada Lovelace").await?;
    assert_eq!(page.field("Attribute Name").text().await?, "displayname");
    page.take_screenshots("console-expression").await?;
    page.click("Save").await?;
    page.within("displayname")
        .await?
        .says("Expression: ${")
        .await
}
