//! Environments, Settings, Misbehavior and workers; and the console without JavaScript.

use super::{adds_to_group, adds_user, creates_group, opens, registers_application};
use crate::page::Page;
use crate::{Outcome, rehearse};

#[tokio::test]
async fn an_environment_its_keys_workers_and_faults_are_chosen_without_scripts() -> Outcome {
    rehearse(async |page, world| {
        page.disable_scripts().await?;
        opens(page, world).await?;
        page.click("Identity Console").await?;
        page.click("+").await?;
        page.click("Finish").await?;
        let said = page.field("Environment Name").says().await?;
        assert_eq!(said, "Enter a value here.");
        page.field("Environment Name").enter("Staging").await?;
        page.take_screenshots("console-environment-new").await?;
        page.click("Finish").await?;
        assert_eq!(page.heading().await?, "Applications");
        page.says("Staging").await?;
        changes_provider(page).await?;
        page.take_screenshots("console-environment").await?;
        // A new application has the attributes of Entra ID.
        registers_application(page, "Parallels").await?;
        page.click("Attribute Mappings").await?;
        page.says("http://schemas.microsoft.com/identity/claims/objectidentifier")
            .await?;
        page.click("Configuration").await?;
        assert!(
            !page.offers("Copy Issuer ID").await?,
            "a button that does nothing"
        );
        assert!(page.value("Issuer ID").await?.starts_with("http"));
        creates_group(page, "Everybody").await?;
        adds_user(page, "Ada", "Lovelace", "ada@lumen.example").await?;
        adds_to_group(page, "Everybody", "ada@lumen.example").await?;
        page.click("Provisioning").await?;
        page.click("+").await?;
        page.click("New connection").await?;
        assert_eq!(page.heading().await?, "New connection");
        turns_keys(page).await?;
        adds_worker(page).await?;
        page.take_screenshots("console-worker").await?;
        chooses_faults(page).await?;
        chooses_transport_fault(page, "Parallels").await?;
        page.take_screenshots("console-misbehavior-transport").await
    })
    .await
}

/// Settings → Environment Properties: the environment behaves like Entra ID from here on.
async fn changes_provider(page: &Page) -> Outcome {
    page.click("Settings").await?;
    assert_eq!(page.heading().await?, "Environment Properties");
    assert!(page.value("Behaves like").await?.starts_with("PingOne"));
    page.click("Edit").await?;
    page.choose("Microsoft Entra ID").await?;
    page.click("Save").await?;
    assert!(page.value("Behaves like").await?.starts_with("Microsoft"));
    Ok(())
}

async fn turns_keys(page: &Page) -> Outcome {
    page.click("Settings").await?;
    page.click("Certificates & Key Pairs").await?;
    page.take_screenshots("console-certificates").await?;
    page.click("+").await?;
    page.field("Name").enter("Second").await?;
    page.field("Algorithm").enter("EC P-256").await?;
    page.click("Save").await?;
    page.says("EC P-256").await?;
    page.take_screenshots("console-certificate").await?;
    let pem = page.download("Download Certificate").await?;
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    page.click("Make Default").await?;
    page.click("Certificates & Key Pairs").await?;
    page.within("Second").await?.says("Default").await
}

/// Creates a worker, shows its secret, and replaces it.
async fn adds_worker(page: &Page) -> Outcome {
    page.click("Connections").await?;
    page.click("+").await?;
    page.field("Application Name").enter("Automation").await?;
    page.choose("Worker").await?;
    page.click("Save").await?;
    assert_eq!(page.heading().await?, "Automation");
    page.within("Application")
        .await?
        .click("Configuration")
        .await?;
    let endpoint = page.value("Token Endpoint").await?;
    assert!(endpoint.ends_with("/as/token"), "{endpoint}");
    let secret = shown_secret(page).await?;
    page.click("Generate New Secret…").await?;
    page.click("Generate New Secret").await?;
    page.says("A new secret was created").await?;
    assert_ne!(shown_secret(page).await?, secret);
    Ok(())
}

async fn shown_secret(page: &Page) -> Outcome<String> {
    page.click("Show Client Secret").await?;
    let secret = page.value("Client Secret").await?;
    assert!(secret.len() >= 32, "{secret}");
    Ok(secret)
}

async fn chooses_faults(page: &Page) -> Outcome {
    page.click("Misbehavior").await?;
    page.click("Parallels").await?;
    page.click("Misbehave").await?;
    page.says("Choose a fault from the list.").await?;
    page.field("Fault").enter("conditions-expired").await?;
    page.choose("At every answer").await?;
    page.click("Misbehave").await?;
    page.within("conditions-expired")
        .await?
        .says("At every answer")
        .await?;
    page.click("Remove conditions-expired").await?;
    page.says("No faults").await
}

/// Settings → Misbehavior: chooses a transport fault with its setting.
async fn chooses_transport_fault(page: &Page, application: &str) -> Outcome {
    page.click("Misbehavior").await?;
    page.click(application).await?;
    page.field("Fault").enter("latency").await?;
    page.field("Setting").enter("a while").await?;
    page.choose("At every third answer").await?;
    page.click("Misbehave").await?;
    let said = page.field("Setting").says().await?;
    assert!(said.contains("a while"), "{said}");
    page.field("Setting").enter("250").await?;
    page.click("Misbehave").await?;
    let row = page.within("latency").await?;
    row.says("milliseconds=250").await?;
    row.says("At one answer of 3").await
}
