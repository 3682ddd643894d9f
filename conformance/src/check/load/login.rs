//! Load on a service provider and its identity provider together: logs people in as their browsers
//! would, from the start URL over the login page to the page that shows the person. Rehearsal
//! plays neither of the two.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Ambient;

use super::idp::failure_of;
use super::{Ended, Performed, Setting, Target, engine, interrupted};
use crate::check::SetUpError;
use crate::check::idp::{Credentials, Logins, Page, PersonalBrowser, SignOnError, summary};
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
    places: Places,
    people: Vec<Credentials>,
    logins: Logins,
    /// The browsers that are used again, by person; `None` if each login has a new one.
    browsers: Option<Mutex<HashMap<usize, PersonalBrowser>>>,
}

impl Load {
    /// Prepares logins of these people. If `keeps_cookies`, each person uses their browser again,
    /// so that the identity provider has a session for them.
    pub fn new(
        places: Places,
        people: Vec<Credentials>,
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
            places,
            people,
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
        let Some(first) = inner.people.first() else {
            return Err(SetUpError::new(
                "nobody",
                "The list of users is empty.",
                "Give a user with --user and --password, or several with --users FILE.",
            ));
        };
        tokio::select! {
            error = inner.set_up_error(first) => error.map_or(Ok(()), Err)?,
            _ = setting.stop.wait() => interrupted(&setting.stop).map_or(Ok(()), Err)?,
        }
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
            let people = &self.0.people;
            let length = u64::try_from(people.len()).unwrap_or(u64::MAX);
            let at = usize::try_from(number % length.max(1)).unwrap_or_default();
            let result = self.0.log_in(at).await;
            Performed {
                operation: "login",
                result: result.map_err(|error| failure_of(&people[at].name, error)),
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

    async fn log_in(&self, at: usize) -> Result<(), SignOnError> {
        let who = &self.people[at];
        let browser = self.browser(at)?;
        let start = self.places.start.of(&who.name);
        browser.log_in(start.as_str(), who).await?;
        let page = self.probe(&browser, &who.name).await?;
        if self.places.expect.of(&who.name).is_match(&page.body) {
            return Ok(());
        }
        Err(SignOnError::Wrong {
            what: "the probe does not show the person",
            why: summary(&page),
        })
    }

    async fn probe(&self, browser: &PersonalBrowser, user: &str) -> Result<Page, SignOnError> {
        browser.read(self.places.probe.of(user).as_str()).await
    }

    /// Returns why no login can be measured.
    async fn set_up_error(&self, first: &Credentials) -> Option<SetUpError> {
        match self.logins.open() {
            Ok(stranger) => match self.probe(&stranger, &first.name).await {
                Ok(page) if self.places.expect.of(&first.name).is_match(&page.body) => {
                    return Some(SetUpError::new(
                        "wrong-probe",
                        format!(
                            "The probe URL shows {} without a login: {}.",
                            first.name,
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
        match self.log_in(0).await {
            Ok(()) => None,
            Err(error @ SignOnError::NoAnswer(_)) => {
                Some(unreachable("A page of the login", &error))
            }
            Err(error) => Some(SetUpError::new(
                "not-judged",
                format!(
                    "{} is not logged in before any load is sent: {error}.",
                    first.name
                ),
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
