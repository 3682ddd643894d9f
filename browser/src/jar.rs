//! Stores and sends cookies as Chromium does (RFC 6265bis): a cookie without `SameSite` counts
//! as `Lax`, and `Secure` cookies work on this machine without TLS.

use std::collections::BTreeSet;

use cookie::{Cookie as Header, SameSite};
use jiff::{SignedDuration, Timestamp};
use url::{Host, Url};

use crate::site::{is_same_site, is_trustworthy};

/// A cookie without `SameSite` is sent with a POST from another site for this time after it was
/// set ("Lax + POST", RFC 6265bis §5.6.7.2).
const LAX_ALLOWING_UNSAFE: SignedDuration = SignedDuration::from_secs(120);

/// The context of a request: which page causes it, and whether its method is safe.
#[derive(Debug, Clone)]
pub struct Asker {
    /// Page whose link, form or script causes the request; `None` if a person typed the
    /// address.
    pub initiator: Option<Url>,
    /// True for a safe method (RFC 9110 §9.2.1): GET or HEAD.
    pub is_safe: bool,
}

impl Asker {
    /// Returns the context of an address that a person typed, or of a script's request to its
    /// own origin.
    pub fn first_party() -> Self {
        Self {
            initiator: None,
            is_safe: true,
        }
    }
}

/// A stored cookie.
#[derive(Debug, Clone)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// True if the cookie is sent to exactly this host only (no `Domain` attribute).
    host_only: bool,
    path: String,
    secure: bool,
    same_site: Option<SameSite>,
    expires: Option<Timestamp>,
    created: Timestamp,
}

/// The cookies of one browser.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    cookies: Vec<Cookie>,
    /// Names of cookies that were ignored because `Secure` was missing or impossible.
    ignored: BTreeSet<String>,
}

impl Jar {
    /// Stores the cookie of a `Set-Cookie` header in an answer from `url`. Ignores a header
    /// that Chromium ignores.
    pub fn set(&mut self, header: &str, url: &Url, now: Timestamp) {
        // A control character other than a tab makes the whole header void (RFC 6265bis §5.6).
        if header.contains(|it: char| it.is_ascii_control() && it != '\t') {
            return;
        }
        let Ok(header) = Header::parse(header) else {
            return;
        };
        if !is_secure_enough(&header, url) {
            self.ignored.insert(header.name().to_owned());
            return;
        }
        let Some(cookie) = Cookie::of(&header, url, now) else {
            return;
        };
        let is_same = |other: &Cookie| {
            other.name == cookie.name
                && other.domain == cookie.domain
                && other.path == cookie.path
                && other.host_only == cookie.host_only
        };
        // As in Chromium, a cookie that is set again with the same value keeps its creation
        // time.
        let former = self.cookies.iter().find(|other| is_same(other));
        let created = former
            .filter(|former| former.value == cookie.value)
            .map_or(now, |former| former.created);
        self.cookies.retain(|other| !is_same(other));
        if cookie.is_alive(now) {
            self.cookies.push(Cookie { created, ..cookie });
        }
    }

    /// Returns the `Cookie` header of a request to `url`; `None` if no cookie is to be sent.
    pub fn header(&self, url: &Url, asker: &Asker, now: Timestamp) -> Option<String> {
        let mut sent: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.is_alive(now) && cookie.is_sent(url, asker, now))
            .collect();
        // The cookie with the longest path comes first (RFC 6265bis §5.7.3).
        sent.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.created));
        let pairs: Vec<String> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Returns the names of the cookies that `SameSite` holds back from this request: they are
    /// sent if the site itself sends the request, but not for `asker`.
    pub fn held_back(&self, url: &Url, asker: &Asker, now: Timestamp) -> Vec<String> {
        let own = Asker::first_party();
        let all = self.cookies.iter().filter(|cookie| cookie.is_alive(now));
        all.filter(|it| it.is_sent(url, &own, now) && !it.is_sent(url, asker, now))
            .map(|cookie| cookie.name.clone())
            .collect()
    }

    /// Returns the names of the cookies that were ignored, because they had `SameSite=None`
    /// without `Secure`, or `Secure` without TLS.
    pub fn ignored_cookie_names(&self) -> Vec<String> {
        self.ignored.iter().cloned().collect()
    }

    /// Returns a jar with only the cookies for the hosts of these addresses.
    pub fn of_hosts(&self, urls: &[&Url]) -> Self {
        let hosts: Vec<String> = urls.iter().filter_map(|url| host_of(url)).collect();
        let cookies = self.cookies.iter();
        Self {
            cookies: cookies
                .filter(|cookie| hosts.iter().any(|host| cookie.is_for(host)))
                .cloned()
                .collect(),
            ignored: BTreeSet::new(),
        }
    }
}

/// True if Chromium stores the cookie: it refuses `SameSite=None` without `Secure`, and `Secure`
/// over a connection without TLS to another machine.
fn is_secure_enough(header: &Header<'_>, url: &Url) -> bool {
    match header.secure().unwrap_or(false) {
        true => is_trustworthy(url),
        false => header.same_site() != Some(SameSite::None),
    }
}

fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(host.trim_end_matches('.').to_ascii_lowercase())
}

/// True if `host` is `domain` or below it (RFC 6265bis §5.1.3).
fn is_below(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
            && host.parse::<std::net::IpAddr>().is_err()
}

/// Returns the default path of a cookie that has none (RFC 6265bis §5.1.4).
fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(last) => url.path()[..last].to_owned(),
    }
}

impl Cookie {
    fn of(header: &Header<'_>, url: &Url, now: Timestamp) -> Option<Self> {
        let host = host_of(url)?;
        let secure = header.secure().unwrap_or(false);
        let same_site = header.same_site();
        let (domain, host_only) = match header.domain().filter(|domain| !domain.is_empty()) {
            Some(domain) => {
                let domain = domain.trim_start_matches('.').to_ascii_lowercase();
                let is_suffix = !domain.contains('.') || matches!(url.host(), Some(Host::Ipv6(_)));
                match (is_below(&host, &domain), is_suffix) {
                    (false, _) => return None,
                    // A public suffix as `Domain` is allowed only if it is the host itself, and
                    // then for that host only.
                    (true, true) if domain == host => (domain, true),
                    (true, true) => return None,
                    (true, false) => (domain, false),
                }
            }
            None => (host, true),
        };
        let given_path = header.path().filter(|path| path.starts_with('/'));
        let path = given_path.map_or_else(|| default_path(url), str::to_owned);
        let name = header.name();
        let is_host_bound = secure && host_only && given_path == Some("/");
        if (name.starts_with("__Secure-") && !secure)
            || (name.starts_with("__Host-") && !is_host_bound)
        {
            return None;
        }
        let expires = match (header.max_age(), header.expires_datetime()) {
            (Some(age), _) => {
                let age = SignedDuration::from_secs(age.whole_seconds());
                Some(now.checked_add(age).unwrap_or(Timestamp::MAX))
            }
            (None, Some(end)) => Timestamp::from_second(end.unix_timestamp()).ok(),
            (None, None) => None,
        };
        Some(Self {
            name: name.to_owned(),
            value: header.value().to_owned(),
            domain,
            host_only,
            path,
            secure,
            same_site,
            expires,
            created: now,
        })
    }

    fn is_alive(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| end > now)
    }

    fn is_for(&self, host: &str) -> bool {
        if self.host_only {
            host == self.domain
        } else {
            is_below(host, &self.domain)
        }
    }

    fn is_sent(&self, url: &Url, asker: &Asker, now: Timestamp) -> bool {
        let is_path = url.path() == self.path
            || url
                .path()
                .strip_prefix(&self.path)
                .is_some_and(|rest| self.path.ends_with('/') || rest.starts_with('/'));
        host_of(url).is_some_and(|host| self.is_for(&host))
            && is_path
            && (!self.secure || is_trustworthy(url))
            && self.is_sent_across_sites(url, asker, now)
    }

    /// True if `SameSite` allows sending the cookie with a navigation of the whole window (RFC
    /// 6265bis §5.6.7, §5.7.3). Redirects on the way do not count, as in Chromium today.
    fn is_sent_across_sites(&self, url: &Url, asker: &Asker, now: Timestamp) -> bool {
        let Some(initiator) = &asker.initiator else {
            return true;
        };
        if is_same_site(initiator, url) {
            return true;
        }
        match self.same_site {
            Some(SameSite::None) => true,
            Some(SameSite::Strict) => false,
            Some(SameSite::Lax) => asker.is_safe,
            None => {
                asker.is_safe
                    || now
                        < self
                            .created
                            .saturating_add(LAX_ALLOWING_UNSAFE)
                            .unwrap_or(now)
            }
        }
    }
}
