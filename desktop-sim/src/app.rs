//! The app: its dialogs, and activation by SSO as the guide's "Testing
//! Parallels Desktop activation via SSO" has it. Keeping the license is in
//! `license_check`.

use ambient::Ambient;
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use crate::dialog::Dialog;
use crate::license::{Activated, License, LicenseError};
use crate::portal::{Portal, Problem};
use crate::transcript::Transcript;
use browser::{Browser, BrowserError, Form};

/// The version that the app gives the portal.
const APP_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Login pages the app answers before it gives up: a wrong password shows the
/// form again, and nobody types it for ever.
const MOST_FORMS: usize = 2;

/// The Mac that the app runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// A stable id of the hardware.
    pub id: String,
    /// The name its user gave it.
    pub name: String,
}

/// What the user types on the IdP's login page.
#[derive(Clone)]
pub struct Credentials {
    /// The user name at the IdP.
    pub username: String,
    /// The corporate password. It goes to the IdP's page and nowhere else.
    pub password: String,
}

/// The desktop app, with a browser whose sessions it keeps.
#[derive(Debug)]
pub struct App {
    pub(crate) portal: Portal,
    pub(crate) device: DeviceIdentity,
    pub(crate) ambient: Ambient,
    pub(crate) browser: Browser,
    pub(crate) dialog: Dialog,
    pub(crate) kept: Option<Activated>,
}

/// A button that the dialog on the screen doesn't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a dialog with the button {button}, {dialog:?} is on the screen")]
pub struct NoSuchButton {
    /// What was to be clicked.
    pub button: &'static str,
    /// What the app shows.
    pub dialog: &'static str,
}

/// The app could not be activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The portal refused; the app shows why.
    #[error("the portal refused: {} {} (HTTP {}, {})", .0.title, .0.detail, .0.status, .0.code)]
    Refused(Problem),
    /// The IdP's login page came back after the password was typed.
    #[error("the identity provider did not accept the password of {username}: {text}")]
    WrongCredentials {
        /// The user name typed.
        username: String,
        /// The page's address.
        at: Url,
        /// What the page says is wrong.
        text: String,
    },
    /// The IdP showed a page without a form that the app knows.
    #[error(
        "the identity provider shows a page that the app cannot use (HTTP {status} at {at}): {text}"
    )]
    UnknownPage {
        /// The page's address.
        at: Url,
        /// Its status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// No password was given, and the IdP wants one.
    #[error("the identity provider asks for a password at {at}; give one with --password")]
    PasswordWanted {
        /// The page's address.
        at: Url,
    },
    /// An answer of the portal that isn't what its interface promises.
    #[error("invalid answer from {at}: expected {expected}, got {got}")]
    Unexpected {
        /// What should have come.
        expected: &'static str,
        /// From where.
        at: Url,
        /// What came.
        got: String,
    },
    /// What the portal signed can't be relied on.
    #[error(transparent)]
    License(#[from] LicenseError),
    /// The exchange failed.
    #[error(transparent)]
    Browser(#[from] BrowserError),
}

impl ActivationError {
    /// Whether nobody answered, or only a gateway: the app is off-line.
    pub fn is_offline(&self) -> bool {
        match self {
            Self::Browser(BrowserError::Exchange { .. }) => true,
            Self::Refused(problem) => problem.status >= 500,
            _ => false,
        }
    }

    /// What the app's dialog says of it.
    fn shown(&self) -> String {
        match self {
            Self::Refused(problem) if !problem.detail.is_empty() => problem.detail.clone(),
            other => other.to_string(),
        }
    }
}

#[derive(Deserialize)]
struct Begun {
    activation_id: String,
    activation_secret: String,
    sso_url: String,
}

#[derive(Deserialize)]
struct Granted {
    license: License,
    license_token: String,
    signed_license: String,
}

/// What it calls itself to servers.
const NAME: &str = concat!("desktop-sim/", env!("CARGO_PKG_VERSION"));

impl App {
    /// A freshly installed app on this device.
    ///
    /// # Errors
    /// When its HTTP client can't be set up.
    pub fn new(
        portal_base_url: Url,
        device: DeviceIdentity,
        ambient: Ambient,
    ) -> Result<Self, BrowserError> {
        let client = reqwest::Client::builder().dns_resolver(ambient::LocalhostResolver);
        Self::with_client(portal_base_url, device, ambient, client)
    }

    /// The same, trusting whom the client's set-up trusts.
    ///
    /// # Errors
    /// When its HTTP client can't be set up.
    pub fn with_client(
        portal_base_url: Url,
        device: DeviceIdentity,
        ambient: Ambient,
        client: reqwest::ClientBuilder,
    ) -> Result<Self, BrowserError> {
        Ok(Self {
            portal: Portal::at(portal_base_url),
            device,
            ambient,
            browser: Browser::of(client, NAME)?,
            dialog: Dialog::CorporateEmail,
            kept: None,
        })
    }

    /// The dialog on the screen. A fresh app asks for the corporate e-mail.
    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// Parallels Desktop → Account & License… in the menu.
    pub fn open_account_and_license(&mut self, transcript: &mut Transcript) {
        self.show(Dialog::SignIn, transcript);
    }

    /// Business Edition, at the bottom of Sign-In to Parallels Account.
    ///
    /// # Errors
    /// When another dialog is on the screen.
    pub fn click_business_edition(
        &mut self,
        transcript: &mut Transcript,
    ) -> Result<(), NoSuchButton> {
        self.click("Business Edition", Dialog::BusinessKey, transcript)
    }

    /// Continue with SSO, at the bottom of Enter Business Key.
    ///
    /// # Errors
    /// When another dialog is on the screen.
    pub fn click_continue_with_sso(
        &mut self,
        transcript: &mut Transcript,
    ) -> Result<(), NoSuchButton> {
        self.click("Continue with SSO", Dialog::CorporateEmail, transcript)
    }

    fn click(
        &mut self,
        button: &'static str,
        opens: Dialog,
        transcript: &mut Transcript,
    ) -> Result<(), NoSuchButton> {
        if !self.dialog.buttons().contains(&button) {
            return Err(NoSuchButton {
                button,
                dialog: self.dialog.title(),
            });
        }
        transcript.note(self.ambient.now(), format!("the user clicked {button}"));
        self.show(opens, transcript);
        Ok(())
    }

    /// E-mail and password in the Sign-In dialog. For a portal account only:
    /// who types corporate credentials is turned towards SSO by the portal,
    /// which looks at the e-mail alone.
    ///
    /// # Errors
    /// [`ActivationError::Refused`], which the app shows.
    pub async fn sign_in(
        &mut self,
        email: &str,
        password: &str,
        transcript: &mut Transcript,
    ) -> Result<(), ActivationError> {
        transcript.note(
            self.ambient.now(),
            format!(
                "the user typed {email} and a password in {}",
                self.dialog.title()
            ),
        );
        let body = json!({"email": email, "password": password});
        let answer: Result<serde_json::Value, _> = self
            .portal
            .ask(&self.browser, "/api/session", &body, "a session")
            .await;
        match answer {
            // An account alone activates nothing: the business key or SSO does.
            Ok(_) => self.show(Dialog::BusinessKey, transcript),
            Err(error) => {
                let because = error.shown();
                self.show(Dialog::Refused { because }, transcript);
                return Err(error);
            }
        }
        Ok(())
    }

    pub(crate) fn show(&mut self, dialog: Dialog, transcript: &mut Transcript) {
        transcript.note(self.ambient.now(), format!("the app shows\n{dialog}"));
        self.dialog = dialog;
    }

    /// Activates the app for the owner of a corporate e-mail: asks the portal
    /// for the organization's SSO request, opens the IdP, lets the user log in
    /// and carries the IdP's answer to the portal.
    ///
    /// # Errors
    /// [`ActivationError`], whose text the app shows.
    pub async fn activate(
        &mut self,
        email: &str,
        credentials: Option<&Credentials>,
        transcript: &mut Transcript,
    ) -> Result<Activated, ActivationError> {
        self.show(Dialog::CorporateEmail, transcript);
        match self.by_sso(email, credentials, transcript).await {
            Ok((activated, dialog)) => {
                self.kept = Some(activated.clone());
                self.show(dialog, transcript);
                Ok(activated)
            }
            Err(error) => {
                let because = error.shown();
                self.show(Dialog::Refused { because }, transcript);
                Err(error)
            }
        }
    }

    async fn by_sso(
        &self,
        email: &str,
        credentials: Option<&Credentials>,
        transcript: &mut Transcript,
    ) -> Result<(Activated, Dialog), ActivationError> {
        transcript.note(self.ambient.now(), format!("the user typed {email}"));
        let begun: Begun = self
            .portal
            .ask(
                &self.browser,
                "/desktop/v1/activations",
                &json!({"email": email, "device": self.device, "app_version": APP_VERSION}),
                "an activation",
            )
            .await?;
        let sso_url = Url::parse(&begun.sso_url).map_err(|_| ActivationError::Unexpected {
            expected: "a URL as sso_url",
            at: self.portal.url().clone(),
            got: begun.sso_url.clone(),
        })?;
        transcript.note(
            self.ambient.now(),
            format!(
                "the portal recognized the domain and answered with an SSO request to {}{}",
                sso_url.origin().ascii_serialization(),
                sso_url.path()
            ),
        );
        let (saml_response, relay_state) = self.sign_on(sso_url, credentials, transcript).await?;
        transcript.saml_response = Some(saml_response.clone());
        let granted: Granted = self
            .portal
            .ask(
                &self.browser,
                &format!("/desktop/v1/activations/{}/response", begun.activation_id),
                &json!({
                    "activation_secret": begun.activation_secret,
                    "saml_response": saml_response,
                    "relay_state": relay_state,
                }),
                "a license",
            )
            .await?;
        transcript.note(
            self.ambient.now(),
            format!("the portal granted the license {}", granted.license.id),
        );
        let activated = Activated {
            license: granted.license,
            license_token: granted.license_token,
            signed_license: granted.signed_license,
            keys: self.portal_keys().await?,
            revoked: None,
        };
        let terms = activated.terms(&self.device.id)?;
        transcript.note(
            self.ambient.now(),
            "the app verified the signed license with the portal's published key",
        );
        let dialog = Dialog::Activated {
            email: activated.license.email.clone(),
            valid_until: terms.valid_until,
        };
        Ok((activated, dialog))
    }

    pub(crate) async fn portal_keys(&self) -> Result<JwkSet, ActivationError> {
        self.portal
            .read(&self.browser, "/desktop/v1/keys", "the portal's keys")
            .await
    }

    /// Goes to the IdP and comes back with the form that its page would post.
    async fn sign_on(
        &self,
        sso_url: Url,
        credentials: Option<&Credentials>,
        transcript: &mut Transcript,
    ) -> Result<(String, Option<String>), ActivationError> {
        let mut page = self.browser.open(sso_url).await?;
        for forms_answered in 0..=MOST_FORMS {
            // The portal's request by HTTP-POST, or a page of the IdP that
            // posts it again from its own site.
            if let Some(request) = page.saml_form().filter(Form::is_request) {
                page = self.browser.submit_message(&request).await?;
            }
            if let Some(form) = page.saml_form() {
                transcript.note(
                    self.ambient.now(),
                    format!("caught the IdP's answer for {}", form.action),
                );
                let field = |name| form.value(name).map(str::to_owned);
                return Ok((
                    field("SAMLResponse").unwrap_or_default(),
                    field("RelayState"),
                ));
            }
            let Some(mut form) = page.login_form() else {
                return Err(ActivationError::UnknownPage {
                    at: page.url.clone(),
                    status: page.status,
                    text: page.text(),
                });
            };
            let Some(credentials) = credentials else {
                return Err(ActivationError::PasswordWanted { at: page.url });
            };
            if forms_answered > 0 {
                return Err(ActivationError::WrongCredentials {
                    username: credentials.username.clone(),
                    at: page.url.clone(),
                    text: page.alert().unwrap_or_else(|| page.text()),
                });
            }
            transcript.note(
                self.ambient.now(),
                format!("filled in the login form at {}", page.url),
            );
            form.fill_in(&credentials.username, &credentials.password);
            page = self.browser.submit(&form).await?;
        }
        Err(ActivationError::UnknownPage {
            at: page.url.clone(),
            status: page.status,
            text: page.text(),
        })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
