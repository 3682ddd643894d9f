//! The parts of a browser that a sign-on needs: cookies, redirects and forms.
//!
//! It runs no script. It returns a form that a script would submit to the caller, who decides
//! whether to submit it.

use std::time::Duration;

use ambient::answer_body::{self, BodyError};
use reqwest::header::LOCATION;
use url::Url;

use crate::navigation::{Cookies, Navigator};
use crate::page::{Form, Page};

/// Maximum number of redirects to follow, as in browsers. More are taken for a loop.
const MOST_REDIRECTS: usize = 20;

/// Maximum length of an answer, in bytes: an endless one would fill the memory.
const MAX_PAGE_BYTES: usize = 16 << 20;

/// A browser: cookies, and an HTTP client that follows redirects one by one.
#[derive(Debug, Clone)]
pub struct Browser {
    navigator: Navigator,
}

/// The browser cannot show a page.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The connection or the HTTP exchange failed.
    #[error("cannot reach {at}: {}", ambient::http_error_text(source))]
    Exchange {
        /// Address of the request.
        at: Url,
        /// Error of the HTTP client.
        source: reqwest::Error,
    },
    /// A redirect without a usable `Location`.
    #[error("invalid redirect from {at}: expected a URL in Location, got {location:?}")]
    Location {
        /// Address whose answer is the redirect.
        at: Url,
        /// Value of the `Location` header.
        location: String,
    },
    /// More than `MOST_REDIRECTS` redirects.
    #[error(
        "too many redirects: expected a page after at most {MOST_REDIRECTS}, got one more to {at}"
    )]
    Loop {
        /// Address that the last redirect leads to.
        at: Url,
    },
    /// The answer is too long.
    #[error("cannot read the answer of {at}: it is larger than {MAX_PAGE_BYTES} bytes")]
    TooLong {
        /// Address of the answer.
        at: Url,
    },
    /// The HTTP client cannot be created.
    #[error("cannot create the HTTP client: {0}")]
    Client(reqwest::Error),
}

impl Browser {
    /// Creates a browser without cookies. `name` is its `User-Agent`.
    ///
    /// # Errors
    /// [`BrowserError::Client`] if TLS cannot be set up.
    pub fn new(name: &str) -> Result<Self, BrowserError> {
        Self::of(reqwest::Client::builder(), name)
    }

    /// Creates a browser that uses the certificate authorities and the resolver of `builder`,
    /// and a time limit of 30 seconds for each request.
    ///
    /// # Errors
    /// [`BrowserError::Client`] if the client cannot be created.
    pub fn of(builder: reqwest::ClientBuilder, name: &str) -> Result<Self, BrowserError> {
        let builder = builder.timeout(Duration::from_secs(30)).user_agent(name);
        let navigator =
            Navigator::new(builder, Cookies::default()).map_err(BrowserError::Client)?;
        Ok(Self { navigator })
    }

    /// Returns the HTTP client, which shares the cookies: for the requests that a script of a
    /// page sends to its own origin.
    pub fn client(&self) -> &reqwest::Client {
        self.navigator.client()
    }

    /// Opens an address as if a person had typed it, and follows redirects.
    ///
    /// # Errors
    /// If a request fails, or if there are too many redirects.
    pub async fn open(&self, url: Url) -> Result<Page, BrowserError> {
        self.follow(url, None, None).await
    }

    /// Submits a form from the page that contains it, and follows redirects.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn submit(&self, form: &Form) -> Result<Page, BrowserError> {
        let fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.value.as_str()))
            .collect();
        let page = Some(&form.page);
        if form.post {
            self.follow(form.action.clone(), Some(&fields), page).await
        } else {
            let mut url = form.action.clone();
            url.query_pairs_mut().clear().extend_pairs(fields);
            self.follow(url, None, page).await
        }
    }

    /// Submits a form with a SAML message. Some receivers answer with a page whose script posts
    /// the message again, so that the browser sends cookies with `SameSite`: this second post is
    /// made too.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub async fn submit_message(&self, form: &Form) -> Result<Page, BrowserError> {
        let page = self.submit(form).await?;
        let message = form.value("SAMLResponse").or(form.value("SAMLRequest"));
        match message.and_then(|message| page.repost_of(message)) {
            Some(again) => self.submit(&again).await,
            None => Ok(page),
        }
    }

    async fn follow(
        &self,
        url: Url,
        mut form: Option<&[(&str, &str)]>,
        initiator: Option<&Url>,
    ) -> Result<Page, BrowserError> {
        let mut way = vec![url.clone()];
        let mut at = url;
        for _ in 0..=MOST_REDIRECTS {
            let failed = |source| BrowserError::Exchange {
                at: at.clone(),
                source,
            };
            let answer = self.navigator.go(&at, form, initiator).await;
            let answer = answer.map_err(failed)?;
            let status = answer.status();
            if !status.is_redirection() {
                let body = read_text(answer, &at).await?;
                return Ok(Page {
                    url: at,
                    status: status.as_u16(),
                    body,
                    way,
                });
            }
            let location = answer
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned();
            let next = at.join(&location).map_err(|_| BrowserError::Location {
                at: at.clone(),
                location: location.clone(),
            })?;
            // 307 and 308 keep the method and the body (RFC 9110 §15.4.8, §15.4.9); other
            // redirects become GET.
            if !matches!(status.as_u16(), 307 | 308) {
                form = None;
            }
            way.push(next.clone());
            at = next;
        }
        Err(BrowserError::Loop { at })
    }
}

/// Reads the text of an answer from `at`, up to 16 MiB.
///
/// # Errors
/// If the answer is longer, or if the connection ends.
pub async fn read_text(answer: reqwest::Response, at: &Url) -> Result<String, BrowserError> {
    let text = answer_body::read_text(answer, MAX_PAGE_BYTES).await;
    text.map_err(|error| match error {
        BodyError::TooLong(_) => BrowserError::TooLong { at: at.clone() },
        BodyError::Broken(source) => BrowserError::Exchange {
            at: at.clone(),
            source,
        },
    })
}
