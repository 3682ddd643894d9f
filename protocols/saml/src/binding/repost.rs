//! A message that another site's page posted, posted once more by a page of
//! the receiver (HTTP-POST, saml-bindings §3.5).
//!
//! Browsers keep a cookie with `SameSite=Lax` back when another site posts,
//! and over plain HTTP a cookie cannot be `SameSite=None`. The receiver's own
//! page posts from the same site, so the cookie comes along.

use super::Parameter;
use super::post::form_page_with;

/// The hidden field that marks a message posted once more. Such a message
/// never leads to the page again, so there is no loop.
pub const REPOST_FIELD: &str = "reposted";

/// The content security policy of [`repost_page`]: as for any page with a
/// message, and the form may lead nowhere but to the receiver.
pub const REPOST_PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-hashes' \
     'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'self'";

/// The page that posts `message` to `action`, an address of the receiver, once
/// more; it has a button where scripts do not run.
pub fn repost_page(
    action: &str,
    parameter: Parameter,
    message: &str,
    relay_state: Option<&str>,
) -> String {
    form_page_with(
        action,
        parameter,
        message,
        relay_state,
        &[(REPOST_FIELD, "1")],
    )
}

/// Whether a browser posted from a page of another site, as far as its headers
/// say: `Origin` (Fetch §3.2) and `Sec-Fetch-Site` (Fetch Metadata §2.3).
/// `own_origin` is the receiver's, such as `https://portal.example`.
///
/// Browsers send `Origin` with every POST; a client without it is a program,
/// whose cookies know no sites. `Sec-Fetch-Site` comes only to HTTPS and to
/// this machine; without it another origin counts as another site.
pub fn is_posted_across_sites(
    origin: Option<&str>,
    sec_fetch_site: Option<&str>,
    own_origin: &str,
) -> bool {
    match (sec_fetch_site, origin) {
        (Some("cross-site"), _) => true,
        (Some("same-origin" | "same-site"), _) | (_, None) => false,
        (_, Some(origin)) => origin != own_origin,
    }
}

#[cfg(test)]
mod tests {
    use super::super::post::FORM_PAGE_POLICY;
    use super::*;

    #[test]
    fn the_page_posts_the_same_message_with_the_mark() {
        let page = repost_page("https://sp/acs", Parameter::Response, "PGE+", Some("r&s"));
        for part in [
            r#"action="https://sp/acs""#,
            r#"name="SAMLResponse" type="hidden" value="PGE+""#,
            r#"name="RelayState" type="hidden" value="r&amp;s""#,
            r#"name="reposted" type="hidden" value="1""#,
            "<noscript>",
            "<button",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn the_policies_differ_in_where_the_form_leads() {
        let rest = REPOST_PAGE_POLICY.strip_prefix(FORM_PAGE_POLICY);
        assert_eq!(rest, Some("; form-action 'self'"));
    }

    #[test]
    fn a_post_from_another_site_is_known_by_its_headers() {
        let own = "http://portal.localhost:8080";
        let other = Some("http://idp.localhost:8081");
        for (origin, site, expected) in [
            (other, Some("cross-site"), true),
            (other, Some("same-site"), false),
            (Some(own), Some("same-origin"), false),
            (other, None, true),
            (Some("null"), None, true),
            (Some(own), None, false),
            // Typed, or opened from a bookmark: only Origin says something.
            (other, Some("none"), true),
            (None, None, false),
        ] {
            assert_eq!(
                is_posted_across_sites(origin, site, own),
                expected,
                "{origin:?} {site:?}"
            );
        }
    }
}
