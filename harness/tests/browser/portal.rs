//! My Account beyond the guide: social login, and an open page of a user who loses access.

use rehearsal::actions::per_user_key;
use rehearsal::organization::{ADMINS, Plan};

use serde_json::json;

use crate::{Outcome, rehearse};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn a_user_signs_in_by_a_social_identity() -> Outcome {
    rehearse(async |page, world| {
        page.open(world.rehearsal.portal_url().join("/login")?.as_str())
            .await?;
        page.click("Continue with Google").await?;
        page.take_screenshots("social-consent").await?;
        page.field("E-mail").enter("jo@mail.example").await?;
        page.choose("Google has verified the address").await?;
        page.click("Allow").await?;
        assert_eq!(page.heading().await?, "Dashboard");
        page.says("jo@mail.example").await?;
        page.click("Sign Out").await?;
        page.take_screenshots("portal-signed-out").await?;
        page.click("Sign in again").await?;
        page.click("Continue with Apple").await?;
        page.field("E-mail").enter("jo@mail.example").await?;
        page.clear_checkbox("Apple has verified the address")
            .await?;
        page.click("Allow").await?;
        assert_eq!(page.heading().await?, "Sign In");
        page.take_screenshots("portal-social-refused").await
    })
    .await
}

/// The refused person's page has a link to the reason, which only an administrator can
/// read.
#[tokio::test]
async fn an_administrator_finds_why_a_user_was_refused() -> Outcome {
    rehearse(async |page, world| {
        world.demo_organization(Plan::default()).await?;
        let login = world.rehearsal.portal_url().join("/login")?;
        page.open(login.as_str()).await?;
        page.signs_in("grace@lumen.example", PASSWORD).await?;
        page.open(login.as_str()).await?;
        page.continues_with_sso("ada@lumen.example").await?;
        page.lands_on("Sign On").await?;
        page.take_screenshots("idp-sign-on").await?;
        page.fills_sign_on("ada@lumen.example").await?;
        page.click("Sign On").await?;
        page.lands_on("Dashboard").await?;
        page.click("Sign-in problems").await?;
        assert_eq!(page.heading().await?, "Sign-in problems");
        page.says("password-login-refused").await?;
        page.says("grace@lumen.example").await?;
        page.take_screenshots("portal-sign-in-problems").await?;
        page.open(login.as_str()).await?;
        page.continues_with_sso("jo@nowhere.example").await?;
        page.lands_on("You could not be logged in").await?;
        page.take_screenshots("portal-refused").await?;
        page.click("Administrators: see why").await?;
        page.says("the domain nowhere.example belongs to no business account")
            .await?;
        page.take_screenshots("portal-sign-in-problem").await
    })
    .await
}

#[tokio::test]
async fn an_open_page_ends_with_the_admins_session() -> Outcome {
    rehearse(async |page, world| {
        world.demo_organization(Plan::default()).await?;
        let login = world.rehearsal.portal_url().join("/login")?;
        page.open(login.as_str()).await?;
        page.continues_with_sso("ada@lumen.example").await?;
        page.lands_on("Sign On").await?;
        page.fills_sign_on("ada@lumen.example").await?;
        page.click("Sign On").await?;
        page.lands_on("Dashboard").await?;
        page.click("Users").await?;
        assert_eq!(page.heading().await?, "Users");
        // Nothing is clicked from here on.
        world.leaves_group("Ada", ADMINS).await?;
        world.directory_is_in_sync().await?;
        page.lands_on("Sign In").await
    })
    .await
}

/// An open page is loaded again when the user's access changes. If it is the answer to a form, the
/// form is not sent again.
#[tokio::test]
async fn an_open_page_does_not_send_its_form_again() -> Outcome {
    rehearse(async |page, world| {
        world.key_is_sold(per_user_key(5)).await?;
        world.registers_account("Ada", PASSWORD).await?;
        let login = world.rehearsal.portal_url().join("/login")?;
        page.open(login.as_str()).await?;
        page.signs_in("ada@lumen.example", PASSWORD).await?;
        page.click("Register Key").await?;
        page.field("License key").enter(&world.license_key).await?;
        page.click("Register").await?;
        page.says("Tell us about your organization").await?;
        // In another tab, of which the script of this page knows nothing.
        let key = json!({
            "key": world.license_key, "organization": {"name": "Lumen Works", "country": "GB"},
        });
        assert_eq!(page.posts("/api/license-keys", &key).await?, 201);
        page.wait_until_gone("Tell us about your organization")
            .await?;
        page.lands_on("Register Key").await?;
        let text = page.as_text().await?;
        assert!(!text.contains("already registered"), "{text}");
        Ok(())
    })
    .await
}
