//! The state of one scenario: the actors, and their last answers and pages.

use std::collections::HashMap;

use ambient::answer_body;
use browser::{Browser, Page};
use desktop_sim::{Activated, ActivationError, ActivationState, App, Transcript};
use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::actions::Provider;
use crate::judge::{Failed, Outcome};
use crate::rehearsal::target::Target;
use crate::{Options, Rehearsal, StartError};

/// The domain of the scenario's organization, when the parties are used by this scenario
/// only.
pub const DOMAIN: &str = "lumen.example";

/// Maximum length of a party's answer, in bytes: a foreign party may send an endless one.
pub(crate) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The password of portal accounts: new, complex, and not the corporate one.
pub const PORTAL_PASSWORD: &str = "Wq7-otter-quarry-81";

/// The corporate password at the IdP.
pub const CORPORATE_PASSWORD: &str = "Corp-2-maple-lantern";

/// The state of one scenario, with its own parties, ports and databases.
#[derive(Debug)]
#[cfg_attr(feature = "cucumber", derive(cucumber::World), world(init = Self::new))]
pub struct World {
    /// The running parties.
    pub rehearsal: Rehearsal,
    /// The e-mail domain of the organization.
    pub domain: String,
    /// The people of the scenario, by first name in lower case.
    pub people: HashMap<String, Person>,
    /// The last answer of the portal's API or the IdP's API.
    pub answer: Option<Answer>,
    /// The last page that a browser received.
    pub page: Option<Page>,
    /// The person whose browser shows `page`.
    pub page_of: Option<String>,
    /// The page before `page`, to compare with.
    pub former_page: Option<Page>,
    /// The page that contained the IdP's last Response.
    pub answer_page: Option<Page>,
    /// The IdP's last LogoutRequest that was sent by HTTP-Redirect.
    pub logout: Option<Url>,
    /// The last valid Response, exactly as it was sent, for other tools.
    pub kept: Kept,
    /// The state of the configurator's steps when it was read last, as JSON.
    pub configurator: Value,
    /// The license key that the next step uses.
    pub license_key: String,
    /// The current SCIM bearer token; the portal shows it only once.
    pub scim_token: String,
    /// The SCIM bearer token before the current one.
    pub former_scim_token: String,
    /// The ids of what the scenario created in the IdP.
    pub directory: Directory,
    /// Sends SCIM requests in place of the IdP, in the format of one vendor.
    pub provider: Provider,
    /// The desktop app that the next step uses.
    pub app: Option<App>,
    /// The result of the app's last activation.
    pub activation: Option<Result<Activated, ActivationError>>,
    /// The dialogs that the app showed during the activation.
    pub transcript: Transcript,
    /// The activation state when the app checked its license last.
    pub activation_state: Option<ActivationState>,
}

/// Documents that are kept so that other tools can check them.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// A signed Response, exactly as it was sent.
    pub response: Option<String>,
    /// The certificate of the key that signed the Response, in PEM.
    pub certificate: Option<String>,
}

/// A person with a browser.
#[derive(Debug)]
pub struct Person {
    /// The first name, as the scenario writes it.
    pub given: String,
    /// The family name.
    pub family: String,
    /// The e-mail address, which is also the user name at the IdP.
    pub email: String,
    /// The browser of the person, with its cookies.
    pub browser: Browser,
}

/// The ids that the IdP assigned.
#[derive(Debug, Default, Clone)]
pub struct Directory {
    /// The id of the environment.
    pub environment: String,
    /// The id of the population of the users.
    pub population: Option<String>,
    /// The id of the portal's application.
    pub application: String,
    /// The ids of applications of other service providers, in the order of registration.
    pub registered: Vec<String>,
    /// The ids of the groups, by name.
    pub groups: HashMap<String, String>,
    /// The ids of the users, by first name in lower case.
    pub users: HashMap<String, String>,
    /// The id of the SCIM connection (PingOne: propagation store).
    pub store: String,
    /// The name of the admins group.
    pub admins: String,
    /// The name of the product users group.
    pub product_users: String,
}

/// An answer of an HTTP API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub media_type: String,
    /// The body as JSON; `null` if it is not JSON.
    pub body: Value,
}

impl World {
    /// Creates a world with parties of its own.
    ///
    /// # Errors
    /// When a party cannot be started.
    pub async fn new() -> Result<Self, StartError> {
        Self::with(Options::default()).await
    }

    /// Creates a world with parties that have these options.
    ///
    /// # Errors
    /// When a party cannot be started.
    pub async fn with(options: Options) -> Result<Self, StartError> {
        Ok(Self::of(
            Rehearsal::start(options).await?,
            DOMAIN.to_owned(),
        ))
    }

    /// Creates a world that uses the running parties of a target. Its organization gets
    /// this domain, because the target may have other organizations.
    ///
    /// # Errors
    /// [`StartError::Machine`] when no port is free.
    pub async fn among(target: &Target, domain: String) -> Result<Self, StartError> {
        Ok(Self::of(Rehearsal::reach(target).await?, domain))
    }

    fn of(rehearsal: Rehearsal, domain: String) -> Self {
        Self {
            rehearsal,
            domain,
            people: HashMap::new(),
            answer: None,
            page: None,
            page_of: None,
            former_page: None,
            answer_page: None,
            logout: None,
            kept: Kept::default(),
            configurator: Value::Null,
            license_key: String::new(),
            scim_token: String::new(),
            former_scim_token: String::new(),
            directory: Directory::default(),
            provider: Provider::default(),
            app: None,
            activation: None,
            transcript: Transcript::default(),
            activation_state: None,
        }
    }

    /// Cleans up parties that others use too: deletes the scenario's environment at the
    /// IdP, removes the TXT records and sets the clock back. The portal keeps the
    /// organization, which no other scenario can see.
    pub async fn ends(mut self) {
        if !self.rehearsal.is_own() && !self.directory.environment.is_empty() {
            let gone = self.at_management(Method::DELETE, "", None).await;
            if let Err(error) = gone {
                tracing::warn!(%error, "cannot delete the scenario's environment at the IdP");
            }
        }
        self.rehearsal.shutdown().await;
    }

    /// Returns a person; creates the person at the first call.
    ///
    /// # Errors
    /// When the person's browser cannot be set up.
    pub fn person(&mut self, given: &str) -> Outcome<&mut Person> {
        let key = given.to_ascii_lowercase();
        let domain = &self.domain;
        if !self.people.contains_key(&key) {
            let person = Person {
                given: given.to_owned(),
                family: family_of(&key).to_owned(),
                email: format!("{key}@{domain}"),
                browser: self.rehearsal.trust.browser("rehearsal-browser")?,
            };
            self.people.insert(key.clone(), person);
        }
        self.people
            .get_mut(&key)
            .ok_or_else(|| Failed::Unknown(given.to_owned()))
    }

    /// Returns the e-mail address of a person.
    ///
    /// # Errors
    /// When the person's browser cannot be set up.
    pub fn email_of(&mut self, given: &str) -> Outcome<String> {
        Ok(self.person(given)?.email.clone())
    }

    /// Returns the last answer of an API.
    ///
    /// # Errors
    /// When there is none yet.
    pub fn answer(&self) -> Outcome<&Answer> {
        self.answer
            .as_ref()
            .ok_or_else(|| Failed::Unknown("an answer".to_owned()))
    }

    /// Returns the last page that a browser received.
    ///
    /// # Errors
    /// When no page was opened yet.
    pub fn page(&self) -> Outcome<&Page> {
        self.page
            .as_ref()
            .ok_or_else(|| Failed::Unknown("a page".to_owned()))
    }

    /// Returns the portal's URL with this path.
    ///
    /// # Errors
    /// When the result is not a URL.
    pub fn at_portal(&self, path: &str) -> Outcome<Url> {
        Ok(self.rehearsal.portal_url().join(path)?)
    }
}

impl Answer {
    /// Reads status, media type and body of an answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn read(answer: reqwest::Response) -> Outcome<Self> {
        let status = answer.status().as_u16();
        let media_type = answer
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = answer_body::read_text(answer, MAX_ANSWER_BYTES).await?;
        Ok(Self {
            status,
            media_type,
            body: serde_json::from_str(&body).unwrap_or(Value::Null),
        })
    }

    /// Returns the answer if its status is 2xx.
    ///
    /// # Errors
    /// Otherwise, with status and body.
    pub fn succeeded(self, what: &str) -> Outcome<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(Failed::mismatch(
            format!("{what} to succeed"),
            self.to_string(),
        ))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

/// Returns the family name, which display names contain.
fn family_of(given: &str) -> &'static str {
    match given {
        "ada" => "Lovelace",
        "grace" => "Hopper",
        "alan" => "Turing",
        "barbara" => "Liskov",
        "edsger" => "Dijkstra",
        "mallory" => "Intruder",
        _ => "Example",
    }
}
