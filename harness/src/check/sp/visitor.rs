//! A browser with cookies of its own, which can be split in two.

use std::sync::Arc;
use std::time::Duration;

use desktop_sim::browser::Page;
use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use url::Url;

use super::Trouble;

/// How many redirects are followed.
const HOPS: usize = 12;

/// A browser.
pub(super) struct Visitor {
    client: reqwest::Client,
    jar: Arc<Jar>,
}

/// Where a browser ended.
pub(super) struct Arrival {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) body: String,
    /// The first answer's reference number, when it gave one.
    pub(super) reference: Option<String>,
}

impl Visitor {
    pub(super) fn new() -> Result<Self, Trouble> {
        Self::with(Jar::default())
    }

    fn with(jar: Jar) -> Result<Self, Trouble> {
        let jar = Arc::new(jar);
        let client = reqwest::Client::builder()
            .cookie_provider(jar.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .user_agent("rehearsal-check")
            .build()
            .map_err(Trouble::Client)?;
        Ok(Self { client, jar })
    }

    /// Another browser with the cookies that this one has for these addresses.
    pub(super) fn twin(&self, urls: &[&Url]) -> Result<Self, Trouble> {
        let jar = Jar::default();
        for url in urls {
            let Some(cookies) = self.jar.cookies(url) else {
                continue;
            };
            for cookie in cookies.to_str().unwrap_or_default().split("; ") {
                jar.add_cookie_str(&format!("{cookie}; Path=/"), url);
            }
        }
        Self::with(jar)
    }

    /// Opens an address and follows where it leads, but not into `end`.
    pub(super) async fn open(&self, url: Url, end: Option<&Url>) -> Result<Arrival, Trouble> {
        self.follow(Method::GET, url, &[], end).await
    }

    /// Sends a form and follows where that leads.
    pub(super) async fn post(&self, url: Url, fields: &[(&str, &str)]) -> Result<Arrival, Trouble> {
        self.follow(Method::POST, url, fields, None).await
    }

    async fn follow(
        &self,
        method: Method,
        mut url: Url,
        fields: &[(&str, &str)],
        end: Option<&Url>,
    ) -> Result<Arrival, Trouble> {
        let mut request = self.client.request(method.clone(), url.clone());
        if method == Method::POST {
            request = request.form(fields);
        }
        let mut reference = None;
        for _ in 0..HOPS {
            let unreachable = |reason| Trouble::Unreachable {
                url: url.to_string(),
                reason,
            };
            let answer = request.send().await.map_err(unreachable)?;
            let header = |name: &str| {
                let value = answer.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            reference = reference.or_else(|| header("x-refusal-reference"));
            let status = answer.status();
            let target = header(LOCATION.as_str()).and_then(|to| url.join(&to).ok());
            match target {
                Some(to) if status.is_redirection() => {
                    if end.is_some_and(|end| same_place(end, &to)) {
                        let body = String::new();
                        return Ok(Arrival {
                            url: to,
                            status,
                            body,
                            reference,
                        });
                    }
                    request = self.client.get(to.clone());
                    url = to;
                }
                _ => {
                    let body = answer.text().await.map_err(|reason| Trouble::Unreachable {
                        url: url.to_string(),
                        reason,
                    })?;
                    return Ok(Arrival {
                        url,
                        status,
                        body,
                        reference,
                    });
                }
            }
        }
        Err(Trouble::Redirects(url.to_string()))
    }
}

/// The same address, whatever its query.
pub(super) fn same_place(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin() && one.path() == other.path()
}

impl Arrival {
    pub(super) fn page(&self) -> Page {
        Page {
            url: self.url.clone(),
            status: self.status.as_u16(),
            body: self.body.clone(),
            way: Vec::new(),
        }
    }
}
