#![no_main]
//! Stores any `Set-Cookie` headers and asks for the `Cookie` header of other addresses: no panic, and no
//! cookie is sent to a host, over a connection or from a site that its attributes exclude. The input is
//! one header per line. The cookie jar is included by its path, because its crate depends on an HTTP
//! client that fuzzing does not need.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use url::Url;

// The jar finds this function by the name of its crate.
extern crate self as ambient;

#[path = "../../browser/src/jar.rs"]
#[allow(dead_code)]
mod jar;
#[path = "../../ambient/src/localhost.rs"]
mod localhost;
#[path = "../../browser/src/site.rs"]
#[allow(dead_code)]
mod site;

pub use localhost::is_localhost;

use jar::{Asker, Jar};

/// The address that sets the cookies, the ones that may get them, and one that may not.
struct Addresses {
    own: Url,
    plain: Url,
    below: Url,
    foreign: Url,
}

static ADDRESSES: LazyLock<Addresses> = LazyLock::new(|| {
    let url = |text: &str| Url::parse(text).expect("a URL");
    Addresses {
        own: url("https://sp.example.com/saml/acs"),
        plain: url("http://sp.example.com/saml/acs"),
        below: url("https://other.example.com/saml/acs"),
        foreign: url("https://attacker.example.org/saml/acs"),
    }
});

libfuzzer_sys::fuzz_target!(|headers: &str| {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56);
    let all = &*ADDRESSES;
    let mut jar = Jar::default();
    for header in headers.lines() {
        jar.set(header, &all.own, now);
    }
    let first = Asker::first_party();
    let _ = jar.ignored_cookie_names();
    assert_eq!(jar.header(&all.foreign, &first, now), None, "sent to another host");
    let own = jar.header(&all.own, &first, now).unwrap_or_default();
    let plain = jar.header(&all.plain, &first, now).unwrap_or_default();
    assert!(plain.len() <= own.len(), "sent without TLS only");
    let below = jar.header(&all.below, &first, now).unwrap_or_default();
    assert!(below.len() <= own.len(), "sent to another host of the domain only");
    assert!(!own.contains(['\r', '\n']), "a line break in {own:?}");

    let other_site = Asker {
        initiator: Some(all.foreign.clone()),
        is_safe: false,
    };
    let late = now + SignedDuration::from_mins(3);
    let sent = jar.header(&all.own, &other_site, late).unwrap_or_default();
    let held_back = jar.held_back(&all.own, &other_site, late);
    let still = jar.header(&all.own, &first, late).unwrap_or_default();
    let count = |header: &str| match header {
        "" => 0,
        text => text.split("; ").count(),
    };
    assert!(count(&sent) <= count(&still), "sent to another site's form only");
    assert!(held_back.is_empty() || sent != still, "held back and sent");
    if let Some(age) = jar.of_hosts(&[&all.own]).header(&all.own, &first, now) {
        assert_eq!(age, own, "the jar of the host itself has other cookies");
    }
});
