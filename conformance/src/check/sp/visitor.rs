//! A browser with its own cookies, which can be copied.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use browser::navigation::{Cookies, Navigator};
use browser::{Form, Page};
use reqwest::StatusCode;
use reqwest::cookie::CookieStore as _;
use reqwest::header::{COOKIE, LOCATION, RETRY_AFTER, SET_COOKIE};
use url::Url;

use super::CheckError;
use super::expect::Probe;
use crate::check::runner::{Access, AnswerError, Patience, read_body, retry_after};

/// The greatest number of requests that one navigation makes.
const HOPS: usize = 12;

/// Length of a form, in bytes, from which a closed connection is taken for a limit.
const LARGE: usize = 1024 * 1024;

/// The host of the attacker in `RelayState`. It does not exist, so a redirect to it is recorded
/// but not followed.
pub(super) const INTRUDER: &str = "intruder.example";

/// A header that an answer has only if a line break in `RelayState` was copied into a header.
const INJECTED: &str = "x-rehearsal";

/// A cookie, with its attributes, from a `Set-Cookie` header.
#[derive(Debug, Clone)]
pub(super) struct SetCookie {
    pub(super) name: String,
    /// The value of the `Set-Cookie` header.
    header: String,
}

impl SetCookie {
    /// True if the cookie has this attribute, in upper or lower case.
    pub(super) fn has(&self, attribute: &str) -> bool {
        let attributes = self.header.split(';').skip(1);
        attributes
            .filter_map(|it| it.split('=').next())
            .any(|it| it.trim().eq_ignore_ascii_case(attribute))
    }

    /// Returns the header without the cookie's value, for the report.
    pub(super) fn mask_value(&self) -> String {
        let attributes = self.header.split_once(';').map_or("", |(_, rest)| rest);
        format!("{}=…;{attributes}", self.name)
    }
}

/// A browser with its own cookies.
pub(super) struct Visitor {
    navigator: Navigator,
    /// All cookies that were set, in the order of the answers.
    set: Mutex<Vec<SetCookie>>,
    access: Access,
    patience: Patience,
}

/// The rate limits that one request met.
#[derive(Default)]
struct Limit {
    waited: Duration,
    attempt: u32,
}

/// The page where a browser ended after all redirects.
pub(super) struct Arrival {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) body: String,
    /// The status of the first answer, and its `Location` header.
    pub(super) first: (StatusCode, Option<String>),
    /// The first `X-Refusal-Reference` header of the answers.
    pub(super) reference: Option<String>,
    /// The last URL with a `SAMLRequest` that the browser was redirected to, except for the URL
    /// where the navigation had to stop: that of another identity provider.
    pub(super) elsewhere: Option<Url>,
    /// Names of the cookies that a browser does not send with the Response, because of
    /// `SameSite`.
    pub(super) lost_cookies: Vec<String>,
    /// The values of all `Location` headers, in order and unchanged.
    pub(super) locations: Vec<String>,
    /// True if an answer had the header [`INJECTED`].
    pub(super) has_injected_header: bool,
}

impl Visitor {
    pub(super) fn new(access: &Access, patience: &Patience) -> Result<Self, CheckError> {
        Self::with(Cookies::default(), access, patience)
    }

    fn with(cookies: Cookies, access: &Access, patience: &Patience) -> Result<Self, CheckError> {
        let builder = access.client().user_agent("rehearsal-check");
        let navigator = Navigator::new(builder, cookies).map_err(CheckError::Client)?;
        Ok(Self {
            navigator,
            set: Mutex::default(),
            access: access.clone(),
            patience: patience.clone(),
        })
    }

    /// Creates another browser with a copy of the cookies for the hosts of these URLs.
    pub(super) fn twin(&self, urls: &[&Url]) -> Result<Self, CheckError> {
        let cookies = self.navigator.cookies().of_hosts(urls);
        Self::with(cookies, &self.access, &self.patience)
    }

    /// Returns the value of the `Cookie` header of a request to this URL.
    pub(super) fn cookie_header(&self, url: &Url) -> String {
        let header = self.navigator.cookies().cookies(url);
        let header = header.as_ref().and_then(|it| it.to_str().ok());
        header.unwrap_or_default().to_owned()
    }

    /// Opens a URL and follows redirects. Stops before a redirect to `end`.
    pub(super) async fn open(&self, url: Url, end: Option<&Url>) -> Result<Arrival, CheckError> {
        self.follow(url, None, None, end).await
    }

    /// Sends a message from the page `from`, by a link or (with `form`) by a form, and follows
    /// redirects. Stops before a redirect to `end`.
    pub(super) async fn send(
        &self,
        url: Url,
        form: Option<&[(&str, &str)]>,
        from: Option<&Url>,
        end: Option<&Url>,
    ) -> Result<Arrival, CheckError> {
        self.follow(url, form, from, end).await
    }

    /// Submits a form of a page, and follows redirects. Stops before a redirect to `end`.
    pub(super) async fn submit(&self, form: &Form, end: &Url) -> Result<Arrival, CheckError> {
        let fields = form.fields.iter();
        let fields: Vec<(&str, &str)> = fields
            .map(|it| (it.name.as_str(), it.value.as_str()))
            .collect();
        let (mut url, page) = (form.action.clone(), Some(&form.page));
        if form.post {
            return self.send(url, Some(&fields), page, Some(end)).await;
        }
        url.query_pairs_mut().clear().extend_pairs(fields);
        self.send(url, None, page, Some(end)).await
    }

    /// Returns the names of the cookies that the browser did not store, because they had
    /// `SameSite=None` without `Secure`, or `Secure` without HTTPS.
    pub(super) fn ignored_cookies(&self) -> Vec<String> {
        self.navigator.cookies().ignored_cookie_names()
    }

    /// Returns the names of the cookies that the browser sends to this URL.
    pub(super) fn cookie_names(&self, url: &Url) -> Vec<String> {
        let names = self.cookie_pairs(url).into_iter();
        names.map(|(name, _)| name).collect()
    }

    fn cookie_pairs(&self, url: &Url) -> Vec<(String, String)> {
        let header = self.cookie_header(url);
        let pairs = header.split("; ");
        pairs
            .filter_map(|it| it.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Returns the last `Set-Cookie` header of this cookie.
    pub(super) fn last_set(&self, name: &str) -> Option<SetCookie> {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.iter().rev().find(|it| it.name == name).cloned()
    }

    /// Requests a URL with all cookies of this browser except one, and follows no redirect.
    pub(super) async fn open_without(&self, url: &Url, name: &str) -> Result<Probe, CheckError> {
        let mut pairs = self.cookie_pairs(url);
        pairs.retain(|(other, _)| other != name);
        let kept = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        let kept: Vec<String> = kept.collect();
        let client = self.access.client();
        let client = client.build().map_err(CheckError::Client)?;
        let timeout = self.access.timeout;
        let unreachable = |reason: AnswerError| CheckError::Unreachable {
            url: url.to_string(),
            reason,
        };
        let mut limit = Limit::default();
        let answer = loop {
            let request = client.get(url.clone()).header(COOKIE, kept.join("; "));
            let answer = request.send().await;
            let answer = answer.map_err(|error| unreachable(AnswerError::of(&error, timeout)))?;
            if !self.wait_for_limit(&answer, url, &mut limit).await? {
                break answer;
            }
        };
        let status = answer.status().as_u16();
        let location = answer.headers().get(LOCATION);
        let location = location.and_then(|it| it.to_str().ok()).map(str::to_owned);
        Ok(Probe {
            first_status: status,
            location,
            cookies: pairs.into_iter().map(|(name, _)| name).collect(),
            status,
            body: read_body(answer, timeout).await.map_err(unreachable)?,
        })
    }

    /// Waits if the answer is a rate limit, which says nothing about the request. Returns true if
    /// the request must be sent again.
    async fn wait_for_limit(
        &self,
        answer: &reqwest::Response,
        url: &Url,
        limit: &mut Limit,
    ) -> Result<bool, CheckError> {
        let status = answer.status().as_u16();
        let asked = answer.headers().get(RETRY_AFTER);
        let asked = asked.and_then(|it| it.to_str().ok());
        let Some(wait) = retry_after(status, asked, limit.attempt, SystemClock.now()) else {
            return Ok(false);
        };
        if limit.waited + wait > self.access.timeout || self.patience.error().is_some() {
            return Err(CheckError::Limited {
                url: url.to_string(),
                status,
            });
        }
        self.patience.wait(wait).await;
        limit.waited += wait;
        limit.attempt += 1;
        Ok(true)
    }

    fn note_cookies(&self, answer: &reqwest::Response) {
        let headers = answer.headers().get_all(SET_COOKIE);
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        for header in headers.iter().filter_map(|it| it.to_str().ok()) {
            if let Some((name, _)) = header.split_once('=') {
                set.push(SetCookie {
                    name: name.trim().to_owned(),
                    header: header.to_owned(),
                });
            }
        }
    }

    /// Posts a Response from the page `from` and follows redirects. Some service providers answer
    /// with a page that posts the Response again from their own site, to get their `SameSite`
    /// cookies; that form is submitted too, as a browser would do.
    pub(super) async fn post_response(
        &self,
        url: Url,
        fields: &[(&str, &str)],
        from: &Url,
    ) -> Result<Arrival, CheckError> {
        let lost_cookies = self.navigator.cookies().held_back(&url, from);
        let mut arrival = self.follow(url, Some(fields), Some(from), None).await?;
        let message = fields.iter().find(|(name, _)| *name == "SAMLResponse");
        let again = message.and_then(|(_, message)| arrival.page().repost_of(message));
        let Some(form) = again else {
            arrival.lost_cookies = lost_cookies;
            return Ok(arrival);
        };
        let fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.value.as_str()))
            .collect();
        self.follow(form.action, Some(&fields), Some(&form.page), None)
            .await
    }

    async fn follow(
        &self,
        mut url: Url,
        mut form: Option<&[(&str, &str)]>,
        initiator: Option<&Url>,
        end: Option<&Url>,
    ) -> Result<Arrival, CheckError> {
        let mut reference = None;
        let mut elsewhere: Option<Url> = None;
        let mut limit = Limit::default();
        let (mut hops, mut first) = (0, None);
        let (mut locations, mut has_injected_header) = (Vec::new(), false);
        while hops < HOPS {
            let timeout = self.access.timeout;
            let unreachable = |reason: AnswerError| CheckError::Unreachable {
                url: url.to_string(),
                reason,
            };
            let answer = match self.navigator.go(&url, form, initiator).await {
                Ok(answer) => answer,
                Err(error) => match elsewhere {
                    // The service provider redirected to an identity provider that does not run.
                    Some(asked) => return Ok(Arrival::at(asked, StatusCode::FOUND)),
                    None => {
                        let fields = form.unwrap_or_default().iter();
                        let length: usize = fields.map(|(_, value)| value.len()).sum();
                        return Err(unreachable(match AnswerError::of(&error, timeout) {
                            // A server may close the connection instead of reading on (RFC 9110
                            // §15.5.14).
                            AnswerError::Closed(text) if length > LARGE => {
                                AnswerError::Transport(text)
                            }
                            reason => reason,
                        }));
                    }
                },
            };
            let header = |name: &str| {
                let value = answer.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            let status = answer.status();
            if self.wait_for_limit(&answer, &url, &mut limit).await? {
                continue;
            }
            hops += 1;
            first.get_or_insert_with(|| (status, header(LOCATION.as_str())));
            self.note_cookies(&answer);
            has_injected_header |= answer.headers().contains_key(INJECTED);
            locations.extend(header(LOCATION.as_str()));
            reference = reference.or_else(|| header("x-refusal-reference"));
            let target = header(LOCATION.as_str()).and_then(|to| url.join(&to).ok());
            match target {
                Some(to) if status.is_redirection() => {
                    let is_end = end.is_some_and(|end| same_place(end, &to));
                    // A URL such as `javascript:` cannot be requested.
                    let is_foreign =
                        to.host_str() == Some(INTRUDER) || !matches!(to.scheme(), "http" | "https");
                    if is_end || is_foreign {
                        return Ok(Arrival {
                            first: first.unwrap_or((status, None)),
                            reference,
                            locations,
                            has_injected_header,
                            ..Arrival::at(to, status)
                        });
                    }
                    if to.query_pairs().any(|(name, _)| name == "SAMLRequest") {
                        elsewhere = Some(to.clone());
                    }
                    form = None;
                    url = to;
                }
                _ => {
                    let body = read_body(answer, timeout).await.map_err(unreachable)?;
                    return Ok(Arrival {
                        first: first.unwrap_or((status, None)),
                        url,
                        status,
                        body,
                        reference,
                        elsewhere,
                        lost_cookies: Vec::new(),
                        locations,
                        has_injected_header,
                    });
                }
            }
        }
        Err(CheckError::Redirects(url.to_string()))
    }
}

/// True if two URLs have the same origin and path; their queries may differ.
pub(super) fn same_place(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin() && one.path() == other.path()
}

impl Arrival {
    /// Creates an arrival at a URL that was not requested.
    fn at(url: Url, status: StatusCode) -> Self {
        Self {
            url,
            status,
            body: String::new(),
            first: (status, None),
            reference: None,
            elsewhere: None,
            lost_cookies: Vec::new(),
            locations: Vec::new(),
            has_injected_header: false,
        }
    }

    /// Returns the arrival as the probe's answer. `cookies` are the names of those that the browser
    /// has afterwards.
    pub(super) fn into_probe(self, cookies: Vec<String>) -> Probe {
        let (first_status, location) = self.first;
        Probe {
            first_status: first_status.as_u16(),
            location,
            cookies,
            status: self.status.as_u16(),
            body: self.body,
        }
    }

    pub(super) fn page(&self) -> Page {
        Page {
            url: self.url.clone(),
            status: self.status.as_u16(),
            body: self.body.clone(),
            way: Vec::new(),
        }
    }
}
