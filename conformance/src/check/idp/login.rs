//! Logins at a service provider through its identity provider, both of somebody else: from the
//! start URL over the login page to the page that shows the person.

use ambient::Ambient;

use super::browser::{Browser, Credentials, Walked};
use super::recording::{Ending, Page};
use super::sign_on::SignOnError;
use crate::check::runner::{Runner, page_summary};

/// Opens browsers in which people log in.
pub(in crate::check) struct Logins {
    runner: Runner,
    ambient: Ambient,
}

/// The browser of a person, with its cookies.
#[derive(Clone)]
pub(in crate::check) struct PersonalBrowser(Browser);

impl Logins {
    pub(in crate::check) fn new(runner: Runner, ambient: &Ambient) -> Self {
        Self {
            runner,
            ambient: ambient.clone(),
        }
    }

    /// Opens a browser without cookies.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(in crate::check) fn open(&self) -> Result<PersonalBrowser, SignOnError> {
        let browser = Browser::new(&self.ambient, &self.runner);
        browser
            .map(PersonalBrowser)
            .map_err(|error| SignOnError::NoAnswer(error.to_string()))
    }
}

impl PersonalBrowser {
    /// Logs a person in.
    ///
    /// # Errors
    /// When the way ends before the service provider got a Response, or when it refuses it.
    pub(in crate::check) async fn log_in(
        &self,
        start: &str,
        who: &Credentials,
    ) -> Result<(), SignOnError> {
        let walked = self.0.log_in(start, who).await;
        let page = last_page(&walked)?;
        if walked.has_delivered && page.status < 400 {
            return Ok(());
        }
        let why = match (walked.has_delivered, walked.asked) {
            (true, _) => "the service provider refuses the Response",
            (false, true) => "no Response after the login page",
            (false, false) => "no login page and no Response",
        };
        Err(SignOnError::Page {
            status: page.status,
            why: format!("{why}: {}", summary(page)),
        })
    }

    /// Returns the page at a URL, after redirects, and its status.
    ///
    /// # Errors
    /// When there is no answer.
    pub(in crate::check) async fn read(&self, url: &str) -> Result<Page, SignOnError> {
        let walked = self.0.walk(url, &[], None).await;
        last_page(&walked).cloned()
    }
}

/// Returns the page at which a walk ended.
fn last_page(walked: &Walked) -> Result<&Page, SignOnError> {
    if let Ending::NoAnswer { why } | Ending::Failed { why } = &walked.ending {
        return Err(SignOnError::NoAnswer(why.clone()));
    }
    let page = walked.pages.last();
    let page = page.ok_or_else(|| SignOnError::NoAnswer("no page".to_owned()))?;
    match page.retry_after {
        Some(wait) => Err(SignOnError::Limited(wait)),
        None => Ok(page),
    }
}

/// Returns status, address and text of a page, for an error.
pub(in crate::check) fn summary(page: &Page) -> String {
    let place = page.url.split('?').next().unwrap_or(&page.url);
    format!(
        "HTTP {} at {place}: {}",
        page.status,
        page_summary(&page.body, 160)
    )
}
