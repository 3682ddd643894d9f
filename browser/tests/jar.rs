//! Compares the cookie jar with the behavior observed in Chromium 156.

#![allow(clippy::unwrap_used)]

use browser::jar::{Asker, Jar};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use url::Url;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn start() -> Timestamp {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// True if a cookie that `to` set at the start is sent back to it with a POST by a page of
/// `from`.
fn comes_back(to: &str, from: &str, attributes: &str, seconds: i64) -> bool {
    let mut jar = Jar::default();
    jar.set(&format!("c=1; Path=/{attributes}"), &url(to), start());
    let asker = Asker {
        initiator: Some(url(from)),
        is_safe: false,
    };
    jar.header(&url(to), &asker, after(seconds)).is_some()
}

const LAX: &str = "; SameSite=Lax";
const NONE: &str = "; SameSite=None; Secure";

/// Each row: the server that set a cookie, the server whose page posts to it, and whether Chromium
/// sends the cookie in four cases: `SameSite=Lax`; no `SameSite`, set 1 second ago; no `SameSite`,
/// set 130 seconds ago; `SameSite=None; Secure`.
#[test]
fn cookies_come_back_as_in_chromium() {
    for (to, from, expected) in [
        (
            "http://portal.localhost:1/",
            "http://idp.localhost:2/",
            [false, true, false, true],
        ),
        (
            "http://localhost:1/",
            "http://idp.localhost:2/",
            [false, true, false, true],
        ),
        (
            "http://localhost:1/",
            "http://127.0.0.1:2/",
            [false, true, false, true],
        ),
        (
            "http://portal.rehearsal.localhost:1/",
            "http://idp.rehearsal.localhost:2/",
            [true; 4],
        ),
        ("http://127.0.0.1:1/", "http://127.0.0.1:2/", [true; 4]),
        (
            "https://portal.localhost:1/",
            "https://idp.localhost:2/",
            [false, true, false, true],
        ),
        // Another machine without TLS: `Secure` cookies are never sent.
        (
            "http://portal.example/",
            "http://idp.example.org/",
            [false, true, false, false],
        ),
    ] {
        let seen = [
            comes_back(to, from, LAX, 130),
            comes_back(to, from, "", 1),
            comes_back(to, from, "", 130),
            comes_back(to, from, NONE, 130),
        ];
        assert_eq!(seen, expected, "{to} <- {from}");
    }
}

#[test]
fn a_link_from_another_site_sends_lax_and_not_strict_cookies() {
    let portal = url("http://portal.localhost/");
    let mut jar = Jar::default();
    for cookie in ["a=1; SameSite=Lax", "b=1; SameSite=Strict", "c=1"] {
        jar.set(cookie, &portal, start());
    }
    let link = Asker {
        initiator: Some(url("http://idp.localhost/")),
        is_safe: true,
    };
    let sent = jar.header(&portal, &link, after(300));
    assert_eq!(sent.as_deref(), Some("a=1; c=1"));
    let typed = jar.header(&portal, &Asker::first_party(), after(300));
    assert_eq!(typed.as_deref(), Some("a=1; b=1; c=1"));
}

#[test]
fn cookies_that_chromium_refuses_are_not_kept() {
    for (at, cookie) in [
        ("https://portal.example/", "c=1; SameSite=None"),
        ("http://portal.example/", "c=1; Secure"),
        ("https://portal.example/", "c=1; Domain=example"),
        ("https://portal.example/", "c=1; Domain=idp.example"),
        ("https://portal.localhost/", "c=1; Domain=localhost"),
        ("https://portal.example/", "__Host-c=1; Path=/"),
        ("https://portal.example/", "__Host-c=1; Secure; Path=/a"),
        ("http://portal.localhost/", "__Secure-c=1"),
        ("http://portal.localhost/", "c=1; Max-Age=0"),
        ("http://portal.localhost/", "c=1\r\nSet-Cookie: d=2"),
        ("http://portal.localhost/", "c=\u{1}1"),
    ] {
        let mut jar = Jar::default();
        jar.set(cookie, &url(at), start());
        let sent = jar.header(&url(at), &Asker::first_party(), start());
        assert_eq!(sent, None, "{cookie} at {at}");
        // Only `Secure` is named as the reason: a report tells the owner to set it.
        let is_named = ["c=1; SameSite=None", "c=1; Secure"].contains(&cookie);
        assert_eq!(
            jar.ignored_cookie_names().len(),
            usize::from(is_named),
            "{cookie}"
        );
    }
}

#[test]
fn host_path_and_lifetime_decide_too() {
    let mut jar = Jar::default();
    jar.set(
        "site=1; Domain=example.com; Path=/",
        &url("https://a.example.com/"),
        start(),
    );
    jar.set("host=1; Path=/", &url("https://a.example.com/"), start());
    jar.set("deep=1", &url("https://a.example.com/x/y"), start());
    jar.set(
        "brief=1; Path=/; Max-Age=60",
        &url("https://a.example.com/"),
        start(),
    );
    let sent = |to: &str, seconds| {
        jar.header(&url(to), &Asker::first_party(), after(seconds))
            .unwrap_or_default()
    };
    assert_eq!(
        sent("https://a.example.com/x", 0),
        "deep=1; site=1; host=1; brief=1"
    );
    assert_eq!(sent("https://a.example.com/xy", 60), "site=1; host=1");
    assert_eq!(sent("https://b.example.com/x", 0), "site=1");
    assert_eq!(sent("https://example.org/", 0), "");
}

#[test]
fn a_new_cookie_replaces_the_old_one_and_an_expired_one_deletes_it() {
    let portal = url("http://127.0.0.1:1/");
    let mut jar = Jar::default();
    jar.set("c=1; Path=/", &portal, start());
    jar.set("c=2; Path=/", &portal, start());
    let sent = |jar: &Jar| jar.header(&portal, &Asker::first_party(), start());
    assert_eq!(sent(&jar).as_deref(), Some("c=2"));
    let gone = "c=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    jar.set(gone, &portal, start());
    assert_eq!(sent(&jar), None);
}

#[test]
fn a_part_of_the_jar_has_the_cookies_of_its_hosts() {
    let (portal, idp) = (
        url("http://portal.localhost/"),
        url("http://idp.localhost/"),
    );
    let mut jar = Jar::default();
    jar.set("p=1", &portal, start());
    jar.set("i=1", &idp, start());
    let part = jar.of_hosts(&[&idp]);
    let typed = Asker::first_party();
    assert_eq!(part.header(&portal, &typed, start()), None);
    assert_eq!(part.header(&idp, &typed, start()).as_deref(), Some("i=1"));
}

proptest! {
    /// No header makes the jar panic, and no cookie is sent to a host outside its domain.
    #[test]
    fn a_cookie_stays_with_its_domain(header in "[ -~]{0,60}", attributes in "(; (Domain|Path|SameSite|Max-Age|Secure)(=[a-z./0-9-]{0,12})?){0,4}") {
        let mut jar = Jar::default();
        jar.set(&format!("{header}{attributes}"), &url("https://a.one.example/x"), start());
        let sent = jar.header(&url("https://a.two.example/x"), &Asker::first_party(), start());
        prop_assert_eq!(sent, None);
    }

    /// A cookie that is sent with a POST from another site is also sent with a POST from the
    /// same site.
    #[test]
    fn another_site_never_gets_more(attributes in prop::sample::select(vec!["", LAX, NONE, "; SameSite=Strict"]), seconds in 0i64..300) {
        let portal = "http://portal.localhost:1/";
        if comes_back(portal, "http://idp.localhost:2/", attributes, seconds) {
            prop_assert!(comes_back(portal, "http://portal.localhost:2/", attributes, seconds));
        }
    }
}
