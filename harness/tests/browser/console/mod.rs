//! Tests of the IdP's console: steps (2) to (6) of the guide, with the labels of the guide. This file
//! has the functions that act as an administrator; the tests that use them are in the other files.

mod applications;
mod identities;
mod provisioning;
mod settings;

use rehearsal::World;

use crate::Outcome;
use crate::page::Page;

/// "On the Start page choose Administrator environment".
const ENVIRONMENT: &str = "Administrator environment";

/// The corporate password of all users that the tests add.
pub(crate) const CORPORATE_PASSWORD: &str = "Corp-2-maple-lantern";

/// The guide's attribute mappings as the console shows them.
pub(crate) const MAPPINGS: [(&str, &str); 4] = [
    ("displayname", "${user.name.given + ' ' + user.name.family}"),
    ("groups", "Group IDs"),
    ("name", "Username"),
    ("objectidentifier", "User ID"),
];

/// Signs on at the console and chooses the environment.
pub(crate) async fn opens(page: &Page, world: &World) -> Outcome {
    let console = world.rehearsal.idp_url().join("/console")?;
    page.open(console.as_str()).await?;
    if page.heading().await? == "Sign On" {
        page.look_at_once("console-sign-on").await?;
        page.field("Password")
            .enter(world.rehearsal.idp_admin_token())
            .await?;
        page.click("Sign On").await?;
        page.look_at_once("console-start").await?;
    }
    page.click(ENVIRONMENT).await
}

/// (2) Register Parallels enterprise app, instructions 3 and 4.
pub(crate) async fn registers_application(page: &Page, name: &str) -> Outcome {
    page.click("Connections").await?;
    page.click("Applications").await?;
    page.look_at_once("console-applications-empty").await?;
    page.click("+").await?;
    page.field("Application Name").enter(name).await?;
    page.choose("SAML Application").await?;
    page.look_at_once("console-application-new").await?;
    page.click("Save").await?;
    assert_eq!(page.heading().await?, name);
    page.look_at_once("console-application-overview").await
}

/// (3) Configure user groups mapping, instructions 3 to 6; returns the Object ID.
pub(crate) async fn creates_group(page: &Page, name: &str) -> Outcome<String> {
    page.click("Identities").await?;
    page.click("Groups").await?;
    page.click("+").await?;
    page.field("Group Name").enter(name).await?;
    page.field("Description").enter("for the product").await?;
    page.look_at_once("console-group-new").await?;
    page.click("Save").await?;
    page.click("Groups").await?;
    page.look_at_once("console-groups").await?;
    page.click(name).await?;
    page.look_at_once("console-group").await?;
    page.value("Group ID").await
}

/// (3): adds the mappings on the application's tab Attribute Mappings.
pub(crate) async fn adds_mappings(page: &Page, application: &str) -> Outcome {
    page.click("Applications").await?;
    page.click(application).await?;
    page.click("Attribute Mappings").await?;
    for (name, source) in MAPPINGS {
        page.click("Add").await?;
        page.field("Attribute Name").enter(name).await?;
        if source.starts_with("${") {
            page.field("PingOne Mapping").enter("Expression").await?;
            page.field("Expression").enter(source).await?;
        } else {
            page.field("PingOne Mapping").enter(source).await?;
        }
        page.look_at_once("console-mapping").await?;
        page.click("Save").await?;
    }
    for (name, source) in MAPPINGS {
        page.within(name).await?.says(source).await?;
    }
    page.look_at_once("console-mappings").await
}

/// The values for step (4) of the portal, as the console shows them.
pub(crate) struct IdpValues {
    pub(crate) issuer: String,
    pub(crate) sso_url: String,
    pub(crate) certificate: String,
}

/// (4) Configure SAML integration, instructions 3 to 9: enters the portal's values and
/// returns those of the IdP.
pub(crate) async fn configures_saml(
    page: &Page,
    application: &str,
    entity_id: &str,
    acs_url: &str,
) -> Outcome<IdpValues> {
    page.click("Connections").await?;
    page.click("Applications").await?;
    page.click(application).await?;
    page.click("Configuration").await?;
    page.click("Edit Configuration").await?;
    page.field("ACS URLs").enter(acs_url).await?;
    page.field("Entity ID").enter(entity_id).await?;
    page.look_at_once("console-application-configuration-edit")
        .await?;
    let certificate = page.download("Download Signing Certificate").await?;
    page.click("Save").await?;
    page.says("Changes saved.").await?;
    let values = IdpValues {
        issuer: page.value("Issuer ID").await?,
        sso_url: page.value("Single Signon Service").await?,
        certificate,
    };
    page.look_at_once("console-application-configuration")
        .await?;
    page.click("Enable application").await?;
    page.says("Enabled.").await?;
    page.click("Access").await?;
    page.look_at_once("console-application-access").await?;
    page.click("Applications").await?;
    page.look_at_once("console-applications").await?;
    Ok(values)
}

/// (5) Configure SCIM integration, instructions 1 to 6; tests the connection before saving.
pub(crate) async fn connects_scim(page: &Page, name: &str, base_url: &str, token: &str) -> Outcome {
    page.click("Connections").await?;
    page.click("Provisioning").await?;
    page.look_at_once("console-provisioning-empty").await?;
    page.click("+").await?;
    page.look_at_once("console-provisioning-plus").await?;
    page.click("New connection").await?;
    page.field("Name").enter(name).await?;
    page.look_at_once("console-connection-new").await?;
    page.click("Next").await?;
    page.field("SCIM Base URL").enter(base_url).await?;
    page.field("Connection profile")
        .enter("Bearer Token")
        .await?;
    page.field("Bearer Token").enter(token).await?;
    page.click("Test Connection").await?;
    page.says("Test Connection succeeded").await?;
    page.look_at_once("console-connection-authentication")
        .await?;
    page.click("Save").await?;
    assert_eq!(page.heading().await?, name);
    Ok(())
}

/// Creates the rule, which the guide does not mention and PingOne needs: it selects the
/// users and groups for the connection.
pub(crate) async fn adds_rule(page: &Page, connection: &str, groups: &[&str]) -> Outcome {
    page.click("Provisioning").await?;
    page.click("+").await?;
    page.click("New rule").await?;
    page.field("Name").enter("Everybody").await?;
    page.field("Connection").enter(connection).await?;
    for group in groups {
        page.choose(group).await?;
    }
    page.choose("Enable the rule").await?;
    page.look_at_once("console-rule-new").await?;
    page.click("Save").await?;
    page.says("Created.").await?;
    page.look_at_once("console-rule").await?;
    page.click("Attribute Mapping").await?;
    page.says("default mappings").await?;
    page.look_at_once("console-rule-mappings").await
}

/// Reloads a connection's page until no change is waiting.
pub(crate) async fn sees_in_sync(page: &Page, connection: &str) -> Outcome {
    page.click("Provisioning").await?;
    page.click(connection).await?;
    for _ in 0..400 {
        if page.value("Waiting").await? == "0" {
            return page.within("Synchronization").await?.says("In sync").await;
        }
        page.click("Refresh").await?;
    }
    anyhow::bail!(
        "expected the connection to be in sync:\n{}",
        page.as_text().await?
    )
}

/// (6) Add users to the application groups: Add User.
pub(crate) async fn adds_user(page: &Page, given: &str, family: &str, email: &str) -> Outcome {
    page.click("Identities").await?;
    page.click("Users").await?;
    page.click("Add User").await?;
    page.field("Given Name").enter(given).await?;
    page.field("Family Name").enter(family).await?;
    page.field("Username").enter(email).await?;
    page.field("Email").enter(email).await?;
    page.field("Password").enter(CORPORATE_PASSWORD).await?;
    page.look_at_once("console-user-new").await?;
    page.click("Save").await?;
    assert_eq!(page.heading().await?, email);
    page.look_at_once("console-user").await
}

/// (6): "Click on the group name and add users to it".
pub(crate) async fn adds_to_group(page: &Page, group: &str, email: &str) -> Outcome {
    page.click("Identities").await?;
    page.click("Groups").await?;
    page.click(group).await?;
    page.within("Group").await?.click("Users").await?;
    page.field("User").enter(email).await?;
    page.click("Add to Group").await?;
    page.look_at_once("console-group-users").await?;
    page.within(email).await?.says("Direct").await
}

/// Settings → Misbehavior: chooses a fault for the application's next Response.
pub(crate) async fn misbehaves_once(page: &Page, application: &str, fault: &str) -> Outcome {
    page.click("Misbehavior").await?;
    page.within(application).await?.says("No faults").await?;
    page.look_at_once("console-misbehavior").await?;
    page.click(application).await?;
    page.field("Fault").enter(fault).await?;
    page.choose("At the next answer").await?;
    page.click("Misbehave").await?;
    page.within(fault).await?.says("At the next answer").await?;
    page.look_at_once("console-misbehavior-application").await
}
