//! The app: activation by SSO as the guide's "Testing Parallels Desktop
//! activation via SSO" has it, and re-validation.

use ambient::Ambient;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use crate::browser::{Browser, BrowserError};
use crate::transcript::Transcript;

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

/// The dialog that the app shows first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// "Enter your corporate e-mail", the start of SSO: what the app obtained
    /// by the guide's link shows.
    CorporateEmail,
}

/// The desktop app, with a browser whose sessions it keeps.
#[derive(Debug)]
pub struct App {
    portal: Url,
    device: DeviceIdentity,
    ambient: Ambient,
    browser: Browser,
}

/// The licence as the portal describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Its id.
    pub id: String,
    /// The e-mail that it was granted to.
    #[serde(default)]
    pub email: String,
    /// Everything else that the portal says about it.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// An activated app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    /// The licence granted.
    pub license: License,
    /// What the app shows the portal to re-validate it.
    pub license_token: String,
}

/// An answer of the portal that refuses (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The stable code.
    #[serde(default)]
    pub code: String,
    /// The sentence that the app shows.
    #[serde(default)]
    pub title: String,
    /// What is wrong and what to do.
    #[serde(default)]
    pub detail: String,
}

/// The app could not be activated.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// The portal refused; the app shows why.
    #[error("the portal refused ({}, {}): {} {}", .0.status, .0.code, .0.title, .0.detail)]
    Refused(Problem),
    /// The IdP's login page came back after the password was typed.
    #[error("expected the IdP to let {username} in, its login page came again at {at}: {text}")]
    WrongCredentials {
        /// The user name typed.
        username: String,
        /// The page's address.
        at: Url,
        /// What the page says.
        text: String,
    },
    /// The IdP showed a page without a form that the app knows.
    #[error(
        "expected a login form or the IdP's answer at {at}, got a page with status {status}: {text}"
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
    #[error("expected a live session at the IdP, it asks for a password at {at}: give one")]
    PasswordWanted {
        /// The page's address.
        at: Url,
    },
    /// An answer of the portal that isn't what its interface promises.
    #[error("expected {expected} from {at}, got: {got}")]
    Unexpected {
        /// What should have come.
        expected: &'static str,
        /// From where.
        at: Url,
        /// What came.
        got: String,
    },
    /// The exchange failed.
    #[error(transparent)]
    Browser(#[from] BrowserError),
}

#[derive(Deserialize)]
struct Begun {
    activation_id: String,
    activation_secret: String,
    sso_url: String,
}

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
        Ok(Self {
            portal: portal_base_url,
            device,
            ambient,
            browser: Browser::new(concat!("desktop-sim/", env!("CARGO_PKG_VERSION")))?,
        })
    }

    /// The dialog that the app shows when it is started and not activated.
    pub fn prompt(&self) -> Prompt {
        Prompt::CorporateEmail
    }

    /// Activates the app for the owner of a corporate e-mail: asks the portal
    /// for the organization's SSO request, opens the IdP, lets the user log in
    /// and carries the IdP's answer to the portal.
    ///
    /// # Errors
    /// [`ActivationError`], whose text the app shows.
    pub async fn activate(
        &self,
        email: &str,
        credentials: Option<&Credentials>,
        transcript: &mut Transcript,
    ) -> Result<Activated, ActivationError> {
        transcript.note(self.ambient.now(), format!("the user typed {email}"));
        let begun: Begun = self
            .ask_portal(
                "/desktop/v1/activations",
                &json!({"email": email, "device": self.device, "app_version": APP_VERSION}),
                "an activation",
            )
            .await?;
        let sso_url = Url::parse(&begun.sso_url).map_err(|_| ActivationError::Unexpected {
            expected: "a URL as sso_url",
            at: self.portal.clone(),
            got: begun.sso_url.clone(),
        })?;
        transcript.note(
            self.ambient.now(),
            format!(
                "the portal recognised the domain and answered with an SSO request to {}{}",
                sso_url.origin().ascii_serialization(),
                sso_url.path()
            ),
        );
        let (saml_response, relay_state) = self.sign_on(sso_url, credentials, transcript).await?;
        transcript.saml_response = Some(saml_response.clone());
        let activated: Activated = self
            .ask_portal(
                &format!("/desktop/v1/activations/{}/response", begun.activation_id),
                &json!({
                    "activation_secret": begun.activation_secret,
                    "saml_response": saml_response,
                    "relay_state": relay_state,
                }),
                "a licence",
            )
            .await?;
        transcript.note(
            self.ambient.now(),
            format!("the portal granted the licence {}", activated.license.id),
        );
        Ok(activated)
    }

    /// Asks the portal whether the licence still holds.
    ///
    /// # Errors
    /// [`ActivationError::Refused`] when it was revoked.
    pub async fn validate(&self, license_token: &str) -> Result<License, ActivationError> {
        #[derive(Deserialize)]
        struct Valid {
            #[serde(default)]
            license: Option<License>,
        }
        let path = "/desktop/v1/licenses/validate";
        let valid: serde_json::Value = self
            .ask_portal(
                path,
                &json!({"license_token": license_token, "device_id": self.device.id}),
                "a valid licence",
            )
            .await?;
        let nested: Option<License> = serde_json::from_value::<Valid>(valid.clone())
            .ok()
            .and_then(|valid| valid.license);
        Ok(nested.unwrap_or_else(|| License {
            id: valid["id"].as_str().unwrap_or_default().to_owned(),
            email: valid["email"].as_str().unwrap_or_default().to_owned(),
            rest: valid.as_object().cloned().unwrap_or_default(),
        }))
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
                    text: page.text(),
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

    async fn ask_portal<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
        expected: &'static str,
    ) -> Result<T, ActivationError> {
        let at = self
            .portal
            .join(path)
            .map_err(|_| ActivationError::Unexpected {
                expected: "a portal address that paths can be joined to",
                at: self.portal.clone(),
                got: path.to_owned(),
            })?;
        let exchange = |source| BrowserError::Exchange {
            at: at.clone(),
            source,
        };
        let answer = self
            .browser
            .client()
            .post(at.clone())
            .json(body)
            .send()
            .await
            .map_err(exchange)?;
        let status = answer.status();
        let text = answer.text().await.map_err(exchange)?;
        if !status.is_success() {
            let mut problem: Problem = serde_json::from_str(&text).unwrap_or_default();
            problem.status = status.as_u16();
            return Err(ActivationError::Refused(problem));
        }
        serde_json::from_str(&text).map_err(|error| ActivationError::Unexpected {
            expected,
            at: at.clone(),
            got: format!("{text} ({error})"),
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
