//! The form driver: a browser that signs on through ordinary login pages. It stops at the SAML
//! message that it should deliver, without delivering it, or delivers it and stops at the page
//! behind it.

use std::time::Duration;

use ambient::Ambient;
use browser::navigation::{Cookies, Navigator};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER, SET_COOKIE};
use url::Url;

use super::form::{self, Filled, Next};
use super::recording::{Delivered, Ending, Page};
use crate::check::runner::{AnswerError, Runner, read_body, retry_after};
use crate::excerpt::truncate;

/// Largest number of pages and redirects in a sign-on.
const STEPS: usize = 40;

/// Largest number of pages on which the user agrees.
const CONSENTS: usize = 3;

/// Longest text that is kept of a page, in characters.
const KEPT: usize = 96 * 1024;

/// User name and password of a user.
#[derive(Clone)]
pub struct Credentials {
    /// User name as typed on the login page.
    pub name: String,
    /// Password of the user.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.name)
    }
}

/// A browser with its own cookies.
#[derive(Clone)]
pub(super) struct Browser {
    navigator: Navigator,
    ambient: Ambient,
    runner: Runner,
}

/// Where a walk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// At the SAML message that the browser should deliver.
    Message,
    /// At the first page after the message was delivered.
    Landing,
}

/// Result of a walk through pages and redirects.
#[derive(Debug, Clone)]
pub(super) struct Walked {
    pub(super) pages: Vec<Page>,
    pub(super) asked: bool,
    /// True if the browser delivered a SAML Response.
    pub(super) has_delivered: bool,
    pub(super) ending: Ending,
}

/// The next request.
struct Ask {
    url: Url,
    /// The page that contains the link or form.
    page: Option<Url>,
    form: Option<Filled>,
}

impl Browser {
    /// Creates a browser without cookies.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new(ambient: &Ambient, runner: &Runner) -> Result<Self, reqwest::Error> {
        let builder = runner
            .access
            .client()
            .user_agent("Mozilla/5.0 (compatible; rehearsal-check)");
        Ok(Self {
            navigator: Navigator::new(builder, Cookies::default())?,
            ambient: ambient.clone(),
            runner: runner.clone(),
        })
    }

    /// Returns the HTTP client.
    pub(super) fn client(&self) -> &reqwest::Client {
        self.navigator.client()
    }

    /// Returns the names of the identity provider's cookies that browsers reject: SameSite=None
    /// without Secure, or Secure without TLS.
    pub(super) fn ignored_cookies(&self) -> Vec<String> {
        self.navigator.cookies().ignored_cookie_names()
    }

    /// Opens a URL, or posts fields to it, and follows redirects and forms. With credentials it
    /// signs on, but only once.
    pub(super) async fn walk(
        &self,
        url: &str,
        fields: &[(String, String)],
        person: Option<&Credentials>,
    ) -> Walked {
        self.follow(url, fields, person, person.is_some(), End::Message)
            .await
    }

    /// Opens a URL as a person who is signed on and agrees, for example to log out everywhere.
    pub(super) async fn walk_agreeing(&self, url: &str) -> Walked {
        self.follow(url, &[], None, true, End::Message).await
    }

    /// Opens a URL of a service provider, signs on at the identity provider that it leads to,
    /// delivers the Response, and stops at the page behind it. It signs on only once.
    pub(super) async fn log_in(&self, url: &str, person: &Credentials) -> Walked {
        self.follow(url, &[], Some(person), true, End::Landing)
            .await
    }

    async fn follow(
        &self,
        url: &str,
        fields: &[(String, String)],
        person: Option<&Credentials>,
        agrees: bool,
        end: End,
    ) -> Walked {
        let mut visit = Visit {
            browser: self,
            person,
            agrees,
            end,
            has_named: false,
            has_signed_on: false,
            consents: 0,
            pages: Vec::new(),
            asked: false,
            has_delivered: false,
        };
        let ending = match Url::parse(url) {
            Ok(url) => {
                let form = (!fields.is_empty()).then(|| Filled::of(url.clone(), fields));
                let page = None;
                visit.run(Ask { url, page, form }).await
            }
            Err(error) => Ending::Failed {
                why: format!("expected a URL, got {url}: {error}"),
            },
        };
        Walked {
            pages: visit.pages,
            asked: visit.asked,
            has_delivered: visit.has_delivered,
            ending,
        }
    }

    /// Sends a request. `attempt` is the number of times that it was limited before.
    async fn open(&self, ask: &Ask, attempt: u32) -> Result<Page, AnswerError> {
        let timeout = self.runner.access.timeout;
        let (fields, method, sent) = match &ask.form {
            Some(form) if form.post => {
                (Some(form.fields.as_slice()), "POST", form.to_masked_text())
            }
            _ => (None, "GET", String::new()),
        };
        let page = ask.page.as_ref();
        let answer = self.navigator.go(&ask.url, fields, page).await;
        let answer = answer.map_err(|error| AnswerError::of(&error, timeout))?;
        let headers = answer.headers().clone();
        let status = answer.status();
        let body = read_body(answer, timeout).await?;
        let header = |name| {
            let value = headers.get(name);
            value.and_then(|it| it.to_str().ok()).unwrap_or_default()
        };
        let location = header(LOCATION);
        let asked = headers.get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let wait = retry_after(status.as_u16(), asked, attempt, self.ambient.now());
        let asks = body.contains("type=\"password\"")
            || body.contains("type='password'")
            || body.contains("type=password");
        Ok(Page {
            method: method.to_owned(),
            url: ask.url.to_string(),
            sent: truncate(&sent, KEPT),
            status: status.as_u16(),
            media_type: header(CONTENT_TYPE).to_owned(),
            location: (status.is_redirection() && !location.is_empty())
                .then(|| location.to_owned()),
            cache_control: header(CACHE_CONTROL).to_owned(),
            unframed: is_unframed(&headers),
            cookies: headers.get_all(SET_COOKIE).iter().map(flags).collect(),
            asks,
            body,
            retry_after: wait,
        })
    }

    fn in_query(&self, to: &Url) -> Option<Delivered> {
        let value = |name: &str| {
            let mut pairs = to.query_pairs();
            pairs
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let field = value("SAMLResponse")?;
        let mut bare = to.clone();
        bare.set_query(None);
        Some(Delivered {
            to: bare.to_string(),
            binding: "HTTP-Redirect".to_owned(),
            parameter: "SAMLResponse".to_owned(),
            field,
            relay_state: value("RelayState"),
            query: to.query().map(str::to_owned),
            at: self.ambient.now(),
        })
    }

    fn in_form(&self, form: &Filled) -> Delivered {
        let parameter = ["SAMLResponse", "SAMLRequest"]
            .into_iter()
            .find(|name| form.value(name).is_some())
            .unwrap_or("SAMLResponse");
        Delivered {
            to: form.action.to_string(),
            binding: "HTTP-POST".to_owned(),
            parameter: parameter.to_owned(),
            field: form.value(parameter).unwrap_or_default().to_owned(),
            relay_state: form.value("RelayState").map(str::to_owned),
            query: None,
            at: self.ambient.now(),
        }
    }
}

/// What follows a page.
enum Step {
    Ask(Box<Ask>),
    End(Ending),
}

/// The pages of a sign-on, up to its end.
struct Visit<'v> {
    browser: &'v Browser,
    person: Option<&'v Credentials>,
    /// True if the person agrees where the identity provider asks.
    agrees: bool,
    end: End,
    /// True if the name was entered on a page of its own.
    has_named: bool,
    /// True if name and password were entered.
    has_signed_on: bool,
    /// Number of pages that asked for consent.
    consents: usize,
    pages: Vec<Page>,
    asked: bool,
    has_delivered: bool,
}

impl Visit<'_> {
    async fn run(&mut self, mut ask: Ask) -> Ending {
        for _ in 0..STEPS {
            match self.perform_step(ask).await {
                Step::Ask(next) => ask = *next,
                Step::End(ending) => return ending,
            }
        }
        Ending::Failed {
            why: format!("no end after {STEPS} pages"),
        }
    }

    /// Sends a request, and again after the time that the identity provider asks to wait. A limit after
    /// a password is not waited for: it is how an identity provider refuses to let passwords be guessed.
    async fn open_within_limit(&self, ask: &Ask) -> Result<Page, AnswerError> {
        let runner = &self.browser.runner;
        let (mut waited, mut attempt) = (Duration::ZERO, 0);
        loop {
            let page = self.browser.open(ask, attempt).await?;
            match page.retry_after {
                Some(wait)
                    if !self.has_signed_on
                        && waited + wait <= runner.access.timeout
                        && !runner.has_ended() =>
                {
                    let why = format!(
                        "the identity provider limits requests (HTTP {})",
                        page.status
                    );
                    runner.progress.wait(wait, &why);
                    runner.patience.wait(wait).await;
                    waited += wait;
                    attempt += 1;
                }
                _ => return Ok(page),
            }
        }
    }

    /// Sends a request. Returns the next one, or how the sign-on ended.
    async fn perform_step(&mut self, ask: Ask) -> Step {
        let patience = &self.browser.runner.patience;
        let page = match self.open_within_limit(&ask).await {
            Ok(page) => page,
            Err(error) => {
                patience.record_no_answer(ask.url.as_str(), &error);
                return Step::End(Ending::NoAnswer {
                    why: format!("no answer from {}: {error}", ask.url),
                });
            }
        };
        patience.record_answer();
        // The form driver reads the whole page; the report keeps a limited part.
        let body = page.body.clone();
        let page = Page {
            body: truncate(&page.body, KEPT),
            ..page
        };
        self.pages.push(page.clone());
        if let Some(location) = &page.location {
            return self.redirect(ask, location);
        }
        match self.find_next_request(&ask.url, &body, page.status) {
            Ok(Some(next)) => Step::Ask(Box::new(next)),
            Ok(None) => Step::End(Ending::Page {
                url: ask.url.to_string(),
                status: page.status,
                text: truncate(&form::text(&body), 2000),
            }),
            Err(delivered) => Step::End(Ending::Answer(delivered)),
        }
    }

    fn redirect(&self, ask: Ask, location: &str) -> Step {
        let Ok(url) = ask.url.join(location) else {
            return Step::End(Ending::Failed {
                why: format!("expected a Location that is a URL, got {location:?}"),
            });
        };
        let message = match self.end {
            End::Message => self.browser.in_query(&url),
            End::Landing => None,
        };
        match message {
            Some(delivered) => Step::End(Ending::Answer(delivered)),
            None => Step::Ask(Box::new(Ask {
                url,
                page: ask.page,
                form: None,
            })),
        }
    }

    /// Returns the request that a person would send from this page, if there is one. The error is
    /// the message of the page, if the sign-on ends with it.
    fn find_next_request(
        &mut self,
        at: &Url,
        body: &str,
        status: u16,
    ) -> Result<Option<Ask>, Delivered> {
        Ok(match form::next(at, body) {
            Next::Message(form) if self.end == End::Message => {
                return Err(self.browser.in_form(&form));
            }
            // A service provider may post the message to itself once more, to get its cookies.
            Next::Message(form) => {
                self.has_delivered = true;
                Some(Ask::of(form, at))
            }
            // The forms of the service provider are not part of the login.
            Next::Login(_) | Next::Name(_) if self.has_delivered => None,
            // The form of an error page, such as one that asks for an e-mail address.
            Next::Name(_) if status >= 400 || self.has_signed_on => None,
            Next::Login(_) if status >= 500 => None,
            Next::Login(mut form) => {
                let again = self.asked && self.has_signed_on;
                self.asked = true;
                let person = self.person.filter(|_| !again);
                person.map(|person| {
                    form.fill_in(&person.name, &person.password);
                    self.has_signed_on = true;
                    Ask::of(form, at)
                })
            }
            Next::Name(mut form) => {
                self.asked = true;
                let person = self.person.filter(|_| !self.has_named);
                person.map(|person| {
                    form.fill_in(&person.name, "");
                    self.has_named = true;
                    Ask::of(form, at)
                })
            }
            Next::Onward(form) if status < 400 => Some(Ask::of(form, at)),
            // A person is asked, so a passive request ends here.
            Next::Consent(form) if status < 400 && !self.has_delivered => {
                let agrees = self.agrees && self.consents < CONSENTS;
                self.consents += 1;
                agrees.then(|| Ask::of(form, at))
            }
            Next::Refresh(url) => Some(Ask {
                url,
                page: Some(at.clone()),
                form: None,
            }),
            Next::Consent(_) | Next::Onward(_) | Next::Nothing => None,
        })
    }
}

impl Ask {
    fn of(form: Filled, page: &Url) -> Self {
        let mut url = form.action.clone();
        if !form.post {
            url.query_pairs_mut().clear().extend_pairs(&form.fields);
        }
        Self {
            url,
            page: Some(page.clone()),
            form: Some(form),
        }
    }
}

fn is_unframed(headers: &HeaderMap) -> bool {
    let policy = headers.get_all("content-security-policy");
    headers.contains_key("x-frame-options")
        || policy
            .iter()
            .any(|it| it.to_str().is_ok_and(|it| it.contains("frame-ancestors")))
}

/// Returns the name and the flags of a cookie, without its value.
fn flags(header: &reqwest::header::HeaderValue) -> String {
    let text = String::from_utf8_lossy(header.as_bytes()).into_owned();
    let (pair, flags) = text.split_once(';').unwrap_or((&text, ""));
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let value = if value.is_empty() { "" } else { "•••" };
    format!("{name}={value};{flags}")
}
