//! A browser with cookies of its own, which can be split in two.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use browser::Page;
use browser::navigation::{Cookies, Navigator};
use reqwest::StatusCode;
use reqwest::cookie::CookieStore as _;
use reqwest::header::{COOKIE, LOCATION, RETRY_AFTER, SET_COOKIE};
use url::Url;

use super::CheckError;
use crate::check::runner::{Access, AnswerError, Patience, read_body, retry_after};

/// How many redirects are followed.
const HOPS: usize = 12;

/// A host that is nobody's: a redirect to it is seen and not followed.
pub(super) const INTRUDER: &str = "intruder.example";

/// The header that an answer has only where a line break let it in.
const INJECTED: &str = "x-rehearsal";

/// A cookie as it was set.
#[derive(Debug, Clone)]
pub(super) struct SetCookie {
    pub(super) name: String,
    /// The header's value.
    header: String,
}

impl SetCookie {
    /// Whether it has an attribute, in lower case.
    pub(super) fn has(&self, attribute: &str) -> bool {
        let attributes = self.header.split(';').skip(1);
        attributes
            .filter_map(|it| it.split('=').next())
            .any(|it| it.trim().eq_ignore_ascii_case(attribute))
    }

    /// For the report: without its value.
    pub(super) fn masked(&self) -> String {
        let attributes = self.header.split_once(';').map_or("", |(_, rest)| rest);
        format!("{}=…;{attributes}", self.name)
    }
}

/// A browser.
pub(super) struct Visitor {
    navigator: Navigator,
    /// Every cookie that was set, in order.
    set: Mutex<Vec<SetCookie>>,
    access: Access,
    patience: Patience,
}

/// Where a browser ended.
pub(super) struct Arrival {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) body: String,
    /// The first answer's reference number, when it gave one.
    pub(super) reference: Option<String>,
    /// The address of another identity provider that was asked on the way.
    pub(super) elsewhere: Option<Url>,
    /// Cookies that the Response arrived without, because of `SameSite`.
    pub(super) lost_cookies: Vec<String>,
    /// The `Location` headers on the way, as they came.
    pub(super) locations: Vec<String>,
    /// Whether an answer had the header that only a line break lets in.
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

    /// Another browser with the cookies that this one has for these addresses.
    pub(super) fn twin(&self, urls: &[&Url]) -> Result<Self, CheckError> {
        let cookies = self.navigator.cookies().of_hosts(urls);
        Self::with(cookies, &self.access, &self.patience)
    }

    /// The `Cookie` header of a request to this address.
    pub(super) fn cookie_header(&self, url: &Url) -> String {
        let header = self.navigator.cookies().cookies(url);
        let header = header.as_ref().and_then(|it| it.to_str().ok());
        header.unwrap_or_default().to_owned()
    }

    /// Opens an address and follows where it leads, but not into `end`.
    pub(super) async fn open(&self, url: Url, end: Option<&Url>) -> Result<Arrival, CheckError> {
        self.follow(url, None, None, end).await
    }

    /// Sends a message from a page of the identity provider, by a link or a
    /// form, and follows where it leads, but not into `end`.
    pub(super) async fn send(
        &self,
        url: Url,
        form: Option<&[(&str, &str)]>,
        from: Option<&Url>,
        end: Option<&Url>,
    ) -> Result<Arrival, CheckError> {
        self.follow(url, form, from, end).await
    }

    /// The names of the cookies that go to an address.
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

    /// How a cookie was set last.
    pub(super) fn last_set(&self, name: &str) -> Option<SetCookie> {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        set.iter().rev().find(|it| it.name == name).cloned()
    }

    /// What an address answers to this browser without one of its cookies.
    pub(super) async fn open_without(&self, url: &Url, name: &str) -> Result<String, CheckError> {
        let pairs = self.cookie_pairs(url).into_iter();
        let kept: Vec<String> = pairs
            .filter(|(other, _)| other != name)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let client = self.access.client();
        let client = client.build().map_err(CheckError::Client)?;
        let timeout = self.access.timeout;
        let unreachable = |reason: AnswerError| CheckError::Unreachable {
            url: url.to_string(),
            reason: reason.to_string(),
        };
        let answer = client
            .get(url.clone())
            .header(COOKIE, kept.join("; "))
            .send()
            .await
            .map_err(|error| unreachable(AnswerError::of(&error, timeout)))?;
        read_body(answer, timeout).await.map_err(unreachable)
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

    /// Sends a Response from a page of the identity provider and follows where
    /// that leads. Where the service provider's page posts it again from its
    /// own site, for the cookies' sake, that is done too, as a browser would.
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
        let (mut waited, mut attempt) = (Duration::ZERO, 0);
        let mut hops = 0;
        let (mut locations, mut has_injected_header) = (Vec::new(), false);
        while hops < HOPS {
            let timeout = self.access.timeout;
            let unreachable = |reason: AnswerError| CheckError::Unreachable {
                url: url.to_string(),
                reason: reason.to_string(),
            };
            let answer = match self.navigator.go(&url, form, initiator).await {
                Ok(answer) => answer,
                Err(error) => match elsewhere {
                    // It asks an identity provider that isn't there.
                    Some(asked) => return Ok(Arrival::at(asked, StatusCode::FOUND)),
                    None => return Err(unreachable(AnswerError::of(&error, timeout))),
                },
            };
            let header = |name: &str| {
                let value = answer.headers().get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            let status = answer.status();
            // A limit on requests is no answer to this one: it is asked again.
            let asked = header(RETRY_AFTER.as_str());
            let number = status.as_u16();
            if let Some(wait) = retry_after(number, asked.as_deref(), attempt, SystemClock.now()) {
                if waited + wait > timeout {
                    return Err(CheckError::Limited {
                        url: url.to_string(),
                        status: number,
                    });
                }
                self.patience.wait(wait).await;
                waited += wait;
                attempt += 1;
                continue;
            }
            hops += 1;
            self.note_cookies(&answer);
            has_injected_header |= answer.headers().contains_key(INJECTED);
            locations.extend(header(LOCATION.as_str()));
            reference = reference.or_else(|| header("x-refusal-reference"));
            let target = header(LOCATION.as_str()).and_then(|to| url.join(&to).ok());
            match target {
                Some(to) if status.is_redirection() => {
                    let is_end = end.is_some_and(|end| same_place(end, &to));
                    // No browser opens what is no address of the web.
                    let is_foreign =
                        to.host_str() == Some(INTRUDER) || !matches!(to.scheme(), "http" | "https");
                    if is_end || is_foreign {
                        return Ok(Arrival {
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

/// The same address, whatever its query.
pub(super) fn same_place(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin() && one.path() == other.path()
}

impl Arrival {
    /// At an address that is not opened.
    fn at(url: Url, status: StatusCode) -> Self {
        Self {
            url,
            status,
            body: String::new(),
            reference: None,
            elsewhere: None,
            lost_cookies: Vec::new(),
            locations: Vec::new(),
            has_injected_header: false,
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
