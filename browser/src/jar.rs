//! Cookies as Chromium keeps and sends them (RFC 6265bis): `SameSite` with
//! `Lax` as the default, and `Secure` on this machine without TLS.

use cookie::{Cookie as Header, SameSite};
use jiff::{SignedDuration, Timestamp};
use url::{Host, Url};

use crate::site::{is_same_site, is_trustworthy};

/// How long after it was set a cookie without `SameSite` is sent with a POST
/// from another site ("Lax + POST", RFC 6265bis §5.6.7.2).
const LAX_ALLOWING_UNSAFE: SignedDuration = SignedDuration::from_secs(120);

/// Who asks for an address, and how.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The page whose link, form or script it was; none for an address that
    /// was typed.
    pub initiator: Option<Url>,
    /// Whether the method is safe (RFC 9110 §9.2.1): GET or HEAD.
    pub is_safe: bool,
}

impl Asker {
    /// An address that was typed, or a script that asks its own origin.
    pub fn first_party() -> Self {
        Self {
            initiator: None,
            is_safe: true,
        }
    }
}

/// A cookie.
#[derive(Debug, Clone)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Whether it is for that very host only (no `Domain` attribute).
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
}

impl Jar {
    /// Keeps what a `Set-Cookie` header of an answer from `url` says; ignores
    /// what Chromium would ignore.
    pub fn set(&mut self, header: &str, url: &Url, now: Timestamp) {
        let Some(cookie) = Cookie::parse(header, url, now) else {
            return;
        };
        let is_same = |other: &Cookie| {
            other.name == cookie.name
                && other.domain == cookie.domain
                && other.path == cookie.path
                && other.host_only == cookie.host_only
        };
        // The creation time stays that of the first, as Chromium keeps it for
        // an equal value only.
        let former = self.cookies.iter().find(|other| is_same(other));
        let created = former
            .filter(|former| former.value == cookie.value)
            .map_or(now, |former| former.created);
        self.cookies.retain(|other| !is_same(other));
        if cookie.is_alive(now) {
            self.cookies.push(Cookie { created, ..cookie });
        }
    }

    /// The `Cookie` header of a request, if there is one to send.
    pub fn header(&self, url: &Url, asker: &Asker, now: Timestamp) -> Option<String> {
        let mut sent: Vec<&Cookie> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.is_alive(now) && cookie.is_sent(url, asker, now))
            .collect();
        // The longest path first (RFC 6265bis §5.7.3).
        sent.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.created));
        let pairs: Vec<String> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The names of cookies that would be sent if the page itself asked, and
    /// are not since another site asks (`SameSite`).
    pub fn held_back(&self, url: &Url, asker: &Asker, now: Timestamp) -> Vec<String> {
        let own = Asker::first_party();
        let all = self.cookies.iter().filter(|cookie| cookie.is_alive(now));
        all.filter(|it| it.is_sent(url, &own, now) && !it.is_sent(url, asker, now))
            .map(|cookie| cookie.name.clone())
            .collect()
    }

    /// Those of the cookies that belong to the hosts of these addresses.
    pub fn of_hosts(&self, urls: &[&Url]) -> Self {
        let hosts: Vec<String> = urls.iter().filter_map(|url| host_of(url)).collect();
        let cookies = self.cookies.iter();
        Self {
            cookies: cookies
                .filter(|cookie| hosts.iter().any(|host| cookie.is_for(host)))
                .cloned()
                .collect(),
        }
    }
}

fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(host.trim_end_matches('.').to_ascii_lowercase())
}

/// Whether `host` is below `domain`, or is it (RFC 6265bis §5.1.3).
fn is_below(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
            && host.parse::<std::net::IpAddr>().is_err()
}

/// The default path (RFC 6265bis §5.1.4).
fn default_path(url: &Url) -> String {
    match url.path().rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(last) => url.path()[..last].to_owned(),
    }
}

impl Cookie {
    fn parse(header: &str, url: &Url, now: Timestamp) -> Option<Self> {
        let header = Header::parse(header).ok()?;
        let host = host_of(url)?;
        let secure = header.secure().unwrap_or(false);
        let same_site = header.same_site();
        // `None` without `Secure` is refused, and so is `Secure` over a plain
        // connection to another machine.
        if (same_site == Some(SameSite::None) && !secure) || (secure && !is_trustworthy(url)) {
            return None;
        }
        let (domain, host_only) = match header.domain().filter(|domain| !domain.is_empty()) {
            Some(domain) => {
                let domain = domain.trim_start_matches('.').to_ascii_lowercase();
                let is_suffix = !domain.contains('.') || matches!(url.host(), Some(Host::Ipv6(_)));
                match (is_below(&host, &domain), is_suffix) {
                    (false, _) => return None,
                    // A public suffix is good for that very host alone.
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

    /// `SameSite` (RFC 6265bis §5.6.7, §5.7.3) for navigations of the whole
    /// window. Redirects on the way do not count, as Chromium has it today.
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
