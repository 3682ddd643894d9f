//! Settings → Certificates & Key Pairs, Misbehaviour.

use super::{opens, registers_application};
use crate::{Outcome, rehearse};

#[tokio::test]
async fn keys_are_added_rotated_and_deleted_and_faults_chosen() -> Outcome {
    rehearse(async |page, world| {
        opens(page, world).await?;
        page.click("Settings").await?;
        page.looked_at("console-certificates").await?;
        page.click("+").await?;
        page.field("Name").enter("Second").await?;
        page.field("Algorithm").enter("EC P-256").await?;
        page.looked_at("console-certificate-new").await?;
        page.click("Save").await?;
        page.says("EC P-256").await?;
        page.looked_at("console-certificate").await?;
        let pem = page.download("Download Certificate").await?;
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
        page.click("Make Default").await?;
        page.click("Certificates & Key Pairs").await?;
        page.within("Second").await?.says("Default").await?;
        page.click("Misbehaviour").await?;
        page.says("add one first").await?;
        registers_application(page, "Parallels").await?;
        page.click("Misbehaviour").await?;
        page.within("Parallels").await?.says("Honest").await?;
        page.looked_at("console-misbehaviour").await?;
        page.click("Parallels").await?;
        page.click("Misbehave").await?;
        page.says("Choose a fault of the list.").await?;
        page.field("Fault").enter("conditions-expired").await?;
        page.choose("At every answer").await?;
        page.click("Misbehave").await?;
        page.within("conditions-expired")
            .await?
            .says("At every answer")
            .await?;
        page.looked_at("console-misbehaviour-application").await?;
        page.click("Remove conditions-expired").await?;
        page.says("Honest").await
    })
    .await
}
