//! Sends requests as a browser does when it goes from page to page: with cookies from
//! [`jar`](crate::jar), `Origin` and `Sec-Fetch-Site`.

use std::sync::{Arc, Mutex, PoisonError};

use ambient::{Clock as _, SystemClock};
use reqwest::cookie::CookieStore;
use reqwest::header::{ACCEPT, HeaderValue, ORIGIN};
use reqwest::{Method, Response};
use url::Url;

use crate::jar::{Asker, Jar};
use crate::site::{is_trustworthy, relation};

tokio::task_local! {
    /// Context of the request that is being sent. If it is not set, the request is one of a
    /// script to its own origin.
    static ASKER: Asker;
}

/// The cookies of one browser, which its HTTP client shares.
#[derive(Debug, Clone, Default)]
pub struct Cookies(Arc<Mutex<Jar>>);

impl Cookies {
    /// Copies the cookies of these hosts, for another browser.
    pub fn of_hosts(&self, urls: &[&Url]) -> Self {
        let jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Arc::new(Mutex::new(jar.of_hosts(urls))))
    }
}

impl Cookies {
    /// Returns the names of the cookies that `SameSite` holds back from a POST to `url` by the
    /// page `initiator`.
    pub fn held_back(&self, url: &Url, initiator: &Url) -> Vec<String> {
        let jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asker = Asker {
            initiator: Some(initiator.clone()),
            is_safe: false,
        };
        jar.held_back(url, &asker, SystemClock.now())
    }

    /// Returns the names of the cookies that were ignored, because they had `SameSite=None`
    /// without `Secure`, or `Secure` without TLS.
    pub fn ignored_cookie_names(&self) -> Vec<String> {
        let jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jar.ignored_cookie_names()
    }
}

impl CookieStore for Cookies {
    fn set_cookies(&self, headers: &mut dyn Iterator<Item = &HeaderValue>, url: &Url) {
        let mut jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemClock.now();
        for header in headers {
            if let Ok(header) = header.to_str() {
                jar.set(header, url, now);
            }
        }
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let asker = ASKER
            .try_with(Clone::clone)
            .unwrap_or_else(|_| Asker::first_party());
        let jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        HeaderValue::from_str(&jar.header(url, &asker, SystemClock.now())?).ok()
    }
}

/// An HTTP client for navigations, which does not follow redirects.
#[derive(Debug, Clone)]
pub struct Navigator {
    client: reqwest::Client,
    cookies: Cookies,
}

impl Navigator {
    /// Creates a navigator with these cookies. Certificate authorities, time limits and
    /// `User-Agent` come from `builder`.
    ///
    /// # Errors
    /// If the client cannot be created.
    pub fn new(builder: reqwest::ClientBuilder, cookies: Cookies) -> Result<Self, reqwest::Error> {
        let client = builder
            .cookie_provider(Arc::new(cookies.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, cookies })
    }

    /// Returns the HTTP client, which shares the cookies: for the requests that a script of a
    /// page sends to its own origin.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Returns the cookies.
    pub fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// Requests `url`: by POST if `form` has fields to send, otherwise by GET. `initiator` is
    /// the page with the link or form; `None` if a person typed the address.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn go<K, V>(
        &self,
        url: &Url,
        form: Option<&[(K, V)]>,
        initiator: Option<&Url>,
    ) -> Result<Response, reqwest::Error>
    where
        K: AsRef<str> + Sync,
        V: AsRef<str> + Sync,
    {
        let method = if form.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = self
            .client
            .request(method, url.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header("accept-language", "en");
        if let Some(fields) = form {
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (name.as_ref(), value.as_ref()))
                .collect();
            request = request.form(&fields);
            if let Some(page) = initiator {
                request = request.header(ORIGIN, page.origin().ascii_serialization());
            }
        }
        if is_trustworthy(url) {
            request = request.header("sec-fetch-site", relation(initiator, url));
        }
        let asker = Asker {
            initiator: initiator.cloned(),
            is_safe: form.is_none(),
        };
        // The client reads the cookies when `send` is called, not when its answer is awaited,
        // so the call must be inside the scope.
        ASKER.scope(asker, async { request.send().await }).await
    }
}
