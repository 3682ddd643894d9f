//! Identities → Users, Groups, Populations.

use super::{adds_to_group, adds_user, creates_group, opens};
use crate::page::Page;
use crate::{Outcome, rehearse};

#[tokio::test]
async fn users_groups_and_populations_are_kept() -> Outcome {
    rehearse(async |page, world| {
        opens(page, world).await?;
        keeps_groups(page).await?;
        keeps_users(page).await
    })
    .await
}

/// Groups have ids, filters, nested groups and users.
async fn keeps_groups(page: &Page) -> Outcome {
    page.click("Identities").await?;
    page.click("Groups").await?;
    page.take_screenshots("console-groups-empty").await?;
    page.click("Add Group").await?;
    page.click("Save").await?;
    assert!(
        page.field("Group Name")
            .says()
            .await?
            .contains("Enter a value")
    );
    page.field("Group Name").enter("Engineers").await?;
    page.field("Dynamic membership filter")
        .enter("title equals")
        .await?;
    page.click("Save").await?;
    let said = page.field("Dynamic membership filter").says().await?;
    assert!(said.contains("xpected"), "{said}");
    assert_eq!(page.field("Group Name").text().await?, "Engineers");
    page.field("Dynamic membership filter")
        .enter("title eq \"Engineer\"")
        .await?;
    page.click("Save").await?;
    page.says("title eq \"Engineer\"").await?;
    let id = creates_group(page, "Everybody").await?;
    assert_eq!(id.len(), 36, "{id}");
    page.within("Group").await?.click("Groups").await?;
    page.field("Group").enter("Engineers").await?;
    page.click("Add to Group").await?;
    page.within("Engineers").await?.says("Remove").await?;
    page.take_screenshots("console-group-groups").await?;
    adds_user(page, "Ada", "Lovelace", "ada@lumen.example").await?;
    adds_to_group(page, "Everybody", "ada@lumen.example").await?;
    page.click("Remove ada@lumen.example").await?;
    page.says("Nobody is in this group yet.").await?;
    page.click("Groups").await?;
    page.within("Everybody").await?.says("Static").await
}

/// A user is added, edited, disabled and deleted, and so is a population.
async fn keeps_users(page: &Page) -> Outcome {
    page.click("Identities").await?;
    page.click("Users").await?;
    page.click("Add User").await?;
    page.field("Given Name").enter("Grace").await?;
    page.field("Username").enter("grace@lumen.example").await?;
    page.field("Email").enter("no address").await?;
    page.click("Save").await?;
    let said = page.field("Email").says().await?;
    assert!(said.contains("e-mail address"), "{said}");
    assert_eq!(page.field("Given Name").text().await?, "Grace");
    page.field("Email").enter("grace@lumen.example").await?;
    page.click("Save").await?;
    page.click("Edit").await?;
    page.field("Family Name").enter("Hopper").await?;
    page.click("Save").await?;
    assert_eq!(page.value("Name").await?, "Grace Hopper");
    page.click("Password").await?;
    page.field("New Password")
        .enter("Corp-2-maple-lantern")
        .await?;
    page.take_screenshots("console-user-password").await?;
    page.click("Set Password").await?;
    page.says("Changes saved.").await?;
    page.click("Enable user").await?;
    page.says("Disabled.").await?;
    page.click("Users").await?;
    page.within("grace@lumen.example")
        .await?
        .says("Disabled")
        .await?;
    page.take_screenshots("console-users").await?;
    page.field("Search users").enter("nobody").await?;
    page.click("Search").await?;
    page.says("Nobody matches this search.").await?;
    page.click("Show all users").await?;
    page.click("grace@lumen.example").await?;
    page.within("User").await?.click("Groups").await?;
    page.says("This user is in no group.").await?;
    page.take_screenshots("console-user-groups").await?;
    page.click("Profile").await?;
    page.click("Delete User…").await?;
    page.click("Delete User").await?;
    page.within("ada@lumen.example")
        .await?
        .says("Enabled")
        .await?;
    page.click("Populations").await?;
    page.take_screenshots("console-populations").await?;
    page.click("+").await?;
    page.field("Population Name").enter("Contractors").await?;
    page.click("Save").await?;
    page.click("Delete Contractors").await?;
    page.says("Deleted.").await
}
