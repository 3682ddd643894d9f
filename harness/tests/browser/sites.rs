//! Sign-on with portal and identity provider on one site, and on two sites. Chromium does
//! not send a `SameSite=Lax` cookie with a POST from another site.

use rehearsal::organization::Plan;
use rehearsal::{Options, World};
use serde_json::json;

use crate::console::CORPORATE_PASSWORD;
use crate::page::Page;
use crate::{Outcome, rehearse_with};

const ADA: &str = "ada@lumen.example";

/// Options with these host names.
fn hosts(portal: &str, idp: &str) -> Options {
    Options {
        portal_host: Some(portal.to_owned()),
        idp_host: Some(idp.to_owned()),
        ..Options::default()
    }
}

/// Two host names directly below `localhost` are two sites.
fn two_sites() -> Options {
    hosts("portal.localhost", "idp.localhost")
}

/// Goes to the identity provider's sign-on form and fills it in.
async fn fill_sign_on_form(page: &Page, world: &mut World) -> Outcome {
    world.demo_organization(Plan::default()).await?;
    let login = world.rehearsal.portal_url().join("/login")?;
    page.open(login.as_str()).await?;
    page.continues_with_sso(ADA).await?;
    page.lands_on("Sign On").await?;
    page.fills_sign_on(ADA).await
}

async fn signs_on(options: Options) -> Outcome {
    rehearse_with(options, async |page, world| {
        fill_sign_on_form(page, world).await?;
        page.click("Sign On").await?;
        page.lands_on("Dashboard").await?;
        page.says(ADA).await
    })
    .await
}

/// Uses the host names of docker-compose.yml.
#[tokio::test]
async fn one_site_as_in_compose() -> Outcome {
    let file = std::fs::read_to_string("../scripts/compose-target.json")?;
    let target: serde_json::Value = serde_json::from_str(&file)?;
    let host = |party: &str| -> Outcome<String> {
        let url: url::Url = target[party]["base_url"].as_str().unwrap().parse()?;
        Ok(url.host_str().unwrap().to_owned())
    };
    signs_on(hosts(&host("sp")?, &host("idp")?)).await
}

#[tokio::test]
async fn one_site_by_address() -> Outcome {
    signs_on(hosts("127.0.0.1", "127.0.0.1")).await
}

#[tokio::test]
async fn one_site_by_name() -> Outcome {
    signs_on(hosts("localhost", "localhost")).await
}

#[tokio::test]
async fn two_sites_over_tls() -> Outcome {
    let tls = Options {
        tls: true,
        ..two_sites()
    };
    signs_on(tls).await
}

#[tokio::test]
async fn two_sites_over_plain_http() -> Outcome {
    signs_on(two_sites()).await
}

/// The page that posts the Response again has a button.
#[tokio::test]
async fn two_sites_without_scripts() -> Outcome {
    rehearse_with(two_sites(), async |page, world| {
        page.disable_scripts().await?;
        fill_sign_on_form(page, world).await?;
        page.click("Sign On").await?;
        page.says("Select Continue to go on").await?;
        page.click("Continue").await?;
        assert_eq!(
            page.url().await?.origin(),
            world.rehearsal.portal_url().origin()
        );
        // Not `looked_at`, because it enables scripts, which hide the button.
        page.click("Continue").await?;
        page.lands_on("Dashboard").await?;
        page.says(ADA).await
    })
    .await
}

/// The cookies are deleted during the sign-on, or the browser blocks them.
#[tokio::test]
async fn a_missing_cookie_is_named() -> Outcome {
    rehearse_with(two_sites(), async |page, world| {
        fill_sign_on_form(page, world).await?;
        page.driver
            .cdp()
            .send_raw("Network.clearBrowserCookies", json!({}))
            .await?;
        page.click("Sign On").await?;
        page.lands_on("You could not be logged in").await?;
        page.says("Your browser did not send back the cookie")
            .await?;
        page.says(world.rehearsal.portal_url().as_str().trim_end_matches('/'))
            .await?;
        page.take_screenshots("portal-cookie-missing").await
    })
    .await
}

/// The browser of the scenarios withholds the cookie in the same case as Chromium.
#[tokio::test]
async fn the_simulated_browser_needs_the_page_that_posts_again() -> Outcome {
    let mut world = World::with(two_sites()).await?;
    world.demo_organization(Plan::default()).await?;
    let email = world.email_of("Grace")?;
    world.continues_with_sso("Grace", &email).await?;
    world.logs_in_at_idp("Grace", CORPORATE_PASSWORD).await?;
    let form = world.idp_answer()?;
    let browser = world.person("Grace")?.browser.clone();
    let page = browser.submit(&form).await?;
    let message = form.value("SAMLResponse").unwrap_or_default();
    let again = page
        .repost_of(message)
        .unwrap_or_else(|| panic!("{} does not post again: {}", page.url, page.body));
    let page = browser.submit(&again).await?;
    assert_eq!(
        (page.status, page.saml_form()),
        (200, None),
        "{}",
        page.text()
    );
    let whoami = world.rehearsal.portal_url().join("/whoami")?;
    let whoami = browser.client().get(whoami).send().await?;
    assert!(whoami.text().await?.contains(&email));
    world.rehearsal.shutdown().await;
    Ok(())
}
