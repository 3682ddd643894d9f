//! Load on a service provider and its identity provider together: logs people in as their browsers
//! would, from the start URL over the login page to the page that shows the person. Rehearsal
//! plays neither of the two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Ambient;
use regex::Regex;
use url::Url;

use super::idp::failure_of;
use super::{Ended, People, Performed, Setting, Target, engine, unless_interrupted};
use crate::check::SetUpError;
use crate::check::idp::{Credentials, Logins, PersonalBrowser, SignOnError, summary};
use crate::check::runner::{Access, Patience, Runner};
use crate::check::scim::wire::Pending;
use crate::check::user_template::{UserExpression, UserTemplateError, UserUrl};

/// Where logins start, and how it is seen that they worked.
#[derive(Debug, Clone)]
pub struct Places {
    /// URL of the service provider at which a login starts.
    pub start: UserUrl,
    /// URL that shows, with the cookies of a login, who is logged in.
    pub probe: UserUrl,
    /// Matches the body of the probe URL.
    pub expect: UserExpression,
}

impl Places {
    /// Parses the values of `--start-url`, `--probe-url` and `--expect`.
    ///
    /// # Errors
    /// [`UserTemplateError`]: a value is no URL or no regular expression.
    pub fn parse(start: &str, probe: &str, expect: &str) -> Result<Self, UserTemplateError> {
        Ok(Self {
            start: UserUrl::parse("--start-url", start)?,
            probe: UserUrl::parse("--probe-url", probe)?,
            expect: UserExpression::parse("--expect", expect)?,
        })
    }
}

/// Load on a service provider and its identity provider.
pub struct Load {
    inner: Arc<Inner>,
}

struct Inner {
    people: People<Person>,
    logins: Logins,
    /// The browsers that are used again, by person; `None` if each login has a new one.
    browsers: Option<Mutex<HashMap<usize, PersonalBrowser>>>,
}

/// A person, and the places for them. They are computed once, because a login is too short to
/// compile an expression in it.
struct Person {
    credentials: Credentials,
    start: Url,
    probe: Url,
    expect: Regex,
}

impl Load {
    /// Prepares logins of these people. If `keeps_cookies`, each person uses their browser again,
    /// so that the identity provider has a session for them.
    pub fn new(
        places: &Places,
        people: People<Credentials>,
        keeps_cookies: bool,
        access: Access,
        ambient: &Ambient,
    ) -> Self {
        let runner = Runner {
            access,
            patience: Patience::default(),
            ..Runner::default()
        };
        let inner = Inner {
            people: people.map(|credentials| Person {
                start: places.start.of(&credentials.name),
                probe: places.probe.of(&credentials.name),
                expect: places.expect.of(&credentials.name),
                credentials,
            }),
            logins: Logins::new(runner, ambient),
            browsers: keeps_cookies.then(Mutex::default),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Logs the first person in, then sends the load.
    ///
    /// # Errors
    /// When that person cannot be logged in, or when the probe URL shows them without a login.
    pub async fn run(&self, setting: &Setting) -> Result<Ended, SetUpError> {
        setting.progress.step("", "logging in once");
        let inner = &self.inner;
        let tried = async { inner.set_up_error().await.map_or(Ok(()), Err) };
        unless_interrupted(&setting.stop, tried).await?;
        let run = setting.start();
        engine::run(&run, Arc::new(Operation(Arc::clone(inner)))).await;
        Ok(Ended {
            figures: run.figures(),
            left_out: Vec::new(),
            left: Vec::new(),
        })
    }
}

struct Operation(Arc<Inner>);

impl Target for Operation {
    fn perform(&self, number: u64) -> Pending<'_, Performed> {
        Box::pin(async move {
            let (at, who) = self.0.people.turn(number);
            let result = self.0.log_in(at, who).await;
            Performed {
                operation: "login",
                result: result.map_err(|error| failure_of(&who.credentials.name, error)),
            }
        })
    }
}

impl Inner {
    /// Returns the browser of a person: a new one, or that of their last login.
    fn browser(&self, at: usize) -> Result<PersonalBrowser, SignOnError> {
        let Some(browsers) = &self.browsers else {
            return self.logins.open();
        };
        let mut browsers = browsers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(browser) = browsers.get(&at) {
            return Ok(browser.clone());
        }
        let browser = self.logins.open()?;
        browsers.insert(at, browser.clone());
        Ok(browser)
    }

    async fn log_in(&self, at: usize, who: &Person) -> Result<(), SignOnError> {
        let browser = self.browser(at)?;
        browser.log_in(who.start.as_str(), &who.credentials).await?;
        let page = browser.read(who.probe.as_str()).await?;
        if who.expect.is_match(&page.body) {
            return Ok(());
        }
        Err(SignOnError::Wrong {
            what: "the probe does not show the person",
            why: summary(&page),
        })
    }

    /// Returns why no login can be measured.
    async fn set_up_error(&self) -> Option<SetUpError> {
        let first = self.people.first();
        let name = &first.credentials.name;
        match self.logins.open() {
            Ok(stranger) => match stranger.read(first.probe.as_str()).await {
                Ok(page) if first.expect.is_match(&page.body) => {
                    return Some(SetUpError::new(
                        "wrong-probe",
                        format!(
                            "The probe URL shows {name} without a login: {}.",
                            summary(&page)
                        ),
                        "Give a --probe-url that only shows a user who is logged in, or an --expect that matches only then.",
                    ));
                }
                Ok(_) => {}
                Err(error) => return Some(unreachable("The probe URL", &error)),
            },
            Err(error) => return Some(unreachable("The probe URL", &error)),
        }
        match self.log_in(0, first).await {
            Ok(()) => None,
            Err(error @ SignOnError::NoAnswer(_)) => {
                Some(unreachable("A page of the login", &error))
            }
            Err(error) => Some(SetUpError::new(
                "not-judged",
                format!("{name} is not logged in before any load is sent: {error}."),
                "Check --start-url, --user and --password, --probe-url and --expect. `rehearsal check sp` and `rehearsal check idp` find out which of the two sides is wrong.",
            )),
        }
    }
}

fn unreachable(what: &str, error: &SignOnError) -> SetUpError {
    SetUpError::new(
        "unreachable",
        format!("{what} cannot be read: {error}."),
        "Check the URL and whether the server runs and can be reached from this machine.",
    )
}
