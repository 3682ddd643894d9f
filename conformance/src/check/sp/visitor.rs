//! A browser with cookies of its own, which can be split in two.

use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use browser::Page;
use browser::navigation::{Cookies, Navigator};
use reqwest::StatusCode;
use reqwest::cookie::CookieStore as _;
use reqwest::header::{LOCATION, RETRY_AFTER};
use url::Url;

use super::CheckError;
use crate::check::runner::{Access, AnswerError, Patience, read_body, retry_after};

/// How many redirects are followed.
const HOPS: usize = 12;

/// A browser.
pub(super) struct Visitor {
    navigator: Navigator,
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
}

impl Visitor {
    pub(super) fn new(access: &Access, patience: &Patience) -> Result<Self, CheckError> {
        Self::with(Cookies::default(), access, patience)
    }

    fn with(cookies: Cookies, access: &Access, patience: &Patience) -> Result<Self, CheckError> {
        let builder = access
            .client()
            .dns_resolver(ambient::LocalhostResolver)
            .user_agent("rehearsal-check");
        let navigator = Navigator::new(builder, cookies).map_err(CheckError::Client)?;
        Ok(Self {
            navigator,
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
            reference = reference.or_else(|| header("x-refusal-reference"));
            let target = header(LOCATION.as_str()).and_then(|to| url.join(&to).ok());
            match target {
                Some(to) if status.is_redirection() => {
                    if end.is_some_and(|end| same_place(end, &to)) {
                        return Ok(Arrival {
                            reference,
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
