//! Requests as a browser sends them when it goes from page to page: cookies
//! by [`jar`](crate::jar), `Origin` and `Sec-Fetch-Site`.

use std::sync::{Arc, Mutex, PoisonError};

use ambient::{Clock as _, SystemClock};
use reqwest::cookie::CookieStore;
use reqwest::header::{ACCEPT, HeaderValue, ORIGIN};
use reqwest::{Method, Response};
use url::Url;

use crate::jar::{Asker, Jar};
use crate::site::{is_trustworthy, relation};

tokio::task_local! {
    /// Who asks for what is being sent. Without one it is a script of a page
    /// that asks its own origin.
    static ASKER: Asker;
}

/// The cookies of one browser, shared with its HTTP client.
#[derive(Debug, Clone, Default)]
pub struct Cookies(Arc<Mutex<Jar>>);

impl Cookies {
    /// The cookies of these hosts, for another browser.
    pub fn of_hosts(&self, urls: &[&Url]) -> Self {
        let jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Arc::new(Mutex::new(jar.of_hosts(urls))))
    }
}

impl Cookies {
    /// The names of cookies that a POST to `url` from the page `initiator` does
    /// not carry because of `SameSite`.
    pub fn held_back(&self, url: &Url, initiator: &Url) -> Vec<String> {
        let jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asker = Asker {
            initiator: Some(initiator.clone()),
            is_safe: false,
        };
        jar.held_back(url, &asker, SystemClock.now())
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

/// An HTTP client that goes from page to page; it follows no redirect.
#[derive(Debug, Clone)]
pub struct Navigator {
    client: reqwest::Client,
    cookies: Cookies,
}

impl Navigator {
    /// A navigator with these cookies; trust, time limits and name are the
    /// builder's.
    ///
    /// # Errors
    /// When the client can't be set up.
    pub fn new(builder: reqwest::ClientBuilder, cookies: Cookies) -> Result<Self, reqwest::Error> {
        let client = builder
            .cookie_provider(Arc::new(cookies.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, cookies })
    }

    /// The client itself, for what a page's script asks of its own origin. It
    /// shares the cookies.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The cookies.
    pub fn cookies(&self) -> &Cookies {
        &self.cookies
    }

    /// Goes to `url`: by GET, or by POST with the fields of a form. The
    /// initiator is the page that leads there; none, when somebody types it.
    ///
    /// # Errors
    /// When the exchange fails.
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
        // The client reads the cookies when `send` is called, not when its answer
        // is awaited: the call has to be within the scope.
        ASKER.scope(asker, async { request.send().await }).await
    }
}
