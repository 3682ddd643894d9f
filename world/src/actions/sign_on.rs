//! "Testing SSO on login": single sign-on with a person's browser, between portal and IdP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use browser::{Form, Page};
use url::Url;

use super::redirect_url;
use crate::World;
use crate::judge::{Failed, Outcome};
use crate::recorder::reading;
use crate::world::CORPORATE_PASSWORD;

/// Path and query of the guide's download link.
pub const DOWNLOAD_LINK: &str = "/directdownload/pd?experience=sso";

impl World {
    /// Opens a page of the portal in a person's browser.
    ///
    /// # Errors
    /// When the page cannot be opened.
    pub async fn opens(&mut self, given: &str, path: &str) -> Outcome {
        let url = self.at_portal(path)?;
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.open(url).await?);
        Ok(())
    }

    /// Clicks Continue with SSO and submits the e-mail address. The form is the one that
    /// has an e-mail field and no password field.
    ///
    /// # Errors
    /// When the page has no such form.
    pub async fn continues_with_sso(&mut self, given: &str, email: &str) -> Outcome {
        self.page_of = Some(given.to_owned());
        self.opens(given, DOWNLOAD_LINK).await?;
        let page = self.page()?;
        let mut form = sso_form(page).ok_or_else(|| {
            Failed::mismatch(
                "a form that takes the e-mail after Continue with SSO",
                format!("{} {}", page.url, page.text()),
            )
        })?;
        form.set("email", email);
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.submit(&form).await?);
        Ok(())
    }

    /// Types e-mail address and password in the portal's login form.
    ///
    /// # Errors
    /// When the page has no such form.
    pub async fn types_on_sign_in_page(&mut self, given: &str, password: &str) -> Outcome {
        self.opens(given, "/login").await?;
        let page = self.page()?;
        let mut form = page
            .login_form()
            .ok_or_else(|| Failed::mismatch("the portal's sign-in form", page.text()))?;
        let email = self.email_of(given)?;
        form.fill_in(&email, password);
        self.posts(given, &form).await
    }

    /// Types the corporate password at the IdP.
    ///
    /// # Errors
    /// When the IdP does not ask for a password.
    pub async fn logs_in_at_idp(&mut self, given: &str, password: &str) -> Outcome {
        let page = self.page()?;
        let mut form = page.login_form().ok_or_else(|| {
            Failed::mismatch(
                "the IdP's login form",
                format!("{} {} {}", page.status, page.url, page.text()),
            )
        })?;
        let (email, browser) = {
            let person = self.person(given)?;
            (person.email.clone(), person.browser.clone())
        };
        form.fill_in(&email, password);
        self.page = Some(browser.submit(&form).await?);
        Ok(())
    }

    /// Returns the form with the Response that the IdP's page would submit by script.
    ///
    /// # Errors
    /// When the page has no such form.
    pub fn idp_answer(&self) -> Outcome<Form> {
        let page = self.page()?;
        page.saml_form().ok_or_else(|| {
            Failed::mismatch(
                "a page that posts a SAMLResponse",
                format!("{} {} {}", page.status, page.url, page.text()),
            )
        })
    }

    /// Returns the Response in the page, decoded.
    ///
    /// # Errors
    /// When there is no Response, or it cannot be decoded.
    pub fn response_xml(&self) -> Outcome<String> {
        let form = self.idp_answer()?;
        let field = form.value("SAMLResponse").unwrap_or_default();
        reading::decode_post_field(field)
            .ok_or_else(|| Failed::mismatch("a SAMLResponse in base64", field.to_owned()))
    }

    /// Posts the Response to the portal, as the page's script would.
    ///
    /// # Errors
    /// When there is no Response.
    pub async fn answer_reaches_portal(&mut self, given: &str) -> Outcome {
        let form = self.idp_answer()?;
        self.posts(given, &form).await
    }

    /// Posts the Response to the portal after replacing a text in the XML document.
    ///
    /// # Errors
    /// When there is no Response, or it does not contain the text.
    pub async fn answer_is_tampered(&mut self, given: &str, from: &str, to: &str) -> Outcome {
        let xml = self.response_xml()?;
        let tampered = xml.replace(from, to);
        if tampered == xml {
            return Err(Failed::mismatch(
                format!("{from:?} in the Response, to be changed"),
                xml,
            ));
        }
        let mut form = self.idp_answer()?;
        form.set("SAMLResponse", &STANDARD.encode(tampered));
        self.posts(given, &form).await
    }

    async fn posts(&mut self, given: &str, form: &Form) -> Outcome {
        let browser = self.person(given)?.browser.clone();
        self.page = Some(browser.submit_message(form).await?);
        Ok(())
    }

    /// Does the complete sign-on: Continue with SSO, the IdP's login page if it is shown,
    /// and the Response to the portal.
    ///
    /// # Errors
    /// When a part of it fails.
    pub async fn signs_in_by_sso(&mut self, given: &str) -> Outcome {
        let email = self.email_of(given)?;
        self.continues_with_sso(given, &email).await?;
        if self.page()?.login_form().is_some() {
            self.logs_in_at_idp(given, CORPORATE_PASSWORD).await?;
        }
        self.answer_reaches_portal(given).await
    }

    /// True if a URL belongs to the IdP.
    pub fn is_at_idp(&self, url: &Url) -> bool {
        url.origin() == self.rehearsal.idp_url().origin()
    }
}

/// Returns the URL of an AuthnRequest that the portal itself does not send: with
/// `ForceAuthn` or `IsPassive` (saml-core §3.4.1).
pub fn sso_request(world: &World, flag: &str) -> Outcome<Url> {
    let sso = format!(
        "{}{}/saml20/idp/sso",
        world.rehearsal.idp_url(),
        world.directory.environment
    );
    let xml = format!(
        r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_{id}" Version="2.0" IssueInstant="{now}" Destination="{sso}" AssertionConsumerServiceURL="{acs}" {flag}="true"><saml:Issuer>{issuer}</saml:Issuer></samlp:AuthnRequest>"#,
        id = world.rehearsal.ambient.rng().hex(16),
        now = world.rehearsal.ambient.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        acs = world.given_by_portal("/service_provider/acs_url")?,
        issuer = world.given_by_portal("/service_provider/entity_id")?,
    );
    redirect_url(&sso, &xml)
}

/// Returns the form of the portal's login page that starts SSO.
pub fn sso_form(page: &Page) -> Option<Form> {
    let asks_for_email = |form: &&Form| {
        form.fields.iter().any(|field| field.name == "email")
            && form.fields.iter().all(|field| field.kind != "password")
    };
    page.forms().iter().find(asks_for_email).cloned()
}
