//! The app: its dialogs, and activation by SSO as in section "Testing Parallels Desktop
//! activation via SSO" of the guide. What happens after the activation is in `license_check`.

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

/// Version of the app, which it sends to the portal.
const APP_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Maximum number of sign-on pages that the app fills in. An identity provider shows the form
/// again after a wrong password, so without a limit the app would loop.
const MOST_FORMS: usize = 2;

/// The Mac that the app runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceIdentity {
    /// Id of the hardware, which never changes.
    pub id: String,
    /// Name that the user gave to the Mac.
    pub name: String,
}

/// User name and password for the sign-on page of the identity provider.
#[derive(Clone)]
pub struct Credentials {
    /// User name at the identity provider.
    pub username: String,
    /// Corporate password. The app sends it to the page of the identity provider only.
    pub password: String,
}

/// The desktop app. Its browser keeps its cookies, and so the user's SSO session, between
/// calls.
#[derive(Debug)]
pub struct App {
    pub(crate) portal: Portal,
    pub(crate) device: DeviceIdentity,
    pub(crate) ambient: Ambient,
    pub(crate) browser: Browser,
    pub(crate) dialog: Dialog,
    pub(crate) kept: Option<Activated>,
}

/// The dialog on the screen does not have this button.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("button {button} not found: the app shows the dialog {dialog:?}")]
pub struct NoSuchButton {
    /// Name of the button.
    pub button: &'static str,
    /// Title of the dialog on the screen.
    pub dialog: &'static str,
}

/// The app could not be activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The portal refused the activation. The app shows the reason.
    #[error("the portal refused the activation: {} (HTTP {}, {})", .0.text(), .0.status, .0.code)]
    Refused(Problem),
    /// The identity provider showed its sign-on page again after the password was entered.
    #[error("the identity provider did not accept the password of {username}: {text}")]
    WrongCredentials {
        /// User name that was entered.
        username: String,
        /// Address of the page.
        at: Url,
        /// Error message of the page, or its whole text if no message is marked as one.
        text: String,
    },
    /// The identity provider showed a page with neither a SAML message nor a password field.
    #[error(
        "expected a login form or a SAML message from the identity provider, got another page (HTTP {status} at {at}): {text}"
    )]
    UnknownPage {
        /// Address of the page.
        at: Url,
        /// HTTP status of the page.
        status: u16,
        /// Text of the page.
        text: String,
    },
    /// The identity provider asks for a password and none was given.
    #[error("the identity provider asks for a password at {at}; give one with --password")]
    PasswordWanted {
        /// Address of the page.
        at: Url,
    },
    /// The portal's answer does not have the documented form.
    #[error("invalid answer from {at}: expected {expected}, got {got}")]
    Unexpected {
        /// What the answer should contain.
        expected: &'static str,
        /// Address of the request.
        at: Url,
        /// What the answer contains.
        got: String,
    },
    /// The signed license is not valid.
    #[error(transparent)]
    License(#[from] LicenseError),
    /// A request failed.
    #[error(transparent)]
    Browser(#[from] BrowserError),
}

impl ActivationError {
    /// True if the portal cannot be reached or a gateway answers in its place (status 500 or
    /// above). The app then counts as off-line.
    pub fn is_offline(&self) -> bool {
        match self {
            Self::Browser(BrowserError::Exchange { .. }) => true,
            Self::Refused(problem) => problem.status >= 500,
            _ => false,
        }
    }

    /// Returns the text that the app's dialog shows for this error.
    fn dialog_text(&self) -> String {
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

/// `User-Agent` of the app.
const NAME: &str = concat!("desktop-sim/", env!("CARGO_PKG_VERSION"));

impl App {
    /// Creates a newly installed app on this device.
    ///
    /// # Errors
    /// If its HTTP client cannot be created.
    pub fn new(
        portal_base_url: Url,
        device: DeviceIdentity,
        ambient: Ambient,
    ) -> Result<Self, BrowserError> {
        let client = reqwest::Client::builder().dns_resolver(ambient::LocalhostResolver);
        Self::with_client(portal_base_url, device, ambient, client)
    }

    /// Creates a newly installed app that uses the certificate authorities and the resolver of
    /// `client`.
    ///
    /// # Errors
    /// If its HTTP client cannot be created.
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

    /// Returns the dialog on the screen. A newly installed app asks for the corporate e-mail
    /// address.
    pub fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// Chooses Parallels Desktop → Account & License… in the menu.
    pub fn open_account_and_license(&mut self, transcript: &mut Transcript) {
        self.show(Dialog::SignIn, transcript);
    }

    /// Clicks Business Edition, at the bottom of Sign-In to Parallels Account.
    ///
    /// # Errors
    /// [`NoSuchButton`] if another dialog is on the screen.
    pub fn click_business_edition(
        &mut self,
        transcript: &mut Transcript,
    ) -> Result<(), NoSuchButton> {
        self.click("Business Edition", Dialog::BusinessKey, transcript)
    }

    /// Clicks Continue with SSO, at the bottom of Enter Business Key.
    ///
    /// # Errors
    /// [`NoSuchButton`] if another dialog is on the screen.
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

    /// Enters e-mail address and password in the Sign-In dialog, which is for portal accounts
    /// only. The portal looks at the e-mail address alone: for an address of a domain with SSO
    /// it refuses and points the user to SSO.
    ///
    /// # Errors
    /// [`ActivationError`], for example `Refused`. The app shows its text.
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
            // A portal account alone does not activate the app; that takes a business key or
            // SSO.
            Ok(_) => self.show(Dialog::BusinessKey, transcript),
            Err(error) => {
                let because = error.dialog_text();
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

    /// Activates the app for the owner of a corporate e-mail address: gets the organization's
    /// SSO request from the portal, opens the identity provider, signs the user on, and sends
    /// the SAML Response to the portal.
    ///
    /// # Errors
    /// [`ActivationError`]. The app shows its text.
    pub async fn activate(
        &mut self,
        email: &str,
        credentials: Option<&Credentials>,
        transcript: &mut Transcript,
    ) -> Result<Activated, ActivationError> {
        self.show(Dialog::CorporateEmail, transcript);
        match self.activate_by_sso(email, credentials, transcript).await {
            Ok((activated, dialog)) => {
                self.kept = Some(activated.clone());
                self.show(dialog, transcript);
                Ok(activated)
            }
            Err(error) => {
                let because = error.dialog_text();
                self.show(Dialog::Refused { because }, transcript);
                Err(error)
            }
        }
    }

    async fn activate_by_sso(
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
            keys: self.fetch_portal_keys().await?,
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

    pub(crate) async fn fetch_portal_keys(&self) -> Result<JwkSet, ActivationError> {
        self.portal
            .read(&self.browser, "/desktop/v1/keys", "the portal's keys")
            .await
    }

    /// Signs the user on at the identity provider. Returns `SAMLResponse` and `RelayState` from
    /// the form that its last page would post.
    async fn sign_on(
        &self,
        sso_url: Url,
        credentials: Option<&Credentials>,
        transcript: &mut Transcript,
    ) -> Result<(String, Option<String>), ActivationError> {
        let mut page = self.browser.open(sso_url).await?;
        for forms_answered in 0..=MOST_FORMS {
            // The portal sends its request by HTTP-POST, or a page of the identity provider
            // posts the request again from its own site.
            if let Some(request) = page.saml_form().filter(Form::is_request) {
                page = self.browser.submit_message(&request).await?;
            }
            if let Some(form) = page.saml_form() {
                transcript.note(
                    self.ambient.now(),
                    format!(
                        "took the identity provider's SAML Response for {}",
                        form.action
                    ),
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
