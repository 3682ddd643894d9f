//! Decides which addresses belong to the same site, and which are trustworthy without TLS.

use std::net::IpAddr;

use url::{Host, Url};

/// Returns the host without a dot at its end, with an IPv6 address as a value and not in
/// brackets.
fn host(url: &Url) -> Option<Host<String>> {
    match url.host()? {
        Host::Domain(name) => Some(Host::Domain(name.trim_end_matches('.').to_owned())),
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(Host::Ipv6(address)),
    }
}

/// Returns the registrable domain by the default rule of the public suffix list: the last label
/// is the suffix. `localhost` is not in the list, so the suffix of `portal.localhost` is
/// `localhost`. Suffixes of two labels (`co.uk`) are not known here: all hosts below `co.uk`
/// count as one site.
fn registrable_domain(name: &str) -> &str {
    match name.rmatch_indices('.').nth(1) {
        Some((dot, _)) => &name[dot + 1..],
        None => name,
    }
}

/// True if two addresses are the same site: the same scheme, and the same registrable domain or
/// IP address. Ports do not matter (HTML, "schemefully same site").
pub fn is_same_site(one: &Url, other: &Url) -> bool {
    if one.scheme() != other.scheme() {
        return false;
    }
    match (host(one), host(other)) {
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => {
            registrable_domain(&one) == registrable_domain(&other)
        }
        (one, other) => one.is_some() && one == other,
    }
}

/// True if Chromium accepts `Secure` cookies from this address and sends them to it: HTTPS,
/// `localhost` and loopback addresses (Secure Contexts §3.1).
pub fn is_trustworthy(url: &Url) -> bool {
    if url.scheme() == "https" {
        return true;
    }
    match host(url) {
        Some(Host::Domain(name)) => ambient::is_localhost(&name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Returns the value of `Sec-Fetch-Site` for a request (Fetch Metadata §2.3).
pub fn relation(initiator: Option<&Url>, url: &Url) -> &'static str {
    match initiator {
        None => "none",
        Some(page) if page.origin() == url.origin() => "same-origin",
        Some(page) if is_same_site(page, url) => "same-site",
        Some(_) => "cross-site",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_distinguished_as_in_chromium() {
        for (one, other, expected) in [
            ("http://127.0.0.1:1", "http://127.0.0.1:2", true),
            ("http://localhost:1", "http://localhost:2", true),
            ("http://localhost", "http://127.0.0.1", false),
            ("http://[::1]:1", "http://[::1]:2", true),
            ("http://127.0.0.1", "http://127.0.0.2", false),
            ("http://portal.localhost", "http://idp.localhost", false),
            ("http://portal.localhost", "http://localhost", false),
            (
                "http://portal.rehearsal.localhost:1",
                "http://idp.rehearsal.localhost:2",
                true,
            ),
            (
                "http://rehearsal.localhost",
                "http://idp.rehearsal.localhost",
                true,
            ),
            ("https://a.example.com", "https://b.example.com.", true),
            ("https://a.example.com", "http://a.example.com", false),
            ("https://example.com", "https://example.org", false),
        ] {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(is_same_site(&one, &other), expected, "{one} {other}");
            assert_eq!(is_same_site(&other, &one), expected, "{other} {one}");
        }
    }

    #[test]
    fn https_and_this_machine_are_trustworthy() {
        for (url, expected) in [
            ("https://portal.example", true),
            ("http://portal.example", false),
            ("http://portal.localhost:8080", true),
            ("http://notlocalhost", false),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_trustworthy(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
