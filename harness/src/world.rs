//! The world of one scenario: the actors, and what came last.

use std::collections::HashMap;

use browser::{Browser, Page};
use desktop_sim::{Activated, ActivationError, ActivationState, App, Transcript};
use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::actions::Provider;
use crate::judge::{Failed, Outcome};
use crate::rehearsal::target::Target;
use crate::{Options, Rehearsal, StartError};

/// The domain of the organization that scenarios play in, where the parties
/// are theirs alone.
pub(crate) const DOMAIN: &str = "lumen.example";

/// The password of portal accounts: new, complex, and not the corporate one.
pub(crate) const PORTAL_PASSWORD: &str = "Wq7-otter-quarry-81";

/// The corporate password at the IdP.
pub(crate) const CORPORATE_PASSWORD: &str = "Corp-2-maple-lantern";

/// The world of one scenario, with parties, ports and databases of its own.
#[derive(Debug)]
#[cfg_attr(feature = "scenarios", derive(cucumber::World), world(init = Self::new))]
pub struct World {
    /// The parties.
    pub rehearsal: Rehearsal,
    /// The organization's domain.
    pub domain: String,
    /// The people, by first name in lower case.
    pub people: HashMap<String, Person>,
    /// What the portal's API or the IdP's last answered.
    pub answer: Option<Answer>,
    /// The page that a browser last ended on.
    pub page: Option<Page>,
    /// Whose browser that page is in.
    pub page_of: Option<String>,
    /// The page before the last, to compare with.
    pub former_page: Option<Page>,
    /// The page that carried the IdP's last answer.
    pub answer_page: Option<Page>,
    /// The IdP's last LogoutRequest by redirect.
    pub logout: Option<Url>,
    /// The last Response judged well, as it was sent: for other tools.
    pub kept: Kept,
    /// What the portal's steps say; kept from the last look.
    pub configurator: Value,
    /// The license key at hand.
    pub license_key: String,
    /// The bearer token for SCIM, shown once.
    pub scim_token: String,
    /// The one before it.
    pub former_scim_token: String,
    /// What was made in the IdP.
    pub directory: Directory,
    /// Who provisions by SCIM in the IdP's place.
    pub provider: Provider,
    /// The desktop app at hand.
    pub app: Option<App>,
    /// What the app's last activation came to.
    pub activation: Option<Result<Activated, ActivationError>>,
    /// The app's account of it.
    pub transcript: Transcript,
    /// How the app stood when it last looked at its license.
    pub standing: Option<ActivationState>,
}

/// Documents kept for other tools to judge.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// A signed Response, as it was sent.
    pub response: Option<String>,
    /// The certificate of the key that signed it, PEM.
    pub certificate: Option<String>,
}

/// Someone with a browser.
#[derive(Debug)]
pub struct Person {
    /// The first name, as the scenario has it.
    pub given: String,
    /// The family name.
    pub family: String,
    /// The e-mail, which is the user name at the IdP too.
    pub email: String,
    /// Their browser, with its cookies.
    pub browser: Browser,
}

/// Ids that the IdP gave.
#[derive(Debug, Default, Clone)]
pub struct Directory {
    /// The environment.
    pub environment: String,
    /// The population users live in.
    pub population: Option<String>,
    /// The application.
    pub application: String,
    /// Applications of other service providers, in the order of registration.
    pub registered: Vec<String>,
    /// Groups: name to id.
    pub groups: HashMap<String, String>,
    /// Users: first name in lower case to id.
    pub users: HashMap<String, String>,
    /// The SCIM store.
    pub store: String,
    /// The group whose name stands for the admins.
    pub admins: String,
    /// The group whose name stands for the product users.
    pub product_users: String,
}

/// An answer of an API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub media_type: String,
    /// The body, `null` when it isn't JSON.
    pub body: Value,
}

impl World {
    /// A fresh world with parties of its own.
    ///
    /// # Errors
    /// When a party doesn't start.
    pub async fn new() -> Result<Self, StartError> {
        Self::with(Options::default()).await
    }

    /// A fresh world, set up so.
    ///
    /// # Errors
    /// When a party doesn't start.
    pub async fn with(options: Options) -> Result<Self, StartError> {
        Ok(Self::of(
            Rehearsal::start(options).await?,
            DOMAIN.to_owned(),
        ))
    }

    /// A world among the parties of a target, with an organization of this
    /// domain: others have theirs there.
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
            standing: None,
        }
    }

    /// Leaves parties that others use as they were found, as far as can be:
    /// the IdP forgets the scenario's environment, the TXT records go, the
    /// clock goes back.
    /// The portal keeps the organization, which nobody else can see.
    pub async fn ends(mut self) {
        if !self.rehearsal.is_own() && !self.directory.environment.is_empty() {
            let gone = self.at_management(Method::DELETE, "", None).await;
            if let Err(error) = gone {
                tracing::warn!(%error, "the scenario's environment stays at the IdP");
            }
        }
        self.rehearsal.shutdown().await;
    }

    /// A person, introduced at their first mention.
    ///
    /// # Errors
    /// When their browser can't be set up.
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

    /// The e-mail of a person.
    ///
    /// # Errors
    /// When their browser can't be set up.
    pub fn email_of(&mut self, given: &str) -> Outcome<String> {
        Ok(self.person(given)?.email.clone())
    }

    /// The last answer of an API.
    ///
    /// # Errors
    /// When none came yet.
    pub fn answer(&self) -> Outcome<&Answer> {
        self.answer
            .as_ref()
            .ok_or_else(|| Failed::Unknown("an answer".to_owned()))
    }

    /// The page that a browser ended on.
    ///
    /// # Errors
    /// When none was opened yet.
    pub fn page(&self) -> Outcome<&Page> {
        self.page
            .as_ref()
            .ok_or_else(|| Failed::Unknown("a page".to_owned()))
    }

    /// An address of the portal.
    ///
    /// # Errors
    /// When `path` doesn't make one.
    pub fn at_portal(&self, path: &str) -> Outcome<Url> {
        Ok(self.rehearsal.portal_url().join(path)?)
    }
}

impl Answer {
    /// Reads an answer whole.
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
        let body = answer.text().await?;
        Ok(Self {
            status,
            media_type,
            body: serde_json::from_str(&body).unwrap_or(Value::Null),
        })
    }

    /// The answer, when it is a success.
    ///
    /// # Errors
    /// With status and body otherwise.
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

/// Family names, so that display names can be judged.
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
