//! Single logout by the person's browser, and the messages of an attacker.

use ambient::answer_body;
use browser::{Form, Page};
use reqwest::Method;
use serde_json::json;
use url::Url;

use super::redirect_url;
use crate::World;
use crate::judge::{Failed, Outcome, parse_url};
use crate::world::MAX_ANSWER_BYTES;

/// Maximum number of forms that submit themselves: a logout passes each party a few times.
const MOST_PAGES: usize = 10;

impl World {
    /// Enters the SLO settings of the application from the portal's metadata: the URL, and
    /// the certificate to verify the portal's messages with.
    ///
    /// # Errors
    /// When the metadata lacks them, or the IdP refuses them.
    pub async fn sets_up_single_logout(&mut self, binding: &str) -> Outcome {
        let url = parse_url(&self.given_by_portal("/service_provider/metadata_url")?)?;
        let console = self
            .person("the-idp-administrator")?
            .browser
            .client()
            .clone();
        let answer = console.get(url).send().await?;
        let metadata = answer_body::read_text(answer, MAX_ANSWER_BYTES).await?;
        let lacking = |what: &str| Failed::mismatch(format!("{what} in the metadata"), &metadata);
        let certificate = between(&metadata, "X509Certificate>", "<")
            .ok_or_else(|| lacking("a certificate"))?
            .to_owned();
        let service = between(&metadata, "<md:SingleLogoutService", ">")
            .ok_or_else(|| lacking("a SingleLogoutService"))?;
        let endpoint = between(service, "Location=\"", "\"")
            .ok_or_else(|| lacking("its Location"))?
            .to_owned();
        self.edits_application(json!({
            "sloEndpoint": endpoint,
            "sloBinding": binding,
            "spVerification": {
                "authnRequestSigned": false,
                "certificates": [{"certificate": certificate}],
            },
        }))
        .await?;
        // Tell the portal the IdP's SLO URL, by the metadata.
        let metadata_xml = self.idp_metadata().await?;
        self.enters_saml("Ada", json!({"metadata_xml": metadata_xml}))
            .await?
            .succeeded("step 4")?;
        Ok(())
    }

    /// Clicks Sign Out at the portal.
    ///
    /// # Errors
    /// When a page cannot be opened.
    pub async fn logs_out_of_portal(&mut self, given: &str) -> Outcome {
        let form = Form {
            page: self.at_portal("/dashboard")?,
            action: self.at_portal("/logout")?,
            post: true,
            fields: Vec::new(),
        };
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.submit(&form).await?);
        self.carries_on(given).await
    }

    /// Signs off at the IdP, which then sends LogoutRequests to the applications.
    ///
    /// # Errors
    /// When a page cannot be opened.
    pub async fn signs_off_at_idp(&mut self, given: &str) -> Outcome {
        let url = self.at_idp_saml("startslo")?;
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.open(url).await?);
        self.carries_on(given).await
    }

    /// Returns the URL of one of the IdP's SAML endpoints.
    ///
    /// # Errors
    /// When the result is not a URL.
    pub fn at_idp_saml(&self, path: &str) -> Outcome<Url> {
        parse_url(&format!(
            "{}{}/saml20/idp/{path}",
            self.rehearsal.idp_url(),
            self.directory.environment
        ))
    }

    /// Submits each form that a script would submit, until a page is shown to the person.
    async fn carries_on(&mut self, given: &str) -> Outcome {
        let browser = self.person(given)?.browser.clone();
        for _ in 0..MOST_PAGES {
            if let Some(url) = self.page()?.way.iter().find(|url| is_logout(url)) {
                self.logout = Some(url.clone());
            }
            let Some(form) = self.page()?.saml_form() else {
                return Ok(());
            };
            self.page = Some(browser.submit(&form).await?);
        }
        Err(Failed::mismatch(
            "an end of the logout",
            self.page()?.url.to_string(),
        ))
    }

    /// Sends an unsigned LogoutRequest by a person's browser.
    ///
    /// # Errors
    /// When it cannot be delivered.
    pub async fn unsigned_logout(&mut self, given: &str) -> Outcome {
        let acs = self.given_by_portal("/service_provider/acs_url")?;
        let slo = acs.replace("/sso/acs/", "/sso/slo/");
        let xml = format!(
            r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_{id}" Version="2.0" IssueInstant="{now}" Destination="{slo}"><saml:Issuer>{issuer}</saml:Issuer><saml:NameID>{subject}</saml:NameID></samlp:LogoutRequest>"#,
            id = self.rehearsal.ambient.rng().hex(16),
            now = self.rehearsal.ambient.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            issuer = format_args!("{}{}", self.rehearsal.idp_url(), self.directory.environment),
            subject = self
                .directory
                .users
                .get(&given.to_ascii_lowercase())
                .cloned()
                .unwrap_or_default(),
        );
        let url = redirect_url(&slo, &xml)?;
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.open(url).await?);
        Ok(())
    }

    /// Sends the IdP's last LogoutRequest again.
    ///
    /// # Errors
    /// When there was none.
    pub async fn former_logout_again(&mut self, given: &str) -> Outcome {
        let url = self
            .logout
            .clone()
            .ok_or_else(|| Failed::Unknown("a LogoutRequest by redirect".to_owned()))?;
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.open(url).await?);
        Ok(())
    }

    /// Opens the IdP's URL for IdP-initiated sign-on to the portal, with a page as the
    /// target.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn starts_at_idp(&mut self, given: &str, page: &str) -> Outcome {
        let mut url = self.at_idp_saml("startsso")?;
        url.query_pairs_mut()
            .append_pair(
                "spEntityId",
                &self.given_by_portal("/service_provider/entity_id")?,
            )
            .append_pair("applicationUrl", page);
        self.page_of = Some(given.to_owned());
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.open(url).await?);
        Ok(())
    }

    /// Allows IdP-initiated sign-on in the organization's settings.
    ///
    /// # Errors
    /// When the portal refuses it.
    pub async fn accepts_unsolicited(&mut self) -> Outcome {
        let body = json!({"unsolicited": true});
        self.at_configurator("Ada", Method::PUT, "/saml-settings", Some(body))
            .await?
            .succeeded("the SAML settings")?;
        Ok(())
    }
}

/// True if the URL delivers a LogoutRequest to the portal.
fn is_logout(url: &Url) -> bool {
    url.path().starts_with("/webapp/sso/slo/")
        && url.query_pairs().any(|(name, _)| name == "SAMLRequest")
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// Returns status, URL and text of a page, for an error message.
pub fn page_summary(page: &Page) -> String {
    format!("{} {} {}", page.status, page.url, page.text())
}
